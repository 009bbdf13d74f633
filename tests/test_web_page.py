"""The chat page in a real browser, over a real server: what a shopper sees, presses and hears."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import ScriptedEngine, serving
from playwright.sync_api import Page, Route, expect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web_chat import build
from adapters.web_stream import Pace
from bot.errors import GenerationError
from bot.messages import Source
from bot.settings import Settings

pytestmark = pytest.mark.browser

PASSAGE = """### Can I send back boots I wore once?

It depends. Boots that have been **worn outside, even once**, cannot be [returned](exceptions.md). Faulty ones do.

| Returning | Label |
|---|---|
| for a refund | £3.95 |"""
BOOTS = Source(
    "policies/returns.md",
    "Returns policy",
    "policies/returns.md@1",
    0.9,
    "Boots that have been worn outside, even once, cannot be [returned](exceptions.md).",
    PASSAGE,
    ("Returns", "Condition"),
)
COST = Source(
    "policies/returns.md", "Returns policy", "policies/returns.md@2", 0.8, "Not in it.", "Elsewhere.", ("Cost",)
)
SUGGESTIONS = ("Can I send back boots I wore once?", "How much is delivery?", "靴子穿过一次还能退吗？")


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(suggestions=SUGGESTIONS)


@pytest.fixture
def address(engine: ScriptedEngine) -> Iterator[str]:
    with serving(build(engine, Settings(max_message_chars=300), pace=Pace(grace=60))) as address:
        yield address


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(open_page: OpenPage, address: str) -> OpenPage:
    """Opens the chat in a fresh profile."""

    def at_the_desk(at: str = address, **options: Any) -> Page:
        return open_page(at, **options)

    return at_the_desk


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your question").fill(text)
    page.keyboard.press("Enter")


def replies(page: Page) -> Any:
    return page.locator(".reply .words")


def finished(page: Page, count: int = 1) -> None:
    expect(page.locator(".thumbs")).to_have_count(count)


def test_a_suggestion_is_answered_as_it_is_written_and_announced_once(
    open_page: OpenPage, engine: ScriptedEngine
) -> None:
    hold = threading.Event()
    engine.enqueue("Worn **outside**, ", "no.\n\n- Indoors\n- Faulty", hold=hold, sources=(BOOTS,))
    page = open_page()
    expect(page).to_have_title("Tarnbeck – Help")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tarnbeck")
    expect(page.locator(".suggestions button")).to_have_count(2)
    page.get_by_role("button", name="Can I send back boots I wore once?").click()

    expect(replies(page)).to_have_text("Worn outside,")
    expect(page.locator(".typing")).to_be_visible()
    expect(page.locator("div.unseen[role=status]")).to_be_empty()
    hold.set()
    finished(page)
    expect(page.locator(".typing")).to_have_count(0)
    expect(replies(page).locator("strong")).to_have_text("outside")
    expect(replies(page).locator("li")).to_have_text(["Indoors", "Faulty"])
    expect(page.locator("div.unseen[role=status]")).to_have_text(re.compile("^Answer: Worn outside, no. "))
    assert page.locator(".log").get_attribute("aria-live") is None
    assert engine.asked == ["Can I send back boots I wore once?"]


def test_a_citation_opens_its_passage_with_the_quote_marked(open_page: OpenPage, engine: ScriptedEngine) -> None:
    engine.enqueue("No.", sources=(BOOTS, COST))
    page = open_page()
    ask(page, "Boots?")
    chip = page.get_by_role("button", name="Source 1: Returns policy · Condition")
    chip.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("heading")).to_be_focused()
    marked = "".join(dialog.locator("mark").all_text_contents())
    assert marked == "Boots that have been worn outside, even once, cannot be returned."
    expect(dialog.locator("td")).to_have_text(["for a refund", "£3.95"])
    expect(dialog).not_to_contain_text("exceptions.md")

    dialog.get_by_role("button", name="Next source").click()
    expect(dialog.locator("blockquote")).to_have_text("Not in it.")
    expect(dialog.get_by_role("button", name="Next source")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(chip).to_be_focused()


def test_a_number_in_the_text_opens_what_the_words_before_it_rest_on(
    open_page: OpenPage, engine: ScriptedEngine
) -> None:
    text = "👍🏽 **No.** Worn boots stay with you.\n\n- Labels are £3.95.\n- Faulty ones go back."
    label = text.index("Labels")
    sources = (
        replace(BOOTS, spans=((0, text.index("\n")), (label, len(text)))),
        replace(COST, spans=((label, text.index("\n- Faulty")),)),
    )
    engine.enqueue(text, sources=sources)
    page = open_page()
    ask(page, "Boots?")
    finished(page)
    numbers = page.locator(".words .cite")
    drawn = "marks => marks.map((mark) => getComputedStyle(mark, '::before').content)"
    assert numbers.evaluate_all(drawn) == ['"1"', '"2"', '"1"']
    behind = numbers.evaluate_all("marks => marks.map((mark) => mark.closest('p, li').textContent)")
    assert behind == ["👍🏽 No. Worn boots stay with you.", "Labels are £3.95.", "Faulty ones go back."]
    spoken = "Answer: 👍🏽 No. Worn boots stay with you. Labels are £3.95.Faulty ones go back."
    expect(page.locator("div.unseen[role=status]")).to_have_text(spoken)

    second = replies(page).get_by_role("button", name="Source 2: Returns policy · Cost")
    second.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".position")).to_have_text("Source 2 of 2")
    expect(dialog.locator("blockquote")).to_have_text("Not in it.")
    page.keyboard.press("Escape")
    expect(second).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(dialog.locator(".position")).to_have_text("Source 1 of 2")
    assert "worn outside" in "".join(dialog.locator("mark").all_text_contents())
    page.keyboard.press("Escape")
    page.reload()
    expect(numbers).to_have_count(3)


def test_a_number_is_large_enough_to_hit_and_no_line_grows_for_it(open_page: OpenPage, engine: ScriptedEngine) -> None:
    text = "Worn boots stay with you, whatever was said before, by anyone at all. "
    engine.enqueue(text * 4)
    engine.enqueue(
        text * 4,
        sources=tuple(replace(BOOTS, spans=((0, at * len(text) - 1),)) for at in (1, 2, 2, 3, 4)),
    )
    page = open_page(viewport={"width": 320, "height": 700}, has_touch=True)
    for question in ("Plain?", "Numbered?"):
        ask(page, question)
        expect(page.locator(".typing")).to_have_count(0)
    boxes = page.locator(".cite").evaluate_all("all => all.map((each) => each.getBoundingClientRect().toJSON())")
    assert len(boxes) == 5
    assert all(box["width"] >= 24 and box["height"] >= 24 for box in boxes)
    assert boxes[2]["left"] >= boxes[1]["right"]
    plain, numbered = page.locator(".words p").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().height / parseFloat(getComputedStyle(each).lineHeight))"
    )
    assert round(plain, 2) % 1 == round(numbered, 2) % 1 == 0
    apart = page.locator(".cited").evaluate_all("all => all.filter((each) => each.getClientRects().length > 1).length")
    assert apart == 0  # no number begins a line


def test_stop_ends_the_reply_and_keeps_what_is_there(open_page: OpenPage, engine: ScriptedEngine) -> None:
    engine.enqueue("As far as this. ", "Never.", hold=threading.Event())
    page = open_page()
    ask(page, "Everything?")
    expect(replies(page)).to_have_text("As far as this.")
    page.get_by_role("button", name="Stop the reply").click()
    finished(page)
    expect(page.locator(".aside")).to_have_text("Stopped here.")
    expect(page.get_by_label("Your question")).to_be_focused()
    assert engine.cancellations.get(timeout=10)


def test_a_thumb_down_with_its_reasons_reaches_the_engine(open_page: OpenPage, engine: ScriptedEngine) -> None:
    engine.enqueue("Perhaps.")
    page = open_page()
    ask(page, "Boots?")
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_role("button", name="Something is missing").click()
    page.get_by_label("Anything else? (optional)").fill("the price")
    page.get_by_role("button", name="Send", exact=True).first.click()
    expect(page.locator(".toast")).to_have_text("Thank you for telling us.")
    expect(page.locator(".reasons")).to_have_count(0)
    assert page.context.cookies() == []
    assert [*engine.ratings.values()] == [("down", "Something is missing; the price")]
    visitor = page.evaluate("JSON.parse(localStorage.getItem('shopdesk:visitor'))")
    assert [rater for _, rater in engine.ratings] == [visitor]

    with page.expect_response("**/rating"):
        page.get_by_role("button", name="Helpful", exact=True).click()
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("localStorage.getItem('shopdesk:ratings').includes('up')")
    page.reload()
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "true")
    assert [*engine.ratings.values()] == [("up", "")]


def test_a_reload_keeps_the_history_and_takes_up_the_running_reply(open_page: OpenPage, engine: ScriptedEngine) -> None:
    hold = threading.Event()
    engine.enqueue("The first answer.", sources=(BOOTS,))
    engine.enqueue("Half of it ", "and the rest.", hold=hold)
    page = open_page()
    ask(page, "First?")
    finished(page)
    ask(page, "Second?")
    expect(replies(page).last).to_have_text("Half of it")
    page.reload()
    expect(page.locator(".question p")).to_have_text(["First?", "Second?"])
    expect(replies(page)).to_have_text(["The first answer.", "Half of it"])
    hold.set()
    finished(page, 2)
    expect(replies(page).last).to_have_text("Half of it and the rest.")
    page.reload()
    finished(page, 2)
    expect(page.get_by_role("button", name="Source 1")).to_have_count(1)
    assert engine.asked == ["First?", "Second?"]


class CutFirstStream:
    """Drops the connection of the first stream behind its first piece of text, as a lift or a tunnel does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.cut = False
        self.resumed_after: list[bytes | None] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def cutting(message: Message) -> None:
            await send(message)
            if not self.cut and b"event: text" in message.get("body", b""):
                self.cut = True
                await asyncio.sleep(0.3)  # what was sent is on its way before the line goes dead
                raise ConnectionResetError("cut by the test")

        if scope["type"] == "http" and scope["path"].endswith("/messages"):
            self.resumed_after.append(dict(scope["headers"]).get(b"last-event-id"))
        await self.app(scope, receive, cutting)


