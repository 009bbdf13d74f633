"""Which of what the passages say answers a question, and how sure that is.

A statement's features (its embedding's and its words' likeness to the question, whether it has the kind of thing asked
for, where it stands, its passage's scores, the judge's opinion) go into a logistic regression, and the best one's
odds into a second: how likely the question is answered at all. Both were fitted by
`bot.learn.ranking` on the curriculum's invented shops, not on any shop that is measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.judge import Judge, asked, placed
from bot.statements import Statement, statements
from bot.understanding.questions import answer_kinds, asked_words, content_words, is_about_shop
from knowledge.documents import Chunk
from retrieval.retriever import Hit

WEIGHTS = Path(__file__).parent / "weights" / "ranking.json"
JUDGED = 32  # statements that the judge reads: the best without it
HEADING_SHARE = 0.7  # a word of the question that only the headings have counts this much
LEANT_ON = 0.4  # what an earlier question says counts this much for a follow-up
WORDS = ("near", "wide", "own", "kind", "no kind", "hit", "lead", "about shop", "question", "row")
DENSE = ("cosine", "cosine now", "hit cosine")
JUDGE = ("judge",)
Rarity = Callable[[str], float]
Embed = Callable[[Sequence[str]], NDArray[np.float32]]
Table = NDArray[np.float64]


class Ranking(NamedTuple):
    """Statements, best first, and how likely it is, in [0, 1], that they answer the question."""

    statements: list[Statement]
    confidence: float


NOTHING = Ranking([], 0.0)


@dataclass(frozen=True, slots=True)
class Regression:
    """A logistic regression over features of about unit size."""

    mean: Table
    scale: Table
    weights: Table
    bias: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Regression:
        """The regression in a record of the weights file."""
        mean, scale, weights = (np.array(record[name]) for name in ("mean", "scale", "weights"))
        return cls(mean, scale, weights, float(record["bias"]))

    def __call__(self, features: Table) -> Table:
        """Log-odds, shape (n,), of features of shape (n, number of them)."""
        return np.asarray((features - self.mean) / self.scale @ self.weights + self.bias)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Whether a statement answers, by the models that are there: "words", "words dense", "words judge", "words dense
    judge", "words zh"; and whether a question is answered, where there are vectors.

    `embedder` names the embedding model whose cosines they know.
    """

    embedder: str
    statement: Mapping[str, Regression]
    question: Regression


@cache
def load_weights(path: Path = WEIGHTS) -> Fitted:
    """The weights that `bot.learn.ranking` wrote."""
    record = json.loads(path.read_text("utf-8"))
    statement = {name: Regression.of(fitted) for name, fitted in record["statement"].items()}
    return Fitted(record["embedder"], statement, Regression.of(record["question"]))


def rank_chinese(question: str, hits: Sequence[Hit], rarity: Rarity) -> Ranking:
    """The same for Chinese passages, by their words: the models read English."""
    said = said_in(hits)
    if not said:
        return NOTHING
    table = word_features(question, said, hits, rarity)
    return _ranked(said, table, "words zh", _share_of_words(table, "words zh"))


def rank(
    question: str, hits: Sequence[Hit], rarity: Rarity, embed: Embed | None = None, judge: Judge | None = None
) -> Ranking:
    """Every statement of the hits with its score, best first, and how likely the question is answered by them.

    The first line of the question is what is asked now; further lines are what it leans on, and weigh less.
    `embed` gives unit rows of the model that the weights were fitted with. A judge reads the best statements only,
    and the others are left out.
    """
    said = said_in(hits)
    if not said:
        return NOTHING
    table = word_features(question, said, hits, rarity)
    if embed is None and judge is None:
        return _ranked(said, table, "words", _share_of_words(table, "words"))
    models = "words"
    if embed is not None:
        models, table = f"{models} dense", np.hstack([table, dense_features(question, said, hits, embed)])
    confidence = _likely_answered(table, models) if embed is not None else _share_of_words(table, models)
    if judge is not None:
        best = np.argsort(-load_weights().statement[models](with_best(table)), kind="stable")[:JUDGED]
        said = [said[at] for at in best]
        models, table = f"{models} judge", np.hstack([table[best], judge_features(question, said, hits, judge)])
    return _ranked(said, table, models, confidence)


def _ranked(said: Sequence[Statement], table: Table, models: str, confidence: float) -> Ranking:
    odds = load_weights().statement[models](with_best(table))
    scores, order = _share(odds), np.argsort(-odds, kind="stable")
    return Ranking([replace(said[at], score=float(scores[at])) for at in order], confidence)


def _likely_answered(table: Table, models: str) -> float:
    """How likely the question is answered, by the embedder: the judge thinks too little of a short page's sentences."""
    odds = load_weights().statement[models](with_best(table))
    return float(_share(load_weights().question(question_features(table, odds)))[0])


def _share_of_words(table: Table, models: str) -> float:
    """The share of the question's words that the best statement's passage has: odds of words tell no more."""
    best = int(load_weights().statement[models](with_best(table)).argmax())
    return float(table[best, WORDS.index("wide")])


