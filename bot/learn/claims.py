"""Texts beside passages, and whether those say them: what `bot.evidence.support` learns from, and is measured with."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.learn.mutations import MUTATIONS, mutated
from bot.learn.pairs import Record, attribute, curriculum, records
from bot.statements import statements
from bot.understanding.questions import content_words
from knowledge.chunking import chunk
from knowledge.documents import Chunk, Document
from knowledge.languages import Language
from knowledge.sentences import split

CHANGED = 0.2  # what a changed statement counts beside a sentence of a reply
MOVED = 15  # questions further on, where the passages of a misplaced reply are from
STATEMENTS, ADDED = 3, 8  # of a document; words of an added clause
_OPENERS = ("", "", "", "Yes, ", "I know that ", "Well, ", "Sure, ", "It is true that ", "So ")
_OPENERS_ZH = ("", "", "您好，", "可以的，", "好的，", "是的，")


@dataclass(frozen=True, slots=True)
class Example:
    """A text beside passages, and whether they say it; `group` is not split between fitting and measuring."""

    text: str
    passages: tuple[str, ...]
    right: bool
    source: str
    group: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Replied:
    """A question of the curriculum: the passages of its document, a right reply, and one wrong in one thing, or ""."""

    shop: str
    passages: tuple[str, ...]
    right: str
    wrong: str


def replied(language: Language) -> Iterator[Replied]:
    """The questions of the curriculum in a language."""
    for shop, documents in curriculum(language).items():
        for record in documents:
            passages = tuple(piece.context for piece in _pieces(record, language))
            for question in record["questions"]:
                yield Replied(shop, passages, question["reply"], question.get("wrong", ""))


def _pieces(record: Mapping[str, Any], language: Language) -> list[Chunk]:
    return chunk(Document(path="page.md", title=record["title"], text=record["text"], language=language))


def sentences_of_replies(language: Language) -> Iterator[Example]:
    """The sentences of the right replies, and those that only the wrong ones have."""
    for case in replied(language):
        right = split(case.right)
        for text in right:
            yield Example(text, case.passages, True, "replies", case.shop)
        for text in split(case.wrong):
            if text not in right:
                yield Example(text, case.passages, False, "replies", case.shop)


def misplaced_replies(language: Language, weight: float = CHANGED) -> Iterator[Example]:
    """The sentences of right replies beside the passages of another document, often another shop's."""
    cases = list(replied(language))
    for case, other in zip(cases, [*cases[MOVED:], *cases[:MOVED]], strict=True):
        if case.passages != other.passages:
            for text in split(case.right):
                yield Example(text, other.passages, False, "misplaced", case.shop, weight)


def changed_statements(language: Language, chance: random.Random, weight: float = CHANGED) -> Iterator[Example]:
    """Statements of the documents, opened like a reply, and changed in one thing; and right replies changed."""
    openers = _OPENERS_ZH if language == "zh" else _OPENERS
    for shop, documents in curriculum(language).items():
        for record in documents:
            pieces = _pieces(record, language)
            passages = tuple(piece.context for piece in pieces)
            said = [s.text for piece in pieces for s in statements(piece) if not s.row and _is_plain(s.text, language)]
            for text in chance.sample(said, min(STATEMENTS, len(said))):
                opener = chance.choice(openers)
                yield Example(opener + (_lower(text) if opener else text), passages, True, "statements", shop, weight)
                for change in dict.fromkeys(MUTATIONS):
                    if (other := change(text, chance)) and other != text:
                        yield Example(other, passages, False, change.__name__, shop, weight)
            for question in record["questions"]:
                if language == "zh" and (other := mutated(question["reply"], chance)):
                    yield Example(other, passages, False, "replies changed", shop, weight)


