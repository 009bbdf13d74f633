"""What the embedder learns from: pools of texts, and questions with which of the pool's texts answer them.

A shop's statements make one pool and its passages another, so that what a question has to be told apart from is what
retrieval would put beside the answer. The same documents are held out as for the judge.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.judge import placed
from bot.learn.pairs import (
    Record,
    attribute,
    curriculum,
    document_title,
    is_held_out,
    is_shop_held_out,
    letters,
    located,
    records,
    said_by,
    spans,
    states,
)
from knowledge.chunking import chunk
from knowledge.documents import Chunk, Document

TURNS = 3  # messages of a question, the latest first
WHOLE = 5  # documents that make a shop a pool of its own
SMALL = 8  # lesser shops that share a pool
TOGETHER = 6  # documents, paragraphs or venues of a public set that share a pool
PASSAGES = 0.5  # the share of a shop's questions that is asked of its passages, too, which take long to read
VENUES = 0.4  # the share of them that is asked about: their questions are much alike
CANDIDATES = 24  # questions with candidates of their own that do


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the texts that answer it (none for one that is not answered), and those that do not.

    `wrong` None stands for every other text of the pool.
    """

    question: str
    right: frozenset[int]
    wrong: frozenset[int] | None = None


@dataclass(slots=True)
class Pool:
    """Texts, and questions about them."""

    texts: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def join(self, other: Pool) -> None:
        """Takes in the texts and the questions of another pool."""
        shift = len(self.texts)
        self.texts += other.texts
        self.asked += [
            Asked(one.question, _shifted(one.right, shift), None if one.wrong is None else _shifted(one.wrong, shift))
            for one in other.asked
        ]


def _shifted(positions: frozenset[int], by: int) -> frozenset[int]:
    return frozenset(position + by for position in positions)


def training_pools(data: Path, seed: int = 0) -> list[Pool]:
    """Every pool to train on. Raises FileNotFoundError for a data set that is not there."""
    chance = random.Random(seed)
    shops = {shop: found for shop, found in curriculum().items() if not is_shop_held_out(shop)}
    made = [*whole_shops(shops, chance), *dialogues(data), *candidates(data), *articles(data), *venues(data, chance)]
    return [pool for pool in made if pool.asked]


def whole_shops(shops: Mapping[str, Sequence[Record]], chance: random.Random) -> Iterator[Pool]:
    """The statements of each shop, and its passages; shops of few documents together."""
    small = []
    for shop, found in shops.items():
        if len(found) < WHOLE:
            small.append(shop)
        else:
            yield statement_pool(found)
            yield passage_pool(found, chance)
    chance.shuffle(small)
    for part in _parts(small, SMALL):
        yield _joined(statement_pool(shops[shop]) for shop in part)
        yield _joined(passage_pool(shops[shop], chance) for shop in part)


def statement_pool(found: Sequence[Record]) -> Pool:
    """What the documents of a shop say, as the ranking embeds it."""
    said = [(number, line, statement) for number, record in enumerate(found) for line, statement in said_by(record)]
    pool = Pool([line for _, line, _ in said])
    for number, record in enumerate(found):
        for question in record["questions"]:
            right = {at for at, (own, _, s) in enumerate(said) if own == number and states(s, question["evidence"])}
            if right:
                pool.asked.append(Asked(_question(question["turns"]), frozenset(right)))
        pool.asked += _unanswered(record)
    return pool


def passage_pool(found: Sequence[Record], chance: random.Random) -> Pool:
    """The passages of a shop's documents, as they are indexed, and some of its questions."""
    cut = [(number, part) for number, record in enumerate(found) for part in _passages(record)]
    pool = Pool([part.context for _, part in cut])
    for number, record in enumerate(found):
        for question in record["questions"]:
            proof = letters(question["evidence"][0])
            right = {at for at, (own, part) in enumerate(cut) if own == number and proof in letters(part.text)}
            if right and chance.random() < PASSAGES:
                pool.asked.append(Asked(_question(question["turns"]), frozenset(right)))
    return pool


def _unanswered(record: Record) -> list[Asked]:
    return [Asked(entry["question"], frozenset()) for entry in record["unanswerable"]]


