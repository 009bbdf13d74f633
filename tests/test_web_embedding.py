"""The widget on a shop's own page, at another origin and under a strict policy, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fakes import ScriptedEngine, serving
from playwright.sync_api import Browser, Page, expect
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from adapters.web_chat import build
from adapters.web_stream import Pace
from bot.messages import Source
from bot.settings import Settings

pytestmark = pytest.mark.browser

SOURCE = Source("d", "Returns policy", "d@1", 0.9, "Worn boots stay.", "Worn boots stay.", ("Returns",))
# What the themes of shops do to a page, none of which may reach the chat.
THEME = """
html { font-size: 62.5% }
body { letter-spacing: 9px; text-transform: uppercase; text-align: center; height: 3000px }
button { display: none }
"""


class ShopPage:
    """A shop's pages, with a policy that allows scripts and connections of the desk alone."""

    desk = ""
    attributes = ""
    body = "<h1>Boots</h1><a href=/another>Another page</a>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response
        if Request(scope).url.path == "/theme.css":
            response = Response(THEME, media_type="text/css")
        else:
            policy = f"default-src 'none'; style-src 'self'; script-src {self.desk}; connect-src {self.desk}"
            script = f"<script src={self.desk}/widget.js {self.attributes} async></script>"
            head = f"<!doctype html><html lang=en><title>Boots</title><link rel=stylesheet href=/theme.css>{script}"
            response = HTMLResponse(head + self.body, headers={"Content-Security-Policy": policy})
        await response(scope, receive, send)


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(suggestions=("Can I return boots?",))


@pytest.fixture
def shop() -> ShopPage:
    return ShopPage()


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, engine: ScriptedEngine, shop: ShopPage) -> Iterator[Visit]:
    """Opens the shop's page; fails the test on script errors and on what the page's policy refuses."""
    faults: list[str] = []
    with ExitStack() as stack:
        site = stack.enter_context(serving(shop))

        def visit(settings: dict[str, Any] | None = None, **options: Any) -> Page:
            chosen = Settings(**{"allowed_origins": site} | (settings or {}))
            shop.desk = stack.enter_context(serving(build(engine, chosen, pace=Pace(grace=60))))
            given: dict[str, Any] = {"locale": "en-GB", "reduced_motion": "reduce"} | options
            context = browser.new_context(**given)
            stack.callback(context.close)
            context.set_default_timeout(10_000)
            page = context.new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda said: faults.append(said.text) if "Security" in said.text else None)
            page.goto(site)
            return page

        yield visit
    assert not faults


def launcher(page: Page) -> Any:
    return page.locator(".launcher")


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your question").fill(text)
    page.keyboard.press("Enter")


def test_a_shopper_asks_on_another_site_under_a_strict_policy(visit: Visit, engine: ScriptedEngine) -> None:
    engine.enqueue("No, worn boots stay.", sources=(SOURCE,))
    page = visit()
    expect(launcher(page)).to_have_accessible_name("Ask a question")
    expect(page.get_by_role("dialog")).to_have_count(0)
    launcher(page).click()
    expect(page.get_by_label("Your question")).to_be_focused()
    page.get_by_role("button", name="Can I return boots?").click()
    expect(page.locator(".reply .words")).to_have_text("No, worn boots stay.")
    page.get_by_role("button", name="Source 1: Returns policy").click()
    expect(page.locator("mark")).to_have_text("Worn boots stay.")
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_be_hidden()
    expect(page.locator(".window")).to_be_visible()
    page.get_by_role("button", name="Helpful", exact=True).click()
    page.wait_for_function("(localStorage.getItem('shopdesk:ratings') || '').includes('up')")
    visitor = page.evaluate("JSON.parse(localStorage.getItem('shopdesk:visitor'))")
    assert [*engine.ratings] == [(engine.turns(page.evaluate(CONVERSATION))[0].id, visitor)]
    assert page.context.cookies() == []


CONVERSATION = "JSON.parse(localStorage.getItem('shopdesk:conversation'))"


def test_the_theme_of_the_page_does_not_reach_the_chat(visit: Visit) -> None:
    page = visit()
    launcher(page).click()
    looks = page.locator(".chat").evaluate(
        "(chat) => { const { fontSize, letterSpacing, textTransform, textAlign } = getComputedStyle(chat);"
        " return [fontSize, letterSpacing, textTransform, textAlign] }"
    )
    assert looks == ["16px", "normal", "none", "start"]
    box = page.locator(".window").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (408, 612)  # of a view of 1280 by 720


