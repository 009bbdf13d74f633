"""The figures of the learning page: what is counted in which week, and what is too little to say anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.conversations import Conversations
from bot.desk import Desk
from bot.insight import Share, conversations, first_week, judged, thumbs_up, too_few
from bot.learn.pointer import FILE, promote
from bot.learn.report import gate
from bot.learn.runs import REPORT, Run
from bot.messages import Label, Outcome, Rating, Reply
from bot.settings import Settings
from tests.learn_runs import changed, evaluated, figure, good

MONDAY, SUNDAY, NEXT = "2026-11-02T00:00:00.000+00:00", "2026-11-08T23:59:59.999+00:00", "2026-11-09T00:00:00.000+00:00"


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


def decided(home: Path, evaluation: dict[str, Any]) -> Run:
    run = evaluated(home, evaluation)
    gate(home, run)
    return run


def test_the_runs_are_those_that_the_gate_decided_about(tmp_path: Path) -> None:
    assert judged(tmp_path) == []
    evaluated(tmp_path, good())  # no gate has looked at it
    refused = decided(tmp_path, changed("perplexity", "after", to=12.0))
    passed = decided(tmp_path, good())
    promote(tmp_path, passed.id, passed.base_fingerprint)
    first, second = sorted(judged(tmp_path), key=lambda one: one.decision, reverse=True)
    assert (first.id, first.decision, first.speaks) == (refused.id, "refused", False)
    assert "perplexity" in first.why[0]
    assert (second.id, second.speaks, second.headline, second.replies) == (passed.id, True, (0.2, 0.1, 0.3), 40)
    assert second.perplexity == (10.0, 10.1)


def test_a_figure_that_was_not_measured_is_left_out(tmp_path: Path) -> None:
    evaluation = changed("differences", "preference", to=figure(float("nan"), 0, 1))
    decided(tmp_path, {**evaluation, "perplexity": {}})
    (one,) = judged(tmp_path)
    assert (one.decision, one.headline, one.perplexity) == ("refused", None, None)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"decision": "passed"}'])
def test_a_report_that_the_gate_did_not_write_is_said_to_be_one(tmp_path: Path, content: str) -> None:
    run = decided(tmp_path, good())
    (run.folder / REPORT).write_text(content)
    (tmp_path / "learn" / FILE).write_text(content)
    assert [(one.id, one.decision, one.speaks) for one in judged(tmp_path)] == [(run.id, "unreadable", False)]
