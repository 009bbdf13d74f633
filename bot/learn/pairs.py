"""What the judge learns from: pairs of texts with how far the second answers, or supports, the first.

Every source is split by its own groups (products, documents, articles, shops): those that are held out are never
trained on, and are what the figures are measured with. begin_wow and mtrag_un are not trained on at all.
"""

from __future__ import annotations

import gzip
import json
import lzma
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.judge import answer_input, asked, claim_input, placed
from bot.learn.mutations import mutated
from bot.ranking import in_place
from bot.statements import Statement, statements
from bot.understanding.questions import content_words
from knowledge.chunking import chunk
from knowledge.documents import Document
from knowledge.languages import Language, detect
from knowledge.sentences import split

HELD_OUT, SHOPS_HELD_OUT = 3, 6  # one group, or shop of the curriculum, of so many
PUBLIC = 0.2  # public pairs for each of the shops', at most
NEAR_MISSES, UNANSWERED = 5, 3  # statements that do not answer, beside a question that another answers, or none does
PREMISE = 700  # characters of passages beside a claim
CURRICULUM = Path(__file__).parent / "curriculum"
CALIBRATION = CURRICULUM / "calibration"  # shops that no model is trained on: what weighs the models is fitted on them
Record = dict[str, Any]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts as the judge reads them, the truth in [0, 1], and where they are from."""

    first: str
    second: str
    label: float
    source: str
    group: str


def is_held_out(group: str) -> bool:
    """Whether a product, document or article is for measuring only. The same everywhere and for ever."""
    return _place(group) % HELD_OUT == 0


def is_shop_held_out(shop: str) -> bool:
    """Whether a shop of the curriculum is for measuring only."""
    return _place(shop) % SHOPS_HELD_OUT == 0


def _place(group: str) -> int:
    return blake2b(group.encode(), digest_size=4).digest()[0]


def records(data: Path, name: str) -> Iterator[Record]:
    """The records of a data set, `name` with its suffix if it is not `.jsonl.gz`."""
    path = data / (name if "." in name else f"{name}.jsonl.gz")
    opened = lzma.open if path.suffix == ".xz" else gzip.open
    with opened(path, "rt", encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


def training_pairs(data: Path, embed: Embed, seed: int = 0) -> list[Pair]:
    """Every pair to train on, in an order that the seed gives; `embed` gives unit rows.

    Raises FileNotFoundError for a data set that is not there.
    """
    chance = random.Random(seed)
    public = [pair for source in SOURCES for pair in source(data, chance) if not is_held_out(pair.group)]
    own = list(shops(embed, chance))
    pairs = [*own, *chance.sample(public, min(len(public), int(PUBLIC * len(own))))]
    chance.shuffle(pairs)
    return pairs


def _answers(question: str, second: str, label: float, source: str, group: str) -> Pair:
    return Pair(answer_input(question), second, label, source, group)


def _supports(claim: str, premise: str, label: float, source: str, group: str) -> Pair:
    return Pair(claim_input(claim), premise, label, source, group)


def _like(question: str, candidates: Iterable[str], n: int, chance: random.Random) -> list[str]:
    """The candidates that share most words with the question, but for one in four drawn by lot: hard to tell apart."""
    pool = list(candidates)
    words = set(content_words(question))
    pool.sort(key=lambda text: -len(words & set(content_words(text))) / (8 + len(text.split())) + chance.random() / 50)
    hard, rest = pool[: n - n // 4], pool[n - n // 4 :]
    return hard + chance.sample(rest, min(n // 4, len(rest)))


def product_questions(data: Path, chance: random.Random) -> Iterator[Pair]:
    """Shoppers' questions beside review sentences, attributes and bullets: epqa, hetpqa, semipqa."""
    epqa = list(records(data, "epqa_dev"))
    wrong = defaultdict(list)
    for row in epqa:
        label = {"2": 1.0, "1": 0.4, "0": 0.0}[row["label"]]
        second = placed(row["title"], (), row["candidate"])
        yield _answers(row["question"], second, label, "epqa", row["ASIN"])
        if row["label"] == "0":
            wrong[row["qid"]].append(row["candidate"])
    for qid, row in {row["qid"]: row for row in epqa if row["label"] == "2" and row.get("answer")}.items():
        yield from _claims(row["answer"], row["candidate"], wrong[qid], "epqa", row["ASIN"], chance)
    for row in records(data, "hetpqa_evidence_dev"):
        yield _answers(row["question"], attribute(row["candidate"]), float(row["label"] != "0"), "hetpqa", row["ASIN"])
    for row in records(data, "hetpqa_answers"):
        yield from _claims(row["answer"], attribute(row["candidate"]), (), "hetpqa", row["ASIN"], chance)
    by_question = defaultdict(list)
    for row in records(data, "semipqa"):
        by_question[row["qid"]].append(row)
    for rows in by_question.values():
        question = rows[0]["question"]
        group = f"semipqa {question}"
        good = [row["candidate"] for row in rows if row["label"] == "1"]
        bad = [row["candidate"] for row in rows if row["label"] == "0"]
        for text in good:
            yield _answers(question, attribute(text), 1.0, "semipqa", group)
        for text in _like(question, bad, 5, chance):
            yield _answers(question, attribute(text), 0.0, "semipqa", group)


