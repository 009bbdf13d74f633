"""Intervals and p-values, held against their definitions by brute force; the figures made of them."""

from __future__ import annotations

from itertools import product
from math import comb, exp, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.evaluation.figures import Item, auc, mean, quantile, rate, share
from bot.evaluation.intervals import EXPECTED, bootstrap, difference, mcnemar, wilson

Z = 1.959963984540054

counts = st.integers(1, 60).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


def items(*values: dict[str, bool | float]) -> list[Item]:
    return [Item(str(number), "any", value) for number, value in enumerate(values)]


@given(counts, st.floats(0.001, 0.999))
def test_a_share_lies_in_the_interval_exactly_when_the_score_test_does_not_reject_it(
    hits_of: tuple[int, int], p: float
) -> None:
    hits, of = hits_of
    distance = abs(hits / of - p) - Z * sqrt(p * (1 - p) / of)
    assume(abs(distance) > 1e-9)
    low, high = wilson(hits, of)
    assert (low <= p <= high) == (distance < 0)


def test_wilson_has_the_published_figures() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(20, 20)[1] == 1.0
    low, high = wilson(8, 10, level=0.99)
    assert (low, high) == pytest.approx((0.4008, 0.9598), abs=1e-4)


@pytest.mark.parametrize(("hits", "of"), [(0, 0), (3, 2), (-1, 2)])
def test_no_share_has_no_interval(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(hits, of)


def mixture_ratio(distance: float, variance: float) -> float:
    """How much likelier a difference is with the truth around it, as `difference` expects, than with it so far off."""
    step = EXPECTED / 200
    shifts = [step * at for at in range(-3000, 3000)]
    weights = [exp(-((shift / EXPECTED) ** 2) / 2) for shift in shifts]
    ratios = [exp((2 * distance * shift - shift**2) / (2 * variance)) for shift in shifts]
    return sum(weight * ratio for weight, ratio in zip(weights, ratios, strict=True)) / sum(weights)


@pytest.mark.parametrize(("one", "other"), [((40, 60), (400, 500)), ((55, 60), (30, 60)), ((200, 400), (210, 400))])
def test_a_difference_leaves_out_what_the_mixture_makes_twenty_times_less_likely(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    shares = [(hits + 1) / (of + 2) for hits, of in (one, other)]
    variance = sum(p * (1 - p) / (of + 2) for p, (_, of) in zip(shares, (one, other), strict=True))
    low, high = difference(*one, *other)
    for end in (low, high):
        assert mixture_ratio(abs(shares[0] - shares[1] - end), variance) == pytest.approx(20, rel=1e-3)
    assert difference(*other, *one) == pytest.approx((-high, -low))


def test_a_difference_of_few_or_of_none_says_so() -> None:
    assert difference(0, 0, 0, 0) == (-1.0, 1.0)
    low, high = difference(0, 3, 3, 3)
    assert low < -0.9
    assert high > 0
    with pytest.raises(ValueError, match="are no shares"):
        difference(2, 1, 0, 1)


@given(st.integers(0, 10), st.integers(0, 10))
def test_mcnemar_counts_the_outcomes_at_least_as_lopsided(gained: int, lost: int) -> None:
    changed = gained + lost
    assume(changed <= 12)
    outcomes = [sum(signs) for signs in product((0, 1), repeat=changed)]
    extreme = sum(abs(2 * ups - changed) >= abs(gained - lost) for ups in outcomes)
    assert mcnemar(gained, lost) == pytest.approx(extreme / len(outcomes))


def test_mcnemar_holds_for_large_counts() -> None:
    assert mcnemar(5000, 5000) == 1.0
    assert 0.0 <= mcnemar(9000, 1000) < 1e-300


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=5))
def test_the_bootstrap_has_a_fortieth_of_all_resamples_below_and_above(values: list[int]) -> None:
    low, high = bootstrap([float(value) for value in values])
    means = [sum(drawn) / len(values) for drawn in product(values, repeat=len(values))]
    slack = 0.012  # 2,000 resamples
    eps = 1e-9
    assert sum(m < low - eps for m in means) / len(means) <= 0.025 + slack
    assert sum(m <= low + eps for m in means) / len(means) >= 0.025 - slack
    assert sum(m > high + eps for m in means) / len(means) <= 0.025 + slack
    assert sum(m >= high - eps for m in means) / len(means) >= 0.025 - slack


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.floats(-50, 50), st.floats(0.1, 10))
def test_the_bootstrap_moves_with_its_values(values: list[float], shift: float, scale: float) -> None:
    low, high = bootstrap(values, resamples=200)
    moved = bootstrap([shift + scale * value for value in values], resamples=200)
    assert moved == pytest.approx((shift + scale * low, shift + scale * high), abs=1e-6)


