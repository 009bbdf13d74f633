"""How sure a figure is, and whether one run is really better than another.

`wilson`: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927); unlike the
textbook interval it stays within [0, 1] and keeps its coverage for few cases and for shares near 0 or 1.
`difference`: Johari, Koomen, Pekelis and Walsh, "Peeking at A/B Tests", KDD 2017 (the mixture sequential test), with
the variance of Agresti and Caffo, The American Statistician 54 (2000).
`mcnemar`: McNemar, Psychometrika 12 (1947), in its exact form, the sign test over the cases that changed.
`bootstrap`: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13, the percentile interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, log, sqrt
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
RESAMPLES = 2000
EXPECTED = 0.1  # differences of shares for which `difference` is narrowest; it holds for any
_AT_ONCE = 4_000_000  # numbers drawn in one go: 32 MB of them


def wilson(hits: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a share: every p that a test at `1 - level` does not reject for `hits` of `of`."""
    if not 0 <= hits <= of or of == 0:
        raise ValueError(f"{hits} of {of} is no share")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, spread = hits / of, z * z / of
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    low = 0.0 if hits == 0 else max(0.0, centre - half)  # exactly, where rounding would leave a crumb
    return low, 1.0 if hits == of else min(1.0, centre + half)


def difference(hits: int, of: int, other_hits: int, other_of: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the first share less the second, which holds however often one looks while cases come in.

    An interval for one look alone, looked at after every case, leaves the truth out sooner or later.
    """
    if not (0 <= hits <= of and 0 <= other_hits <= other_of):
        raise ValueError(f"{hits} of {of} and {other_hits} of {other_of} are no shares")
    # One hit and one miss are added to each: no share of few cases is sure.
    share, other = (hits + 1) / (of + 2), (other_hits + 1) / (other_of + 2)
    variance = share * (1 - share) / (of + 2) + other * (1 - other) / (other_of + 2)
    mixture = EXPECTED**2
    sure = 2 * log(1 / (1 - level)) + log((variance + mixture) / variance)
    half = sqrt(variance * (variance + mixture) / mixture * sure)
    return max(-1.0, share - other - half), min(1.0, share - other + half)


def mcnemar(gained: int, lost: int) -> float:
    """The two-sided p-value of so many gains and losses if each were as likely as the other; 1.0 for no change."""
    changed = gained + lost
    tail = sum(comb(changed, k) for k in range(min(gained, lost) + 1))
    return min(1.0, tail / 2 ** (changed - 1)) if changed else 1.0


def bootstrap(
    values: Sequence[float], level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """The percentile interval of a mean. For two runs over the same cases, give it the differences: it is paired."""
    if not values:
        raise ValueError("no values to resample")
    rows = np.asarray(values, np.float64)
    generator = np.random.default_rng(seed)
    means: list[float] = []
    step = max(1, _AT_ONCE // len(rows))
    for start in range(0, resamples, step):
        drawn = generator.integers(0, len(rows), (min(step, resamples - start), len(rows)))
        means.extend(rows[drawn].mean(axis=1).tolist())
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