def attribute(text: str) -> str:
    """`item_weight:  { value:"2" unit:"kg" }` as a product page has it: item weight: 2 kg."""
    match = re.fullmatch(r"\s*(\w+):\s*\{(.*)\}\s*", text, re.S)
    if match is None:
        return text
    values = re.findall(r'\w+:\s*("(?:[^"]*)"|[\w.]+)', match[2])
    return f"{match[1].replace('_', ' ')}: {' '.join(value.strip(chr(34)) for value in values)}"


def _claims(
    claim: str, premise: str, others: Sequence[str], source: str, group: str, chance: random.Random
) -> Iterator[Pair]:
    """A claim beside what supports it; changed; and beside what does not."""
    yield _supports(claim, premise, 1.0, source, group)
    if changed := mutated(claim, chance):
        yield _supports(changed, premise, 0.0, source, group)
    if others:
        yield _supports(claim, chance.choice(others), 0.0, source, group)


def articles(data: Path, chance: random.Random) -> Iterator[Pair]:
    """squad2: the sentence that holds the answer, others of its paragraph, and questions that it does not answer."""
    for row in records(data, "squad2"):
        sentences = spans(row["context"])
        title = row["title"].replace("_", " ")
        right = {
            sentence
            for answer in row["answers"]
            for sentence, start, end in sentences
            if start <= answer["answer_start"] < end
        }
        for text in right:
            yield _answers(row["question"], placed(title, (), text), 1.0, "squad2", row["title"])
        others = [sentence for sentence, _, _ in sentences if sentence not in right]
        for text in _like(row["question"], others, 2 if right else 3, chance):
            yield _answers(row["question"], placed(title, (), text), 0.0, "squad2", row["title"])


def spans(text: str) -> list[tuple[str, int, int]]:
    """The sentences of a text with where they start and end in it."""
    found, at = [], 0
    for sentence in split(text):
        start = text.find(sentence, at)
        if start >= 0:
            at = start + len(sentence)
            found.append((sentence, start, at))
    return found


def dialogues(data: Path, chance: random.Random) -> Iterator[Pair]:
    """doc2dial: the sentences that the next answer rests on, and others of the document and of other ones."""
    documents = {row["doc_key"]: row for row in records(data, "doc2dial_documents")}
    sentences = {key: spans(row["context"]) for key, row in documents.items()}
    keys = sorted(key for key in documents if not is_held_out(key))
    for row in records(data, "doc2dial_questions"):
        key = row["doc_key"]
        if is_held_out(key):
            continue
        question = asked(user_turns(row["question"]))
        title = document_title(documents[key])
        marks = [(at, at + len(text)) for at, text in located(row["answers"])]
        right = {
            text
            for text, start, end in sentences[key]
            if any(min(end, last) - max(start, first) > 0.4 * (end - start) for first, last in marks)
        }
        for text in list(right)[:3]:
            yield _answers(question, placed(title, (), text), 1.0, "doc2dial", key)
        others = [text for text, _, _ in sentences[key] if text not in right]
        for text in _like(question, others, 3, chance):
            yield _answers(question, placed(title, (), text), 0.0, "doc2dial", key)
        far = chance.choice([other for other in keys if other != key])
        for text in _like(question, [s for s, _, _ in sentences[far]], 1, chance):
            yield _answers(question, placed(document_title(documents[far]), (), text), 0.0, "doc2dial", key)


def located(answers: Record) -> list[tuple[int, str]]:
    return list(zip(answers["answer_start"], answers["text"], strict=True))


