"""Which of what the passages say answers a question, and whether a sentence is supported by them.

How well a statement answers is a weighted sum of the embedding's cosine to the question, the share of the question's
words (by their rarity) that it and its headings have, whether it has the kind of thing asked for (an amount, a length
of time, ...), its passage's own score, and a little for coming first under its heading, where writers put the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.questions import answer_kinds, asked_words, content_words, is_about_shop
from bot.statements import Statement, statements
from knowledge.documents import Chunk
from knowledge.languages import detect
from retrieval.lexical import units
from retrieval.retriever import Hit

COSINE, COVERAGE, KIND, PASSAGE, LEAD = 0.45, 0.3, 0.15, 0.2, 0.08
HEADING_SHARE = 0.7  # a word of the question that only the headings have counts this much
LEANT_ON = 0.4  # what an earlier question says counts this much for a follow-up
PRODUCT_SHARE = 0.85  # a product's facts count this much for a question about how the shop does things
QUESTION_SHARE = 0.6  # a question is no answer
_NUMBER = re.compile(
    r"(\d+(?:[.,:]\d+)*)(?:\s*(?:working\s+)?(minute|hour|day|week|month|year|%|分钟|小时|天|周|个月|年|个工作日))?",
    re.I,
)
# Words that claim nothing about the shop.
_COURTESY = frozenset(
    units("yes no sure sorry hello hi thanks thank welcome happy glad help course great good question")
)


@lru_cache(maxsize=4096)  # the same passages answer most questions: 20 ms a turn without
def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(content_words(text))


@lru_cache(maxsize=1024)
def _said(chunk: Chunk) -> tuple[Statement, ...]:
    return tuple(statements(chunk))


def answering(
    question: str,
    hits: Sequence[Hit],
    rarity: Callable[[str], float],
    embed: Callable[[Sequence[str]], NDArray[np.float32]] | None,
) -> list[Statement]:
    """Every statement of the hits, scored, best first. `embed` gives unit rows; None leaves the cosine out.

    The first line of the question is what is asked now; further lines are what it leans on, and weigh less.
    """
    said = [replace(statement, passage=number) for number, hit in enumerate(hits) for statement in _said(hit.chunk)]
    if not said:
        return []
    asked = _Asked.of(question, rarity)
    first: dict[tuple[int, str], int] = {}
    for statement in said:
        first.setdefault((statement.passage, statement.heading), statement.order)
    scored = []
    for statement, cosine in zip(said, _cosines(question, said, embed), strict=True):
        behind = statement.order - first[statement.passage, statement.heading]
        score, coverage = asked.score(statement, hits[statement.passage], cosine, behind)
        scored.append(replace(statement, score=score, coverage=coverage))
    return sorted(scored, key=lambda s: -s.score)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks: words by their weight, the kinds of answer, and whether it is how the shop does things."""

    weights: Mapping[str, float]
    kinds: Sequence[re.Pattern[str]]
    about_shop: bool

    @classmethod
    def of(cls, question: str, rarity: Callable[[str], float]) -> _Asked:
        now, _, before = question.partition("\n")
        weights = {word: LEANT_ON * rarity(word) for word in asked_words(before)}
        weights |= {word: rarity(word) for word in asked_words(now)}
        weights = weights or dict.fromkeys(content_words(question), 1.0)
        return cls(weights, answer_kinds(now), is_about_shop(now))

    def score(self, statement: Statement, hit: Hit, cosine: float | None, behind: int) -> tuple[float, float]:
        """How well a statement answers, and the coverage; `behind` counts the statements before it in its section."""
        own = _vocabulary(statement.text)
        above = _vocabulary("\n".join((hit.chunk.title, *hit.chunk.heading, statement.heading)))
        around = _vocabulary(hit.chunk.text)
        total = sum(self.weights.values()) or 1.0
        near = sum(w * (1.0 if t in own else HEADING_SHARE if t in above else 0.0) for t, w in self.weights.items())
        wide = sum(weight for term, weight in self.weights.items() if term in own | above | around)
        parts = [(COVERAGE, near / total), (PASSAGE, hit.score), (LEAD, 1.0 / (1 + behind))]
        if cosine is not None:
            parts.append((COSINE, cosine))
        if self.kinds:
            parts.append((KIND, sum(bool(kind.search(statement.text)) for kind in self.kinds) / len(self.kinds)))
        score = sum(weight * value for weight, value in parts) / sum(weight for weight, _ in parts)
        if statement.subject and self.about_shop:
            score *= PRODUCT_SHARE
        if statement.text.endswith(("?", "？")):
            score *= QUESTION_SHARE
        return score, wide / total


def _cosines(
    question: str, said: Sequence[Statement], embed: Callable[[Sequence[str]], NDArray[np.float32]] | None
) -> list[float | None]:
    if embed is None:
        return [None] * len(said)
    rows = embed([question.partition("\n")[0], question, *(f"{s.heading}. {s.text}" for s in said)])
    asked = rows[0] * (1 - LEANT_ON) + rows[1] * LEANT_ON
    return [max(float(cosine), 0.0) for cosine in np.einsum("ij,j->i", rows[2:], asked)]


def supported(sentence: str, passages: Sequence[str]) -> bool:
    """Whether a sentence may be released: each number with what it counts, and most of the words, are in the passages.

    A short sentence needs all of its content words there: "Delivery is always free." claims as much as a long one.
    """
    there = frozenset[str]().union(*map(_vocabulary, passages))
    counted = frozenset[tuple[str, str]]().union(*map(_counted, passages))
    numbers = {number for number, _ in counted}
    for number, unit in _counted(sentence):
        # A bare number may be a table's, whose column says what it counts.
        if number not in numbers or (unit and not {(number, unit), (number, "")} & counted):
            return False
    own = [word for word in content_words(sentence) if word not in _COURTESY]
    missing = sum(word not in there for word in own)
    return missing == 0 if len(own) < (8 if detect(sentence) == "zh" else 4) else 2 * missing <= len(own)


@lru_cache(maxsize=4096)
def _counted(text: str) -> frozenset[tuple[str, str]]:
    """The numbers of a text, each with the unit of time behind it, if there is one: 24 months are not 24 days."""
    return frozenset((number, unit.lower()) for number, unit in _NUMBER.findall(text))


def origin(sentence: str, said: Sequence[Statement]) -> Statement | None:
    """The statement that a sentence rests on: the one that shares most of its words; None when none shares any."""
    own = set(units(sentence))
    shares = [(len(own & (there := _units(s.text))) / (1 + len(there - own) / 8), s) for s in said]
    share, best = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    return best if share else None


@lru_cache(maxsize=4096)
def _units(text: str) -> frozenset[str]:
    return frozenset(units(text))
