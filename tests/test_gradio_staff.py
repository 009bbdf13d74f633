"""The staff page over a real server: its door, and the whole page in Chromium, with what the next shopper then gets."""

from __future__ import annotations

import asyncio
import base64
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("gradio", minversion="6.31", reason="the staff page needs the extra `demo`")

from playwright.sync_api import Browser, Page, expect

from adapters import gradio_door, gradio_plots, gradio_staff_door, web_chat, web_server
from adapters.gradio_learning import loras
from bot.conversations import now
from bot.errors import SettingsError
from bot.insight import Judged
from bot.learn.report import gate
from bot.messages import Outcome, Rating, Reply
from bot.settings import Settings
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.fakes import HashEmbedder, serving
from tests.learn_runs import evaluated, good
from tests.test_engine import Desk, write

# What Gradio 6.31 asks of pandas is deprecated in pandas 3.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

PASSWORD = "correct horse"
TENTS = "Do you rent out tents?"
ANSWER = "No, we do not rent out tents. The climbing centre does."
NASTY = "<img src=x onerror=alert(1)> [click](http://127.0.0.1:9/) ![x](http://127.0.0.1:9/x)"


class Clock:
    """The time, as the test has it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose index is where its home has it, so that approved answers are published into it."""
    retriever = Retriever(snapshots=Snapshots(tmp_path / "indexes" / "default"), embedder=HashEmbedder())
    update([write(tmp_path / "documents")], retriever.snapshots, retriever.embedder)
    opened = Desk(tmp_path, retriever, staff_password=PASSWORD)
    yield opened
    opened.store.close()


@contextmanager
def page_of(desk: Desk, clock: Clock | None = None) -> Iterator[str]:
    """The staff page and the demo page beside the web channel, as `shopdesk serve` has them; the server's address."""
    engine = desk.engine

    async def build() -> Any:  # Gradio leaves an event loop open where there is none, which is a warning
        app = web_chat.build(engine, engine.settings)
        gradio_door.mount(app, engine, engine.settings)
        gradio_staff_door.mount(app, engine, engine.settings, clock or Clock())
        return app

    with ThreadPoolExecutor(1) as pool:  # the browser's fixture has a loop in this one
        app = pool.submit(asyncio.run, build()).result()
    with serving(app) as address:
        yield address


