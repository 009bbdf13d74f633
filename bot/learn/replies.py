"""What the house generator learns from: conversations with the statements that stand in their prompts, and the reply.

Every source is split by its groups as in `bot.learn.pairs`; what is held out is never trained on. The statements beside
the right ones are those of the same shop, article or product that are nearest to the question, as the desk's own search
brings them, so that the model has to choose; where nothing answers, near ones are all there is.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.generation.house import line
from bot.learn.cases import FEWEST, LONGEST, NEAR, Case, Example, bare, example
from bot.learn.invented import invented
from bot.learn.pairs import (
    Embed,
    Record,
    attribute,
    curriculum,
    document_title,
    is_held_out,
    is_shop_held_out,
    located,
    records,
    said_by,
    spans,
    states,
)
from bot.messages import Message
from bot.understanding.questions import content_words
from retrieval.embedders import SentenceEmbedder

RIGHT = 3  # of them that answer, at most
VERBATIM = (0.6, 0.4, 0.3)  # the share of replies, by epoch, that are quoted whatever they say: copying comes first
UNANSWERED = 0.7  # the share of the shops' unanswerable questions
ARTICLES, DIALOGUES = 0.4, 0.5  # the share of questions of squad2 and doc2dial
INVENTED = 0.25  # questions about invented facts for each of the others


def training_cases(data: Path, start: SentenceEmbedder, seed: int = 0) -> list[Case]:
    """Every case to train on. Raises FileNotFoundError for a data set that is not there."""
    chance = random.Random(seed)
    shops = training_shops()
    own = shop_cases(shops, by_words(start, shops), chance)
    public = [*products(data), *articles(data, chance), *dialogues(data, chance)]
    return [case for case in [*own, *public] if is_usable(case)]


def training_shops() -> dict[str, list[Record]]:
    """The curriculum's shops, but for those that are held out."""
    return {shop: pages for shop, pages in curriculum().items() if not is_shop_held_out(shop)}


def by_words(start: SentenceEmbedder, shops: Mapping[str, Sequence[Record]]) -> Embed:
    """Unit vectors of texts at next to no cost: the means of their tokens' input embeddings, rare ones counting more.

    What is near by these shares words with a question, or has words like its own. The whole network would take minutes
    for the 36,000 texts of the curriculum.
    """
    import torch

    whole = start.load("cpu")
    rows = whole[0].auto_model.embeddings.word_embeddings.weight.detach().numpy()
    seen = np.ones(len(rows))
    texts = [record["text"] for pages in shops.values() for record in pages]
    for ids in whole.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]:
        seen[list(set(ids))] += 1
    weighted = torch.tensor(rows * np.log((len(texts) + 2) / seen)[:, None], dtype=torch.float32)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        read = whole.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        vectors = torch.stack([weighted[ids].sum(dim=0) for ids in read])
        return np.asarray(torch.nn.functional.normalize(vectors, dim=1).numpy(), np.float32)

    return embed


def few_cases(start: SentenceEmbedder, seed: int = 0, shops: int = 2) -> list[Case]:
    """The cases of a few of the shops, for a run in miniature."""
    own = dict(list(training_shops().items())[:shops])
    return [case for case in shop_cases(own, by_words(start, own), random.Random(seed)) if is_usable(case)]


def epoch(cases: Sequence[Case], chance: random.Random, number: int = 0, led: float = 0.0) -> list[Example]:
    """Every case once, as it is drawn in this epoch, and invented facts among them, in any order.

    `led` is the share of prompts with the likeliest statement first.
    """
    whole = [*cases, *invented(chance, round(INVENTED * len(cases)))]
    verbatim = VERBATIM[min(number, len(VERBATIM) - 1)]
    drawn = [example(case, chance, verbatim, led) for case in whole]
    chance.shuffle(drawn)
    return drawn


def is_usable(case: Case) -> bool:
    """Whether there are statements enough for a prompt, and the reply is short enough."""
    return len(case.right) + len(case.near) >= FEWEST and len(case.reply.split()) <= LONGEST


def shop_cases(shops: Mapping[str, Sequence[Record]], embed: Embed, chance: random.Random) -> Iterator[Case]:
    """The curriculum's questions, and its unanswerable ones."""
    for pages in shops.values():
        said = [(page, statement) for page, record in enumerate(pages) for _, statement in said_by(record)]
        whole = [line(statement.heading, statement.whole) for _, statement in said]
        nearest = _nearest(whole, list(dict.fromkeys(_all_asked(pages))), embed)
        for page, record in enumerate(pages):
            for entry in record["questions"]:
                right = [whole[at] for at, (own, s) in enumerate(said) if own == page and states(s, entry["evidence"])]
                if right:
                    yield _case(entry["turns"], entry["reply"], right, nearest)
            for entry in record["unanswerable"]:
                if chance.random() < UNANSWERED:
                    yield _case([entry["question"]], "", [], nearest)


def _all_asked(pages: Sequence[Record]) -> Iterator[str]:
    """Every text of a shop's shoppers that is looked up."""
    for record in pages:
        for entry in record["questions"]:
            yield from entry["turns"]
            yield " ".join(entry["turns"])
        yield from (entry["question"] for entry in record["unanswerable"])


def _nearest(texts: Sequence[str], questions: Sequence[str], embed: Embed) -> Mapping[str, list[str]]:
    """For each question the texts nearest to it, nearest first, each once."""
    likeness = embed(questions) @ embed(texts).T
    order = np.argsort(-likeness, axis=1, kind="stable")[:, : 2 * NEAR]
    found = zip(questions, order, strict=True)
    return {question: list(dict.fromkeys(texts[at] for at in best)) for question, best in found}