def document_title(document: Record) -> str:
    """A document's title without the number its data set gave it."""
    return str(document["title"]).partition("#")[0]


def user_turns(question: str) -> list[str]:
    """What the user said in a dialogue of doc2dial, the latest first."""
    turns = [turn.strip() for turn in question.split("\t")]
    return [turn.removeprefix("user:").strip() for turn in turns if turn.startswith("user:")]


def venues(data: Path, chance: random.Random) -> Iterator[Pair]:
    """dstc11: frequent questions of hotels and restaurants with their answers, and replies that rest on snippets."""
    with gzip.open(data / "dstc11_knowledge.json.gz", "rt", encoding="utf-8") as file:
        knowledge = json.load(file)
    for domain, entities in knowledge.items():
        for number, entity in entities.items():
            group = f"{domain} {number}"
            frequent = list(entity.get("faqs", {}).values())
            for entry in chance.sample(frequent, min(5, len(frequent))):
                title = entity["name"]
                yield _answers(entry["question"], placed(title, (), entry["answer"]), 1.0, "dstc11", group)
                others = [other["answer"] for other in frequent if other["answer"] != entry["answer"]]
                for text in _like(entry["question"], others, 3, chance):
                    yield _answers(entry["question"], placed(title, (), text), 0.0, "dstc11", group)
    for row in records(data, "dstc11_t5"):
        if not row["label"].get("target"):
            continue
        snippets = [_snippet(knowledge, entry) for entry in row["label"]["knowledge"]][:6]
        entry = row["label"]["knowledge"][0]
        reply = split(row["label"]["response"])[0]
        group = f"{entry['domain']} {entry['entity_id']}"
        yield _supports(reply, " ".join(snippets)[:PREMISE], 1.0, "dstc11", group)
        if changed := mutated(reply, chance):
            yield _supports(changed, " ".join(snippets)[:PREMISE], 0.0, "dstc11", group)


def _snippet(knowledge: Record, entry: Record) -> str:
    entity = knowledge[entry["domain"]][str(entry["entity_id"])]
    if entry["doc_type"] == "faq":
        found = entity["faqs"][str(entry["doc_id"])]
        return f"{found['question']} {found['answer']}"
    return str(entity["reviews"][str(entry["doc_id"])]["sentences"][str(entry["sent_id"])])


_NOVELS = "mlschmitt/classic-books-markdown"
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.M)


def handbooks(data: Path, chance: random.Random, most: int = 9000) -> Iterator[Pair]:
    """The pre-training prose: what stands under a heading answers it; a sentence does not support its changed self."""
    made = 0
    for row in records(data, "pretrain/prose.jsonl.xz"):
        if row["source"] == _NOVELS or chance.random() > 0.5:
            continue
        sections = _sections(row["text"])
        everything = [text for _, texts in sections for text in texts]
        group = f"prose {row['source']} {row['title']}"
        for heading, texts in chance.sample(sections, min(2, len(sections))):
            others = [text for text in everything if text not in texts]
            if made >= most or len(others) < 3 or len(heading.split()) < 2:
                continue
            made += 1
            yield _answers(heading, placed(row["title"], (), texts[0]), 1.0, "prose", group)
            for text in _like(heading, others, 2, chance):
                yield _answers(heading, placed(row["title"], (), text), 0.0, "prose", group)
            claim = chance.choice(texts)
            if changed := mutated(claim, chance):
                premise = " ".join(texts)[:PREMISE]
                if claim in premise:
                    yield _supports(_loosened(claim, chance), premise, 1.0, "prose", group)
                    yield _supports(changed, premise, 0.0, "prose", group)


def _sections(text: str) -> list[tuple[str, list[str]]]:
    found = []
    marks = list(_HEADING.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=False):
        body = text[mark.end() : following.start() if following else len(text)]
        texts = [sentence for sentence in split(body) if 20 < len(sentence) < 300]
        if texts:
            found.append((mark[1], texts))
    return found


_LOOSER = (
    (r"\bcannot\b", "can't"),
    (r"\bdo not\b", "don't"),
    (r"\bwill not\b", "won't"),
    (r"\bis not\b", "isn't"),
    (r"\byou must\b", "you have to"),
    (r"\byou can\b", "it's possible to"),
    (r"\bpurchase\b", "buy"),
    (r"\bwithin\b", "in"),
    (r"\breceive\b", "get"),
    (r"\bprovide\b", "give"),
    (r"\brequire\b", "need"),
    (r"\bhowever,?\s", ""),
    (r"\bin order to\b", "to"),
    (r"\btherefore,?\s", ""),
    (r"\bthe\s", ""),
    (r"\bplease\s", ""),
)
_OPENERS = ("", "", "Yes, ", "Sure: ", "So ", "Right, ", "Good question - ", "Happy to help. ")


