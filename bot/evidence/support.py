"""How far passages say what a sentence says: the features of a sentence beside its passages, and what they weigh.

The regressions were fitted by `bot.learn.support`, to tell a right reply of a shop from one that is wrong in one thing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bot.evidence.clauses import denies, opposed
from bot.evidence.coverage import Coverage, claim, mean, most
from bot.evidence.premises import premise
from bot.understanding.questions import content_words

WEIGHTS = Path(__file__).parent.parent / "weights" / "support.json"
FEATURES = (
    "line", "own", "near", "anywhere", "pairs", "missing", "missing stems", "weakest clause", "values of line",
    "values beside", "values near", "values anywhere", "rival", "denial", "denial of line", "opposites", "absolutes",
    "length", "agrees", "denies", "names",
)  # fmt: skip
_OTHERWISE = 0.2
_AGREES = re.compile(
    r"\W*(?:(?:yes|sure|of course|certainly|absolutely|no problem|that's fine)\b|可以|是的|好的|没问题|当然)", re.I
)


def features(found: Coverage) -> list[float]:
    """FEATURES of a claim beside the passages."""
    said, lines = found.said, found.lines
    if not lines:
        return [0.0] * len(FEATURES)
    length = len(said.words) or 1
    return [
        most(said.words, lines, lambda line: line.words),
        most(said.words, lines, lambda line: line.own),
        most(said.words, lines, lambda line: line.near),
        1 - len(found.missing) / length,
        max(len(said.pairs & line.pairs) for line in lines) / len(said.pairs) if said.pairs else 1.0,
        math.log1p(len(found.missing)),
        len(found.unknown) / length,
        found.weakest_clause,
        mean(found.says[found.at_best]),
        found.values_beside,
        found.values_near,
        found.values_anywhere,
        found.rival,
        found.denial,
        float(any(c.denies for c in said.clauses) != any(c.denies for c in found.best.clauses)),
        float(opposed(said.text, found.best.raw, found.best.text)),
        float(len(said.absolutes - found.best.absolutes)),
        math.log1p(len(said.words)),
        float(_AGREES.match(said.sentence) is not None),
        float(denies(said.text)),
        float(len(found.unknown_names)),
    ]


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
    """The regressions that `bot.learn.support` wrote, by language."""
    record = json.loads(path.read_text("utf-8"))
    return {name: Regression.of(found) for name, found in record["regressions"].items()}


def support(text: str, passages: Sequence[str]) -> float:
    """How far the passages say what a text says, in [0, 1]; 0 for one that claims nothing, or without passages.

    The share of its words that they have, one more than there are counted as there, since of two words one is missing
    sooner than ten of twenty; less so much for a value or a denial that stands there otherwise. All of it was chosen on
    answers to shoppers' questions (hetpqa, epqa), replies about venues and public services (dstc11, doc2dial) and the
    curriculum. A regression over FEATURES told changed replies apart better, but did worse on these than words alone.
    """
    said = claim(text)
    if said.is_empty or not passages:
        return 0.0
    found = Coverage(said, [premise(passage) for passage in passages])
    words = frozenset(content_words(text))
    left = sum(map(found.lack, words)) / (len(words) + 1)
    return max(0.0, 1 - left - _OTHERWISE * (found.rival + found.denial + 1 - found.values_beside))
