"""The review: what is looked at first, what a decision changes, and a correction that the next shopper gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from commands import process, read_lines, shopdesk

from adapters import web_chat
from adapters.wiring import open_engine
from bot.conversations import FILE, Conversations
from bot.engine import Engine
from bot.messages import Outcome, Rating, Reply
from bot.review import Reviews
from bot.settings import Settings
from tests.fakes import serving

TENTS = "Do you rent out tents?"
ANSWER = "No, we do not rent out tents. The climbing centre does, from £15.00 a night."


def turn_in(
    store: Conversations,
    question: str,
    outcome: Outcome = "answer",
    confidence: float = 0.95,
    reason: str = "",
    audience: Any = "public",
    said: str = "Said.",
) -> str:
    """A finished turn; its id."""
    turn = store.open_turn(store.start("web", audience), "m1", question).id
    store.finish_turn(turn, Reply(turn, said, outcome, confidence, reason=reason), {})
    return turn


def test_the_worst_come_first_and_what_is_fine_does_not_come(store: Conversations) -> None:
    unsure = turn_in(store, "Unsure?", confidence=0.62)
    declined = turn_in(store, "Declined?", "decline", 0.1, "not_found")
    once, twice = turn_in(store, "Once?"), turn_in(store, "Twice?")
    disputed, liked = turn_in(store, "Disputed?"), turn_in(store, "Liked?", confidence=0.62)
    turn_in(store, "Fine?")
    turn_in(store, "Election?", "decline", 0.1, "out_of_scope")
    for turn, rater, label in (
        (once, "a", "down"), (twice, "a", "down"), (twice, "b", "down"), (disputed, "a", "down"), (disputed, "b", "up"),
        (liked, "a", "up"),
    ):  # fmt: skip
        store.rate(Rating(turn, rater, label, "you idiots" if turn == twice else ""))  # type: ignore[arg-type]
    reviews = Reviews(store, Settings())
    queue = reviews.queue()
    assert [item.turn.id for item in queue] == [twice, once, disputed, declined, unsure]
    assert [item.why for item in queue[2:]] == [("rated down 1 of 2",), ("declined",), ("unsure (0.62)",)]
    assert queue[0].ratings[0].reason == "you idiots"  # left to judgement
    assert (reviews.waiting(), len(reviews.queue(2))) == (5, 2)


def test_a_decision_takes_a_turn_out_of_the_queue_and_who_decided_what_stays_known(home: Path) -> None:
    with Conversations(home / FILE) as store:
        turn = turn_in(store, TENTS, "decline", 0.1, "not_found")
    assert TENTS in shopdesk(home, "review", "list").out
    assert shopdesk(home, "review", "show", 1).value["turn"] == turn
    assert shopdesk(home, "review", "keep", turn, "--name", "Mei").value["decision"] == "keep"
    assert shopdesk(home, "review", "gap", turn, "--name", "Tom").value["reviewer"] == "Tom"
    assert shopdesk(home, "review", "list", "--json").value == {"waiting": 0, "turns": []}
    decisions = shopdesk(home, "review", "show", turn).value["decisions"]
    assert [(one["decision"], one["by"]) for one in decisions] == [("keep", "Mei"), ("gap", "Tom")]
    assert all(one["at"] for one in decisions)
    assert shopdesk(home, "gaps", "--json").value["gaps"][0]["why"] == {"marked_in_review": 1}
    shopdesk(home, "review", "drop", turn)
    assert shopdesk(home, "gaps", "--json").value["gaps"] == []


def test_what_cannot_be_decided_is_one_line(home: Path) -> None:
    assert "there is no turn 1 in the queue" in shopdesk(home, "review", "show", 1).complaint
    assert "no turn 'nothing'" in shopdesk(home, "review", "drop", "nothing").complaint
    with Conversations(home / FILE) as store:
        turn = turn_in(store, TENTS)
    assert "needs a question and a reply" in shopdesk(home, "review", "correct", turn, "  ").complaint
    assert "901 characters" in shopdesk(home, "review", "correct", turn, "x" * 901).complaint
    assert "is no name" in shopdesk(home, "review", "keep", turn, "--name", " ").complaint
    assert shopdesk(home, "review", "show", turn).value["decisions"] == []


@contextmanager
def client_of(engine: Engine) -> Iterator[httpx.Client]:
    """A shopper's browser, and the running server it talks to."""
    with (
        serving(web_chat.build(engine, engine.settings)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def asked(client: httpx.Client, question: str) -> dict[str, Any]:
    """The first reply of a new conversation, with its sources."""
    conversation = client.post("/api/conversations").raise_for_status().json()["conversation"]
    body = {"message_id": "m1", "text": question}
    client.post(f"/api/conversations/{conversation}/messages", json=body).raise_for_status()
    reply: dict[str, Any] = client.get(f"/api/conversations/{conversation}").json()["turns"][0]["reply"]
    return reply


def test_the_next_shopper_gets_the_correction_and_no_longer_once_it_is_withdrawn(home: Path) -> None:
    settings = Settings(home=home)
    with open_engine(settings) as engine, client_of(engine) as shopper:
        first = asked(shopper, TENTS)
        assert "£15.00" not in json.dumps(first)
        turn = engine.store.turns(engine.store.recent()[0].id)[0].id
        text = f"{ANSWER} Mail jane.smith@example.com."
        decided = process(home, "review", "correct", turn, text, "--name", "Mei")  # beside the running server
        assert "personal data was taken out" in decided.err
        assert decided.value["correction"] == f"{ANSWER} Mail <email>."
        second = asked(shopper, "do you rent out tents")
        assert second["text"] == f"{ANSWER} Mail <email>."
        (source,) = second["sources"]
        assert (source["title"], source["heading"]) == ("Our own answer", [TENTS])
        assert source["document"] == decided.value["document"]
        other = asked(shopper, "Do you rent tents?")  # other words: found by its meaning, and said whole
        assert other["text"] == second["text"]
        assert "£9.00" in asked(shopper, "How much does delivery to Ireland cost?")["text"]
        shopdesk(home, "review", "drop", turn)
        assert "£15.00" not in json.dumps(asked(shopper, TENTS))


def test_a_question_that_leans_on_another_is_corrected_with_what_it_leans_on(home: Path) -> None:
    with open_engine(Settings(home=home)) as engine:

        def said(conversation: str, text: str) -> str:
            list(engine.reply(conversation, text, text))
            reply = engine.turns(conversation)[-1].reply
            assert reply
            return reply.text

        talk = engine.start("web")
        said(talk, "How much is delivery to Ireland?")
        said(talk, "And how long does it take?")
        turn = engine.turns(talk)[-1].id
        reviews = Reviews(engine.store, engine.settings)
        decided = reviews.correct(turn, "At Christmas 12 working days.", "Mei", engine.retriever)
        assert decided.question == "How much is delivery to Ireland? And how long does it take?"
        reviews.answers_of(turn)[0].publish(engine.retriever.snapshots, engine.retriever.embedder)
        again = engine.start("web")
        said(again, "How much is delivery to Ireland?")
        assert said(again, "and how long does it take") == "At Christmas 12 working days."


def test_what_was_corrected_for_staff_is_not_for_shoppers(home: Path) -> None:
    with open_engine(Settings(home=home)) as engine:
        turn = turn_in(engine.store, "What may I give away?", audience="staff")
        reviews = Reviews(engine.store, engine.settings)
        reviews.correct(turn, "An umbrella worth £77.00.", "Mei", engine.retriever)
        reviews.answers_of(turn)[0].publish(engine.retriever.snapshots, engine.retriever.embedder)
        replies = {}
        for audience in ("public", "staff"):
            talk = engine.start("slack", audience=audience)  # type: ignore[arg-type]
            list(engine.reply(talk, "m1", "What may I give away?"))
            replies[audience] = str(engine.turns(talk)[0].reply)
    assert "£77.00" in replies["staff"]
    assert "£77.00" not in replies["public"]


def test_an_approved_draft_is_what_the_next_shopper_gets(home: Path, tmp_path: Path) -> None:
    draft = tmp_path / "tents.md"
    draft.write_text(
        f"---\ntitle: {TENTS}\nlanguage: en\naudience: staff\nasked_as: [x y z]\n---\n# {TENTS}\n\n{ANSWER}\n"
    )
    settings = Settings(home=home)
    with open_engine(settings) as engine, client_of(engine) as shopper:
        assert "£15.00" not in json.dumps(asked(shopper, TENTS))
        approved = shopdesk(home, "gaps", "approve", draft).value
        assert approved["document"] == "approved/tents.md"
        found = asked(shopper, TENTS)
    assert (found["text"], found["sources"][0]["document"]) == (ANSWER, "approved/tents.md")
    assert "x y z" not in json.dumps(found)
    assert "no such file" in shopdesk(home, "gaps", "approve", tmp_path / "no.md").complaint.lower()
    (tmp_path / "empty.md").write_text("---\ntitle: x\n---\n")
    assert "holds no text" in shopdesk(home, "gaps", "approve", tmp_path / "empty.md").complaint
    (tmp_path / "slip.md").write_text("---\naudience: everybody\n---\nText.\n")
    assert "'everybody' is not known" in shopdesk(home, "gaps", "approve", tmp_path / "slip.md").complaint


def test_the_examples_follow_the_review(home: Path) -> None:
    with Conversations(home / FILE) as store:
        for number in range(24):
            turn = turn_in(store, f"Question {number}?", said=f"Reply {number}.")
            store.rate(Rating(turn, f"r{number}", "down" if number % 3 == 0 else "up"))
        dropped, gap = turn_in(store, "Dropped?"), turn_in(store, "Gap?", "decline", 0.1, "not_found")
        wrong, liked = turn_in(store, TENTS, said="Tents are fun."), turn_in(store, "Liked?", said="Yes and no.")
        for turn in (dropped, gap, wrong):
            store.rate(Rating(turn, "one", "down"))
        store.rate(Rating(liked, "one", "up"))
    shopdesk(home, "review", "drop", dropped)
    shopdesk(home, "review", "gap", gap)
    for turn in (wrong, liked):
        assert shopdesk(home, "review", "correct", turn, ANSWER if turn == wrong else "No.").status == 0
    ran = shopdesk(home, "learn", "examples", "--out", home / "examples.jsonl")
    report, lines = ran.value, read_lines(home / "examples.jsonl")
    left_out = {reason: count for reason, count in report["left_out"].items() if count}
    assert left_out == {"corrected": 1, "dropped_in_review": 1, "knowledge_gap": 1}
    assert report["kind"] == {"correction": 2, "rating": 25}
    of_wrong = {line["origin"]["kind"]: line for line in lines if line["origin"]["turn"] == wrong}
    assert (of_wrong["rating"]["label"], of_wrong["rating"]["rejected"]) == (False, [])
    correction = of_wrong["correction"]
    assert (correction["label"], correction["completion"][0]["content"]) == (True, ANSWER)
    assert correction["rejected"] == [{"role": "assistant", "content": "Tents are fun."}]
    assert ANSWER in correction["prompt"][0]["content"]  # what it rests on is there to read