@contextmanager
def visitor(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


def sign_in(client: httpx.Client, password: str = PASSWORD, name: str = "Mei") -> httpx.Response:
    return client.post("/staff/login", data={"name": name, "password": password})


def turn_in(desk: Desk, question: str, outcome: Outcome = "decline", said: str = "We do not know.") -> str:
    conversation = desk.engine.start("web")
    turn = desk.store.open_turn(conversation, "m", question).id
    desk.store.finish_turn(turn, Reply(turn, said, outcome, 0.9 if outcome == "answer" else 0.1), {})
    return turn


def decisions(desk: Desk) -> list[tuple[str, str]]:
    with desk.store.reading() as database:
        return [tuple(row) for row in database.execute("SELECT decision, reviewer FROM reviews ORDER BY id")]


JOIN = {"fn_index": 0, "session_hash": "stolen", "data": []}
BEHIND = [
    ("GET", "theme.css"),
    ("GET", "config"),
    ("GET", "gradio_api/info"),
    ("GET", "gradio_api/queue/data?session_hash=stolen"),
    ("GET", "gradio_api/heartbeat/stolen"),
    ("GET", "gradio_api/file=/etc/passwd"),
    ("POST", "gradio_api/queue/join"),
    ("POST", "gradio_api/call/load"),
    ("POST", "gradio_api/run/predict"),
    ("POST", "gradio_api/upload"),
    ("POST", "login/"),
    ("GET", "anything"),
]


def test_behind_the_door_is_nothing_for_whoever_has_not_signed_in(desk: Desk) -> None:
    turn_in(desk, TENTS)
    with page_of(desk) as address, visitor(address) as client:
        client.get("/demo/").raise_for_status()  # the key of the demo page is none here
        forged = client.cookies["shopdesk_demo"]
        for cookie in ("", f"shopdesk_staff={forged}", "shopdesk_staff=TWVp.9999999999.0123", "shopdesk_staff=."):
            for method, route in BEHIND:
                body = {"json": JOIN} if method == "POST" else {}
                answer = client.request(method, f"/staff/{route}", headers={"Cookie": cookie}, **body)  # type: ignore[arg-type]
                assert answer.status_code == 401, (cookie, route)
            answer = client.get("/staff/", headers={"Cookie": cookie})
            assert (answer.status_code, answer.headers["location"]) == (303, "/staff/login")
        assert client.get("/staff/login").status_code == 200
        assert "set-cookie" not in client.get("/staff/login").headers


def test_the_password_lets_in_for_a_day_and_only_to_what_the_page_needs(desk: Desk) -> None:
    clock = Clock()
    with page_of(desk, clock) as address, visitor(address) as client:
        for wrong in ("", "correct hors", "correct horse ", "passwort é"):
            answer = sign_in(client, wrong)
            assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
            assert "not the password" in answer.text
        assert sign_in(client, name=" ").status_code == 422
        answer = sign_in(client, name="梅 <b>")
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff/")
        cookie = answer.headers["set-cookie"].lower()
        assert {"httponly", "samesite=strict", "path=/staff"} <= set(cookie.split("; "))
        page = client.get("/staff/")
        assert "gradio_config" in page.text
        assert page.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "unsafe-eval" not in page.headers["content-security-policy"]
        headers = {"Sec-Fetch-Site": "same-site"}  # as a page of the shop's own site would send, with the cookie
        assert client.post("/staff/gradio_api/queue/join", json=JOIN, headers=headers).status_code == 403
        for method, route in (("GET", "config"), ("GET", "gradio_api/info"), ("POST", "gradio_api/upload")):
            assert client.request(method, f"/staff/{route}").status_code == 404
        clock.now += 12 * 3600
        assert client.get("/staff/").status_code == 303
        assert client.post("/staff/gradio_api/queue/join", json=JOIN).status_code == 401


def test_guessing_is_slowed_down_even_for_the_right_one(desk: Desk) -> None:
    with page_of(desk) as address, visitor(address) as client:
        statuses = [sign_in(client, f"guess number {number}").status_code for number in range(12)]
        assert statuses == [401] * 10 + [429] * 2
        assert sign_in(client).status_code == 429


def test_signing_out_takes_the_cookie_away(desk: Desk) -> None:
    with page_of(desk) as address, visitor(address) as client:
        sign_in(client)
        assert client.get("/staff/").status_code == 200
        client.get("/staff/logout")
        assert client.get("/staff/").status_code == 303


def test_a_name_in_the_form_is_text(desk: Desk) -> None:
    with page_of(desk) as address, visitor(address) as client:
        text = sign_in(client, "wrong password", '"><script>alert(1)</script>').text
    assert "<script>" not in text
    assert "&quot;&gt;&lt;script&gt;" in text


def test_without_a_password_there_is_no_such_page_and_a_short_one_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(web_chat.build(desk.engine, desk.engine.settings)) as address, visitor(address) as client:
        assert client.get("/staff/").status_code == 404
        assert client.get("/staff/login").status_code == 404
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(SettingsError, match=r"needs Gradio; pip install -e '\.\[demo\]'"):
        web_server.run(desk.engine, Settings(port=0, staff_password=PASSWORD))


@contextmanager
def staff_page(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A browser that has signed in. Nothing may go wrong in it, nor be asked of another machine."""
    faults: list[str] = []
    page = (context := browser.new_context(locale="en-GB", **options)).new_page()
    page.set_default_timeout(30_000)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Security" in message.text else None)
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((address, "data:")) else faults.append(asked.url),
    )
    page.goto(f"{address}/staff")
    page.get_by_label("Your name").fill("Mei")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    yield page
    context.close()
    assert not faults


@pytest.mark.browser
def test_a_correction_made_on_the_page_is_what_the_next_shopper_gets(desk: Desk, browser: Browser) -> None:
    first = turn_in(desk, TENTS, "answer", f"Yes. {NASTY}")
    desk.store.rate(Rating(first, "a", "down", NASTY))
    turn_in(desk, "Do you sell gift cards?")
    turn_in(desk, "Is there a café?")
    with page_of(desk) as address, staff_page(browser, address) as page:
        expect(page.locator("#waiting")).to_contain_text("1 of 3 to look at")
        expect(page.locator("#waiting")).to_contain_text("rated down 1 of 1")
        expect(page.get_by_role("link", name="Sign out Mei")).to_be_visible()
        expect(page.get_by_label("The shopper asked")).to_have_value(TENTS)
        expect(page.get_by_label("Ratings")).to_have_value(f"down: {NASTY}")
        page.get_by_role("button", name="Correct").click()
        expect(page.locator("#done")).to_contain_text("needs a question and a reply")
        page.get_by_label("The reply as it should have been").fill(ANSWER)
        page.get_by_role("button", name="Correct").click()
        expect(page.locator("#done")).to_contain_text("the next shopper who asks this gets it")
        assert desk.ask(TENTS).text == ANSWER
        expect(page.locator("#waiting")).to_contain_text("1 of 2 to look at")
        expect(page.get_by_label("The reply as it should have been")).to_have_value("")
        page.get_by_role("button", name="Next, decide later").click()
        expect(page.locator("#waiting")).to_contain_text("2 of 2 to look at")
        expect(page.get_by_label("The shopper asked")).to_have_value("Do you sell gift cards?")
        page.get_by_role("button", name="Mark a gap").click()
        expect(page.get_by_label("The shopper asked")).to_have_value("Is there a café?")
        page.get_by_role("button", name="Drop").click()
        expect(page.locator("#waiting")).to_contain_text("Nothing to look at")
        page.get_by_role("link", name="Sign out Mei").click()
        expect(page.get_by_label("Password")).to_be_visible()
    assert decisions(desk) == [("correct", "Mei"), ("gap", "Mei"), ("drop", "Mei")]


@pytest.mark.browser
def test_a_gap_is_drafted_approved_and_answered(desk: Desk, browser: Browser) -> None:
    turn = turn_in(desk, TENTS)
    with page_of(desk) as address, staff_page(browser, address) as page:
        page.get_by_role("tab", name="Gaps").click()
        expect(page.locator("#gaps")).to_contain_text("Too few data: 1 questions in 30 days")
        expect(page.locator("#gaps img")).to_be_visible()
        expect(page.get_by_label("Asked as")).to_have_value(re.compile(re.escape(TENTS)))
        page.get_by_role("button", name="Draft").click()
        expect(page.locator("#gap-done")).to_contain_text("no reply of staff")
        said = desk.engine.desk.open(desk.store.turn(turn).conversation, "not_found")
        desk.engine.desk.say(said.id, "Tom", ANSWER)
        page.get_by_role("tab", name="Review").click()
        page.get_by_role("tab", name="Gaps").click()
        page.get_by_role("button", name="Draft").click()
        expect(page.get_by_label("The document, in Markdown")).to_have_value(re.compile(re.escape(ANSWER)))
        before = desk.engine.ready()["documents"]
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("#gap-done")).to_contain_text("the next shopper who asks gets it")
    assert desk.engine.ready()["documents"] == before + 2  # and the note on what the folder is for
    assert desk.ask(TENTS).text.startswith("No, we do not rent out tents.")


@pytest.mark.browser
def test_the_learning_page_has_plots_and_says_where_there_are_too_few_data(desk: Desk, browser: Browser) -> None:
    turns = [turn_in(desk, f"Question {number}?", "answer", "Said.") for number in range(20)]
    for number, turn in enumerate(turns):
        desk.store.rate(Rating(turn, "a", "up" if number < 15 else "down", "", now()))
    slack = desk.engine.start("slack")
    turn = desk.store.open_turn(slack, "m", "?").id
    desk.store.rate(Rating(turn, "a", "up", "", now()))
    home = desk.engine.settings.home
    gate(home, evaluated(home, good()))
    with page_of(desk) as address, staff_page(browser, address, viewport={"width": 360, "height": 740}) as page:
        page.get_by_role("tab", name="Learning").click()
        expect(page.locator("#ratings")).to_contain_text("Altogether: web 75% of 20")
        expect(page.locator("#ratings")).to_contain_text("Slack: too few data (ratings: 1)")
        expect(page.locator("#resolution")).to_contain_text("resolved 75% of 20; handed over 0% of 20")
        expect(page.locator("#loras")).to_contain_text("passed; 40 held-out replies; perplexity 10.00 → 10.10")
        for plot in ("#ratings img", "#resolution img", "#loras img"):
            assert page.locator(plot).evaluate("image => image.complete && image.naturalWidth") == gradio_plots.WIDTH
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_plot_is_a_picture_of_its_values_and_texts_stay_texts() -> None:
    drawn = gradio_plots.shares({"web": [("2026-11-02", 0.0), ("2026-11-09", 1.0)]}, ["2026-11-02", "2026-11-09"])
    found = re.search(r'<polyline points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"', drawn)
    assert found
    left, bottom, right, top = map(float, found.groups())
    assert left < right
    assert bottom - top == 150
    bars = [float(wide) for wide in re.findall(r'width="([\d.]+)" height="10"', gradio_plots.counts([("<b>", 4, 2)]))]
    assert bars[0] == 2 * bars[1] > 0
    assert "&lt;b&gt;" in gradio_plots.counts([("<b>", 4, 2)])
    shown = gradio_plots.markdown("<svg/>", "a](x)\nb")
    assert shown.startswith("![a (x) b](data:image/svg+xml;base64,")
    assert base64.b64decode(shown.split(",")[1][:-1]) == b"<svg/>"


def test_the_history_of_loras_says_what_the_gate_said() -> None:
    refused = Judged(
        "2026-11-28T101500-3fa9c1",
        "refused",
        headline=(0.1, -0.1, 0.2),
        replies=7,
        why=("perplexity *rises*",),
    )
    text = loras([refused, Judged("mine", "passed", speaks=True)])
    assert text.index("**mine**: passed") < text.index("**2026-11-28 10:15**: refused")
    assert "passed; speaks now" in text
    assert "7 held-out replies (too few data)" in text
    assert "perplexity \\*rises\\*" in text
    assert "decided about no LoRA yet" in loras([])
