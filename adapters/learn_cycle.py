"""The cycle of the learning loop as processes: each step is a command of its own, at low priority, its memory apart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from adapters.background import beside
from adapters.learn_canary import bounds
from adapters.output import say
from adapters.wiring import open_store
from bot.conversations import now
from bot.errors import LearningError
from bot.learn import cycle, pointer, trial
from bot.learn.cycle import Cycle, Step
from bot.learn.locks import held, is_held
from bot.learn.report import verified
from bot.learn.runs import REPORT, Runs
from bot.office_hours import time_zone
from bot.settings import Settings

_LOW = 19  # of the priorities: what is left over
_STANDARD_ERROR = 2
_LOOK = timedelta(seconds=30)  # how long the schedule sleeps at most: clocks are set, machines sleep

Perform = Callable[[Settings, list[str], int], int]


def perform(settings: Settings, words: list[str], lock: int) -> int:
    """`shopdesk learn WORDS` as a process at low priority; its exit status. What it prints goes to standard error.

    It holds the lock too: where this process is killed, no other cycle begins before the step has ended.
    """
    with started(settings, words, _STANDARD_ERROR, pass_fds=(lock,)) as child:
        try:
            return child.wait()
        finally:
            child.terminate()


def run_cycle(settings: Settings, if_enough: bool = False, perform: Perform = perform) -> dict[str, Any]:
    """One cycle, or the rest of one that was stopped; what came of it.

    With `if_enough`, nothing is done for fewer new ratings than the settings want. Raises LearningError where a step
    fails, or another process has the cycle; what speaks goes on.
    """
    home = settings.home
    with held(home / "learn" / cycle.LOCK, busy="a cycle is under way already; see `shopdesk learn status`") as lock:
        state = cycle.to_go_on_with(home, cycle.now())
        if if_enough and state.step == "examples" and (waits := _waits(settings)):
            return {"outcome": "waiting", "why": waits}
        while not state.outcome:
            state = cycle.write(home, _after(settings, cycle.write(home, state), perform, lock))
    return {"outcome": state.outcome, "run": state.run}


def _after(settings: Settings, state: Cycle, perform: Perform, lock: int) -> Cycle:
    """The cycle after its next step."""
    home, examples = settings.home, settings.home / "learn" / cycle.EXAMPLES
    share = ["--share", str(settings.canary_share)] if settings.canary_share else []
    words: dict[Step, list[str]] = {
        "examples": ["examples", "--out", str(examples)],
        "train": ["train", "--examples", str(examples)],
        "evaluate": ["evaluate", state.run],
        "gate": ["gate", state.run],
        "promote": ["promote", state.run, *share],
    }
    began = now()
    status = perform(settings, words[state.step], lock)
    run = cycle.run_on(home, examples).id if state.step == "train" and not status else state.run
    if state.step == "gate" and status and _refused(settings, run):
        return replace(state, outcome="refused", seen_until=state.collected_at)
    if status:
        raise LearningError(
            f"`shopdesk learn {' '.join(words[state.step])}` failed with exit status {status}; what speaks goes on;"
            " `shopdesk learn run` goes on from there"
        )
    if state.step == "examples":
        return replace(state, step="train", collected_at=began)
    if state.step == "promote":
        return replace(state, outcome="promoted", seen_until=state.collected_at)
    return replace(state, step=cycle.STEPS[cycle.STEPS.index(state.step) + 1], run=run)


def _refused(settings: Settings, run: str) -> bool:
    with suppress(LearningError):
        return str(verified(settings.home, Runs(settings.home).get(run))["decision"]) == "refused"
    return False


def _waits(settings: Settings) -> str:
    """Why no cycle begins now; empty where one may."""
    if not cycle.is_local(settings.generator):
        return f"the generator {settings.generator!r} has no weights here to train a LoRA over"
    if canary := pointer.read(settings.home).canary:
        return f"the canary {canary.run} is on trial; see `shopdesk learn canary`"
    with open_store(settings) as store:
        new = cycle.new_ratings(settings.home, store)
    return f"{new} new ratings, and {settings.learn_at_least} are wanted" if new < settings.learn_at_least else ""


def status(settings: Settings) -> dict[str, Any]:
    """Which LoRA speaks, the runs with what the gate said of them, and the cycle: where it stands, when the next is."""
    home, last = settings.home, cycle.read(settings.home)
    speaks = pointer.read(home)
    with open_store(settings) as store:
        new = cycle.new_ratings(home, store)
        compared = trial.compare(store, speaks)
    return {
        **asdict(speaks),
        "trial": trial.told(compared, bounds(settings)) if compared else None,
        "generator": settings.generator,
        "note": _note(settings),
        "runs": [_about(settings, run) for run in Runs(home).all()],
        "cycle": {**asdict(last), "running": is_held(home / "learn" / cycle.LOCK)} if last else None,
        "new_ratings": new,
        "wanted": settings.learn_at_least,
        "next": _due(settings).isoformat() if _is_scheduled(settings) else None,
    }


def _about(settings: Settings, run: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "run": run.id,
        "state": run.state,
        "base": run.base,
        "made_at": run.made_at,
        "figures": run.figures,
    }
    try:
        ended = trial.records(settings.home, run)
        told["trials"] = [{name: one[name] for name in ("decision", "decided_at", "says")} for one in ended]
        report = verified(settings.home, run) if (run.folder / REPORT).exists() else None
    except LearningError as error:
        return {**told, "decision": None, "problem": str(error)}
    if report is not None:
        kept = {name: report[name] for name in ("decision", "decided_at", "accepted", "notes")}
        says = [refusal["says"] for refusal in report["refusals"]]
        return {**told, **kept, "refusals": says, "differences": report["figures"]["differences"]}
    return told


def _note(settings: Settings) -> str:
    if settings.lora is not None:
        return "the setting `lora` names a LoRA of its own, which speaks whatever is promoted"
    if not cycle.is_local(settings.generator):
        return "this generator has no weights here; set SHOPDESK_GENERATOR to a local model for a LoRA to speak"
    return ""


@contextmanager
def scheduled(settings: Settings) -> Iterator[None]:
    """Runs the cycle at its time of the day while the desk serves, where there is something to train."""
    if not _is_scheduled(settings):
        yield
        return
    with beside("learning", partial(_keep_time, settings)):
        yield


def _keep_time(settings: Settings, over: threading.Event) -> None:
    due = _due(settings)
    while not over.wait(max(0.0, min(_LOOK, due - _now_in(due)).total_seconds())):
        if _now_in(due) < due:
            continue
        _run_aside(settings, over)
        due = _due(settings)


def _is_scheduled(settings: Settings) -> bool:
    return settings.learn_at != "off" and settings.lora is None and cycle.is_local(settings.generator)


def _due(settings: Settings) -> datetime:
    return cycle.next_at(settings.learn_at, time_zone(settings.time_zone), cycle.now())


def _now_in(moment: datetime) -> datetime:
    return cycle.now().astimezone(moment.tzinfo)


def _run_aside(settings: Settings, over: threading.Event) -> None:
    """One cycle in processes of its own, its lines in `HOME/learn/cycle.log`; ended with the desk, to go on later."""
    log = settings.home / "learn" / "cycle.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # A group of its own, to be ended whole; not a session: the system may weigh whole sessions against each other
    # (autogroup), where a low priority is one within the session alone.
    words, how = ["run", "--if-enough"], {"process_group": 0}
    with log.open("ab") as lines, started(settings, words, lines.fileno(), **how) as child:
        while child.poll() is None:
            if over.wait(0.5):
                os.killpg(child.pid, signal.SIGTERM)  # the step too, which is in its group
                return
    if child.returncode:
        say(f"shopdesk: a learning cycle ended with exit status {child.returncode}; see {log}")


def started(settings: Settings, words: list[str], output: int, **how: Any) -> subprocess.Popen[bytes]:
    """`shopdesk learn WORDS` at low priority; what it prints goes to that descriptor, `how` is as Popen takes it."""
    where = ["--home", str(settings.home), "--knowledge", settings.knowledge]
    line = [sys.executable, "-m", "adapters.cli", "learn", *words, *where]
    child = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **how)
    with suppress(OSError):  # it may have ended already
        os.setpriority(os.PRIO_PROCESS, child.pid, _LOW)
    return child
