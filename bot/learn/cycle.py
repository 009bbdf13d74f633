"""A cycle of the loop: examples -> train -> evaluate -> gate -> promote. `HOME/learn/cycle.json` tells where it stands.

A cycle that was stopped goes on at its step, unless it is old by then. One process at a time has the cycle.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from bot.conversations import Conversations
from bot.errors import LearningError
from bot.learn.runs import Run, Runs, write_whole

FILE: Final = "cycle.json"
LOCK: Final = "cycle.lock"
EXAMPLES: Final = "examples.jsonl"
STALE: Final = timedelta(hours=20)

Step = Literal["examples", "train", "evaluate", "gate", "promote"]
STEPS: Final[tuple[Step, ...]] = ("examples", "train", "evaluate", "gate", "promote")


@dataclass(frozen=True, slots=True)
class Cycle:
    """Where a cycle stands: the step to come, its run once there is one, and how it ended, empty until then.

    Its examples are those up to `collected_at`; those up to `seen_until` went into cycles that came to their end.
    """

    started_at: str
    step: Step = "examples"
    run: str = ""
    outcome: Literal["", "promoted", "refused"] = ""
    collected_at: str = ""
    seen_until: str = ""


def read(home: Path) -> Cycle | None:
    """The last cycle; None where there was none, or its record cannot be read: then the next one begins anew."""
    try:
        return Cycle(**json.loads((home / "learn" / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write(home: Path, cycle: Cycle) -> Cycle:
    """Keeps where a cycle stands."""
    (home / "learn").mkdir(parents=True, exist_ok=True)
    write_whole(home / "learn" / FILE, json.dumps(asdict(cycle), indent=1) + "\n")
    return cycle


def to_go_on_with(home: Path, now: datetime) -> Cycle:
    """The cycle that was stopped, if it was lately; else a new one."""
    last = read(home)
    if last and not last.outcome and datetime.fromisoformat(last.started_at) > now - STALE:
        return last
    return Cycle(now.isoformat(timespec="seconds"), seen_until=last.seen_until if last else "")


def new_ratings(home: Path, store: Conversations) -> int:
    """Ratings that no cycle which came to its end has seen."""
    last = read(home)
    since = last.seen_until if last else ""
    return sum(rating.created_at > since for rating in store.all_ratings())


def run_on(home: Path, examples: Path) -> Run:
    """The newest finished run on that file. Raises LearningError where there is none."""
    content = sha256(examples.read_bytes()).hexdigest()
    made = [run for run in Runs(home).all() if run.examples == content]
    if not made:
        raise LearningError(f"{examples}: no run on it was finished; run `shopdesk learn train`")
    return made[-1]


def next_at(clock: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The next moment at which a clock there shows that time, such as 03:00."""
    here = now.astimezone(zone)
    at = time.fromisoformat(clock)
    today = datetime.combine(here.date(), at, zone)
    return today if today > here else datetime.combine(here.date() + timedelta(days=1), at, zone)


def is_local(generator: str) -> bool:
    """Whether a `generator` setting names a model with weights here, over which a LoRA can be trained."""
    return generator.partition(":")[0] not in ("extractive", "remote")


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