def test_a_connection_lost_in_the_middle_is_taken_up_where_it_was(open_page: OpenPage, engine: ScriptedEngine) -> None:
    hold = threading.Event()
    engine.enqueue("Before the tunnel, ", "after it.", hold=hold)
    app = CutFirstStream(build(engine, Settings()))
    with serving(app) as address:
        page = open_page(address)
        ask(page, "Still there?")
        expect(page.locator(".stage")).to_have_text("Connection lost. Trying again")
        hold.set()
        finished(page)
        expect(replies(page)).to_have_text("Before the tunnel, after it.")
        page.context.close()
    assert len(engine.asked) == 1
    first, second = app.resumed_after
    assert first is None
    assert re.fullmatch(rb"[0-9a-f]{8}-2", second or b"")


def test_a_desk_out_of_reach_is_asked_again_under_the_same_message_id(
    open_page: OpenPage, engine: ScriptedEngine
) -> None:
    engine.enqueue("Back again.")
    page = open_page()
    ids = []

    def fail_once(route: Route) -> None:
        ids.append((route.request.post_data_json or {})["message_id"])
        if len(ids) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/messages", fail_once)
    ask(page, "Hello?")
    finished(page)
    expect(replies(page)).to_have_text("Back again.")
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_a_failed_reply_says_so_and_can_be_tried_again(open_page: OpenPage, engine: ScriptedEngine) -> None:
    engine.enqueue("It begins ", error=GenerationError("out of memory in /secret"))
    engine.enqueue("Now it works.")
    page = open_page()
    ask(page, "Boots?")
    expect(page.locator(".failure")).to_contain_text("The reply could not be written.")
    expect(page.locator(".log")).not_to_contain_text("secret")
    page.get_by_role("button", name="Try again").click()
    finished(page)
    expect(replies(page)).to_have_text(["Now it works."])
    expect(page.locator(".question")).to_have_count(1)