def test_escape_closes_it_and_the_focus_goes_back(visit: Visit) -> None:
    page = visit()
    launcher(page).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Chat with customer service")).to_be_visible()
    expect(launcher(page)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(launcher(page)).to_be_focused()
    expect(launcher(page)).to_have_attribute("aria-expanded", "false")


def test_on_a_phone_it_fills_the_screen_and_holds_the_focus(visit: Visit) -> None:
    page = visit(viewport={"width": 320, "height": 640}, has_touch=True)
    launcher(page).click()
    assert page.locator(".window").bounding_box() == {"x": 0, "y": 0, "width": 320, "height": 640}
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.localName") in ("shopdesk-chat", "body")  # body: the browser's own
    page.get_by_role("button", name="Close the chat").click()
    expect(page.locator(".window")).to_be_hidden()


def test_the_history_and_a_running_reply_come_along_to_the_next_page(visit: Visit, engine: ScriptedEngine) -> None:
    hold = threading.Event()
    engine.enqueue("Half of it ", "and the rest.", hold=hold)
    page = visit()
    launcher(page).click()
    ask(page, "Boots?")
    expect(page.locator(".reply .words")).to_have_text("Half of it")
    page.get_by_role("link", name="Another page").click()
    expect(page.locator(".window")).to_be_visible()
    expect(page.locator(".question p")).to_have_text("Boots?")
    hold.set()
    expect(page.locator(".reply .words")).to_have_text("Half of it and the rest.")
    assert engine.asked == ["Boots?"]


def test_nothing_is_asked_of_the_desk_before_the_chat_is_opened(visit: Visit, shop: ShopPage) -> None:
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    expect(launcher(page)).to_be_visible()
    assert [url for url in asked if "/api/" in url] == []
    with page.expect_request("**/api/shop"):
        launcher(page).click()


def test_a_page_that_is_not_allowed_is_told_so(visit: Visit) -> None:
    page = visit({"allowed_origins": "https://www.shop.example"})
    launcher(page).click()
    expect(page.locator(".failure")).to_contain_text("may not use this desk")


def test_who_writes_too_fast_sees_how_long_to_wait_and_can_take_it_back(visit: Visit, engine: ScriptedEngine) -> None:
    engine.enqueue("One.")
    page = visit({"messages_per_minute": 2})  # the conversation is the first
    launcher(page).click()
    ask(page, "First?")
    expect(page.locator(".thumbs")).to_have_count(1)
    ask(page, "Second?")
    expect(page.locator(".typing")).to_contain_text("Please wait")
    page.get_by_role("button", name="Stop the reply").click()
    expect(page.locator(".question")).to_have_count(1)
    expect(page.get_by_label("Your question")).to_have_value("Second?")
    assert engine.asked == ["First?"]


def test_a_message_refused_for_now_is_sent_when_its_time_has_come(visit: Visit, engine: ScriptedEngine) -> None:
    engine.enqueue("One.")
    engine.enqueue("Two.")
    page = visit({"messages_per_minute": 30})
    launcher(page).click()
    ask(page, "First?")
    expect(page.locator(".thumbs")).to_have_count(1)
    spent = page.evaluate(
        """async (path) => { const headers = {"Shopdesk-Visitor": JSON.parse(localStorage.getItem("shopdesk:visitor"))};
           let count = 0;
           while ((await fetch(path, { method: "POST", headers })).ok) count += 1;
           return count }""",
        f"{page.evaluate('document.querySelector(`script`).src').removesuffix('/widget.js')}/api/conversations",
    )
    assert spent >= 28
    ask(page, "Second?")
    expect(page.locator(".typing")).to_contain_text("Please wait")
    expect(page.locator(".reply .words").last).to_have_text("Two.")


def test_the_script_tag_says_name_language_side_and_theme(visit: Visit, shop: ShopPage) -> None:
    shop.attributes = "data-shop='Boot House' data-lang=zh-CN data-side=left data-theme=dark"
    page = visit()
    expect(launcher(page)).to_have_accessible_name("在线咨询")
    box = launcher(page).bounding_box()
    assert box is not None
    assert box["x"] == 20
    launcher(page).click()
    expect(page.get_by_role("heading", name="Boot House")).to_be_visible()
    assert page.locator(".chat").evaluate("(chat) => getComputedStyle(chat).backgroundColor") == "rgb(21, 22, 20)"


def test_a_chat_that_the_page_has_put_somewhere_itself_is_the_only_one(visit: Visit, shop: ShopPage) -> None:
    shop.body = "<shopdesk-chat></shopdesk-chat>"
    page = visit()
    expect(page.get_by_label("Your question")).to_be_visible()
    expect(page.locator("shopdesk-chat")).to_have_count(1)
    expect(launcher(page)).to_have_count(0)
