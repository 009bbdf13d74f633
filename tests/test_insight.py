"""The figures of the learning page: what is counted in which week, and what is too little to say anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.conversations import FILE, Conversations
from bot.desk import Desk
from bot.insight import Share, conversations, first_week, runs, thumbs_up, too_few
from bot.messages import Label, Outcome, Rating, Reply
from bot.settings import Settings

MONDAY, SUNDAY, NEXT = "2026-11-02T00:00:00.000+00:00", "2026-11-08T23:59:59.999+00:00", "2026-11-09T00:00:00.000+00:00"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Conversations]:
    with Conversations(tmp_path / FILE) as opened:
        yield opened


def talk(store: Conversations, *outcomes: Outcome, at: str = MONDAY, channel: str = "web", staff: bool = False) -> str:
    """A conversation begun at a time, with a reply of each outcome; the id of its last turn."""
    conversation, turn = store.start(channel, "staff" if staff else "public"), ""
    for number, outcome in enumerate(outcomes):
        turn = store.open_turn(conversation, f"m{number}", "?").id
        store.finish_turn(turn, Reply(turn, "Said.", outcome, 0.9), {})
    with store.writing() as database:
        database.execute("UPDATE conversations SET created_at = ? WHERE id = ?", (at, conversation))
    return turn


def rate(store: Conversations, turn: str, *labels: Label, at: str = MONDAY) -> None:
    for number, label in enumerate(labels):
        store.rate(Rating(turn, f"rater {number} {at}", label, "", at))


def test_thumbs_are_counted_in_the_week_they_were_given_by_channel(store: Conversations) -> None:
    web, slack = talk(store, "answer"), talk(store, "answer", channel="slack")
    rate(store, web, "up", "down", at=MONDAY)
    rate(store, web, "up", at=SUNDAY)
    rate(store, web, "down", at=NEXT)
    rate(store, slack, "up", at=NEXT)
    rate(store, web, "up", at="2026-10-31T12:00:00.000+00:00")
    assert thumbs_up(store, "2026-11-02") == {
        "web": [Share("2026-11-02", 2, 3), Share("2026-11-09", 0, 1)],
        "slack": [Share("2026-11-09", 1, 1)],
    }


def test_a_conversation_is_resolved_handed_over_or_neither(store: Conversations) -> None:
    talk(store, "decline", "answer")
    talk(store, "answer", "decline")
    rate(store, talk(store, "answer"), "up", "down")
    talk(store, "handover", "answer")
    asked_for_person = talk(store, "answer")
    Desk(store, Settings()).open(store.turn(asked_for_person).conversation, "asked_for_person")
    talk(store, "answer", at=SUNDAY)
    talk(store)  # nothing was said
    talk(store, "answer", staff=True)
    talk(store, "answer", at=NEXT)
    talk(store, "answer", at="2026-11-01T12:00:00.000+00:00")
    assert conversations(store, "2026-11-02") == {
        "resolved": [Share("2026-11-02", 2, 6), Share("2026-11-09", 1, 1)],
        "handed over": [Share("2026-11-02", 2, 6), Share("2026-11-09", 0, 1)],
    }


def test_a_turn_that_is_still_being_written_does_not_count_as_the_last(store: Conversations) -> None:
    turn = talk(store, "answer")
    store.open_turn(store.turn(turn).conversation, "later", "?")
    assert conversations(store, "2026-11-02")["resolved"] == [Share("2026-11-02", 1, 1)]


def test_too_few_is_said_below_twenty_of_the_period() -> None:
    assert too_few([Share("w", 9, 10), Share("v", 9, 9)], "ratings").startswith("too few data (ratings: 19)")
    assert too_few([Share("w", 9, 10), Share("v", 0, 10)], "ratings") == ""


def test_a_period_begins_on_a_monday() -> None:
    assert first_week(datetime(2026, 11, 29, 23, tzinfo=UTC), 1) == "2026-11-23"  # a Sunday
    assert first_week(datetime(2026, 11, 30, 0, tzinfo=UTC), 2) == "2026-11-23"  # a Monday


def report(home: Path, name: str, **changes: Any) -> None:
    headline = {"value": 0.21, "low": 0.09, "high": 0.33, "n": 80}
    figures = {"differences": {"preference": headline}, "perplexity": {"before": 9.0, "after": 9.1}}
    whole = {"run": name, "decision": "passed", "decided_at": "2026-11-28T10:00:00+00:00", "figures": figures}
    folder = home / "learn" / "runs" / name
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(whole | changes))


def test_the_runs_are_read_from_their_reports_and_the_pointer(tmp_path: Path) -> None:
    assert runs(tmp_path) == []
    report(tmp_path, "b")
    report(tmp_path, "a", decision="refused", refusals=[{"says": "perplexity rises"}], figures={"differences": None})
    (tmp_path / "learn" / "current.json").write_text(json.dumps({"run": "b", "previous": [], "canary": None}))
    first, second = runs(tmp_path)
    assert (first.id, first.decision, first.speaks, first.headline) == ("a", "refused", False, None)
    assert first.why == ("perplexity rises",)
    assert (second.id, second.speaks, second.headline, second.pairs) == ("b", True, (0.21, 0.09, 0.33), 80)
    assert second.perplexity == (9.0, 9.1)


def test_a_figure_that_was_not_measured_is_left_out(tmp_path: Path) -> None:
    figures = {"differences": {"preference": {"value": float("nan"), "low": 0, "high": 1, "n": 3}}, "perplexity": {}}
    report(tmp_path, "a", decision="refused", figures=figures, refusals=None)
    (run,) = runs(tmp_path)
    assert (run.decision, run.headline, run.perplexity, run.why) == ("refused", None, None, ())


@pytest.mark.parametrize("content", ["", "[]", "{", '{"decision": 1}'])
def test_a_damaged_report_is_said_to_be_one(tmp_path: Path, content: str) -> None:
    report(tmp_path, "a")
    (tmp_path / "learn" / "runs" / "a" / "report.json").write_text(content)
    (tmp_path / "learn" / "current.json").write_text(content)
    assert [(run.id, run.decision) for run in runs(tmp_path)] == [("a", "unreadable")]