def _loosened(text: str, chance: random.Random) -> str:
    """The same said less formally, so that support is not taken for sameness."""
    for pattern, other in chance.sample(_LOOSER, 5):
        text = re.sub(pattern, other, text, count=2, flags=re.I)
    opener = chance.choice(_OPENERS)
    return f"{opener}{text[:1].lower()}{text[1:]}" if opener else text[:1].upper() + text[1:]


def shops(embed: Embed, chance: random.Random) -> Iterator[Pair]:
    """The curriculum: invented shops' documents with questions, evidence, replies and slightly wrong replies."""
    for shop, found in curriculum().items():
        if not is_shop_held_out(shop):
            yield from _shop(shop, found, embed, chance)


def curriculum(language: Language = "en", folder: Path = CURRICULUM) -> dict[str, list[Record]]:
    """The documents of the curriculum in a language with their questions, by shop."""
    documents = defaultdict(list)
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            record = json.loads(line)
            if detect(record["text"]) == language:
                documents[record["shop"]].append(record)
    return documents


def _shop(shop: str, found: Sequence[Record], embed: Embed, chance: random.Random) -> Iterator[Pair]:
    """The pairs of one shop. A statement of another of its documents does not answer either."""
    said = [(number, line, statement) for number, record in enumerate(found) for line, statement in said_by(record)]
    lines = [line for _, line, _ in said]
    vectors = embed(lines)
    for number, record in enumerate(found):
        for question in record["questions"]:
            text = asked(question["turns"][::-1])
            right = {at for at, (own, _, s) in enumerate(said) if own == number and states(s, question["evidence"])}
            for at in right:
                yield _answers(text, lines[at], 1.0, "shops", shop)
            for at in _nearest(embed([text])[0], vectors, right, NEAR_MISSES, chance):
                yield _answers(text, lines[at], 0.0, "shops", shop)
            premise = _around(record["text"], question["evidence"])
            yield _supports(question["reply"], premise, 1.0, "shops", shop)
            if wrong := question.get("wrong") or mutated(question["reply"], chance):
                yield _supports(wrong, premise, 0.0, "shops", shop)
        for entry in record["unanswerable"]:
            for at in _nearest(embed([entry["question"]])[0], vectors, set(), UNANSWERED, chance):
                yield _answers(entry["question"], lines[at], 0.0, "shops", shop)


def _nearest(
    question: NDArray[np.float32], lines: NDArray[np.float32], without: Set[int], n: int, chance: random.Random
) -> list[int]:
    """The lines nearest to a question, which retrieval would put beside the right one, and one in four by lot."""
    order = [int(at) for at in np.argsort(-(lines @ question), kind="stable") if int(at) not in without]
    hard, rest = order[: n - n // 4], order[n - n // 4 :]
    return hard + chance.sample(rest, min(n // 4, len(rest)))


def said_by(record: Record) -> list[tuple[str, Statement]]:
    """What a document says, as the judge reads it."""
    document = Document(path="page.md", title=record["title"], text=record["text"], language="en")
    return [(in_place(statement, part), statement) for part in chunk(document) for statement in statements(part)]


def states(statement: Statement, evidence: Sequence[str]) -> bool:
    """Whether a statement is (a part of) the evidence, letters and digits alone compared."""
    said = letters(statement.quote)
    return any(said in letters(text) or letters(text) in said for text in evidence) if said else False


def letters(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())


def _around(text: str, evidence: Sequence[str]) -> str:
    """The part of a document that holds the evidence, from a little before the first to the end of the last."""
    spots = [(at, at + len(part)) for part in evidence if (at := text.find(part)) >= 0]
    if not spots:
        return " ".join(evidence)[:PREMISE]
    start, end = min(at for at, _ in spots), max(at for _, at in spots)
    if end - start > PREMISE:
        return " ".join(evidence)[:PREMISE]
    room = (PREMISE - (end - start)) // 2
    return text[max(0, start - room) : end + room]


SOURCES: Sequence[Callable[[Path, random.Random], Iterator[Pair]]] = (
    product_questions,
    articles,
    dialogues,
    venues,
    handbooks,
)
