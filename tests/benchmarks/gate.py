"""The gate's cost per turn: sentences against the passages, the guard, and pages against one another, as it is shipped.

    python -m tests.benchmarks gate

The engine over the demo shop with its own embedding model and composer, in conversations of four turns. A stopwatch
stands around `bot.evidence.gate.supported`, `bot.conduct.guard.Guard.objection` and
`bot.evidence.contradictions.contradictions`. The shares are of the same turns, models included; a turn that needs no
search has nothing to check and counts as well.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import ParamSpec, TypeVar

import pytest

from adapters.wiring import open_embedder, open_engine, open_snapshots
from bot import answering
from bot.conduct.guard import Guard
from bot.engine import Engine, joined
from bot.evidence import gate
from bot.settings import load_settings
from retrieval.update import update
from tests.benchmarks.desk import DEMO
from tests.benchmarks.measuring import Report, options, timed
from tests.benchmarks.memory import QUESTIONS

P = ParamSpec("P")
T = TypeVar("T")
ROUNDS = 10
PARTS = ("evidence", "guard", "contradictions")


class Stopwatch:
    """Seconds spent in what it stands around."""

    seconds = 0.0

    def around(self, action: Callable[P, T]) -> Callable[P, T]:
        def measured(*args: P.args, **kwargs: P.kwargs) -> T:
            began = time.perf_counter()
            try:
                return action(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - began

        return measured


def main() -> None:
    given = options(__doc__)
    report = Report("gate", given.scale)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        settings = load_settings(home=Path(folder))
        update([DEMO], open_snapshots(settings), open_embedder(settings))
        watches = {part: Stopwatch() for part in PARTS}
        patch.setattr(gate, "supported", watches["evidence"].around(gate.supported))
        patch.setattr(answering, "contradictions", watches["contradictions"].around(answering.contradictions))
        patch.setattr(Guard, "objection", watches["guard"].around(Guard.objection))
        with open_engine(settings) as engine:
            measure(engine, watches, max(1, int(ROUNDS * given.scale)), report)
    report.show()


def measure(engine: Engine, watches: dict[str, Stopwatch], rounds: int, report: Report) -> None:
    """The turns, and what they spent where."""
    turns: list[float] = []
    spent: dict[str, list[float]] = {part: [] for part in watches}
    for round_ in range(1 + rounds):
        for start in range(0, len(QUESTIONS), 4):
            conversation = engine.start("terminal")
            for number, question in enumerate(QUESTIONS[start : start + 4]):
                before = {part: watch.seconds for part, watch in watches.items()}
                taken, _ = timed(joined, engine.reply(conversation, str(number), question))
                if round_:  # the first one warms up
                    turns.append(taken)
                    for part, watch in watches.items():
                        spent[part].append(watch.seconds - before[part])
    spent["all of it"] = [sum(parts) for parts in zip(*spent.values(), strict=True)]
    report.add("turn of the desk as it is shipped, p50", 1e3 * median(turns), "ms")
    for part, seconds in spent.items():
        share = median(one / turn for one, turn in zip(seconds, turns, strict=True))
        report.add(f"the gate's cost per turn, {part}: p50", 1e3 * median(seconds), "ms")
        report.add(f"the gate's cost per turn, {part}: share of the turn", 100 * share, "%")


if __name__ == "__main__":
    main()
