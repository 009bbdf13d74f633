"""Which of what the passages say answers a question, and how sure that is.

A statement's features (its likeness to the question by vectors, tokens and words, the places it names, whether it has
the kind of thing asked for, where it stands, its passage's scores) go into a logistic regression, and the best one's
odds into a second: how likely the question is answered at all. Both were fitted by
`bot.learn.ranking` on the curriculum's invented shops, not on any shop that is measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.judge import placed
from bot.statements import Statement, statements
from bot.understanding.expansion import translated
from bot.understanding.locality import annotated, asked_places, fit, named_places
from bot.understanding.questions import answer_kinds, asked_words, content_words, is_about_shop
from knowledge.documents import Chunk
from retrieval.embedders import Likeness
from retrieval.retriever import Hit

WEIGHTS = Path(__file__).parent / "weights" / "ranking.json"
HEADING_SHARE = 0.7  # a word of the question that only the headings have counts this much
THERE, ELSEWHERE = 2.0, -2.5  # log-odds that it answers, of a statement on the place asked about, and on others only
WRONG_PLACE = -4.0  # log-odds of a statement on other places only, where there is one on the place asked about
UNNAMED = -1.2  # log-odds of a product's fact, where the question has no word of the product's title
ASKED_OUTRIGHT = 0.9  # how likely what stands under a heading answers that very question, at least
LEANT_ON = 0.4  # what an earlier question says counts this much for a follow-up
WORDS = (
    "near",
    "wide",
    "own",
    "kind",
    "no kind",
    "hit",
    "lead",
    "about shop",
    "row",
    "place",
    "other place",
    "unasked place",
)
DENSE = ("cosine", "cosine now", "hit cosine", "interaction", "interaction now")
WORDED, DENSE_TOO = "words", "words dense"  # which features there are
LIKENESSES = ("cosine", "cosine now", "interaction", "interaction now")
_PRICE = re.compile(r"^(?:Price: |价格：)", re.M)  # as `knowledge.products` writes it
Rarity = Callable[[str], float]
Compare = Callable[[Sequence[str], Sequence[str]], Likeness]
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
    """Whether a statement answers, by what there is: "en words", "en words dense", "zh words", "zh words dense"; and
    whether an English question is answered, where there are vectors.

    `embedder` names the embedding model whose likenesses they know.
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


def rank(question: str, hits: Sequence[Hit], rarity: Rarity, compare: Compare | None = None) -> Ranking:
    """Every statement of the hits with its score, best first, and how likely the question is answered by them.

    Question and hits are in one language. The first line of the question is what is asked now; further lines are what
    it leans on, and weigh less. `compare` is that of the model that the weights were fitted with.
    """
    said = said_in(hits)
    if not said:
        return NOTHING
    language = hits[0].chunk.language
    table = word_features(question, said, hits, rarity)
    models = f"{language} {WORDED}"
    if compare is not None:
        models = f"{language} {DENSE_TOO}"
        table = np.hstack([table, dense_features(question, said, hits, compare_in(language, compare))])
    odds = load_weights().statement[models](with_best(table))
    there, elsewhere = (table[:, WORDS.index(name)] for name in ("place", "other place"))
    best = int(odds.argmax())
    if there[best] > 0 or (elsewhere[best] > 0 and (there > 0).any()):  # then what is said of other places is no answer
        odds = odds + WRONG_PLACE * elsewhere
    unnamed = _unnamed(question, said, hits)
    odds = odds + UNNAMED * unnamed
    if compare is None or language == "zh":
        confidence = _share_of_words(table, odds) * _about_the_place(question, table, odds)
    else:  # "tents" is near "do you rent out tents", and says nothing of it
        telling = unnamed == 0 if not unnamed.all() else unnamed > 0
        confidence = _likely_answered(table[telling], odds[telling])
    scores, order = _share(odds), np.argsort(-odds, kind="stable")
    if asks_the_same(question, said[order[0]].heading):
        confidence = max(confidence, ASKED_OUTRIGHT)
    return Ranking([said[at].scored(float(scores[at])) for at in order], confidence)


def _about_the_place(question: str, table: Table, odds: Table) -> float:
    """What the share of words counts: where a place is asked about that the best statement does not name, half."""
    there = table[int(odds.argmax()), WORDS.index("place")] > 0
    return 1.0 if there or not asked_places(question) else 0.5


