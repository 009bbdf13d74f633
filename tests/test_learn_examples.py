"""Examples to learn from, out of a real store and through the command that writes them."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from commands import read_lines, shopdesk

from bot.conversations import Conversations
from bot.desk import WITH_STAFF, Desk
from bot.messages import OPERATOR, Label, Outcome, Rating, Reply, Source
from bot.settings import Settings

PASSAGE = "Ring us on 01632 960 418. Boots can be returned within 30 days."
SOURCE = Source("returns.md", "Returns", "returns.md@1", 0.9, "Boots.", PASSAGE, ("Boots",), "9f")


def say(
    store: Conversations,
    number: int,
    question: str = "",
    text: str = "",
    *,
    channel: str = "web",
    outcome: Outcome = "answer",
    stopped: bool = False,
    conversation: str = "",
) -> str:
    """A finished turn; its id."""
    place = store.start(channel, conversation=conversation or f"c{number}")
    turn = store.open_turn(place, f"m{number}", question or f"Question {number}?").id
    reply = Reply(turn, text or f"Reply {number}.", outcome, 0.9, (SOURCE,), stopped=stopped)
    explanation = {"snapshot": 4, "chunks": [["returns.md@1", "9f", 0.9]], "model": "extractive", "lora": ""}
    store.finish_turn(turn, reply, explanation)
    return turn


def rate(store: Conversations, turn: str, label: Label = "up", rater: str = "", reason: str = "") -> None:
    store.rate(Rating(turn, rater or f"rater of {turn}", label, reason))


def fill(store: Conversations, count: int = 30) -> None:
    """Enough for a file: every third is bad."""
    for number in range(count):
        rate(store, say(store, number), "down" if number % 3 == 0 else "up")


def written(home: Path, *options: object) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    ran = shopdesk(home, "learn", "examples", "--out", home / "examples.jsonl", *options)
    assert (ran.status, ran.err) == (0, "")
    return ran.value, read_lines(home / "examples.jsonl")


def of_turn(lines: list[dict[str, Any]], turn: str) -> dict[str, Any]:
    return next(line for line in lines if line["origin"]["turn"] == turn)


def test_a_rated_turn_becomes_an_example_of_trl_with_its_origin(store: Conversations, tmp_path: Path) -> None:
    fill(store)
    say(store, 100, "Do you sell boots?", "Yes.", conversation="talk", channel="slack")
    turn = say(store, 101, "Can I return them?", "Within 30 days.", conversation="talk", channel="slack")
    rate(store, turn, "down", "Mei", "too short")
    report, lines = written(tmp_path)
    example = of_turn(lines, turn)
    assert [message["role"] for message in example["prompt"]] == ["system", "user", "assistant", "user"]
    assert PASSAGE in example["prompt"][0]["content"]
    assert [message["content"] for message in example["prompt"][1:]] == [
        "Do you sell boots?",
        "Yes.",
        "Can I return them?",
    ]
    assert example["completion"] == [{"role": "assistant", "content": "Within 30 days."}]
    assert example["label"] is False
    origin = example["origin"]
    assert (origin["conversation"], origin["channel"], origin["language"]) == ("talk", "slack", "en")
    assert (origin["snapshot"], origin["chunks"], origin["model"]) == (4, [["returns.md@1", "9f"]], "extractive")
    assert [(rating["label"], rating["reason"]) for rating in origin["ratings"]] == [("down", "too short")]
    assert "Mei" not in json.dumps(example)
    assert report["examples"] == len(lines) == 31
    assert report["label"] == {"bad": 11, "good": 20}
    assert report["channel"] == {"slack": 1, "web": 30}


def test_personal_data_is_not_in_the_file_and_the_shops_own_telephone_is(store: Conversations, tmp_path: Path) -> None:
    fill(store)
    asked = "My name is Jane Smith, 07700 900461. Where do I ring?"
    turn = say(store, 100, asked, "Mrs Smith, ring 01632 960 418.")
    rate(store, turn, "up", reason="mail jane@example.com")
    report, lines = written(tmp_path)
    example = of_turn(lines, turn)
    assert example["prompt"][-1]["content"] == "My name is <name>, <phone>. Where do I ring?"
    assert example["completion"][0]["content"] == "Mrs <name>, ring 01632 960 418."
    assert example["origin"]["ratings"][0]["reason"] == "mail <email>"
    assert example["origin"]["redactions"] == report["redactions"] == {"email": 1, "name": 2, "phone": 1}
    whole = (tmp_path / "examples.jsonl").read_text("utf-8")
    assert not [secret for secret in ("Jane", "Smith", "900461", "jane@") if secret in whole]
    assert stat.S_IMODE((tmp_path / "examples.jsonl").stat().st_mode) == 0o600


def test_what_is_left_out_is_counted_with_its_reason(store: Conversations, tmp_path: Path) -> None:
    fill(store)
    rate(store, say(store, 100, outcome="handover"))
    rate(store, say(store, 101, stopped=True))
    rate(store, say(store, 102, "Question 1?", "Reply  1."))  # as turn 1
    rate(store, say(store, 103, "Question 2?", "Reply 2."), "down")  # turn 2 was called good
    disputed = say(store, 104)
    rate(store, disputed, "up", "one")
    rate(store, disputed, "down", "two")
    rate(store, store.open_turn(store.start("web"), "m", "never answered").id)
    report, lines = written(tmp_path)
    assert report["left_out"] == {"conflict": 3, "duplicate": 1, "handed_over": 1, "stopped": 1, "unfinished": 1}
    assert len(lines) == 29


def test_one_rater_cannot_flood_the_examples(store: Conversations, tmp_path: Path) -> None:
    fill(store)
    for number in range(100, 160):
        rate(store, say(store, number), "up", "flooder")
    report, lines = written(tmp_path, "--per-rater", 5)
    assert report["left_out"]["flood"] == 55
    assert len(lines) == 35


def test_the_operators_own_ratings_all_count(store: Conversations, tmp_path: Path) -> None:
    fill(store)
    for number in range(100, 110):
        rate(store, say(store, number), "up", OPERATOR)
    report, lines = written(tmp_path, "--per-rater", 5)
    assert "flood" not in report["left_out"]
    assert len(lines) == 40


def test_what_staff_wrote_to_a_question_is_a_good_example(store: Conversations, tmp_path: Path) -> None:
    fill(store)
    desk, conversation = Desk(store, Settings(home=tmp_path)), store.start("web")
    turn = store.open_turn(conversation, "m1", "Do you rent out tents?").id
    store.finish_turn(turn, Reply(turn, "", "handover", 1.0, reason=WITH_STAFF), {})
    opened = desk.open(conversation, "asked_for_person")
    for text in ("No, we do not.", "Jane in Leeds does: jane@example.com"):
        desk.say(opened.id, "Mei", text)
    report, lines = written(tmp_path)
    example = of_turn(lines, turn)
    assert example["prompt"][-1]["content"] == "Do you rent out tents?"
    assert example["completion"][0]["content"] == "No, we do not.\nJane in Leeds does: <email>"
    assert (example["label"], example["origin"]["kind"], report["kind"]) == (True, "staff", {"rating": 30, "staff": 1})


def test_a_conversation_lies_in_one_split_and_the_same_store_gives_the_same_file(
    store: Conversations, tmp_path: Path
) -> None:
    for number in range(120):
        rate(store, say(store, number, conversation=f"talk {number // 3}"), "down" if number % 2 else "up")
    report, lines = written(tmp_path)
    splits: dict[str, set[str]] = {}
    for line in lines:
        splits.setdefault(line["origin"]["conversation"], set()).add(line["split"])
    assert all(len(split) == 1 for split in splits.values())
    assert set().union(*splits.values()) == {"train", "held_out"}
    assert report["split"]["held_out"] < 60
    again, same = written(tmp_path)
    assert (again, same) == (report, lines)


def test_too_little_to_learn_from_is_one_line(store: Conversations, tmp_path: Path) -> None:
    out = tmp_path / "examples.jsonl"
    out.write_text("as it was")
    ran = shopdesk(tmp_path, "learn", "examples", "--out", out)
    assert ran.status == 1
    assert ran.complaint.startswith("shopdesk: 0 examples, and 20 are needed")
    for number in range(30):
        rate(store, say(store, number), "up")
    ran = shopdesk(tmp_path, "learn", "examples", "--out", out)
    assert (ran.status, "all examples to train on are good" in ran.complaint) == (1, True)
    for number in range(30, 60):
        rate(store, say(store, number), "down")
    for unwritable in (tmp_path, tmp_path / "no" / "folder.jsonl"):
        ran = shopdesk(tmp_path, "learn", "examples", "--out", unwritable)
        assert (ran.status, f"{unwritable}: cannot be written" in ran.complaint) == (1, True)
    assert out.read_text() == "as it was"
