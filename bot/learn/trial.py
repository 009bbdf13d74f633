"""The trial of a canary: what people thought of its conversations beside the others of the same time, and how it ends.

    shopdesk learn promote RUN --share 0.1
    shopdesk learn canary

Compared are the conversations that began since the canary speaks and in which a reply that a model wrote was rated; one
is good if no such reply was rated down. The interval of the difference holds at every look, so that looking each minute
ends no fair trial. `HOME/learn/runs/<id>/canary-<since>.json`, signed, is written before the pointer is: what was
decided is done after a crash, and decided once.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from bot.conversations import Conversations, now
from bot.errors import LearningError, UnknownTurn
from bot.evaluation.intervals import difference
from bot.learn.locks import held
from bot.learn.pointer import Canary, Pointer, end_trial, read
from bot.learn.report import require_passed
from bot.learn.runs import Run, Runs, write_whole
from bot.learn.signing import is_signed, signature
from bot.messages import OPERATOR, Label

PER_RATER: Final = 10  # ratings of one rater that count: whoever rates everything decides nothing alone
LOCK: Final = "canary.lock"
Outcome = Literal["too few", "undecided", "worse", "good"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """By how much the share of good conversations may fall, how many of each side are needed, and whether a canary that
    is good is promoted by itself."""

    fall: float = 0.1
    at_least: int = 30
    promotes: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """The rated conversations in which a run spoke, None for the base, and how many of them were good."""

    run: str | None
    rated: int
    good: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A canary beside what speaks else. `rated_down` are its turns that were, `left_out` counts ratings by reason."""

    canary: Side
    others: Side
    rated_down: tuple[str, ...]
    left_out: Mapping[str, int]

    @property
    def value(self) -> float:
        """The canary's share of good conversations less that of the others. There are some of both."""
        return self.canary.good / self.canary.rated - self.others.good / self.others.rated

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the value's 95 % interval, at whatever time one looks."""
        return difference(self.canary.good, self.canary.rated, self.others.good, self.others.rated)