def test_a_conversation_that_the_desk_has_lost_begins_anew(open_page: OpenPage, engine: ScriptedEngine) -> None:
    engine.enqueue("One.")
    engine.enqueue("Two.")
    page = open_page()
    ask(page, "First?")
    finished(page)
    engine.forget()
    ask(page, "Second?")
    finished(page, 2)
    expect(replies(page).last).to_have_text("Two.")
    engine.forget()
    page.reload()
    expect(page.locator(".welcome")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_never_scrolls_sideways(open_page: OpenPage, engine: ScriptedEngine, width: int) -> None:
    engine.enqueue("A" * 200 + "\n\n| " + " | ".join(["column"] * 12) + " |", sources=(BOOTS, COST))
    page = open_page(viewport={"width": width, "height": 700}, has_touch=True)

    def sideways() -> list[str]:
        wider: list[str] = page.evaluate(
            """() => {
              const inside = document.querySelector("shopdesk-chat").shadowRoot;
              return [document.documentElement, ...inside.querySelectorAll("*")]
                .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1)
                .filter((element) => !["table", "title", "icon"].some((name) => element.classList.contains(name)))
                .filter((element) => getComputedStyle(element).display !== "inline")
                .map((element) => element.className || element.tagName);
            }"""
        )
        return wider

    expect(page.locator(".welcome")).to_be_visible()
    assert sideways() == []
    ask(page, "B" * 200)
    finished(page)
    assert sideways() == []
    page.get_by_role("button", name="Not helpful").click()
    expect(page.locator(".reasons")).to_be_visible()
    assert sideways() == []
    page.get_by_role("button", name="Source 1").click()
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, width)
    assert sideways() == []


