"""Talking to a person in the widget, and what else a shopper does with a conversation, in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedEngine, serving
from playwright.sync_api import Page, expect

from adapters.web_chat import build
from adapters.web_stream import Pace
from bot.conversations import FILE, Conversations
from bot.desk import Desk
from bot.messages import Source
from bot.settings import Settings

pytestmark = pytest.mark.browser

SOURCE = Source("d", "Returns policy", "d@1", 0.9, "Worn boots stay.", "Worn boots stay.", ("Returns",))
CLOSED = Settings(office_hours="Mon 03:00-03:01", time_zone="UTC")
CLOSED_BY_ANNA = "Anna has closed this matter. The assistant answers again."
CONVERSATION = "JSON.parse(localStorage.getItem('shopdesk:conversation'))"

OpenPage = Callable[..., Page]


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def engine(tmp_path: Path, settings: Settings) -> ScriptedEngine:
    return ScriptedEngine(home=tmp_path, settings=settings)


@pytest.fixture
def desk(tmp_path: Path, engine: ScriptedEngine) -> Iterator[Desk]:
    """The staff's desk, in what might be another process."""
    with Conversations(tmp_path / FILE) as store:
        yield Desk(store, Settings())


@pytest.fixture
def address(engine: ScriptedEngine, settings: Settings) -> Iterator[str]:
    with serving(build(engine, settings, pace=Pace(grace=60))) as address:
        yield address


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your question").fill(text)
    page.keyboard.press("Enter")


def notice(page: Page) -> Any:
    return page.get_by_role("region", name="Talking to a person")


def spoken(page: Page) -> Any:
    return page.locator("div.unseen[role=status]")


def test_a_person_takes_over_writes_and_gives_back(
    open_page: OpenPage, address: str, engine: ScriptedEngine, desk: Desk
) -> None:
    engine.enqueue("Worn boots stay.")
    page = open_page(address)
    ask(page, "Boots?")
    expect(page.locator(".thumbs")).to_have_count(1)
    page.get_by_role("button", name="Talk to a person").click()
    expect(notice(page)).to_contain_text("A person has been asked to join")
    expect(spoken(page)).to_have_text("You asked for a person.")
    expect(page.get_by_role("button", name="Talk to a person")).to_be_hidden()
    expect(page.get_by_label("Your question")).to_be_focused()

    ask(page, "Anybody there?")
    expect(page.locator(".question")).to_have_count(2)
    (waiting,) = desk.waiting()
    desk.claim(waiting.id, "Anna")
    expect(notice(page)).to_contain_text("Anna is with you")
    engine.desk.typing(waiting.id, "Anna")
    expect(notice(page)).to_contain_text("Anna is writing…")
    desk.say(waiting.id, "Anna", "We **do** take them back. <b>Really</b>")
    expect(page.locator(".staff")).to_have_text("AAnnaWe do take them back. <b>Really</b>")
    expect(spoken(page)).to_have_text(re.compile("^Anna: We "))
    expect(page.locator(".reply:visible")).to_have_count(1)  # the assistant kept silent

    page.reload()
    expect(page.locator(".turn")).to_have_text([re.compile(part) for part in ("Boots", "stay", "Anybody", "Anna")])
    expect(notice(page)).to_contain_text("Anna is with you")
    desk.say(waiting.id, "Anna", "Anything else?")
    expect(page.locator(".staff")).to_have_count(2)
    desk.resolve(waiting.id)
    steps = ["You asked for a person.", "Anna has joined.", CLOSED_BY_ANNA]
    expect(page.locator(".step")).to_have_text(steps)
    expect(notice(page)).to_be_hidden()
    page.reload()
    log = ["Boots", "stay", "^You asked", "Anybody", "^Anna has joined", "AnnaWe", "AnnaAny", "^Anna has closed"]
    expect(page.locator(".log > li")).to_have_text([re.compile(part) for part in log])

    engine.enqueue("Socks too.")
    ask(page, "And socks?")
    expect(page.locator(".reply .words").last).to_have_text("Socks too.")
    assert engine.asked == ["Boots?", "And socks?"]


def test_the_assistant_hands_over_by_itself_and_the_shopper_goes_on_without(
    open_page: OpenPage, address: str, engine: ScriptedEngine, desk: Desk
) -> None:
    engine.enqueue("I am sorry. A person will look at this.", outcome="handover")
    page = open_page(address)
    ask(page, "This is a disgrace!")
    expect(notice(page)).to_contain_text("A person has been asked to join")
    page.get_by_role("button", name="Go on with the assistant").click()
    expect(notice(page)).to_be_hidden()
    expect(page.locator(".step")).to_have_text(["A person has been asked to join", "The assistant answers again."])
    assert desk.waiting() == []
    page.reload()
    expect(page.locator(".step")).to_have_text(["A person has been asked to join", "The assistant answers again."])


