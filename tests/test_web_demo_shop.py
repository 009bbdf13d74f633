"""The demo shop with the widget in it, in a real browser: it reads well for everyone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from fakes import ScriptedEngine, serving
from playwright.sync_api import Page, expect

from adapters.web_chat import build
from adapters.web_stream import Pace
from bot.messages import Source
from bot.settings import Settings

pytestmark = pytest.mark.browser

SOURCE = Source("d", "Returns policy", "d@1", 0.9, "Worn boots stay.", "Worn boots stay.", ("Returns",))
OpenPage = Callable[..., Page]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(suggestions=("Can I return boots?", "靴子能退吗？"))


@pytest.fixture
def shop(engine: ScriptedEngine) -> Iterator[str]:
    with serving(build(engine, Settings(), pace=Pace(grace=60))) as address:
        yield f"{address}/demo-shop"


def serious(page: Page) -> list[Any]:
    """What axe-core (4.12) finds that is serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        (rule["id"], [node["html"][:120] for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_serious(
    open_page: OpenPage, shop: str, engine: ScriptedEngine, scheme: str, width: int
) -> None:
    engine.enqueue("Worn **outside**, no.\n\n- Indoors, yes", sources=(replace(SOURCE, spans=((0, 21), (23, 36))),))
    page = open_page(shop, color_scheme=scheme, viewport={"width": width, "height": 740})
    assert serious(page) == []
    page.locator(".launcher").click()
    expect(page.locator(".suggestions button")).to_have_count(1)
    assert serious(page) == []
    page.get_by_role("button", name="Can I return boots?").click()
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.locator(".step")).to_have_count(1)
    (waiting,) = engine.desk.waiting()
    engine.desk.say(waiting.id, "Anna", "Hello there.")
    expect(page.locator(".staff")).to_have_count(1)
    assert serious(page) == []
    expect(page.locator(".cite")).to_have_count(2)
    page.locator(".cite").last.click()
    expect(page.locator(".panel")).to_be_visible()
    assert serious(page) == []


def test_a_shopper_asks_on_it_and_a_person_answers_while_the_chat_is_closed(
    open_page: OpenPage, shop: str, engine: ScriptedEngine
) -> None:
    page = open_page(shop)
    expect(page.locator(".goods li")).to_have_count(8)
    page.locator(".launcher").click()
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.locator(".step")).to_have_count(1)
    page.keyboard.press("Escape")
    (waiting,) = engine.desk.waiting()
    engine.desk.say(waiting.id, "Anna", "Hello there.")
    expect(page.locator(".launcher")).to_have_accessible_name("Ask a question (1 new message)")
    page.reload()  # a closed chat still listens on the next page
    engine.desk.say(waiting.id, "Anna", "Are you there?")
    expect(page.locator(".launcher")).to_have_accessible_name("Ask a question (1 new message)")
    page.locator(".launcher").click()
    expect(page.locator(".staff .bubble")).to_have_text(["Hello there.", "Are you there?"])
    expect(page.locator(".launcher")).to_have_accessible_name("Ask a question")


def test_the_chat_speaks_chinese(open_page: OpenPage, shop: str, engine: ScriptedEngine) -> None:
    engine.enqueue("穿过的靴子不能退。")
    page = open_page(f"{shop}?lang=zh")
    page.locator(".launcher").click()
    expect(page.get_by_role("dialog", name="客服对话")).to_be_visible()
    page.get_by_role("button", name="靴子能退吗？").click()
    expect(page.locator(".reply .words")).to_have_text("穿过的靴子不能退。")
    page.get_by_role("button", name="转人工客服").click()
    expect(page.get_by_role("region", name="人工客服")).to_contain_text("正在为您接入人工客服")
    page.get_by_role("button", name="继续使用智能助手").click()
    expect(page.locator(".step").last).to_have_text("智能助手将继续为您解答。")


def test_it_fits_a_narrow_phone(open_page: OpenPage, shop: str) -> None:
    page = open_page(shop, viewport={"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
