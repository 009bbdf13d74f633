"""The demo page over a real server: its queue as its script uses it, its door, and the whole page in Chromium."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

pytest.importorskip("gradio", minversion="6.31", reason="the demo page needs the extra `demo`")

from playwright.sync_api import Browser, expect

from adapters import gradio_door, web_chat, web_server
from adapters.gradio_compare import REASON, other_generator
from bot.engine import Engine
from bot.errors import SettingsError
from bot.generation.composer import ExtractiveChatModel
from bot.messages import Rating
from bot.settings import Settings
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.fakes import EndlessGenerator, HashEmbedder, ScriptedGenerator, serving
from tests.test_engine import FIRST, RETURNS, SECOND, Desk, write

# What Gradio 6.31 asks of pandas is deprecated in pandas 3.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

T = TypeVar("T")

CHAT, QUESTION, BOTH = "Conversation", "Your question", "A question for both"
GOODWILL = "What is the goodwill limit without approval?"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    folder = tmp_path_factory.mktemp("shop")
    retriever = Retriever(snapshots=Snapshots(folder / "index"), embedder=HashEmbedder())
    update([write(folder / "documents")], retriever.snapshots, retriever.embedder)
    return retriever


@pytest.fixture
def open_desk(tmp_path: Path, index: Retriever) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def open_desk(generator: Any = None) -> Desk:
        desk = Desk(tmp_path, index, generator)
        desk.engine.suggestions = (RETURNS, "靴子穿到室外还能退货吗？")
        desks.append(desk)
        return desk

    yield open_desk
    for desk in desks:
        desk.store.close()


@contextmanager
def page_of(desk: Desk, other: ScriptedGenerator | None = None) -> Iterator[str]:
    """The demo page in the web channel's application, as `shopdesk serve` has it; yields the server's address."""
    engine = desk.engine
    app = web_chat.build(engine, engine.settings)
    second = other and Engine(engine.retriever, other, engine.store, engine.settings, today=engine.today)
    in_a_loop(lambda: gradio_door.mount(app, engine, engine.settings, (lambda: second) if second else None))
    with serving(app) as address:
        yield address


def in_a_loop(build: Callable[[], T]) -> T:
    """What `build` makes; Gradio leaves an event loop open where there is none, which is a warning, and so an error."""

    async def built() -> T:
        return build()

    with ThreadPoolExecutor(1) as pool:  # the browser's fixture has a loop in this one
        return pool.submit(asyncio.run, built()).result()


class Visitor:
    """A browser that has opened the page, without the browser: it has the key, and a session of Gradio's queue."""

    def __init__(self, address: str, session: str = "first") -> None:
        self.client, self.session = httpx.Client(base_url=address, timeout=30), session
        page = self.client.get("/demo/").raise_for_status().text
        found = re.search(r"window\.gradio_config = (\{.*?\});</script>", page, re.DOTALL)
        assert found
        self.config = json.loads(found[1])

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def listener(self, label: str, event: str) -> int:
        """The number of what listens to an event of the component of that label, or the button of that text."""
        wanted = [
            part["id"]
            for part in self.config["components"]
            if label in (part["props"].get("label"), part["props"].get("value"))
        ]
        return next(
            int(listener["id"])
            for listener in self.config["dependencies"]
            if any([part, event] in listener["targets"] for part in wanted)
        )

    def press(self, label: str, event: str, *values: Any, about: Any = None) -> None:
        body = {"fn_index": self.listener(label, event), "session_hash": self.session, "data": values}
        self.client.post("/demo/gradio_api/queue/join", json={**body, "event_data": about}).raise_for_status()

    def follow(self) -> Iterator[dict[str, Any]]:
        """What the queue sends until all that was pressed is done."""
        parameters = {"session_hash": self.session}
        with self.client.stream("GET", "/demo/gradio_api/queue/data", params=parameters) as stream:
            for line in stream.iter_lines():
                if line:
                    message = json.loads(line.removeprefix("data: "))
                    if message["msg"] == "close_stream":
                        return
                    assert message.get("success", True), message
                    yield message

    def ask(self, text: str) -> list[dict[str, Any]]:
        self.press(QUESTION, "submit", text, None)
        return list(self.follow())

    def does(self, label: str, event: str, *values: Any, about: Any = None) -> None:
        self.press(label, event, *values, about=about)
        assert [message["msg"] for message in self.follow()][-1] == "process_completed"


