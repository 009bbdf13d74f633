"""The whole story on real wires: a shopper in a browser, a member of staff in Slack or at a terminal, one store."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from adapters import web_chat
from bot.conversations import FILE, Conversations
from bot.engine import Engine
from bot.generation.composer import ExtractiveChatModel
from bot.settings import Settings
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.commands import process, shopdesk, write_shop
from tests.fake_slack import DESK, Call, FakeSlack, slack_office
from tests.fakes import HashEmbedder, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

IRELAND, COST = "How much does delivery to Ireland cost?", "Delivery to Ireland costs £9.00."
BOOTS, WORN = "Can I return boots that were worn outside?", "Boots that were worn outside cannot be returned."
PARCEL = "I ordered two kettles in one parcel."
ONCE = "One parcel, so you pay the £9.00 once."
HARM = "The kettle exploded and burned my hand."
VISITOR = "JSON.parse(localStorage.getItem('shopdesk:visitor'))"

OpenPage = Callable[..., Page]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    retriever = Retriever(snapshots=Snapshots(tmp_path / "index"), embedder=HashEmbedder())
    update([write_shop(tmp_path / "documents")], retriever.snapshots, retriever.embedder)
    with Conversations(tmp_path / FILE) as store:
        yield Engine(retriever, ExtractiveChatModel(), store, Settings(home=tmp_path), shop_name="Tarn & Co")


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your question").fill(text)
    page.keyboard.press("Enter")


def reply_to(page: Page, question: str) -> Locator:
    """The reply under a question, once it is finished."""
    asked = page.locator(".question").filter(has_text=question)
    reply = asked.locator("xpath=following-sibling::li[1]")
    expect(reply.locator(".thumbs")).to_be_visible()
    return reply


def notice(page: Page) -> Locator:
    return page.get_by_role("region", name="Talking to a person")


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    """What is on the disk, whatever any object in memory says."""
    with sqlite3.connect(f"file:{home / FILE}?mode=ro", uri=True) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def pressable(post: Call) -> dict[str, str]:
    """The buttons of a post in Slack: what each does, with its value."""
    pressed = [block["elements"] for block in post.arguments["blocks"] if block["type"] == "actions"]
    return {element["action_id"]: element["value"] for elements in pressed for element in elements}


def open_chat(open_page: OpenPage, address: str) -> Page:
    page = open_page(f"{address}/demo-shop")
    page.locator(".launcher").click()
    return page


def ask_in_vain(page: Page) -> None:
    """The shopper asks, looks at the source, is not satisfied, and asks for a person."""
    ask(page, IRELAND)
    reply = reply_to(page, IRELAND)
    expect(reply.locator(".words")).to_contain_text(COST)
    reply.get_by_role("button", name="Source 1: Delivery").first.click()  # the number in the text; the chip is another
    expect(page.locator(".panel mark").first).to_contain_text(COST)
    page.keyboard.press("Escape")
    reply.get_by_role("button", name="Not helpful").click()
    page.get_by_role("button", name="Does not answer my question").click()
    page.get_by_label("Anything else? (optional)").fill("for two kettles")
    page.get_by_role("button", name="Send", exact=True).first.click()
    expect(page.locator(".toast")).to_have_text("Thank you for telling us.")
    page.get_by_role("button", name="Talk to a person").click()
    expect(notice(page)).to_contain_text("A person has been asked to join")


def opened_thread(slack: FakeSlack, home: Path) -> tuple[Call, str]:
    """The post at the head of the new thread, and the thread's time; who, why, what was said and a draft are there."""
    head, transcript, draft = slack.until(lambda: slack.of("chat.postMessage")[:3][2:] and slack.of("chat.postMessage"))
    [(conversation, thread)] = rows(home, "SELECT conversation, thread FROM handovers")
    channel, _, time = thread.partition(":")
    assert head.arguments["channel"] == transcript.arguments["channel"] == draft.arguments["channel"] == channel == DESK
    assert transcript.arguments["thread_ts"] == draft.arguments["thread_ts"] == time
    assert conversation[:8] in head.text
    assert "the shopper asked for a person" in head.text
    assert all(part in transcript.text for part in (IRELAND, COST, "policies/delivery.md"))
    assert COST in draft.text
    return head, time


def rate_up(page: Page, reply: Locator) -> None:
    with page.expect_response(re.compile("/rating$")) as rated:
        reply.get_by_role("button", name="Helpful", exact=True).click()
    assert rated.value.status == 204