def test_a_reply_shows_though_the_widget_has_not_heard_that_the_assistant_is_back(
    open_page: OpenPage, address: str, engine: ScriptedEngine, desk: Desk
) -> None:
    page = open_page(address)
    page.route("**/api/conversations/*/events", lambda route: route.abort())
    page.get_by_role("button", name="Talk to a person").click()
    expect(notice(page)).to_be_visible()
    (waiting,) = desk.waiting()
    desk.give_back(waiting.id)
    engine.enqueue("Worn boots stay.")
    ask(page, "Boots?")
    expect(page.locator(".reply .words")).to_be_visible()
    expect(page.locator(".reply .words")).to_have_text("Worn boots stay.")


def test_a_person_can_be_asked_for_before_anything_else(open_page: OpenPage, address: str, desk: Desk) -> None:
    page = open_page(address)
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.locator(".step")).to_have_text("You asked for a person.")
    assert len(desk.waiting()) == 1


class TestOutOfHours:
    @pytest.fixture
    def settings(self) -> Settings:
        return CLOSED

    def test_the_shopper_learns_when_people_are_back_and_leaves_an_address(
        self, open_page: OpenPage, address: str, desk: Desk
    ) -> None:
        page = open_page(address, timezone_id="UTC")
        page.get_by_role("button", name="Talk to a person").click()
        expect(notice(page)).to_contain_text("Nobody is at the desk just now")
        expect(notice(page)).to_contain_text(re.compile(r"People are back Monday 3?[0-9] [A-Z][a-z]+ at 03:00"))
        email = page.get_by_label("Your e-mail address")
        email.fill("jo")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("That is no e-mail address")
        email.fill("jo@example.com")
        page.get_by_role("button", name="Leave it").click()
        expect(notice(page)).to_contain_text("The answer will come to jo@example.com.")
        expect(email).to_be_hidden()
        assert [waiting.email for waiting in desk.waiting()] == ["jo@example.com"]


def test_two_tabs_see_the_same(open_page: OpenPage, address: str, engine: ScriptedEngine, desk: Desk) -> None:
    hold = threading.Event()
    engine.enqueue("Half of it ", "and the rest.", hold=hold)
    one = open_page(address)
    expect(one.locator(".welcome")).to_be_visible()
    two = one.context.new_page()
    two.goto(address)
    expect(two.locator(".welcome")).to_be_visible()
    ask(one, "Boots?")
    for page in (one, two):
        expect(page.locator(".question p")).to_have_text("Boots?")
        expect(page.locator(".reply .words")).to_have_text("Half of it")
    hold.set()
    for page in (one, two):
        expect(page.locator(".reply .words")).to_have_text("Half of it and the rest.")
        expect(page.locator(".thumbs")).to_have_count(1)
    assert engine.asked == ["Boots?"]

    two.get_by_role("button", name="Talk to a person").click()
    expect(notice(one)).to_be_visible()
    (waiting,) = desk.waiting()
    desk.say(waiting.id, "Anna", "Hello.")
    for page in (one, two):
        expect(page.locator(".staff")).to_have_count(1)
    one.get_by_role("button", name="Start over").click()
    expect(two.locator(".welcome")).to_be_visible()
    expect(notice(two)).to_be_hidden()


def test_a_reply_is_copied(open_page: OpenPage, address: str, engine: ScriptedEngine) -> None:
    engine.enqueue("Worn **outside**, no.", sources=(replace(SOURCE, spans=((0, 21),)),))
    page = open_page(address, permissions=["clipboard-read", "clipboard-write"])
    ask(page, "Boots?")
    expect(page.locator(".cite")).to_have_count(1)
    page.get_by_role("button", name="Copy").click()
    expect(page.locator(".toast")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "Worn outside, no."


def test_the_conversation_is_downloaded_as_text(
    open_page: OpenPage, address: str, engine: ScriptedEngine, desk: Desk
) -> None:
    engine.enqueue("Worn boots stay.", sources=(replace(SOURCE, spans=((0, 16),)),))
    page = open_page(address)
    ask(page, "Boots?")
    expect(page.locator(".thumbs")).to_have_count(1)
    desk.say(desk.open(page.evaluate(CONVERSATION), "asked_for_person").id, "Anna", "Hello there.")
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download the conversation").click()
    assert begun.value.suggested_filename == "conversation.txt"
    text = Path(begun.value.path()).read_text("utf-8")
    said = [line for line in text.splitlines() if line and not re.search(r"\d\d:\d\d:\d\d", line)]
    assert said == ["Tarnbeck", "Boots?", "Worn boots stay.[1]", "[1] Returns policy", "Hello there."]
    assert [line.split(",")[0] for line in text.splitlines() if re.search(r"\d\d:\d\d:\d\d", line)] == [
        "You",
        "Tarnbeck",
        "Anna (Tarnbeck)",
    ]