def parts_of(messages: list[dict[str, Any]]) -> list[Any]:
    """The new values of the listener's outputs, once it is done."""
    values: list[Any] = messages[-1]["output"]["data"]
    return values


def ratings(desk: Desk) -> list[tuple[str, str]]:
    """Label and reason of every rating in the store, the rater being a visitor of the page."""
    every = [
        rating
        for conversation in desk.store.recent()
        for turn in desk.store.turns(conversation.id)
        for rating in desk.store.ratings(turn.id)
    ]
    assert all(isinstance(rating, Rating) and rating.rater.startswith("demo-") for rating in every)
    return sorted((rating.label, rating.reason) for rating in every)


def test_a_reply_comes_with_the_hits_their_scores_and_the_passage_used(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.scripted.enqueue(FIRST)
    with page_of(desk) as address, Visitor(address) as visitor:
        chat, *_, found, passages = parts_of(visitor.ask(RETURNS))
    assert [part["text"] for message in chat for part in message["content"]] == [RETURNS, f"{FIRST}[1]"]
    hits = {chunk: (score, used) for score, chunk, used in found["data"]}
    turn = desk.store.turns(desk.store.recent()[0].id)[0]
    assert [[chunk, score] for score, chunk, _ in found["data"]] == [[c, s] for c, _, s in turn.explanation["chunks"]]
    assert turn.reply
    (source,) = turn.reply.sources
    assert [chunk for chunk, (_, used) in hits.items() if used] == [source.chunk]
    assert source.passage in passages
    assert desk.store.recent()[0].channel == "gradio"


def test_the_text_arrives_while_it_is_written_and_stop_stops_the_generator(open_desk: Callable[..., Desk]) -> None:
    generator = EndlessGenerator(opening=FIRST)
    desk = open_desk(generator)
    with page_of(desk) as address, Visitor(address) as visitor:
        visitor.press(QUESTION, "submit", RETURNS, None)
        received = ""
        for message in visitor.follow():
            received += json.dumps(message)
            if FIRST in received and not generator.closed.is_set():
                visitor.press("Stop", "click")
                assert generator.closed.wait(10)
    (turn,) = desk.store.turns(desk.store.recent()[0].id)
    assert turn.reply
    assert (turn.reply.text, turn.reply.stopped) == (FIRST, True)


def test_a_visitor_who_goes_away_frees_the_generator(open_desk: Callable[..., Desk]) -> None:
    generator = EndlessGenerator(opening=FIRST)
    with page_of(open_desk(generator)) as address, Visitor(address) as visitor:
        with visitor.client.stream("GET", f"/demo/gradio_api/heartbeat/{visitor.session}"):
            visitor.press(QUESTION, "submit", RETURNS, None)
            next(message for message in visitor.follow() if FIRST in json.dumps(message))
        assert generator.closed.wait(10)


@pytest.mark.parametrize(
    ("thumb", "kept"), [(True, ("up", "")), (False, ("down", "")), ("Incomplete", ("down", "Incomplete"))]
)
def test_a_thumb_is_a_rating_in_the_store(
    open_desk: Callable[..., Desk], thumb: bool | str, kept: tuple[str, str]
) -> None:
    desk = open_desk()
    desk.scripted.enqueue(FIRST)
    with page_of(desk) as address, Visitor(address) as visitor:
        visitor.ask(RETURNS)
        visitor.does(CHAT, "like", None, about={"index": 1, "value": "", "liked": thumb})
        visitor.does(CHAT, "like", None, about={"index": 9, "value": "", "liked": thumb})
        with Visitor(address, "second") as stranger:  # has said nothing, so has nothing to rate
            stranger.does(CHAT, "like", None, about={"index": 1, "value": "", "liked": thumb})
    assert ratings(desk) == [kept]


def test_a_vote_is_kept_once_as_a_rating_up_and_one_down(open_desk: Callable[..., Desk]) -> None:
    desk, other = open_desk(), ScriptedGenerator()
    desk.scripted.enqueue(FIRST)
    other.enqueue(SECOND)
    with page_of(desk, other) as address, Visitor(address) as visitor:
        visitor.does("Left is better", "click", None)
        assert ratings(desk) == []
        visitor.press(BOTH, "submit", RETURNS)
        received = json.dumps(list(visitor.follow()))
        left = min((FIRST, SECOND), key=received.index)  # the left one is written first
        visitor.does("Left is better", "click", None)
        visitor.does("Right is better", "click", None)
    assert ratings(desk) == [("down", REASON), ("up", REASON)]
    turns = [turn for conversation in desk.store.recent() for turn in desk.store.turns(conversation.id)]
    liked = [turn.reply.text for turn in turns if turn.reply and desk.store.ratings(turn.id)[0].label == "up"]
    assert liked == [left]


def test_the_page_goes_on_where_a_reply_fails_and_does_not_say_why(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.scripted.enqueue("", error=RuntimeError("key sk-123 refused"))
    desk.scripted.enqueue(FIRST)
    with page_of(desk) as address, Visitor(address) as visitor:
        failed = visitor.ask(RETURNS)
        assert "could not be written" in json.dumps(failed)
        assert "sk-123" not in json.dumps(failed)
        assert FIRST in json.dumps(visitor.ask(RETURNS))


def test_a_blank_question_is_not_asked(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    with page_of(desk, ScriptedGenerator()) as address, Visitor(address) as visitor:
        visitor.does(QUESTION, "submit", "  ", None)
        visitor.does(BOTH, "submit", "")
    assert [conversation.channel for conversation in desk.store.recent()] == ["web"]


def test_staff_documents_never_show(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(ExtractiveChatModel())
    staff = desk.engine.start("slack", audience="staff")
    assert "£25" in "".join(getattr(event, "text", "") for event in desk.engine.reply(staff, "m", GOODWILL))
    with page_of(desk) as address, Visitor(address) as visitor:
        received = json.dumps(visitor.ask(GOODWILL), ensure_ascii=False) + json.dumps(visitor.config)
    assert "goodwill" in received
    assert "£25" not in received
    assert "staff/" not in received


CLOSED = [
    ("POST", "call/ask"),
    ("POST", "call/v2/ask"),
    ("POST", "run/ask"),
    ("POST", "run/predict"),
    ("POST", "api/ask"),
    ("POST", "upload"),
    ("POST", "component_server"),
    ("POST", "vibe-edit"),
    ("POST", "process_recording"),
    ("GET", "info"),
    ("GET", "openapi.json"),
    ("GET", "file=/etc/passwd"),
    ("GET", "file=https://example.com/"),
    ("GET", "proxy=https://example.com/"),
    ("GET", "vibe-code"),
    ("GET", "runs"),
    ("GET", "token"),
]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, index: Retriever) -> Iterator[tuple[Desk, str]]:
    """A desk that must stay silent: its generator was told nothing to say."""
    desk = Desk(tmp_path_factory.mktemp("closed"), index)
    with page_of(desk) as address:
        yield desk, address
    desk.store.close()


@pytest.mark.parametrize(("method", "route"), CLOSED)
def test_what_the_page_does_not_need_is_not_there(closed: tuple[Desk, str], method: str, route: str) -> None:
    desk, address = closed
    with Visitor(address) as visitor:  # even with its key
        body = {"data": [RETURNS, None], "fn_index": 0, "session_hash": "first"}
        sent = {"json": body} if method == "POST" else {}
        assert visitor.client.request(method, f"/demo/gradio_api/{route}", **sent).status_code == 404
    assert [known.channel for known in desk.store.recent()] == ["web"]


@pytest.mark.parametrize("cookie", ["", "shopdesk_demo=demo-me.0123", "shopdesk_demo=é", "shopdesk_demo=."])
def test_a_call_without_the_key_of_the_page_is_refused(closed: tuple[Desk, str], cookie: str) -> None:
    desk, address = closed
    with Visitor(address) as visitor:
        listener = visitor.listener(QUESTION, "submit")
    body = {"fn_index": listener, "session_hash": "stolen", "data": [RETURNS, None]}
    headers = {"Cookie": cookie.encode()} if cookie else {}
    with httpx.Client(base_url=address, headers=headers) as client:
        assert client.post("/demo/gradio_api/queue/join", json=body).status_code == 401
        assert client.get("/demo/gradio_api/queue/data", params={"session_hash": "first"}).status_code == 401
        assert client.post("/demo/gradio_api/cancel", json={}).status_code == 401
    assert [known.channel for known in desk.store.recent()] == ["web"]


def test_each_page_has_its_own_policy_and_the_key_is_not_for_scripts_or_other_sites(closed: tuple[Desk, str]) -> None:
    with httpx.Client(base_url=closed[1]) as client:
        page, chat = client.get("/demo/"), client.get("/")
        assert client.get("/demo").status_code == 307
        assert "set-cookie" not in client.get("/demo/").headers
    assert {"httponly", "samesite=strict", "path=/demo"} <= set(page.headers["set-cookie"].lower().split("; "))
    assert "unsafe-inline" in page.headers["content-security-policy"]
    assert chat.headers["content-security-policy"] == web_chat.SECURITY_HEADERS["Content-Security-Policy"]
    assert "set-cookie" not in chat.headers


def test_without_gradio_the_setting_is_refused_in_one_line(
    open_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(SettingsError, match=r"needs Gradio; pip install -e '\.\[demo\]'"):
        web_server.run(open_desk().engine, Settings(port=0, demo_page=True))


def test_what_is_compared_with() -> None:
    lora = Path("lora")
    assert other_generator(Settings()) is None
    assert other_generator(Settings(generator="model")) == ("extractive", None)
    assert other_generator(Settings(generator="model", lora=lora)) == ("model", None)
    assert other_generator(Settings(generator="model", lora=lora, demo_generator="other")) == ("other", None)
    assert other_generator(Settings(generator="model", demo_generator="model")) is None


def test_the_demo_alone_leads_to_its_page(open_desk: Callable[..., Desk]) -> None:
    engine = open_desk().engine
    app = in_a_loop(lambda: web_server.demo_app(engine, engine.settings))
    with serving(app) as address, httpx.Client(base_url=address, follow_redirects=True) as client:
        assert "gradio_config" in client.get("/").text
        assert client.get("/api/shop").status_code == 404
        assert client.get("/docs").status_code == 404


@pytest.mark.browser
def test_the_page_in_a_browser_that_has_nothing_but_this_machine(
    open_desk: Callable[..., Desk], browser: Browser
) -> None:
    desk, other = open_desk(), ScriptedGenerator()
    desk.scripted.enqueue(f"{FIRST} <img src=data:, onerror=alert(1)>")
    desk.scripted.enqueue(FIRST)
    other.enqueue(SECOND)
    faults: list[str] = []
    with page_of(desk, other) as address:
        page = (context := browser.new_context(locale="en-GB")).new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "response",  # a browser asks for /favicon.ico of its own accord, and Gradio's page names none
            lambda answer: faults.append(answer.url) if answer.status >= 400 and "favicon" not in answer.url else None,
        )
        page.on("console", lambda message: faults.append(message.text) if "Security" in message.text else None)
        page.on("request", lambda request: None if request.url.startswith(address) else faults.append(request.url))
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.goto(f"{address}/demo")
        expect(page.locator("#speaking")).to_contain_text("Written by scripted, LoRA seventh, from snapshot 1")
        expect(page.get_by_text("靴子穿到室外还能退货吗？")).to_be_visible()
        page.get_by_text(RETURNS).click()
        expect(page.get_by_role("log")).to_contain_text(FIRST)
        expect(page.locator("#passages")).to_contain_text(FIRST)
        page.get_by_label("Dislike").click()
        expect(page.get_by_text("your rating is kept")).to_be_visible()
        page.get_by_role("tab", name="Side by side").click()
        page.get_by_label(BOTH).fill(RETURNS)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Right is better").click()
        expect(page.locator("#told")).to_contain_text("Your vote is kept")
        context.close()
    assert not faults
    assert ratings(desk) == [("down", ""), ("down", REASON), ("up", REASON)]