def test_a_shopper_a_person_in_slack_and_the_bot_again(
    open_page: OpenPage, engine: Engine, slack: FakeSlack, tmp_path: Path
) -> None:
    with slack_office(engine, slack) as office:
        page = open_chat(open_page, office.address)
        ask_in_vain(page)
        head, thread = opened_thread(slack, tmp_path)

        office.press("claim", pressable(head)["claim"], user="UMEI")
        expect(notice(page)).to_contain_text("Mei is with you")
        (claimed,) = slack.until(lambda: slack.of("chat.update"))
        assert (claimed.arguments["ts"], "claim" in pressable(claimed)) == (thread, False)
        ask(page, PARCEL)
        (mirrored,) = slack.until(lambda: [post for post in slack.of("chat.postMessage") if PARCEL in post.text])
        assert mirrored.arguments["thread_ts"] == thread

        written = office.write(ONCE, channel=DESK, thread=thread)
        office.event(written)  # Slack sends it again
        expect(page.locator(".staff .author")).to_contain_text("Mei")
        expect(page.locator(".staff .bubble")).to_have_text(ONCE)
        (tick,) = slack.until(lambda: slack.of("reactions.add"))
        assert tick.arguments["timestamp"] == written["ts"]
        expect(page.locator(".reply:visible")).to_have_count(1)  # the bot kept silent
        page.reload()
        expect(page.locator(".staff .bubble")).to_have_text(ONCE)

        office.press("return", pressable(claimed)["return"], user="UMEI")
        expect(page.locator(".step")).to_have_text(
            ["You asked for a person.", "Mei has joined.", "The assistant answers again."]
        )
        expect(notice(page)).to_be_hidden()
        ask(page, BOOTS)
        reply = reply_to(page, BOOTS)
        expect(reply.locator(".words")).to_have_text(WORN)
        rate_up(page, reply)
        slack.until(lambda: "Given back" in slack.of("chat.update")[-1].text)
        visitor = page.evaluate(VISITOR)

    assert not any(BOOTS in post.text for post in slack.of("chat.postMessage"))  # what comes after is the bot's alone
    check_store(tmp_path, visitor, thread, written["ts"])


def check_store(home: Path, visitor: str, thread: str, written: str) -> None:
    """Every row of the story is on the disk, and no other."""
    [(conversation, *kind)] = rows(home, "SELECT id, channel, audience FROM conversations")
    assert kind == ["web", "public"]
    turns = rows(home, "SELECT conversation, question, reply, outcome, reason FROM turns ORDER BY number")
    (_, asked, told, *answered), *others = turns
    assert (asked, COST in told, answered) == (IRELAND, True, ["answer", ""])
    assert others == [
        (conversation, PARCEL, "", "handover", "with_staff"),
        (conversation, BOOTS, WORN, "answer", ""),
    ]
    first, second, third = (turn for (turn,) in rows(home, "SELECT id FROM turns ORDER BY number"))
    assert rows(home, "SELECT turn, rater, label, reason FROM ratings ORDER BY created_at") == [
        (first, visitor, "down", "Does not answer my question; for two kettles"),
        (third, visitor, "up", ""),
    ]
    [(handover, opened_at, closed_at, *state)] = rows(
        home, "SELECT id, opened_at, closed_at, conversation, reason, state, staff, closed_by, thread FROM handovers"
    )
    assert state == [conversation, "asked_for_person", "returned", "Mei", "staff", f"{DESK}:{thread}"]
    assert opened_at < closed_at
    [(said, *message)] = rows(
        home, "SELECT id, conversation, handover, author, text, number, turn, message_id FROM staff_messages"
    )
    assert message == [conversation, handover, "Mei", ONCE, 1, second, f"slack:{DESK}:{written}"]
    assert sorted(rows(home, "SELECT key, done, payload FROM deliveries")) == sorted(
        (key, 1, "")
        for key in (
            f"desk:open:{handover}",
            f"desk:transcript:{handover}",
            f"desk:turn:{first}",
            f"desk:turn:{second}",
            f"desk:said:{said}",
            *(f"desk:standing:{handover}:{state}:False" for state in ("waiting:", "claimed:Mei", "returned:Mei")),
            f"slack:{DESK}:{written}",
        )
    )


def test_the_same_at_a_terminal_without_slack(open_page: OpenPage, engine: Engine, tmp_path: Path) -> None:
    with serving(web_chat.build(engine, engine.settings)) as address:
        page = open_chat(open_page, address)
        ask_in_vain(page)
        (waiting,) = shopdesk(tmp_path, "desk", "list").value
        assert (waiting["state"], waiting["reason"]) == ("waiting", "asked_for_person")

        ask(page, HARM)  # nobody has come yet, and this cannot wait
        expect(reply_to(page, HARM).locator(".words")).to_contain_text("call your local emergency services now")
        expect(notice(page)).to_contain_text("A person has been asked to join")
        shown = shopdesk(tmp_path, "desk", "show", waiting["id"]).value
        assert [turn["question"] for turn in shown["turns"]] == [IRELAND, HARM]

        assert process(tmp_path, "desk", "reply", waiting["id"], ONCE, "--name", "Anna").status == 0
        expect(page.locator(".staff .author")).to_contain_text("Anna")
        expect(page.locator(".staff .bubble")).to_have_text(ONCE)
        expect(notice(page)).to_contain_text("Anna is with you")

        assert process(tmp_path, "desk", "return", waiting["id"]).value["state"] == "returned"
        expect(page.locator(".step").last).to_have_text("The assistant answers again.")
        ask(page, BOOTS)
        expect(reply_to(page, BOOTS).locator(".words")).to_have_text(WORN)
    assert shopdesk(tmp_path, "desk", "list").value == []
    assert rows(tmp_path, "SELECT author, text FROM staff_messages") == [("Anna", ONCE)]
    assert rows(tmp_path, "SELECT state, staff, closed_by FROM handovers") == [("returned", "Anna", "staff")]
    assert rows(tmp_path, "SELECT reason FROM turns ORDER BY number") == [("",), ("safety",), ("",)]