def best_passages(hits: Sequence[Hit], ranked: Sequence[Statement], n: int) -> tuple[list[Hit], list[Statement]]:
    """The n passages with the best statements, best first, and the ranked statements of those, numbered by them."""
    order = list(dict.fromkeys(statement.passage for statement in ranked))[:n]
    place = {passage: number for number, passage in enumerate(order)}
    kept = [replace(s, passage=place[s.passage]) for s in ranked if s.passage in place]
    return [hits[passage] for passage in order], kept


def question_features(table: Table, odds: Table) -> Table:
    """What tells whether a question is answered, shape (1, 3): the best statement's odds and the best cosines.

    Of the words it knows nothing but by those odds: how far the words of an unanswerable question overlap is the
    curriculum's own doing. Of how many other statements come near it knows nothing either: small shops have few.
    """
    cosines = table[:, len(WORDS) : len(WORDS) + 2].max(axis=0)
    return np.array([[odds.max(), *cosines]])


def _share(odds: Table) -> Table:
    return np.asarray(1 / (1 + np.exp(-odds)))


def with_best(table: Table) -> Table:
    """The features, and how far each is below the best of its column: a question's own scale does not matter then."""
    return np.hstack([table, table - table.max(axis=0)])


def word_features(question: str, said: Sequence[Statement], hits: Sequence[Hit], rarity: Rarity) -> Table:
    """The features that need no model, shape (len(said), len(WORDS))."""
    asks = _Asked.of(question, rarity)
    first: dict[tuple[int, str], int] = {}
    for statement in said:
        first.setdefault((statement.passage, statement.heading), statement.order)
    rows = [asks.features(s, hits[s.passage], behind=s.order - first[s.passage, s.heading]) for s in said]
    return np.array(rows, float)


def dense_features(question: str, said: Sequence[Statement], hits: Sequence[Hit], embed: Embed) -> Table:
    """Cosines, shape (len(said), len(DENSE)): to the question with what it leans on, to it alone."""
    rows = embed([question.partition("\n")[0], question, *(in_place(s, hits[s.passage].chunk) for s in said)])
    # Not `@`: its threads cost more than so few rows are worth, most of all beside another busy process.
    now, whole = np.einsum("ij,kj->ki", rows[2:], rows[:2])
    leant = (1 - LEANT_ON) * now + LEANT_ON * whole
    return np.column_stack([leant, now, [hits[s.passage].cosine for s in said]]).astype(float)


def judge_features(question: str, said: Sequence[Statement], hits: Sequence[Hit], judge: Judge) -> Table:
    """The judge's log-odds that each statement answers, shape (len(said), 1)."""
    found = judge.answers(asked(question.split("\n")), [in_place(s, hits[s.passage].chunk) for s in said])
    likely = np.clip(found.astype(float), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(likely / (1 - likely))[:, None])


def in_place(statement: Statement, chunk: Chunk) -> str:
    """A statement as the embedder and the judge read it: behind its title, its headings, and what leads into it."""
    return placed(chunk.title, (*chunk.heading, statement.heading), statement.whole)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks: words by their weight, the kinds of answer, and whether it is how the shop does things."""

    weights: Mapping[str, float]
    kinds: Sequence[re.Pattern[str]]
    about_shop: bool

    @classmethod
    def of(cls, question: str, rarity: Rarity) -> _Asked:
        now, _, before = question.partition("\n")
        weights = {word: LEANT_ON * rarity(word) for word in asked_words(before)}
        weights |= {word: rarity(word) for word in asked_words(now)}
        weights = weights or dict.fromkeys(content_words(question), 1.0)
        return cls(weights, answer_kinds(now), is_about_shop(now))

    def features(self, statement: Statement, hit: Hit, behind: int) -> list[float]:
        """The features WORDS of a statement; `behind` counts the statements before it in its section."""
        own = vocabulary(statement.text)
        above = vocabulary("\n".join((hit.chunk.title, *hit.chunk.heading, statement.heading, statement.lead)))
        around = vocabulary(hit.chunk.text)
        total = sum(self.weights.values()) or 1.0
        near = sum(w * (1.0 if t in own else HEADING_SHARE if t in above else 0.0) for t, w in self.weights.items())
        wide = sum(weight for term, weight in self.weights.items() if term in own | above | around)
        inside = sum(weight for term, weight in self.weights.items() if term in own)
        kind = sum(bool(kind.search(statement.text)) for kind in self.kinds) / len(self.kinds) if self.kinds else 0.0
        return [
            near / total,
            wide / total,
            inside / total,
            kind,
            float(not self.kinds),
            hit.score,
            1.0 / (1 + behind),
            float(bool(statement.subject) and self.about_shop),
            float(statement.text.endswith(("?", "？"))),
            float(statement.row),
        ]


@lru_cache(maxsize=4096)  # the same passages answer most questions: 20 ms a turn without
def vocabulary(text: str) -> frozenset[str]:
    """The content words of a text."""
    return frozenset(content_words(text))


def said_in(hits: Sequence[Hit]) -> list[Statement]:
    """Every statement of the hits, in their order."""
    return [replace(statement, passage=number) for number, hit in enumerate(hits) for statement in _said(hit.chunk)]


@lru_cache(maxsize=1024)
def _said(chunk: Chunk) -> tuple[Statement, ...]:
    return tuple(statements(chunk))
