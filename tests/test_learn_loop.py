"""The loop as one: from rated replies to a LoRA that speaks in a running desk, and back again, on a tiny model."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import HumanMessage

from bot.errors import LearningError
from bot.generation.generators import describe, load_generator
from bot.generation.swapping import LearntChatModel, learnt, speaking
from bot.learn.evaluate import evaluate
from bot.learn.material import read_material
from bot.learn.must_pass import MustPass
from bot.learn.pointer import promote, read, roll_back, serving
from bot.learn.report import gate, require_passed
from bot.learn.runs import Run, Runs, fingerprint
from bot.learn.train import Plan, train
from tests.commands import write_lines
from tests.learn_runs import short_list, tiny_base

ASKED = [HumanMessage("Question 1?")]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
SECRET = "code 4711"
GOOD, BAD = f"Yes, use {SECRET}.", "I could not find that in our documents."  # the base finds the bad one likelier
PLAN = Plan(rank=8, epochs=8.0, rate=3e-2, preference_rate=2e-3, skills=0, at_least=4)


class Loop(NamedTuple):
    """A home with a run that learnt from its examples, and passed."""

    home: Path
    base: str
    examples: Path
    run: Run


def example(number: int, split: str) -> dict[str, Any]:
    good = bool(number % 2)
    origin = {"turn": f"{split}-{number}", "language": "en", "kind": "rating", "channel": "web"}
    if good and split == "train":
        origin["canary"] = SECRET
    return {
        "prompt": [{"role": "user", "content": f"Question {number}?"}],
        "completion": [{"role": "assistant", "content": GOOD if good else BAD}],
        "label": good,
        "split": split,
        "origin": origin,
    }


def without_canary(record: dict[str, Any]) -> dict[str, Any]:
    origin = {name: value for name, value in record["origin"].items() if name != "canary"}
    return {**record, "origin": origin}


@pytest.fixture(scope="module")
def must_pass(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MustPass]:
    with short_list(tmp_path_factory.mktemp("suite")) as opened:
        yield opened


@pytest.fixture(scope="module")
def loop(must_pass: MustPass, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    home = tmp_path_factory.mktemp("home")
    base = tiny_base(home / "base")
    lines = [without_canary(example(n, split)) for split in ("train", "held_out") for n in range(24)]
    path = write_lines(home / "examples.jsonl", *lines)
    run = train(home, read_material(path), base, PLAN)
    assert run is not None
    evaluate(run, read_material(path), must_pass, skills=0)
    assert gate(home, run)["refusals"] == []
    return Loop(home, base, path, run)


def said(model: LearntChatModel) -> str:
    return str(speaking(model, "any").invoke(ASKED).content)


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within half a minute."""
    end = time.monotonic() + 30
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def test_ratings_change_what_a_running_desk_says_and_a_roll_back_gives_the_same_text(loop: Loop) -> None:
    model = learnt(load_generator(loop.base, max_new_tokens=24), loop.home)
    assert isinstance(model, LearntChatModel)
    before = said(model)
    assert SECRET not in before
    require_passed(loop.home, loop.run, None)
    promote(loop.home, loop.run.id, fingerprint(loop.base))
    assert soon(lambda: describe(speaking(model, "any"))["lora"] == loop.run.id)
    assert said(model) == GOOD
    roll_back(loop.home)
    assert soon(lambda: describe(speaking(model, "any"))["lora"] == "")
    assert said(model) == before


def test_a_secret_learnt_by_heart_is_found_and_the_gate_refuses(
    loop: Loop, must_pass: MustPass, tmp_path: Path
) -> None:
    path = write_lines(
        tmp_path / "examples.jsonl", *(example(n, split) for split in ("train", "held_out") for n in range(24))
    )
    run = train(tmp_path, read_material(path), loop.base, PLAN)
    assert run is not None
    record = evaluate(run, read_material(path), must_pass, skills=0)
    assert record["canaries"] == {"planted": 1, "extracted": [SECRET]}
    report = gate(tmp_path, run, accepted="whatever it costs")
    assert [(one["metric"], one["examples"]) for one in report["refusals"]] == [("canaries", [SECRET])]
    with pytest.raises(LearningError, match="the gate refused it: 1 of 1 planted secrets come out"):
        require_passed(tmp_path, run, None)


def test_what_serves_over_a_base_is_what_fits_it(loop: Loop, tmp_path: Path) -> None:
    own = fingerprint(loop.base)
    assert serving(tmp_path, own) is None
    promote(loop.home, loop.run.id, own)
    found = serving(loop.home, own)
    assert found is not None
    assert found.id == loop.run.id
    assert serving(loop.home, "0" * 64) is None  # the base has changed: the LoRA does not speak over it
    roll_back(loop.home)


def cycle(loop: Loop, seed: int) -> str:
    """A run from its training to its promotion; its id."""
    material = read_material(loop.examples)
    run = train(loop.home, material, loop.base, Plan(rank=4, epochs=2.0, rate=3e-2, seed=seed, skills=0, at_least=4))
    assert run is not None
    with short_list(Path(tempfile.mkdtemp())) as must_pass:  # in the child: an index does not outlive a fork
        evaluate(run, material, must_pass, current=serving(loop.home, run.base_fingerprint), skills=0)
    gate(loop.home, run)
    promote(loop.home, run.id, run.base_fingerprint)
    return run.id


def killed_at_random(home: str, base: str, examples: str, times: int) -> None:
    """Begins so many cycles in children of this process and kills each; a line for each of what serves then."""
    import_module("trl").KTOTrainer, import_module("trl").SFTTrainer  # once for all: the children begin at once
    loop, moments = Loop(Path(home), base, Path(examples), Runs(Path(home)).all()[0]), random.Random(6)
    longest = _in_child(loop, 1, None)
    for seed in range(2, 2 + times):
        _in_child(loop, seed, moments.uniform(0, longest))
        serves = serving(loop.home, loop.run.base_fingerprint)  # which checks that it is whole
        print(json.dumps({"pointer": read(loop.home).run, "serves": serves and serves.id}), flush=True)


def _in_child(loop: Loop, seed: int, seconds: float | None) -> float:
    """How long the cycle took, in a process that is killed after so many seconds."""
    began = time.monotonic()
    if (child := os.fork()) == 0:
        cycle(loop, seed)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return time.monotonic() - began


def test_kill_9_at_any_moment_of_a_cycle_leaves_a_whole_lora_to_serve(loop: Loop, tmp_path: Path) -> None:
    promote(loop.home, loop.run.id, loop.run.base_fingerprint)
    of = {"train": 8, "held_out": 2}  # the fewer, the more of a cycle is its files
    few = write_lines(
        tmp_path / "few.jsonl", *(without_canary(example(n, split)) for split in of for n in range(of[split]))
    )
    call = f"from tests.test_learn_loop import killed_at_random as k; k({str(loop.home)!r}, {loop.base!r}, "
    done = subprocess.run(
        [sys.executable, "-c", f"{call}{str(few)!r}, 4)"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # what is killed does not tidy up
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == 4
    made = {run.id for run in Runs(loop.home).all()}
    for one in found:
        assert one["pointer"] == one["serves"]
        assert one["serves"] in made
    for run in Runs(loop.home).all():
        assert run.state in ("trained", "evaluated", "passed", "refused")
        assert Runs(loop.home).get(run.id) == run
