"""The desk while a LoRA is trained: how much longer an answer takes than where the desk has the machine to itself.

    python -m tests.benchmarks training
    SHOPDESK_GENERATOR=FOLDER taskset -c 1 python -m tests.benchmarks training

`shopdesk serve` on the demo shop gets a question at a steady rate, over HTTP, about half of what it can answer; an
answer's time is from when the question was due to the end of its stream. Beside it `shopdesk learn train` runs as the
learning cycle starts it; it is stopped and let go on in turn, so that both sides of the ratio have the same machine.
Without a local generator in the settings it is a tiny network with random weights.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, median, quantiles

from adapters.learn_cycle import started
from bot.learn.cycle import is_local
from bot.settings import load_settings
from tests.benchmarks.desk import DEMO, Server, serving, shopdesk
from tests.benchmarks.learning import cases, preferring, record
from tests.benchmarks.measuring import Report, options, timed
from tests.benchmarks.memory import QUESTIONS
from tests.learn_runs import tiny_base

ROUNDS, ASKED = 12, 20  # rounds of each side, and questions in each
_LOAD = 2.0  # a question each so many times as an answer takes
_SETTLES = 0.3  # seconds in which one that is let go on is at work again


@contextmanager
def training(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A training that goes on for longer than anything here, from its first step on."""
    examples = home / "examples.jsonl"
    drawn = cases(60)
    examples.write_text("".join(json.dumps(record(at, one)) + "\n" for at, one in enumerate(preferring(drawn))))
    words = ["train", "--examples", str(examples), "--epochs", "10000"]
    log = home / "train.log"
    with log.open("wb") as lines, started(load_settings(home=home), words, lines.fileno()) as process:
        try:
            while not list(home.glob("learn/runs/*/curves.jsonl")):
                if process.poll() is not None:
                    raise SystemExit(f"the training ended: {log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def answers(server: Server, every: float, round_: int) -> list[float]:
    """Seconds of the answers of a round, to questions that come at that rate, each in a conversation of its own."""
    taken, due = [], time.perf_counter()
    for question in random.Random(round_).choices(QUESTIONS, k=ASKED):
        conversation = server.start()
        due += every
        time.sleep(max(0.0, due - time.perf_counter()))
        server.ask(conversation, question)
        taken.append(time.perf_counter() - due)
    return taken


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """What a process has had of the processors so far."""
    after_name = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    given = options(__doc__)
    report, rounds = Report("training", given.scale), max(2, round(ROUNDS * given.scale))
    quiet = {"SHOPDESK_LEARN_AT": "off", "SHOPDESK_MESSAGES_PER_MINUTE": "0"}
    os.environ.update({**quiet, "SHOPDESK_MESSAGES_PER_MINUTE_PER_ADDRESS": "0"})
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if not is_local(load_settings().generator):
            os.environ["SHOPDESK_GENERATOR"] = tiny_base(home / "base", positions=8192)  # reads the desk's prompts
        shopdesk("ingest", DEMO, "--home", home)
        with serving(home) as server, training(home) as process:
            process.send_signal(signal.SIGSTOP)
            for _ in range(2):  # the first one warms up
                took = [timed(server.ask, server.start(), question)[0] for question in QUESTIONS]
            every, before, passed = _LOAD * fmean(took), processor_seconds(process), 0.0
            alone: list[float] = []
            beside: list[float] = []
            for round_ in range(rounds):
                alone += answers(server, every, round_)
                process.send_signal(signal.SIGCONT)
                time.sleep(_SETTLES)
                seconds, taken = timed(answers, server, every, round_)
                process.send_signal(signal.SIGSTOP)
                passed += _SETTLES + seconds
                beside += taken
                print(f"{median(alone):.3f} s alone, {median(beside):.3f} s beside", file=sys.stderr)
            trained = (processor_seconds(process) - before) / passed
    p95 = [quantiles(taken, n=20)[-1] for taken in (alone, beside)]
    report.add("p95 answer time while a LoRA is trained over that without", p95[1] / p95[0], "x", at_most=1.25)
    report.add("... the median over that without", median(beside) / median(alone), "x")
    report.add("p95 answer time alone", 1e3 * p95[0], "ms")
    report.add("questions a second", 1 / every)
    report.add("processors that the training had", trained)
    report.show()


if __name__ == "__main__":
    main()
