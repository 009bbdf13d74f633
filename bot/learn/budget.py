"""What training on conversations may give away of one of them: epsilon, delta, and the noise that keeps to them.

A LoRA is (epsilon, delta)-differentially private if, with a conversation among the examples or without it, no set of
LoRAs is more than e^epsilon times as likely to come out, but for a chance of delta (Dwork and Roth, "The Algorithmic
Foundations of Differential Privacy", 2014). The accounting is by Opacus: of the Gaussian mechanism on a Poisson sample
(Abadi et al., "Deep Learning with Differential Privacy", 2016), composed numerically (Gopi, Lee and Wutschitz,
"Numerical Composition of Differential Privacy", 2021).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from bot.errors import LearningError
from bot.learn.runs import EVALUATION, Run, read_record

ACCOUNTANT = "prv"  # of Opacus
BATCH = 16  # conversations of a step, on average
CLIP = 1.0  # the longest gradient that one conversation may have
UNIT = "conversation"
LEAST, MOST = 0.1, 50.0  # epsilon: below, the accountant is too coarse; above, nothing is promised


@dataclass(frozen=True, slots=True)
class Budget:
    """What is spent, on how many conversations: in each step every one of them takes part with the chance
    `sampling_rate`, its gradient is cut to the length `clip`, and the standard deviation of the noise on each number of
    their sum is `noise_multiplier` times that length."""

    epsilon: float
    delta: float
    noise_multiplier: float
    clip: float
    sampling_rate: float
    steps: int
    conversations: int

    def record(self) -> dict[str, Any]:
        """As the run keeps it."""
        return {"unit": UNIT, "accountant": f"opacus {ACCOUNTANT}", **asdict(self)}


def check(epsilon: float | None, delta: float | None) -> None:
    """Raises LearningError where no training can keep to what was asked."""
    if epsilon is None:
        if delta is not None:
            raise LearningError(f"--dp-delta {delta:g} goes with --dp-epsilon; give that too, such as --dp-epsilon 8")
        return
    if not LEAST <= epsilon <= MOST:
        raise LearningError(
            f"--dp-epsilon {epsilon:g}: must lie between {LEAST:g} and {MOST:g}, such as 8; less is more private"
        )
    if delta is not None and not 1e-12 <= delta < 1:
        raise LearningError(
            f"--dp-delta {delta:g}: must lie between 1e-12 and 1; far less than one in the number of conversations"
        )


@cache
def budget(epsilon: float, delta: float | None, conversations: int, epochs: float) -> Budget:
    """The least noise with which all steps together cost at most that; delta is 1 / (10 conversations) unless given.

    Raises LearningError where the noise would drown whatever so many conversations can say.
    """
    delta = 1 / (10 * conversations) if delta is None else delta
    rate = min(1.0, BATCH / conversations)
    steps = max(1, round(epochs / rate))
    noise = _noise(epsilon, delta, rate, steps)
    if noise >= rate * conversations:
        raise LearningError(
            f"{conversations} conversations are too few for --dp-epsilon {epsilon:g}: the noise on each number would be"
            f" {noise:.3g} times what one of them may change, and only {rate * conversations:.3g} of them meet in a"
            " step; collect more ratings, or give a larger --dp-epsilon"
        )
    return Budget(spent(noise, delta, rate, steps), delta, noise, CLIP, rate, steps, conversations)


def spent(noise: float, delta: float, rate: float, steps: int) -> float:
    """The epsilon of so many steps."""
    from opacus.accountants import create_accountant

    accountant = create_accountant(ACCOUNTANT)
    accountant.history = [(noise, rate, steps)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a first, looser bound, by which it sets its grid
        return float(accountant.get_epsilon(delta=delta))


def _noise(epsilon: float, delta: float, rate: float, steps: int) -> float:
    from opacus.accountants.utils import get_noise_multiplier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = get_noise_multiplier(
            target_epsilon=epsilon,
            target_delta=delta,
            sample_rate=rate,
            steps=steps,
            accountant=ACCOUNTANT,
            epsilon_tolerance=epsilon / 100,
        )
    return float(found)


def compared(run: Run, figures: Mapping[str, Any], others: Sequence[Run]) -> dict[str, Any] | None:
    """What a private run spent, and its held-out figures beside those of the newest run on the same examples and base
    that was trained without privacy and evaluated, if there is one; None for a run that is not private."""
    if "privacy" not in run.figures:
        return None
    record = {**run.figures["privacy"], "held_out": dict(figures), "without": None}
    for other in reversed(others):
        same = (other.examples, other.base_fingerprint) == (run.examples, run.base_fingerprint)
        if same and "privacy" not in other.figures and (other.folder / EVALUATION).exists():
            metrics = read_record(other.folder / EVALUATION).get("metrics", {})
            return {**record, "without": {"run": other.id, "held_out": metrics.get("candidate")}}
    return record