def test_the_bootstrap_is_the_same_every_time_and_needs_values() -> None:
    values = [float(n % 7) for n in range(50)]
    assert bootstrap(values) == bootstrap(values)
    assert bootstrap(values) != bootstrap(values, seed=1)
    with pytest.raises(ValueError, match="no values"):
        bootstrap([])


def test_a_bootstrap_in_parts_is_one_over_enough_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [float(n % 7) for n in range(50)]
    monkeypatch.setattr("bot.evaluation.intervals._AT_ONCE", 500)
    low, high = bootstrap(values)
    assert low < sum(values) / 50 < high
    assert high - low == pytest.approx(2 * Z * 2 / sqrt(50), rel=0.15)


def test_a_rate_and_a_share_leave_out_what_does_not_apply() -> None:
    measured = items({"right": True, "part": 1, "whole": 3}, {"right": False, "part": 0, "whole": 1}, {})
    estimate = rate("right")(measured)
    assert (estimate.value, estimate.of, estimate.unit) == (0.5, 2, "%")
    assert (estimate.low, estimate.high) == wilson(1, 2)
    part = share("part", "whole")(measured)
    assert (part.value, part.of) == (0.25, 4)
    nothing = rate("absent")(measured)
    assert (nothing.value, nothing.low, nothing.of) == (None, None, 0)
    assert mean("absent")(measured).value is quantile("absent", 0.5, "s")(measured).value is None


def test_a_mean_has_the_bootstrap_interval() -> None:
    estimate = mean("f1")(items(*({"f1": n / 10} for n in range(10))))
    assert estimate.value == pytest.approx(0.45)
    assert (estimate.low, estimate.high) == bootstrap([n / 10 for n in range(10)])


@pytest.mark.parametrize("at", [0.5, 0.95])
@pytest.mark.parametrize("n", [20, 97, 400])
def test_the_interval_of_a_quantile_covers_it(n: int, at: float) -> None:
    estimate = quantile("seconds", at, "s")(items(*({"seconds": float(number)} for number in range(n))))
    assert estimate.low is not None
    assert estimate.high is not None
    low, high = int(estimate.low), int(estimate.high)
    assert estimate.value == pytest.approx(at * (n - 1))
    below = [comb(n, k) * at**k * (1 - at) ** (n - k) for k in range(n + 1)]  # so many of n draws below the quantile
    assert sum(below[: low + 1]) < 0.03  # the low end is above it
    assert sum(below[high + 1 :]) < max(0.03, at**n + 1e-9)  # beyond the largest of n values there is nothing to name


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=25))
def test_the_area_under_the_curve_counts_the_pairs(scored: list[tuple[int, bool]]) -> None:
    estimate = auc("score", "label")(items(*({"score": float(s), "label": right} for s, right in scored)))
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a, x in scored if x for b, y in scored if not y
    ]  # fmt: skip
    if not wins:
        assert estimate.value is None
        return
    assert estimate.value == pytest.approx(sum(wins) / len(wins))
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 <= estimate.low <= estimate.value + 1e-9
    assert estimate.value - 1e-9 <= estimate.high <= 1