def _is_plain(text: str, language: Language) -> bool:
    shortest, longest = (8, 90) if language == "zh" else (25, 220)
    return shortest < len(text) < longest and not text.endswith(("?", "？", ":", "："))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def product_answers(data: Path, chance: random.Random) -> Iterator[Example]:
    """hetpqa and epqa: answers beside what they rest on, beside what else was found, and with a clause of it added."""
    others = defaultdict(list)
    for row in records(data, "hetpqa_evidence_dev"):
        if row["label"] == "0":
            others[row["question"]].append(attribute(row["candidate"]))
    everything = [attribute(row["candidate"]) for row in records(data, "hetpqa_answers")]
    for row in records(data, "hetpqa_answers"):
        answer, rests_on = row["answer"], attribute(row["candidate"])
        other = chance.choice(others.get(row["question"]) or everything)
        yield Example(answer, (rests_on,), True, "hetpqa", row["ASIN"])
        yield Example(answer, (other,), False, "hetpqa", row["ASIN"])
        added = " ".join(other.split()[: chance.randint(3, ADDED)])
        more = f"{answer.rstrip('. ')} {chance.choice(('and', 'with', 'which is'))} {added}."
        yield Example(answer, (rests_on,), True, "hetpqa with more", row["ASIN"])
        yield Example(more, (rests_on,), False, "hetpqa with more", row["ASIN"])
    by_question = defaultdict(list)
    for row in records(data, "epqa_dev"):
        by_question[row["qid"]].append(row)
    for rows in by_question.values():
        for row in [row for row in rows if row["label"] == "2" and row.get("answer")][:1]:
            yield Example(row["answer"], (row["candidate"],), True, "epqa", row["ASIN"])
            wrong = [other["candidate"] for other in rows if other["label"] == "0"]
            for text in chance.sample(wrong, min(2, len(wrong))):
                yield Example(row["answer"], (text,), False, "epqa", row["ASIN"])


def venue_replies(data: Path, chance: random.Random) -> Iterator[Example]:
    """dstc11: the first sentence of a reply beside the snippets it rests on, and beside others of the same venue."""
    with gzip.open(data / "dstc11_knowledge.json.gz", "rt", encoding="utf-8") as file:
        knowledge = json.load(file)
    for row in records(data, "dstc11_t5"):
        if not row["label"].get("target"):
            continue
        entry = row["label"]["knowledge"][0]
        venue = knowledge[entry["domain"]][str(entry["entity_id"])]
        snippets = [_snippet(knowledge, place) for place in row["label"]["knowledge"]][:6]
        pool = [text for text in _snippets(venue) if text not in snippets]
        group = f"{entry['domain']} {entry['entity_id']}"
        reply = split(row["label"]["response"])[0]
        yield Example(reply, tuple(snippets), True, "dstc11", group)
        if pool:
            yield Example(reply, tuple(chance.sample(pool, min(len(snippets), len(pool)))), False, "dstc11", group)


def _snippet(knowledge: Mapping[str, Any], place: Mapping[str, Any]) -> str:
    venue = knowledge[place["domain"]][str(place["entity_id"])]
    if place["doc_type"] == "faq":
        found = venue["faqs"][str(place["doc_id"])]
        return f"{venue['name']}\n{found['question']} {found['answer']}"
    return f"{venue['name']}\n{venue['reviews'][str(place['doc_id'])]['sentences'][str(place['sent_id'])]}"


def _snippets(venue: Mapping[str, Any]) -> list[str]:
    frequent = [f"{found['question']} {found['answer']}" for found in venue.get("faqs", {}).values()]
    reviews = [text for review in venue.get("reviews", {}).values() for text in review["sentences"].values()]
    return [f"{venue['name']}\n{text}" for text in (*frequent, *reviews)]


def service_replies(data: Path, chance: random.Random) -> Iterator[Example]:
    """doc2dial: an agent's reply beside the spans it rests on, and beside the likest of three others of the page."""
    turns: dict[str, dict[int, Record]] = defaultdict(dict)
    spans: dict[str, list[str]] = defaultdict(list)
    for row in records(data, "doc2dial_questions"):
        dialogue, _, number = row["id"].rpartition("_")
        turns[dialogue][int(number)] = row
        spans[row["doc_key"]].append(" ".join(row["answers"]["text"]))
    for rows in turns.values():
        for number, row in rows.items():
            said = rows[number + 2]["question"].split("\t")[1:2] if number + 2 in rows else []
            rests_on = " ".join(row["answers"]["text"])
            others = [text for text in spans[row["doc_key"]] if text != rests_on]
            if others and said and said[0].startswith("agent:"):
                reply = said[0].removeprefix("agent:").strip()
                words = set(content_words(reply))
                some = chance.sample(others, min(3, len(others)))
                likest = max(some, key=lambda text: len(words & set(content_words(text))))
                yield Example(reply, (rests_on,), True, "doc2dial", row["doc_key"])
                yield Example(reply, (likest,), False, "doc2dial", row["doc_key"])
