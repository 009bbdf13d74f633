"""How far passages say what a sentence says: the features of a sentence beside its passages, and what they weigh.

Both regressions were fitted by `bot.learn.support`: `GRADED` tells what is supported from what is not in any text,
`RELEASE` a right reply of a shop from one that is wrong in one thing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from bot.amounts import Value
from bot.clauses import Clause, absolutes, body, claiming_words, clauses, denies, opposed
from bot.dates import DAY_WORDS, MONTH_WORDS
from bot.premises import Line, Pair, Premise, pairs, premise
from bot.questions import content_words
from bot.values import says, values
from knowledge.languages import detect
from knowledge.sentences import split

WEIGHTS = Path(__file__).parent / "weights" / "support.json"
T = TypeVar("T")
LOOKED_AT = 16  # lines
COPIED = 0.7  # a sentence with so much of its words in one statement says that statement, or a changed one
STEM = 5  # letters that two forms of a word share: "deliver", "delivery"
FEATURES = (
    "line", "own", "near", "anywhere", "pairs", "missing", "missing stems", "weakest clause", "values of line",
    "values beside", "values near", "values anywhere", "rival", "denial", "denial of line", "opposites", "absolutes",
    "length", "agrees",
    "denies", "names",
)  # fmt: skip
_ASKED = re.compile(r"[?？][\"'”’)*]*$")
_TOLD = re.compile(r"\W*(?:did you know|do you know that|have you heard)\b", re.I)
_AGREES = re.compile(
    r"\W*(?:yes|sure|of course|certainly|absolutely|no problem|that's fine|可以|是的|好的|没问题|当然)\b", re.I
)
_NAME = re.compile(r"(?<=[a-z,;] )(?![A-Z]{1,4}s?\b)[A-Z][\w'’-]*")  # not TV, UK, ID: words for what is written out


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence as what it claims; `text`, `words` and the rest are without the courtesies in `sentence`."""

    sentence: str
    text: str
    words: frozenset[str]
    values: tuple[Value, ...]
    clauses: tuple[Clause, ...]
    pairs: frozenset[Pair]

    @property
    def is_empty(self) -> bool:
        """Whether it claims nothing."""
        return not self.words and not self.values


@lru_cache(maxsize=512)
def claim(sentence: str) -> Claim:
    """What a sentence claims."""
    text = body(sentence)
    return Claim(sentence, text, claiming_words(text), values(text), clauses(text), pairs(text))


def features(said: Claim, premises: Sequence[Premise]) -> list[float]:
    """FEATURES of a claim beside the passages."""
    wordy = frozenset(word for word in said.words if not word[0].isdigit())
    lines = _nearest(wordy, [line for found in premises for line in found.lines])
    if not lines:
        return [0.0] * len(FEATURES)
    shares = [_share(wordy, line.words) for line in lines]
    stated = [[says(line.values, value) for value in said.values] for line in lines]
    best = max(range(len(lines)), key=lambda at: shares[at] + 0.3 * _mean(stated[at]))
    there = frozenset[str]().union(*(found.words for found in premises))
    missing = said.words - there
    return [
        _most(said.words, (line.words for line in lines)),
        _most(said.words, (line.own for line in lines)),
        _most(said.words, (line.near for line in lines)),
        _share(said.words, there),
        _most(said.pairs, (line.pairs for line in lines)),
        math.log1p(len(missing)),
        len(missing - _stems_known(missing, there)) / (len(said.words) or 1),
        min((_most(c.words, (line.words for line in lines)) for c in said.clauses if len(c.words) > 1), default=1.0),
        _mean(stated[best]),
        copied_values(said, lines),
        max(_mean([says(line.values_near, value) for value in said.values]) for line in lines),
        _mean([any(says(found.values, value) for found in premises) for value in said.values]),
        _rival(said, lines, stated, shares),
        denial(said, lines),
        float(any(c.denies for c in said.clauses) != any(c.denies for c in lines[best].clauses)),
        float(opposed(said.text, lines[best].raw, lines[best].text)),
        float(len(absolutes(said.text) - lines[best].absolutes)),
        math.log1p(len(said.words)),
        float(_AGREES.match(said.sentence) is not None),
        float(denies(said.text)),
        float(len(unknown_names(said, there))),
    ]


def _nearest(words: frozenset[str], lines: Sequence[Line]) -> list[Line]:
    """The lines that share most of the words; the others make no difference but to the time it takes."""
    shared = [len(words & line.words) for line in lines]
    order = sorted(range(len(lines)), key=lambda at: -shared[at])
    return [lines[at] for at in order[:LOOKED_AT]]