def _unnamed(question: str, said: Sequence[Statement], hits: Sequence[Hit]) -> Table:
    """1 for what a catalogue says of a product that the question does not name. A price has words for any question
    about a price; no shop of the curriculum has a catalogue to learn that from."""
    asked = frozenset(content_words(question))
    other = [_is_priced(hit.chunk) and asked.isdisjoint(_named_by(hit.chunk.title)) for hit in hits]
    return np.array([float(other[s.passage]) for s in said])


@lru_cache(maxsize=4096)
def _is_priced(chunk: Chunk) -> bool:
    """Whether a passage is a catalogue's, of a product."""
    return "#" in chunk.document and _PRICE.search(chunk.text) is not None


@lru_cache(maxsize=4096)
def _named_by(title: str) -> frozenset[str]:
    return frozenset(content_words(title))


def _likely_answered(table: Table, odds: Table) -> float:
    """How likely the question is answered. A statement on the very place that was asked about is more likely to answer
    than one on others: nothing learns from examples what lies where."""
    there, elsewhere = table[int(odds.argmax()), [WORDS.index("place"), WORDS.index("other place")]]
    known = load_weights().question(question_features(table, odds))
    return float(_share(known + THERE * there + ELSEWHERE * elsewhere)[0])


def asks_the_same(question: str, heading: str) -> bool:
    """Whether a page's own heading asks just what the question does: then what stands below it answers."""
    now = question.partition("\n")[0]
    same = set(asked_words(now)) == set(asked_words(heading)) != set()
    return same and heading.endswith(("?", "？")) and answer_kinds(now) == answer_kinds(heading)


def compare_in(language: str, compare: Compare) -> Compare:
    """`compare` for texts in a language. The model reads English: of Chinese it gets what the glossary knows of it.

    Measured on four Chinese shops that nothing was fitted on: of 396 questions the right statement is first for 0.50
    so, for 0.44 by words alone.
    """

    def compare_in_english(questions: Sequence[str], texts: Sequence[str]) -> Likeness:
        return compare([*map(_in_english, questions)], [*map(_in_english, texts)])

    return compare_in_english if language == "zh" else compare


@lru_cache(maxsize=4096)
def _in_english(text: str) -> str:
    return translated(text, "en") or text


def _share_of_words(table: Table, odds: Table) -> float:
    """The share of the question's words that the best statement's passage has: odds of words tell no more."""
    return float(table[int(odds.argmax()), WORDS.index("wide")])


def best_passages(hits: Sequence[Hit], ranked: Sequence[Statement], n: int) -> tuple[list[Hit], list[Statement]]:
    """The n passages with the best statements, best first, and the ranked statements of those, numbered by them."""
    order = list(dict.fromkeys(statement.passage for statement in ranked))[:n]
    place = {passage: number for number, passage in enumerate(order)}
    kept = [s.at(place[s.passage]) for s in ranked if s.passage in place]
    return [hits[passage] for passage in order], kept


def question_features(table: Table, odds: Table) -> Table:
    """What tells whether a question is answered, shape (1, 5): the best statement's odds and the greatest likenesses.

    Of the words it knows nothing but by those odds: how far the words of an unanswerable question overlap is the
    curriculum's own doing. Of how many other statements come near it knows nothing either: small shops have few.
    """
    likest = table[:, [len(WORDS) + DENSE.index(name) for name in LIKENESSES]].max(axis=0)
    return np.array([[odds.max(), *likest]])


def _share(odds: Table) -> Table:
    return np.asarray(1 / (1 + np.exp(-odds)))


def with_best(table: Table) -> Table:
    """The features, and how far each is below the best of its column: a question's own scale does not matter then."""
    return np.hstack([table, table - table.max(axis=0)])


def word_features(question: str, said: Sequence[Statement], hits: Sequence[Hit], rarity: Rarity) -> Table:
    """The features that need no model, shape (len(said), len(WORDS))."""
    asks = _Asked.of(question, rarity)
    rows = [asks.features(_read(hits[s.passage].chunk)[s.order], hits[s.passage]) for s in said]
    return np.array(rows, float)


