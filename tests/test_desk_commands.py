"""`shopdesk desk` as processes over one home: the desk of a shop without Slack."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import new_home, process, shopdesk, write_shop

from bot.conversations import FILE, Conversations
from bot.desk import Desk
from bot.messages import Reply
from bot.settings import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def handed_over(home: Path, question: str = "Where is my parcel?") -> tuple[str, str]:
    """A conversation that waits for a person, and its hand-over."""
    with Conversations(home / FILE) as store:
        conversation = store.start("web")
        turn = store.open_turn(conversation, "m1", question)
        store.finish_turn(turn.id, Reply(turn.id, "One of our team takes over.", "handover", 1.0, reason="upset"), {})
        return conversation, Desk(store, Settings()).open(conversation, "upset").id


def test_a_shopper_is_answered_from_the_terminal(home: Path) -> None:
    conversation, handover = handed_over(home)
    (waiting,) = shopdesk(home, "desk", "list").value
    assert (waiting["id"], waiting["conversation"], waiting["state"]) == (handover, conversation, "waiting")
    assert shopdesk(home, "desk", "claim", handover, "--name", "Mei").value["staff"] == "Mei"
    said = process(home, "desk", "reply", handover, "包裹找到了。", "--name", "Mei").value  # another process
    assert (said["author"], said["text"], said["number"]) == ("Mei", "包裹找到了。", 1)
    shown = shopdesk(home, "desk", "show", handover).value
    assert [turn["question"] for turn in shown["turns"]] == ["Where is my parcel?"]
    assert [message["text"] for message in shown["staff_messages"]] == ["包裹找到了。"]
    assert shopdesk(home, "desk", "return", handover).value["state"] == "returned"
    assert shopdesk(home, "desk", "list").value == []
    assert shopdesk(home, "desk", "resolve", handover).value["state"] == "returned"


def test_what_cannot_be_done_is_one_line(home: Path) -> None:
    _, handover = handed_over(home)
    assert "no handover 'nothing'" in shopdesk(home, "desk", "claim", "nothing").complaint
    shopdesk(home, "desk", "claim", handover, "--name", "Mei")
    assert "is Mei's already" in shopdesk(home, "desk", "claim", handover, "--name", "Tom").complaint
    assert "empty" in shopdesk(home, "desk", "reply", handover, "  ").complaint
    shopdesk(home, "desk", "resolve", handover)
    assert "is resolved" in shopdesk(home, "desk", "reply", handover, "Hello").complaint


def test_a_draft_comes_from_the_shops_documents(tmp_path: Path, home: Path, exported_models: Path) -> None:
    new_home(home, exported_models)
    shopdesk(home, "ingest", write_shop(tmp_path / "shop"))
    _, handover = handed_over(home, "How much does delivery to Ireland cost?")
    draft = shopdesk(home, "desk", "show", handover, "--draft").value["draft"]
    assert "£9.00" in draft["text"]
    assert [source["document"] for source in draft["sources"]] == ["policies/delivery.md"]
    assert not draft["staff_only"]