def test_chinese_readers_get_chinese(open_page: OpenPage, engine: ScriptedEngine) -> None:
    engine.enqueue("在室外穿过的靴子不能退。", sources=(BOOTS,))
    page = open_page(locale="zh-CN")
    expect(page.get_by_role("heading", level=2)).to_have_text("您好，有什么可以帮您？")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.get_by_role("button", name="靴子穿过一次还能退吗？").click()
    expect(page.get_by_role("button", name="出处 1：Returns policy")).to_be_visible()
    expect(replies(page)).to_have_attribute("lang", "zh-Hans")
    expect(page.locator(".chip .title")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="没有帮助").click()
    expect(page.locator(".reasons")).to_contain_text("哪里不满意？")


def test_markup_in_a_reply_stays_text(open_page: OpenPage, engine: ScriptedEngine) -> None:
    hostile = (
        '<img src="/api/shop" onerror="alert(1)"> **<b>bold</b>** [pay here](javascript:alert(1)) <script>1</script>'
    )
    hostile += " \ue000\ue005"  # the letters that stand for numbers inside
    source = Source("d", "<i>T</i>", "d@0", 0.5, "<u>q</u>", "<u>q</u> <iframe src=/></iframe>")
    engine.enqueue(hostile, sources=(source,))
    page = open_page()
    ask(page, "<b>Boots?</b>")
    finished(page)
    expect(page.locator(".question p")).to_have_text("<b>Boots?</b>")
    expect(replies(page)).to_contain_text('<img src="/api/shop" onerror="alert(1)"> <b>bold</b> pay here')
    expect(page.locator(".cite")).to_have_count(0)
    page.get_by_role("button", name="Source 1").click()
    expect(page.get_by_role("heading", name="<i>T</i>")).to_be_visible()
    assert page.locator("img, b, script[src=''], iframe, u, a").count() == 0


def test_the_keyboard_is_enough(open_page: OpenPage, engine: ScriptedEngine) -> None:
    engine.enqueue("Yes.", sources=(BOOTS,))
    page = open_page()
    expect(page.get_by_label("Your question")).to_be_focused()
    page.keyboard.type("One line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and another")
    page.keyboard.press("Enter")
    finished(page)
    assert engine.asked == ["One line\nand another"]
    for name in ("Copy", "Not helpful", "Helpful", "Source 1: Returns policy"):
        page.keyboard.press("Shift+Tab")
        expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    with page.expect_response("**/rating"):
        page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "true")
    assert [label for label, _ in engine.ratings.values()] == ["up"]


def test_start_over_can_be_undone(open_page: OpenPage, engine: ScriptedEngine) -> None:
    engine.enqueue("An answer.")
    page = open_page()
    ask(page, "Boots?")
    finished(page)
    page.get_by_role("button", name="Start over").click()
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(replies(page)).to_have_text("An answer.")
    page.get_by_role("button", name="Start over").click()
    page.reload()
    expect(page.locator(".welcome")).to_be_visible()


def test_a_message_that_is_too_long_is_not_sent(open_page: OpenPage, engine: ScriptedEngine) -> None:
    page = open_page()
    expect(page.locator(".welcome")).to_be_visible()
    ask(page, "a" * 301)
    expect(page.locator(".note")).to_contain_text("at most 300 characters")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    assert engine.asked == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page: OpenPage, engine: ScriptedEngine, scheme: str) -> None:
    engine.enqueue("Read **this**.", sources=(BOOTS,))
    page = open_page(color_scheme=scheme)
    ask(page, "Legible?")
    page.get_by_role("button", name="Source 1").click()
    faint = page.evaluate(CONTRAST)
    assert faint == []


# WCAG 2.2, 1.4.3: at least 4.5 to 1 for text; disabled controls are exempt.
CONTRAST = """() => {
  const inside = document.querySelector("shopdesk-chat").shadowRoot;
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  const texts = [...inside.querySelectorAll("*")].filter((element) => !element.closest(":disabled, .unseen, .toast")
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && element.checkVisibility());
  return texts.map((element) => {
    const [one, other] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
    return [element.className || element.tagName, (one + 0.05) / (other + 0.05)];
  }).filter(([, ratio]) => ratio < 4.5);
}"""


def test_the_api_page_describes_the_api_without_a_network(open_page: OpenPage, address: str) -> None:
    page = open_page()
    page.goto(f"{address}/docs")
    expect(page.locator(".operation")).to_have_count(13)
    page.get_by_text("/api/conversations/{conversation}/messages", exact=True).click()
    expect(page.get_by_role("rowheader", name="message_id")).to_be_visible()