def dense_features(question: str, said: Sequence[Statement], hits: Sequence[Hit], compare: Compare) -> Table:
    """The features DENSE, shape (len(said), 5): how like a statement is to the question with what it leans on, and to
    it alone, by cosine and by interaction."""
    now, before = annotated(asking(question.partition("\n")[0])), annotated(asking(question))
    found = compare([now, before], [in_place(s, hits[s.passage].chunk) for s in said])
    leant = [(1 - LEANT_ON) * like[0] + LEANT_ON * like[1] for like in found]
    hit = [hits[s.passage].cosine for s in said]
    return np.column_stack([leant[0], found.whole[0], hit, leant[1], found.interaction[0]]).astype(float)


def asking(question: str) -> str:
    """A question with a question mark, which those in a hurry leave out: the model takes what lacks it for less of a
    question, and was half as sure of "how much is next day delivery"."""
    first, newline, before = question.partition("\n")
    return f"{first.rstrip(' .!?…')}?{newline}{before}"


def in_place(statement: Statement, chunk: Chunk) -> str:
    """A statement as the models read it: behind its title, its headings, and what leads into it."""
    return placed(chunk.title, (*chunk.heading, statement.heading), statement.whole)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks: words by their weight, their sum, the kinds of answer, and whether it is how the shop does
    things."""

    weights: Mapping[str, float]
    total: float
    kinds: Sequence[re.Pattern[str]]
    about_shop: bool
    places: Sequence[Mapping[str, float]]

    @classmethod
    def of(cls, question: str, rarity: Rarity) -> _Asked:
        now, _, before = question.partition("\n")
        weights = {word: LEANT_ON * rarity(word) for word in asked_words(before)}
        weights |= {word: rarity(word) for word in asked_words(now)}
        weights = weights or dict.fromkeys(content_words(question), 1.0)
        total = sum(weights.values()) or 1.0
        return cls(weights, total, answer_kinds(now), is_about_shop(now), asked_places(now) or asked_places(before))

    def features(self, read: _Read, hit: Hit) -> list[float]:
        """The features WORDS of a statement."""
        statement, near, wide, inside = read.statement, 0.0, 0.0, 0.0
        for term, weight in self.weights.items():
            if term in read.own:
                near, wide, inside = near + weight, wide + weight, inside + weight
            elif term in read.above:
                near, wide = near + HEADING_SHARE * weight, wide + weight
            elif term in read.around:
                wide += weight
        place = fit(self.places, *read.places) if self.places else 0.0
        kind = sum(_has(kind, statement.text) for kind in self.kinds) / len(self.kinds) if self.kinds else 0.0
        return [
            near / self.total,
            wide / self.total,
            inside / self.total,
            kind,
            float(not self.kinds),
            hit.score,
            1.0 / (1 + read.behind),
            float(bool(statement.subject) and self.about_shop),
            float(statement.row),
            max(place, 0.0),
            float(place < 0),
            float(not self.places and read.names_place),
        ]


@lru_cache(maxsize=8192)
def _has(kind: re.Pattern[str], text: str) -> bool:
    return kind.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Read:
    """A statement with its words, those of what stands above it, and those of its passage; how many statements of its
    section are before it; where to look for the places that it is about, and whether it names any."""

    statement: Statement
    own: frozenset[str]
    above: frozenset[str]
    around: frozenset[str]
    behind: int
    places: tuple[str, ...]
    names_place: bool


def said_in(hits: Sequence[Hit]) -> list[Statement]:
    """Every statement of the hits, in their order."""
    return [read.statement.at(number) for number, hit in enumerate(hits) for read in _read(hit.chunk)]


@lru_cache(maxsize=1024)  # the same passages answer most questions: 20 ms a turn without
def _read(chunk: Chunk) -> tuple[_Read, ...]:
    """The statements of a passage, each at its `order`."""
    around, first, found = frozenset(content_words(chunk.text)), dict[str, int](), list[_Read]()
    for statement in statements(chunk):
        above = "\n".join((chunk.title, *chunk.heading, statement.heading, statement.lead))
        behind = statement.order - first.setdefault(statement.heading, statement.order)
        own = frozenset(content_words(statement.text))
        places = (statement.whole, statement.heading, *chunk.heading[::-1], chunk.title)
        names_place = bool(named_places(statement.whole))
        found.append(_Read(statement, own, frozenset(content_words(above)), around, behind, places, names_place))
    return tuple(found)