def _case(turns: Sequence[str], reply: str, right: Sequence[str], nearest: Mapping[str, list[str]]) -> Case:
    """A shop's case. What the desk said to earlier messages is the statement nearest to them, as the composer says."""
    talk = list[Message]()
    for turn in turns[:-1]:
        talk += [Message("user", turn), Message("assistant", bare(nearest[turn][0]))]
    talk.append(Message("user", turns[-1]))
    best = by_weight(dict.fromkeys(right), reply)[:RIGHT]
    near = [text for text in nearest[" ".join(turns)] if text not in right]
    return Case(tuple(talk), reply, tuple(best), tuple(near[:NEAR]), "shops")


def by_weight(right: Iterable[str], reply: str) -> list[str]:
    """The lines by how many of the reply's words they have; those that add none beside the others are left out."""
    left, best = set(content_words(reply)), list[str]()
    pool = list(right)
    while pool:
        words = {text: len(left & set(content_words(text))) for text in pool}
        first = max(pool, key=words.__getitem__)
        if best and words[first] < 2:
            break
        best.append(first)
        left -= set(content_words(first))
        pool.remove(first)
    return best


def _nearest_by_words(question: str, texts: Iterable[str], right: Sequence[str]) -> tuple[str, ...]:
    asked = set(content_words(question))
    pool = [text for text in dict.fromkeys(texts) if text not in right]
    pool.sort(key=lambda text: -len(asked & set(content_words(text))) / (8 + len(text.split())))
    return tuple(pool[:NEAR])


def products(data: Path) -> Iterator[Case]:
    """epqa and hetpqa: answers that people wrote from a review's sentence, a bullet or an attribute."""
    by_question = defaultdict(list)
    for row in records(data, "epqa_dev"):
        by_question[row["qid"]].append(row)
    for rows in by_question.values():
        best = [row for row in rows if row["label"] == "2" and row.get("answer")]
        if best and not is_held_out(rows[0]["ASIN"]):
            right = [line("", best[0]["candidate"])]
            wrong = [line("", row["candidate"]) for row in rows if row["label"] == "0"]
            near = _nearest_by_words(rows[0]["question"], wrong, right)
            yield Case((Message("user", rows[0]["question"]),), best[0]["answer"], tuple(right), near, "epqa")
    evidence = [row for row in records(data, "hetpqa_evidence_dev") if not is_held_out(row["ASIN"])]
    others = [text for row in evidence if "{" not in (text := line("", attribute(row["candidate"])))]
    for row in records(data, "hetpqa_answers"):
        if not is_held_out(row["ASIN"]):
            right = [line("", attribute(row["candidate"]))]
            near = _nearest_by_words(row["question"], others, right)
            far = near[4:]  # the nearest, of other products, may answer too
            yield Case((Message("user", row["question"]),), row["answer"], tuple(right), far, "hetpqa")


def articles(data: Path, chance: random.Random) -> Iterator[Case]:
    """squad2: the sentence that has the answer is the reply, others of the article stand beside it; or nothing is."""
    by_article = defaultdict(list)
    for row in records(data, "squad2"):
        if not is_held_out(row["title"]):
            by_article[row["title"]].append(row)
    for title, rows in by_article.items():
        heading = title.replace("_", " ")
        everything = [line(heading, text) for row in rows for text, _, _ in spans(row["context"])]
        for row in rows:
            if chance.random() > (ARTICLES if row["answers"] else ARTICLES / 3):
                continue
            starts = [answer["answer_start"] for answer in row["answers"]]
            found = [text for text, start, end in spans(row["context"]) if any(start <= at < end for at in starts)][:1]
            right = [line(heading, text) for text in found]
            if bool(right) == bool(row["answers"]):
                near = _nearest_by_words(row["question"], everything, right)
                yield Case((Message("user", row["question"]),), "".join(found), tuple(right), near, "squad2")


def dialogues(data: Path, chance: random.Random) -> Iterator[Case]:
    """doc2dial: the short answers of a dialogue are said as the document has them."""
    documents = {row["doc_key"]: row for row in records(data, "doc2dial_documents")}
    for row in records(data, "doc2dial_questions"):
        if is_held_out(row["doc_key"]) or chance.random() > DIALOGUES:
            continue
        document = documents[row["doc_key"]]
        title, sentences = document_title(document), spans(document["context"])
        marks = [(at, at + len(text)) for at, text in located(row["answers"])]
        found = [
            text
            for text, start, end in sentences
            if any(min(end, last) - max(start, first) > 0.4 * (end - start) for first, last in marks)
        ]
        right = [line(title, text) for text in found[:1]]
        if right and len(found) <= 2:
            talk = tuple(reversed([_turn(turn) for turn in row["question"].split("\t")[:3]]))
            near = _nearest_by_words(talk[-1].text, (line(title, text) for text, _, _ in sentences), right)
            yield Case(talk[-3:] if talk[0].role == "user" else talk[1:], found[0], tuple(right), near, "doc2dial")


def _turn(text: str) -> Message:
    role, _, said = text.strip().partition(":")
    return Message("user" if role == "user" else "assistant", said.strip())


def digest(cases: Iterable[Case]) -> str:
    """A fingerprint of the cases, for the record of a run: a text of 16 hexadecimal digits."""
    whole = blake2b(digest_size=8)
    for case in cases:
        whole.update(repr(case).encode())
    return whole.hexdigest()
