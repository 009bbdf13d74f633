"""How the desk is doing, for the people who look after it: ratings, conversations and LoRAs as figures over time.

Weeks begin on Monday, in UTC, and are written as that day. Nothing in here decides anything; `bot.learn.gate` does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bot.conversations import Conversations

ENOUGH: Final = 20  # of fewer a share may be chance
_WEEK: Final = "date({}, 'weekday 0', '-6 days')"


@dataclass(frozen=True, slots=True)
class Share:
    """In one week, `part` of `of`."""

    week: str
    part: int
    of: int


@dataclass(frozen=True, slots=True)
class Run:
    """A LoRA that the gate has decided about. `headline` is the difference to the one before it with the ends of its
    95 % interval, and `pairs` how many held-out pairs it is of; `perplexity` is before and after, on the frozen set."""

    id: str
    decision: str
    decided_at: str
    speaks: bool
    headline: tuple[float, float, float] | None = None
    pairs: int = 0
    perplexity: tuple[float, float] | None = None
    why: tuple[str, ...] = ()


def first_week(now: datetime, weeks: int) -> str:
    """The Monday on which the period of so many weeks up to now begins."""
    return (now - timedelta(days=now.weekday(), weeks=weeks - 1)).date().isoformat()


def thumbs_up(store: Conversations, since: str) -> dict[str, list[Share]]:
    """By channel and week, the thumbs up of all ratings that were given since a day."""
    found: dict[str, list[Share]] = {}
    with store.reading() as database:
        for channel, week, part, of in database.execute(_THUMBS_UP, (since,)):
            found.setdefault(channel, []).append(Share(week, part, of))
    return found


def conversations(store: Conversations, since: str) -> dict[str, list[Share]]:
    """By week, the shares of the shoppers' conversations begun since a day that were "resolved" and "handed over".

    Handed over: a person was called for. Resolved: no person was, and the last reply is an answer nobody rated down.
    Neither: the rest, such as those that end with a reply that declines.
    """
    with store.reading() as database:
        rows = database.execute(_CONVERSATIONS, (since,)).fetchall()
    return {
        "resolved": [Share(week, resolved, of) for week, resolved, _, of in rows],
        "handed over": [Share(week, handed, of) for week, _, handed, of in rows],
    }


def total(shares: list[Share]) -> int:
    """How many the shares of a period are of, all together."""
    return sum(share.of for share in shares)


def too_few(shares: list[Share], what: str) -> str:
    """The words for a period that says little; empty for one that has enough."""
    count = total(shares)
    return "" if count >= ENOUGH else f"too few data ({what}: {count}); from {ENOUGH} on a share says something"


def runs(home: Path) -> list[Run]:
    """The LoRAs that the gate has decided about, the oldest first, by the reports in a home.

    A report that cannot be read is in the list as that: its decision is "unreadable".
    """
    learn = home / "learn"
    pointer = _json(learn / "current.json") or {}
    current = {pointer.get("run"), _mapping(pointer, "canary").get("run")}
    paths = sorted((learn / "runs").glob("*/report.json"))
    return [_run(path, path.parent.name in current) for path in paths]


def _run(path: Path, speaks: bool) -> Run:
    report = _json(path)
    if report is None or not isinstance(report.get("decision"), str):
        return Run(path.parent.name, "unreadable", "", speaks)
    figures, refusals = _mapping(report, "figures"), report.get("refusals")
    headline, perplexity = _mapping(_mapping(figures, "differences"), "preference"), _mapping(figures, "perplexity")
    value, low, high, pairs = (_number(headline.get(name)) for name in ("value", "low", "high", "n"))
    before, after = (_number(perplexity.get(name)) for name in ("before", "after"))
    return Run(
        path.parent.name,
        report["decision"],
        str(report.get("decided_at", "")),
        speaks,
        None if value is None or low is None or high is None else (value, low, high),
        int(pairs or 0),
        None if before is None or after is None else (before, after),
        tuple(
            str(refusal.get("says", ""))
            for refusal in (refusals if isinstance(refusals, list) else ())
            if isinstance(refusal, dict)
        ),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _mapping(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


_THUMBS_UP: Final = f"""
    SELECT channel, {_WEEK.format("ratings.created_at")} AS week, sum(label = 'up'), count(*) FROM ratings
    JOIN turns ON turns.id = ratings.turn JOIN conversations ON conversations.id = turns.conversation
    WHERE ratings.created_at >= ? GROUP BY channel, week ORDER BY channel, week"""

_CONVERSATIONS: Final = f"""
    WITH ended AS (
        SELECT {_WEEK.format("conversations.created_at")} AS week, last.outcome AS outcome,
            EXISTS (SELECT 1 FROM handovers WHERE conversation = conversations.id) OR EXISTS (
                SELECT 1 FROM turns WHERE conversation = conversations.id AND outcome = 'handover') AS handed,
            EXISTS (SELECT 1 FROM ratings WHERE turn = last.id AND label = 'down') AS disliked
        FROM conversations JOIN turns AS last ON last.conversation = conversations.id AND last.number = (
            SELECT max(number) FROM turns WHERE conversation = conversations.id AND finished_at IS NOT NULL)
        WHERE audience = 'public' AND conversations.created_at >= ?
    )
    SELECT week, sum(outcome = 'answer' AND NOT handed AND NOT disliked), sum(handed), count(*)
    FROM ended GROUP BY week ORDER BY week"""
