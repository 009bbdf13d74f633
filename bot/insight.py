"""How the desk is doing, for the people who look after it: ratings, conversations and LoRAs as figures over time.

Weeks begin on Monday, in UTC, and are written as that day. Nothing in here decides anything; `bot.learn.gate` does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bot.conversations import Conversations
from bot.errors import LearningError
from bot.learn import pointer
from bot.learn.report import verified
from bot.learn.runs import REPORT, Run, Runs

ENOUGH: Final = 20  # of fewer a share may be chance
_WEEK: Final = "date({}, 'weekday 0', '-6 days')"


@dataclass(frozen=True, slots=True)
class Share:
    """In one week, `part` of `of`."""

    week: str
    part: int
    of: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A LoRA that the gate has decided about.

    `headline` is the difference to the one before it with the ends of its 95 % interval, and `replies` how many
    held-out ones it is of; `perplexity` is before and after, on the frozen set.
    """

    id: str
    decision: str
    decided_at: str = ""
    speaks: bool = False
    headline: tuple[float, float, float] | None = None
    replies: int = 0
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


def judged(home: Path) -> list[Judged]:
    """The LoRAs of a home that its gate has decided about, the oldest first.

    One whose report is not as the gate wrote it is in the list as that: its decision is "unreadable".
    """
    speaking: tuple[str, ...] = ()
    with suppress(LearningError):  # the desk itself says so, in its log
        speaking = pointer.read(home).runs
    return [_judged(home, run, run.id in speaking) for run in Runs(home).all() if (run.folder / REPORT).exists()]


def _judged(home: Path, run: Run, speaks: bool) -> Judged:
    try:
        report = verified(home, run)
    except LearningError as error:
        return Judged(run.id, "unreadable", speaks=speaks, why=(str(error),))
    headline = _figures(report, ("differences", "preference"), ("value", "low", "high", "n"))
    perplexity = _figures(report, ("perplexity",), ("before", "after"))
    return Judged(
        run.id,
        report["decision"],
        report["decided_at"],
        speaks,
        (headline[0], headline[1], headline[2]) if headline else None,
        int(headline[3]) if headline else 0,
        (perplexity[0], perplexity[1]) if perplexity else None,
        tuple(refusal["says"] for refusal in report["refusals"]),
    )


def _figures(report: Mapping[str, Any], place: Sequence[str], names: Sequence[str]) -> list[float]:
    """These figures of a report; none of them where one was not measured."""
    found: Any = report["figures"]
    for name in place:
        found = (found or {}).get(name)
    values = [float((found or {}).get(name, math.nan)) for name in names]
    return values if all(map(math.isfinite, values)) else []


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
