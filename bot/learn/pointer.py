"""Which LoRA speaks: `HOME/learn/current.json`, replaced whole, at which a running desk looks before each reply.

    {"run": "2026-11-28T101500-3fa9c1", "previous": ["2026-11-27T..."], "promoted_at": "2026-11-28T10:31:07+00:00",
     "canary": {"run": "2026-11-28T...", "share": 0.1, "since": "2026-11-28T10:31:07.000+00:00"}}

No `run`, or no file, is the base alone. A crash at any moment leaves the old pointer or the new one.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from bot.errors import LearningError
from bot.learn.locks import held
from bot.learn.runs import Run, Runs, write_whole

FILE: Final = "current.json"
KEPT: Final = 20  # runs that a roll back can reach
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Canary:
    """A run that speaks in a share of the conversations, in (0, 1), and since when, as the store writes times."""

    run: str
    share: float
    since: str = ""


@dataclass(frozen=True, slots=True)
class Pointer:
    """The run that speaks, None for the base alone; those before it, the newest first."""

    run: str | None = None
    previous: tuple[str, ...] = ()
    promoted_at: str = ""
    canary: Canary | None = None

    @property
    def runs(self) -> tuple[str, ...]:
        """Those that speak in any conversation."""
        return tuple(name for name in (self.run, self.canary and self.canary.run) if name)

    def run_for(self, conversation: str) -> str | None:
        """The run that speaks in a conversation: the same one from its first reply to its last."""
        if self.canary and _place(self.canary.run, conversation) < self.canary.share:
            return self.canary.run
        return self.run


def stamp(home: Path) -> Stamp | None:
    """What changes when the pointer does, by one look at the folder; None where there is no pointer."""
    try:
        found = (home / "learn" / FILE).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def read(home: Path) -> Pointer:
    """The pointer; that of the base where there is none. Raises LearningError where it is not as it was written."""
    path = home / "learn" / FILE
    try:
        return _pointer(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Pointer()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LearningError(
            f"{path}: cannot be read ({type(error).__name__}); `shopdesk learn rollback --base` writes it anew"
        ) from error


def lora_for(home: Path, conversation: str, base_fingerprint: str) -> Path | None:
    """The LoRA that speaks in a conversation, None for the base alone. Raises LearningError for one that is not fit."""
    run = read(home).run_for(conversation)
    return fit_run(home, run, base_fingerprint).lora if run else None


def serving(home: Path, base_fingerprint: str) -> Run | None:
    """What speaks over this base: the pointer's run or, as a desk at its start has it, the newest before it that fits.

    None for the base alone. Raises LearningError where the pointer cannot be read.
    """
    pointer = read(home)
    for name in (pointer.run, *pointer.previous) if pointer.run else ():
        with suppress(LearningError):
            return fit_run(home, str(name), base_fingerprint)
    return None


def fit_run(home: Path, name: str, base_fingerprint: str) -> Run:
    """A finished run, whole, that was trained over this base. Raises LearningError, in one line, for any other."""
    runs = Runs(home)
    run = runs.get(name)
    if run.folder.resolve() != (runs.folder / run.id).resolve():
        raise LearningError(f"run {run.id} lies in {run.folder}; copy that folder into {runs.folder} to let it speak")
    if run.base_fingerprint != base_fingerprint:
        raise LearningError(
            f"run {run.id}: it was trained over {run.base!r} with the weights {run.base_fingerprint[:12]}, and those of"
            f" the generator are {base_fingerprint[:12]}: the base has changed under it; train again"
        )
    return run


def promote(home: Path, name: str, base_fingerprint: str, share: float | None = None) -> Pointer:
    """Lets a run speak from the next reply on; with `share`, in so many of the conversations at first.

    Raises LearningError where it is not whole, or not of this base; what spoke then goes on.
    """
    if share is not None and not 0 < share < 1:
        raise LearningError(f"share {share:g}: give one between 0 and 1, such as 0.1")
    with _changing(home):
        run, before = fit_run(home, name, base_fingerprint), read(home)
        if run.id == before.run:
            return _write(home, replace(before, canary=None))
        if share is not None:
            if before.canary and (before.canary.run, before.canary.share) == (run.id, share):
                return before  # its trial goes on
            return _write(home, replace(before, canary=Canary(run.id, share, _now("milliseconds"))))
        return _write(home, _after(before, run))


def end_trial(home: Path, canary: Canary, *, whole: bool) -> bool:
    """Lets a canary speak in all conversations, or in none; whether it still was on trial: else nothing is changed.

    Raises LearningError where it is to speak and is not whole.
    """
    with _changing(home):
        before = read(home)
        if before.canary != canary:
            return False
        _write(home, _after(before, Runs(home).get(canary.run)) if whole else replace(before, canary=None))
        return True


def roll_back(home: Path, *, to_base: bool = False) -> Pointer:
    """Takes back the last step: the canary where there is one, else the run that speaks, for the one before it.

    One that is no longer whole is passed over; with none left the base speaks, as `to_base` asks for at once.
    Raises LearningError where the base speaks already.
    """
    with _changing(home):
        if to_base:
            return _write(home, Pointer(promoted_at=_now()))
        before = read(home)
        if before.canary:
            return _write(home, replace(before, canary=None))
        if before.run is None:
            raise LearningError("the base speaks already; there is nothing to roll back")
        for number, name in enumerate(before.previous, 1):
            try:
                run = Runs(home).get(name)
            except LearningError as error:
                _log.warning("passed over: %s", error)
            else:
                return _write(home, Pointer(run.id, before.previous[number:], _now()))
        return _write(home, Pointer(promoted_at=_now()))


@contextmanager
def _changing(home: Path) -> Iterator[None]:
    folder = home / "learn"
    try:
        with held(folder / "pointer.lock"):
            yield
    except OSError as error:
        raise LearningError(
            f"{folder}: cannot be written ({error.strerror or error}); what spoke before goes on; make room or mend"
            " the rights, and try again"
        ) from error


def _after(before: Pointer, run: Run) -> Pointer:
    """The pointer once the run speaks in all conversations."""
    others = [one for one in (before.run, *before.previous) if one not in (None, run.id)]
    return Pointer(run.id, tuple(map(str, others[:KEPT])), _now())


def _write(home: Path, pointer: Pointer) -> Pointer:
    write_whole(home / "learn" / FILE, json.dumps(asdict(pointer), indent=1) + "\n")
    return pointer


def _pointer(fields: dict[str, Any]) -> Pointer:
    run, canary = fields["run"], fields["canary"]
    return Pointer(
        None if run is None else _named(run),
        tuple(_named(name) for name in fields["previous"]),
        str(fields["promoted_at"]),
        # An earlier Shopdesk did not write since when.
        Canary(_named(canary["run"]), float(canary["share"]), str(canary.get("since", fields["promoted_at"])))
        if canary
        else None,
    )


def _named(run: object) -> str:
    if not isinstance(run, str) or not _ID.fullmatch(run):
        raise ValueError(f"{run!r} is no id of a run")
    return run


def _place(run: str, conversation: str) -> float:
    """Where a conversation lies in [0, 1): for each run elsewhere, and not where it lies for the held-out ones."""
    return int.from_bytes(sha256(f"{run} {conversation}".encode()).digest()[:8]) / 2**64


def _now(precision: str = "seconds") -> str:
    return datetime.now(UTC).isoformat(timespec=precision)