def _share(own: frozenset[T], there: frozenset[T]) -> float:
    return len(own & there) / len(own) if own else 1.0


def _most(own: frozenset[T], places: Iterable[frozenset[T]]) -> float:
    """The largest share that one of the places has."""
    return max(len(own & there) for there in places) / len(own) if own else 1.0


def _mean(stated: Sequence[bool]) -> float:
    return sum(stated) / len(stated) if stated else 1.0


def copied_values(said: Claim, lines: Sequence[Line]) -> float:
    """The largest share of the values that stand beside a statement with most of the words; 1 where there is none."""
    copied = [line for line in lines if len(said.words & line.own) >= COPIED * len(said.words)]
    return max((_mean([says(line.values_near, value) for value in said.values]) for line in copied), default=1.0)


def _stems_known(missing: frozenset[str], there: frozenset[str]) -> frozenset[str]:
    """Those of the words that are another form of a word there."""
    if not missing:
        return missing
    stems = {word[:STEM] for word in there}
    return frozenset(word for word in missing if word[:STEM] in stems)


def _rival(said: Claim, lines: Sequence[Line], stated: Sequence[Sequence[bool]], shares: Sequence[float]) -> float:
    """How much more of a claim's words stand with another value of the kind than with the value that it names."""
    most = 0.0
    for at, value in enumerate(said.values):
        own = max((share for share, has in zip(shares, stated, strict=True) if has[at]), default=0.0)
        others = (
            share
            for share, has, line in zip(shares, stated, lines, strict=True)
            if share > own and not has[at] and any(value.kind == that.kind for that in line.values)
        )
        most = max(most, max(others, default=own) - own)
    return most


def denial(said: Claim, lines: Sequence[Line]) -> float:
    """How alike a clause is to the nearest clause of the passages, where one of them denies and the other affirms."""
    most = 0.0
    least = 4 if detect(said.text) == "zh" else 2  # words: in Chinese, characters and pairs of them
    for clause in said.clauses:
        near = {True: 0.0, False: 0.0}  # by whether it denies
        for other in (other for line in lines for other in line.clauses):
            shared = len(clause.words & other.words)
            if shared >= least and clause.supposes == other.supposes:
                alike = shared / (max(len(clause.words), len(other.words)) + 0.5)
                near[other.denies] = max(near[other.denies], alike)
        if near[not clause.denies] > near[clause.denies]:
            most = max(most, near[not clause.denies])
    return most


def unknown_names(said: Claim, there: frozenset[str]) -> list[str]:
    """The names in a claim that are not among the words there: words with a capital that do not begin it."""
    names = (name for name in _NAME.findall(said.text) if name.lower() not in DAY_WORDS | MONTH_WORDS)
    return [name for name in names if not _known(frozenset(content_words(name)), there)]


def _known(words: frozenset[str], there: frozenset[str]) -> bool:
    return not words or not words.isdisjoint(there) or bool(_stems_known(words, there))


@dataclass(frozen=True, slots=True)
class Regression:
    """A logistic regression over FEATURES as they are; `enough` is the probability that is enough to release."""

    weights: tuple[float, ...]
    bias: float
    enough: float = 0.5

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Regression:
        """The regression in a record of the weights file; features that it does not name weigh nothing."""
        weights = tuple(float(record["weights"].get(name, 0.0)) for name in FEATURES)
        return cls(weights, float(record["bias"]), float(record.get("enough", 0.5)))

    def __call__(self, found: Sequence[float]) -> float:
        """The probability, in (0, 1)."""
        odds = self.bias + sum(weight * value for weight, value in zip(self.weights, found, strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


@cache
def load_weights(path: Path = WEIGHTS) -> Mapping[str, Regression]:
    """The regressions that `bot.learn.support` wrote: "graded", and "release" in English and in Chinese."""
    record = json.loads(path.read_text("utf-8"))
    return {name: Regression.of(found) for name, found in record["regressions"].items()}


def support(sentence: str, passages: Sequence[str]) -> float:
    """How far the passages say what a sentence says, in [0, 1]; 0 for a sentence that claims nothing, or no passages.

    What it only asks is left out.
    """
    said = claim(_told(sentence))
    if said.is_empty or not passages:
        return 0.0
    return load_weights()["graded"](features(said, [premise(passage) for passage in passages]))


def _told(text: str) -> str:
    """A text without what it only asks, if it says anything else."""
    told = [sentence for sentence in split(text) if _TOLD.match(sentence) or not _ASKED.search(sentence)]
    return " ".join(told) or text