class _Rated(NamedTuple):
    """A rating, and the model and the run, empty for the base, that wrote what was rated."""

    conversation: str
    model: str
    run: str
    label: Label
    turn: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison comes to, and in words with its numbers."""

    outcome: Outcome
    says: str


def compare(store: Conversations, pointer: Pointer) -> Comparison | None:
    """The ratings of a canary beside those of the others in the same time; None where no canary speaks."""
    canary = pointer.canary
    if canary is None:
        return None
    left_out: Counter[str] = Counter()
    heard = list(_ratings(store, canary.since, left_out))
    models = {one.model for one in heard if one.run == canary.run}
    rated: dict[str, list[_Rated]] = {}
    for one in heard:
        if one.run in (canary.run, pointer.run or "") and one.model in models:
            rated.setdefault(one.conversation, []).append(one)
        else:
            left_out["another_spoke"] += 1
    good: dict[str, list[bool]] = {canary.run: [], pointer.run or "": []}
    down: list[str] = []
    for ratings in rated.values():
        speakers = {one.run for one in ratings}
        if len(speakers) > 1:  # the canary was not loaded yet when it began
            left_out["both_spoke"] += len(ratings)
            continue
        good[speakers.pop()].append(all(one.label == "up" for one in ratings))
        down += [one.turn for one in ratings if one.run == canary.run and one.label == "down"]
    own, others = good[canary.run], good[pointer.run or ""]
    return Comparison(
        Side(canary.run, len(own), sum(own)),
        Side(pointer.run, len(others), sum(others)),
        tuple(dict.fromkeys(down)),
        dict(sorted(left_out.items())),
    )


def judge(comparison: Comparison, bounds: Bounds) -> Verdict:
    """Worse: the whole interval is below 0, the fall beyond the bound. Good: the whole interval is within the bound."""
    own, others = comparison.canary, comparison.others
    if min(own.rated, others.rated) < bounds.at_least:
        says = f"too few ratings: {own.rated} rated conversations of the canary and {others.rated} of the others"
        return Verdict("too few", f"{says}; {bounds.at_least} of each are needed")
    low, high = comparison.interval
    says = (
        f"good were {own.good} of {own.rated} rated conversations, and {others.good} of {others.rated} with"
        f" {others.run or 'the base'} ({comparison.value:+.3f}, 95 % interval {low:+.3f} to {high:+.3f};"
        f" the bound is {-bounds.fall:g})"
    )
    if high < 0 and comparison.value < -bounds.fall:
        return Verdict("worse", f"worse: {says}")
    if low > -bounds.fall:
        return Verdict("good", f"good enough to be promoted whole: {says}")
    return Verdict("undecided", f"undecided: {says}; it takes more ratings")


def told(comparison: Comparison, bounds: Bounds) -> dict[str, Any]:
    """A comparison and what it comes to, as JSON values."""
    verdict = judge(comparison, bounds)
    figure = None
    if comparison.canary.rated and comparison.others.rated:
        low, high = comparison.interval
        figure = {"value": comparison.value, "low": low, "high": high}
    return {**asdict(verdict), **asdict(comparison), "rated_down": list(comparison.rated_down), "difference": figure}


def settle(home: Path, store: Conversations, bounds: Bounds) -> dict[str, Any] | None:
    """Looks at the trial, and ends it where its figures say so: what is `told`, with the `decision` if there was one.

    None where no canary speaks. Raises LearningError where the pointer cannot be read or written, or the canary is to
    be promoted and may not.
    """
    if read(home).canary is None:
        return None
    with held(home / "learn" / LOCK):
        pointer = read(home)
        canary, found = pointer.canary, compare(store, pointer)
        if canary is None or found is None:
            return None
        path = Runs(home).folder / canary.run / _name(canary.since)
        record = _kept(home, canary.run, path) or _decided(home, pointer, canary, found, bounds)
        if record is None:
            return {**told(found, bounds), "decision": None}
        if end_trial(home, canary, whole=record["decision"] == "promoted"):
            level = logging.WARNING if record["decision"] == "rolled back" else logging.INFO
            _log.log(level, "canary %s: %s: %s", canary.run, record["decision"], record["says"])
        return record


def records(home: Path, run: Run) -> list[dict[str, Any]]:
    """How its trials ended, the oldest first. Raises LearningError for a record that is not as this home wrote it."""
    paths = sorted(run.folder.glob("canary-*.json"))
    found = [(path, _kept(home, run.id, path)) for path in paths]
    for path, record in found:
        if record is None:
            raise LearningError(f"{path}: its signature is not of this home; remove it, or restore it from a back-up")
    return [record for _, record in found if record]


def _decided(home: Path, pointer: Pointer, canary: Canary, found: Comparison, bounds: Bounds) -> dict[str, Any] | None:
    """The record of how the trial ends, kept; None where it goes on."""
    figures = told(found, bounds)
    if figures["outcome"] == "good" and bounds.promotes:
        require_passed(home, Runs(home).get(canary.run), pointer.run)
    elif figures["outcome"] != "worse":
        return None
    decision = "rolled back" if figures["outcome"] == "worse" else "promoted"
    trial = {**asdict(canary), "decision": decision, "decided_at": now(), "bounds": asdict(bounds)}
    record = {**trial, **figures}
    record["signature"] = signature(home, record)
    write_whole(Runs(home).folder / canary.run / _name(canary.since), json.dumps(record, indent=1) + "\n")
    return record


def _kept(home: Path, run: str, path: Path) -> dict[str, Any] | None:
    """The record of a run's trial; None for none, or for what is not as this home wrote it there."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        record: dict[str, Any] = json.loads(path.read_bytes())
        signed = record.pop("signature")
        if is_signed(home, record, signed) and (record["run"], _name(record["since"])) == (run, path.name):
            return {**record, "signature": signed}
    return None


def _name(since: str) -> str:
    return f"canary-{re.sub(r'[^0-9]', '', since.partition('+')[0])}.json"


def _ratings(store: Conversations, since: str, left_out: Counter[str]) -> Iterator[_Rated]:
    """Those that count, of conversations begun since a time, the first given first; the others are counted."""
    given: Counter[str] = Counter()
    with store.reading() as database:
        rows = database.execute(_RATINGS, (since,)).fetchall()
    for identity, rater, label, review in rows:
        with suppress(UnknownTurn):  # erased since
            turn = store.turn(identity)
            wrote = turn.explanation
            if review in _REVIEWED:
                left_out[_REVIEWED[review]] += 1
            elif wrote.get("prompt") is None:  # fixed words, facts of a product
                left_out["no_model_wrote"] += 1
            elif given[rater] >= PER_RATER and rater != OPERATOR:
                left_out["flood"] += 1
            else:
                given[rater] += 1
                yield _Rated(turn.conversation, wrote["model"], wrote["lora"], label, turn.id)


_REVIEWED: Final = {"drop": "dropped_in_review", "gap": "knowledge_gap"}  # no reply is to blame for these
_RATINGS: Final = """
    SELECT ratings.turn, rater, label,
        (SELECT decision FROM reviews WHERE reviews.turn = ratings.turn ORDER BY id DESC LIMIT 1)
    FROM ratings JOIN turns ON turns.id = ratings.turn JOIN conversations ON conversations.id = turns.conversation
    WHERE conversations.created_at >= ? ORDER BY ratings.created_at, ratings.turn, rater"""