def _passages(record: Record) -> list[Chunk]:
    return chunk(Document(path="page.md", title=record["title"], text=record["text"]))


def _question(turns: Sequence[str]) -> str:
    return "\n".join(turns[::-1][:TURNS])


def dialogues(data: Path) -> Iterator[Pool]:
    """doc2dial: the passages of a few documents, and what users said, the latest first, before what rests on them."""
    asked = defaultdict(list)
    for row in records(data, "doc2dial_questions"):
        asked[row["doc_key"]].append(row)
    pools = []
    for record in records(data, "doc2dial_documents"):
        if is_held_out(record["doc_key"]):
            continue
        document = Document(path="page.md", title=document_title(record), text=record["context"])
        parts = chunk(document)
        texts = [letters(part.text) for part in parts]
        pool = Pool([part.context for part in parts])
        for row in asked[record["doc_key"]]:
            marks = [letters(text)[:60] for _, text in located(row["answers"])]
            right = frozenset(at for at, text in enumerate(texts) if any(mark in text for mark in marks))
            if right:
                pool.asked.append(Asked(row["question"].replace("user:", "").replace("agent:", ""), right))
        pools.append(pool)
    yield from (_joined(part) for part in _parts(pools, TOGETHER))


def candidates(data: Path) -> Iterator[Pool]:
    """epqa and semipqa: a shopper's question with the sentences and attributes that were looked at for it."""
    pools = []
    for name, group in (("epqa_dev", "ASIN"), ("semipqa", "")):
        by_question = defaultdict(list)
        for row in records(data, name):
            if not is_held_out(row[group] if group else f"semipqa {row['question']}"):
                by_question[row["qid"]].append(row)
        for rows in by_question.values():
            best = max(row["label"] for row in rows)
            right = frozenset(at for at, row in enumerate(rows) if row["label"] == best and best in "12")
            wrong = frozenset(at for at, row in enumerate(rows) if row["label"] == "0")
            texts = [
                placed(row["title"], (), row["candidate"]) if group else attribute(row["candidate"]) for row in rows
            ]
            if right and wrong:
                pools.append(Pool(texts, [Asked(rows[0]["question"], right, wrong)]))
    yield from (_joined(part) for part in _parts(pools, CANDIDATES))


def articles(data: Path) -> Iterator[Pool]:
    """squad2: the sentences of a few paragraphs, and questions that one of them answers, or none."""
    by_context = defaultdict(list)
    for row in records(data, "squad2"):
        if not is_held_out(row["title"]):
            by_context[row["title"], row["context"]].append(row)
    pools = []
    for (title, context), rows in by_context.items():
        sentences = spans(context)
        pool = Pool([placed(title.replace("_", " "), (), text) for text, _, _ in sentences])
        for row in rows:
            right = frozenset(
                at
                for answer in row["answers"]
                for at, (_, start, end) in enumerate(sentences)
                if start <= answer["answer_start"] < end
            )
            pool.asked.append(Asked(row["question"], right))
        pools.append(pool)
    yield from (_joined(part) for part in _parts(pools, TOGETHER))


def venues(data: Path, chance: random.Random) -> Iterator[Pool]:
    """dstc11: frequent questions of some hotels and restaurants; an answer is wrong only for its own venue."""
    with gzip.open(data / "dstc11_knowledge.json.gz", "rt", encoding="utf-8") as file:
        knowledge = json.load(file)
    pools = []
    for domain, number in ((domain, number) for domain, entities in knowledge.items() for number in entities):
        entity = knowledge[domain][number]
        frequent = list(entity.get("faqs", {}).values())
        if len(frequent) < 2 or is_held_out(f"{domain} {number}") or chance.random() > VENUES:
            continue
        every = frozenset(range(len(frequent)))
        pools.append(
            Pool(
                [placed(entity["name"], (), entry["answer"]) for entry in frequent],
                [Asked(entry["question"], frozenset({at}), every - {at}) for at, entry in enumerate(frequent)],
            )
        )
    yield from (_joined(part) for part in _parts(pools, TOGETHER))


def _joined(pools: Iterable[Pool]) -> Pool:
    whole = Pool()
    for pool in pools:
        whole.join(pool)
    return whole


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
