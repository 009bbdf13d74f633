"""What shoppers asked and did not get: clustered by meaning, counted, and drafted into a document that can be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from commands import shopdesk
from hypothesis import given
from hypothesis import strategies as st

from bot.conversations import FILE, Conversations
from bot.desk import Desk
from bot.learn.gaps import clusters
from bot.messages import Rating, Reply
from bot.settings import Settings

TENTS = ["Do you rent out tents?", "Can I hire a tent for a weekend?", "is it possible to rent camping gear"]
BOOTS = ["Do you buy back used boots?", "Can I sell my old boots to you?"]


def decline(store: Conversations, question: str, reason: str = "not_found", days_ago: int = 0) -> str:
    conversation = store.start("web")
    turn = store.open_turn(conversation, "m1", question).id
    store.finish_turn(turn, Reply(turn, "I could not find that.", "decline", 0.1, reason=reason), {})
    asked = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(timespec="milliseconds")
    store.database.execute("UPDATE turns SET created_at = ? WHERE id = ?", (asked, turn))
    return turn


def test_questions_of_one_meaning_are_one_gap(home: Path) -> None:
    with Conversations(home / FILE) as store:
        for question in [*TENTS, *BOOTS, "帐篷可以租吗"]:
            decline(store, question)
        decline(store, "Rent me a tent, I am called Jane Smith, 07700 900461", days_ago=40)
        decline(store, "Who won the election?", "out_of_scope")
        decline(store, "Do you rent out tents?", days_ago=90)
        rated = decline(store, "Do you purchase worn boots?", "steering")
        store.rate(Rating(rated, "one", "down"))
    found = shopdesk(home, "gaps", "--json").value
    assert [(gap["count"], gap["before"]) for gap in found["gaps"]] == [(4, 1), (3, 0)]
    tents, boots = found["gaps"]
    assert set(tents["examples"]) <= {*TENTS, "帐篷可以租吗"}
    assert (tents["trend"], boots["trend"]) == ("more", "too few data")
    assert boots["why"] == {"declined": 2, "rated_down": 1}
    assert "policies/returns.md" in [near["document"] for near in boots["nearest"]]
    assert found["note"].startswith("too few data: 7 questions in 30 days")
    assert shopdesk(home, "gaps", "--json").value == found
    longer = shopdesk(home, "gaps", "--days", 60, "--json")
    assert [gap["count"] for gap in longer.value["gaps"]] == [5, 3]
    assert not [secret for secret in ("Jane", "Smith", "900461") if secret in longer.out]
    shown = shopdesk(home, "gaps").out
    assert "1. asked 4 times, before 1 (more): declined 4" in shown


def test_a_draft_is_a_document_for_staff_out_of_what_they_replied(home: Path, tmp_path: Path) -> None:
    with Conversations(home / FILE) as store:
        for question in TENTS:
            turn = decline(store, question)
        decline(store, BOOTS[0])
        desk = Desk(store, Settings(home=home))
        opened = desk.open(store.turn(turn).conversation, "asked_for_person")
        desk.say(opened.id, "Mei", "We rent out tents for £20.00 a night. Mail jane@example.com to book.")
    ran = shopdesk(home, "gaps", "draft", 1)
    assert (ran.status, ran.err) == (0, "")
    assert "audience: staff" in ran.out
    assert "We rent out tents for £20.00 a night. Mail <email> to book." in ran.out
    folder = tmp_path / "drafts"
    folder.mkdir()
    (folder / "tents.md").write_text(ran.out)
    assert shopdesk(home, "ingest", folder, "--knowledge", "drafts").value["documents_added"] == 1
    unseen = shopdesk(home, "search", "rent a tent", "--json", "--knowledge", "drafts").value
    assert unseen == []  # a shopper does not get it before it is approved
    (folder / "tents.md").write_text(ran.out.replace("audience: staff", "audience: public"))
    shopdesk(home, "ingest", folder, "--knowledge", "drafts")
    assert shopdesk(home, "search", "rent a tent", "--json", "--knowledge", "drafts").value[0]["document"] == "tents.md"


def test_what_cannot_be_drafted_is_one_line(home: Path) -> None:
    assert shopdesk(home, "gaps", "--json").value["gaps"] == []
    assert "there is no gap 1" in shopdesk(home, "gaps", "draft", 1).complaint
    with Conversations(home / FILE) as store:
        decline(store, TENTS[0])
    ran = shopdesk(home, "gaps", "draft", 1)
    assert (ran.status, "has no reply of staff" in ran.complaint) == (1, True)


@given(st.integers(1, 12), st.integers(0, 10_000))
def test_clusters_hold_each_question_once_and_are_no_more_alike_than_allowed(count: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = (vectors @ vectors.T).astype(np.float32)
    groups = clusters(likeness, 0.5)
    assert sorted(at for group in groups for at in group) == list(range(count))
    assert groups == sorted(groups)
    for number, group in enumerate(groups):
        for other in groups[:number]:
            assert likeness[np.ix_(group, other)].mean() < 0.5 + 1e-6
