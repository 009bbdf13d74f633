"""What was measured item by item, and the figures over many items, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.evaluation.intervals import LEVEL, RESAMPLES, bootstrap, wilson

Value = bool | float


@dataclass(frozen=True, slots=True)
class Item:
    """One case or question. `values` are what was measured of it, those that apply; `record` is for the reader.

    Two items of one id and one `content_hash` in two runs are the same question.
    """

    id: str
    kind: str
    values: Mapping[str, Value]
    content_hash: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over `of` items (or sentences), with its interval; None where no item has it.

    `unit` is "%" for what lies in [0, 1], else what the value counts. `hits` of `of` make a share.
    """

    value: float | None
    low: float | None
    high: float | None
    of: int
    unit: str = "%"
    hits: int | None = None


Figure = Callable[[Sequence[Item]], Estimate]


def _none(unit: str) -> Estimate:
    return Estimate(None, None, None, 0, unit)


def _values(items: Sequence[Item], name: str) -> list[float]:
    return [float(item.values[name]) for item in items if name in item.values]


def rate(name: str) -> Figure:
    """The share of the items with this value for which it is true."""

    def figure(items: Sequence[Item]) -> Estimate:
        found = _values(items, name)
        return _share(round(sum(found)), len(found))

    return figure


def share(part: str, whole: str) -> Figure:
    """One count over another, both summed over the items. The interval takes what is counted as independent."""

    def figure(items: Sequence[Item]) -> Estimate:
        return _share(round(sum(_values(items, part))), round(sum(_values(items, whole))))

    return figure


def _share(hits: int, of: int) -> Estimate:
    return Estimate(hits / of, *wilson(hits, of), of, hits=hits) if of else _none("%")


def mean(name: str, unit: str = "%") -> Figure:
    """The mean, with a bootstrap interval."""

    def figure(items: Sequence[Item]) -> Estimate:
        found = _values(items, name)
        return Estimate(float(np.mean(found)), *bootstrap(found), len(found), unit) if found else _none(unit)

    return figure


def quantile(name: str, at: float, unit: str) -> Figure:
    """A quantile, with the interval between two of the ordered values (the binomial one, David and Nagaraja 2003)."""
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)

    def figure(items: Sequence[Item]) -> Estimate:
        found = sorted(_values(items, name))
        if not found:
            return _none(unit)
        n = len(found)
        half = z * sqrt(n * at * (1 - at))
        low, high = found[max(0, floor(n * at - half) - 1)], found[min(n - 1, ceil(n * at + half))]
        return Estimate(float(np.quantile(found, at)), low, high, n, unit)

    return figure


def auc(score: str, label: str) -> Figure:
    """The chance that an item with the label scores above one without it (a tie counts half).

    The interval resamples both sides.
    """

    def figure(items: Sequence[Item]) -> Estimate:
        pairs = [(float(i.values[score]), bool(i.values[label])) for i in items if {score, label} <= set(i.values)]
        high, low = (np.array([s for s, right in pairs if right is side]) for side in (True, False))
        if not len(high) or not len(low):
            return _none("%")
        wins = (np.sign(high[:, None] - low[None, :]) + 1) / 2
        generator = np.random.default_rng(0)
        drawn = [_resampled(wins, generator) for _ in range(RESAMPLES)]
        bounds = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Estimate(float(wins.mean()), float(bounds[0]), float(bounds[1]), len(pairs))

    return figure


def declined_at(refused: float, score: str, label: str) -> Figure:
    """The share of the items without the label that score below a threshold which refuses so few of those with it.

    The threshold is taken from these same items, so that judges with scores of any kind compare.
    """

    def figure(items: Sequence[Item]) -> Estimate:
        pairs = [(float(i.values[score]), bool(i.values[label])) for i in items if {score, label} <= set(i.values)]
        good = sorted(value for value, right in pairs if right)
        bad = [value for value, right in pairs if not right]
        if not good:
            return _none("%")
        threshold = good[floor(refused * len(good))]  # so many of them are below it, or fewer where some are equal
        return _share(sum(value < threshold for value in bad), len(bad))

    return figure


def _resampled(wins: NDArray[np.float64], generator: np.random.Generator) -> float:
    """The mean over rows and columns drawn with replacement: each row and column weighted by how often it was."""
    rows, columns = (generator.multinomial(n, np.full(n, 1 / n)) for n in wins.shape)
    return float(rows @ wins @ columns / wins.size)
