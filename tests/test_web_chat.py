"""The web channel over a real server: conversations, streams that can be resumed and stopped, ratings, bad input."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from fakes import ScriptedEngine, serving

from adapters import web_stream
from adapters.web_chat import UNNAMED, build
from adapters.web_limits import VISITOR_HEADER
from adapters.web_problems import LARGEST_BODY, PROBLEMS, TYPE_PREFIX
from adapters.web_stream import Pace, RunningReply
from bot.errors import GenerationError, NoSnapshot, StoreError
from bot.messages import Source
from bot.settings import Settings

RETURNS = Source("policies/returns.md", "Returns policy", "policies/returns.md@0", 0.9, "30 days.", "You have 30 days.")


@dataclass(frozen=True)
class Received:
    name: str
    id: str
    data: dict[str, Any]


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(suggestions=("Can I send back boots I wore once?",))


@pytest.fixture
def client(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setattr(web_stream, "QUIET_SECONDS", 0.1)
    pace = Pace(grace=60)  # nothing is cancelled because the machine is slow
    app = build(engine, Settings(max_message_chars=500), pace=pace)
    with serving(app) as address, httpx.Client(base_url=address, timeout=10) as client:
        yield client


@pytest.fixture
def conversation(client: httpx.Client) -> str:
    return str(client.post("/api/conversations").json()["conversation"])


def events_of(response: httpx.Response) -> Iterator[Received]:
    """The server-sent events of a response, as they arrive; comments are not events."""
    assert response.headers["content-type"].startswith("text/event-stream"), response.read()
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Received(fields["event"], fields["id"], json.loads(fields["data"]))
            fields = {}


def ask(client: httpx.Client, conversation: str, message_id: str, text: str = "Boots?") -> list[Received]:
    body = {"message_id": message_id, "text": text}
    with client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as response:
        return list(events_of(response))


def said(events: list[Received]) -> str:
    return "".join(event.data["text"] for event in events if event.name == "text")


def assert_problem(response: httpx.Response, slug: str) -> dict[str, Any]:
    status, title = PROBLEMS[slug]
    document: dict[str, Any] = json.loads(response.read())
    assert (response.status_code, document["type"]) == (status, TYPE_PREFIX + slug), document
    assert response.headers["content-type"] == "application/problem+json"
    assert (document["title"], document["status"]) == (title, status)
    assert "\n" not in document["detail"]
    assert document["detail"]
    return document


def test_a_question_is_answered_as_a_stream_and_kept(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    engine.enqueue("Worn outside, ", "no. ", "Worn indoors, yes.", sources=(replace(RETURNS, spans=((0, 17),)),))
    events = ask(client, conversation, "m1", "Can I send them back?")
    assert [event.name for event in events if event.name != "text"] == ["status", "sources", "done"]
    assert said(events) == "Worn outside, no. Worn indoors, yes." == events[-1].data["text"]
    assert events[-2].data["sources"] == events[-1].data["sources"]
    assert events[-1].data["sources"][0]["quote"] == "30 days."
    assert events[-1].data["sources"][0]["spans"] == [[0, 17]]
    assert len({event.id for event in events}) == len(events)

    kept = client.get(f"/api/conversations/{conversation}").json()
    assert [(turn["message_id"], turn["question"]) for turn in kept["turns"]] == [("m1", "Can I send them back?")]
    assert kept["turns"][0]["reply"] == events[-1].data


def test_streams_may_not_be_cached_or_buffered_on_the_way(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    engine.enqueue("Yes.")
    response = client.post(f"/api/conversations/{conversation}/messages", json={"message_id": "m", "text": "?"})
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"


def test_small_pieces_are_merged_but_none_waits_for_the_next(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    hold = threading.Event()
    engine.enqueue(*"The answer is yes", ".", hold=hold)
    body = {"message_id": "m1", "text": "?"}
    with client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as response:
        events = events_of(response)
        assert next(events).name == "status"
        pieces = []
        while "".join(pieces) != "The answer is yes":  # the full stop is held back; the last short piece is not
            pieces.append(next(events).data["text"])
        assert all(len(piece) >= 8 for piece in pieces[:-1])
        hold.set()
        assert said(list(events)) == "."


def test_the_same_message_id_gets_the_same_reply_and_is_answered_once(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    engine.enqueue("Thirty days.")
    first, second = ask(client, conversation, "m1"), ask(client, conversation, "m1")
    assert second[-1] == first[-1]
    assert engine.asked == ["Boots?"]


def test_a_lost_connection_is_resumed_after_the_last_event_seen(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    hold = threading.Event()
    engine.enqueue("First half, ", "second half.", hold=hold, sources=(RETURNS,))
    body = {"message_id": "m1", "text": "?"}
    with client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as response:
        events = events_of(response)
        seen = [next(events), next(events)]
    assert said(seen) == "First half, "

    url = f"/api/conversations/{conversation}/messages/m1/events"
    with client.stream("GET", url, headers={"Last-Event-ID": seen[-1].id}) as response:
        hold.set()
        rest = list(events_of(response))
    assert said(rest) == "second half."
    assert rest[-1].data["text"] == "First half, second half."
    assert engine.cancellations.empty()

    again = client.build_request(
        "POST", f"/api/conversations/{conversation}/messages", json=body, headers={"Last-Event-ID": rest[-2].id}
    )
    assert list(events_of(client.send(again, stream=True))) == rest[-1:]


def test_two_listeners_get_the_same_events(client: httpx.Client, engine: ScriptedEngine, conversation: str) -> None:
    hold = threading.Event()
    engine.enqueue("One reply, ", "two windows.", hold=hold)
    body = {"message_id": "m1", "text": "?"}
    with (
        client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as one,
        client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as other,
    ):
        hold.set()
        assert list(events_of(one)) == list(events_of(other))
    assert len(engine.asked) == 1


def test_a_stored_reply_is_replayed_when_its_buffer_is_gone(engine: ScriptedEngine) -> None:
    engine.enqueue("In ", "several ", "pieces, once.", sources=(RETURNS,))
    pace = Pace(keep=0.0)
    with serving(build(engine, Settings(), pace=pace)) as address, httpx.Client(base_url=address) as client:
        conversation = client.post("/api/conversations").json()["conversation"]
        first = ask(client, conversation, "m1")
        url = f"/api/conversations/{conversation}/messages/m1/events"
        with client.stream("GET", url, headers={"Last-Event-ID": first[1].id}) as response:
            replayed = list(events_of(response))
        assert [event.name for event in replayed] == ["text", "sources", "done"]
        assert said(replayed) == first[-1].data["text"]
        with client.stream("GET", url, headers={"Last-Event-ID": replayed[1].id}) as response:
            assert list(events_of(response)) == replayed[2:]


def test_a_reply_is_cancelled_a_grace_after_the_last_listener_left(engine: ScriptedEngine) -> None:
    engine.enqueue("A start, ", "never reached.", hold=threading.Event())
    with serving(build(engine, Settings(), pace=Pace(grace=0.1))) as address, httpx.Client(base_url=address) as client:
        conversation = client.post("/api/conversations").json()["conversation"]
        body = {"message_id": "m1", "text": "?"}
        with client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as response:
            assert next(events_of(response)).name == "status"
        assert engine.cancellations.get(timeout=10) == "m1"
        assert ask(client, conversation, "m1")[-1].data["stopped"] is True


class HandSetLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock is set by hand."""

    now = 0.0

    def time(self) -> float:
        return self.now


def test_a_listener_who_comes_back_gets_the_whole_grace_again() -> None:
    async def pass_time(seconds: float) -> None:
        loop.now += seconds
        for _ in range(3):  # the timers that are due run behind the task that waits
            await asyncio.sleep(0)

    async def come_and_go() -> list[bool]:
        run = RunningReply(Pace(grace=5.0))
        cancelled = []
        for inside, away in ((60, 4.9), (0, 4.9), (60, 5.1)):
            with run.listening():
                await pass_time(inside)
            await pass_time(away)
            cancelled.append(run.cancelled.is_set())
        return cancelled

    loop = HandSetLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(come_and_go()) == [False, False, True]


def test_a_listener_who_leaves_is_counted_once_and_the_last_one_ends_the_reply() -> None:
    async def come_and_go() -> list[bool]:
        run = RunningReply(Pace(grace=0.0))
        cancelled = []
        with run.listening() as patient:
            with run.listening() as hasty:
                hasty.leave()
            cancelled.append(run.cancelled.is_set())
            patient.leave()
            cancelled.append(run.cancelled.is_set())
        return cancelled

    assert asyncio.run(come_and_go()) == [False, True]


def test_pieces_that_come_close_together_are_one_event_and_neither_the_first_nor_the_last_waits(
    engine: ScriptedEngine,
) -> None:
    hold = threading.Event()
    pieces = [f"piece {number} " for number in range(50)]
    engine.enqueue(*pieces, hold=hold)
    pace = Pace(merge_seconds=600, grace=60)
    with serving(build(engine, Settings(), pace=pace)) as address, httpx.Client(base_url=address) as client:
        conversation = client.post("/api/conversations").json()["conversation"]
        body = {"message_id": "m1", "text": "?"}
        with client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as response:
            events = events_of(response)
            first = next(events)
            hold.set()
            rest = list(events)
    assert (first.name, rest[-1].name) == ("status", "done")
    assert said(rest) == "".join(pieces)
    assert sum(event.name == "text" for event in rest) <= 2  # some may have come in one pass with the status


def test_many_replies_at_once_arrive_whole_and_in_order(engine: ScriptedEngine) -> None:
    pieces = [f"piece {number} " for number in range(200)]
    for _ in range(20):
        engine.enqueue(*pieces)
    chosen = Settings(replies_at_once=20, messages_per_minute_per_address=0)
    with (
        serving(build(engine, chosen)) as address,
        httpx.Client(base_url=address, timeout=30) as client,
        ThreadPoolExecutor(20) as pool,
    ):
        conversations = [client.post("/api/conversations").json()["conversation"] for _ in range(20)]
        asked = [pool.submit(ask, client, conversation, "m1") for conversation in conversations]
        for reply in asked:
            events = reply.result()
            assert said(events) == "".join(pieces)
            assert [int(event.id.rpartition("-")[2]) for event in events] == list(range(1, len(events) + 1))


def test_stop_ends_the_reply_and_keeps_what_was_written(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    engine.enqueue("Kept so far. ", "Never said.", hold=threading.Event(), sources=(RETURNS,))
    body = {"message_id": "m1", "text": "?"}
    with client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as response:
        events = events_of(response)
        assert [next(events).name, next(events).name] == ["status", "text"]
        assert client.post(f"/api/conversations/{conversation}/messages/m1/stop").status_code == 202
        last = list(events)[-1]
    assert (last.name, last.data["stopped"], last.data["text"]) == ("done", True, "Kept so far. ")
    assert engine.cancellations.get(timeout=10) == "m1"
    assert client.post(f"/api/conversations/{conversation}/messages/m1/stop").status_code == 202
    assert_problem(client.post(f"/api/conversations/{conversation}/messages/m2/stop"), "unknown-message")


def test_a_quiet_stream_is_kept_alive_by_comments(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    hold = threading.Event()
    engine.enqueue("At last.", hold=hold)
    body = {"message_id": "m1", "text": "?"}
    with client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as response:
        for line in response.iter_lines():
            if line.startswith(":"):
                hold.set()
        assert hold.is_set()


@pytest.mark.parametrize(
    ("error", "slug"),
    [
        (GenerationError("CUDA out of memory on /models/secret"), "generation-failed"),
        (NoSnapshot("no snapshot 'secret'; run shopdesk ingest"), "not-ready"),
        (StoreError("disk full at /var/secret"), "not-ready"),
        (ZeroDivisionError("secret"), "internal-error"),
    ],
)
def test_a_failing_reply_is_an_error_event_without_internals_and_a_log_line(
    client: httpx.Client,
    engine: ScriptedEngine,
    conversation: str,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    slug: str,
) -> None:
    engine.enqueue("It began, ", error=error)
    with caplog.at_level(logging.ERROR, "adapters"):
        events = ask(client, conversation, "m1", "My private question")
    assert [event.name for event in events] == ["status", "text", "error"]
    assert events[-1].data["type"] == TYPE_PREFIX + slug
    assert "secret" not in json.dumps(events[-1].data)
    assert type(error).__name__ in caplog.text
    assert "private" not in caplog.text
    assert isinstance(error, ZeroDivisionError) == ("Traceback" in caplog.text)


def test_a_failed_message_can_be_sent_again(client: httpx.Client, engine: ScriptedEngine, conversation: str) -> None:
    engine.enqueue(error=GenerationError("the model died"))
    engine.enqueue("Now it works.")
    failed = ask(client, conversation, "m1")
    assert failed[-1].name == "error"
    with client.stream("GET", f"/api/conversations/{conversation}/messages/m1/events") as response:
        assert list(events_of(response)) == failed
    assert ask(client, conversation, "m1")[-1].data["text"] == "Now it works."


def test_a_stray_end_of_the_engine_is_an_error_too(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    engine.enqueue(error=StopIteration())  # a generator turns it into RuntimeError
    assert ask(client, conversation, "m1")[-1].data["type"] == TYPE_PREFIX + "internal-error"


def test_too_many_replies_at_once_are_refused_with_a_time_to_come_back(engine: ScriptedEngine) -> None:
    hold = threading.Event()
    engine.enqueue("Busy.", hold=hold)
    with serving(build(engine, Settings(replies_at_once=1))) as address, httpx.Client(base_url=address) as client:
        conversation = client.post("/api/conversations").json()["conversation"]
        url = f"/api/conversations/{conversation}/messages"
        with client.stream("POST", url, json={"message_id": "m1", "text": "?"}) as response:
            refused = client.post(url, json={"message_id": "m2", "text": "?"})
            assert_problem(refused, "busy")
            assert int(refused.headers["retry-after"]) > 0
            hold.set()
            assert list(events_of(response))[-1].name == "done"


def test_stopping_the_server_cancels_what_is_being_written(engine: ScriptedEngine) -> None:
    engine.enqueue("Never ", "ends.", hold=threading.Event())
    pace = Pace(grace=600)
    with serving(build(engine, Settings(), pace=pace)) as address, httpx.Client(base_url=address) as client:
        conversation = client.post("/api/conversations").json()["conversation"]
        body = {"message_id": "m1", "text": "?"}
        with client.stream("POST", f"/api/conversations/{conversation}/messages", json=body) as response:
            next(events_of(response))
    assert engine.cancellations.get(timeout=10) == "m1"


def test_a_rating_reaches_the_engine_under_the_visitors_own_id(
    client: httpx.Client, engine: ScriptedEngine, conversation: str
) -> None:
    engine.enqueue("Yes.")
    turn = ask(client, conversation, "m1")[-1].data["turn"]
    visitor = {VISITOR_HEADER: "0123456789abcdef"}
    assert client.put(f"/api/turns/{turn}/rating", json={"label": "down"}, headers=visitor).status_code == 204
    again = {"label": "down", "reason": "Wrong"}
    assert client.put(f"/api/turns/{turn}/rating", json=again, headers=visitor).status_code == 204
    assert engine.ratings == {(turn, "0123456789abcdef"): ("down", "Wrong")}
    assert client.put(f"/api/turns/{turn}/rating", json={"label": "up"}).status_code == 204
    assert {rater for _, rater in engine.ratings} == {"0123456789abcdef", UNNAMED}
    bad = client.put(f"/api/turns/{turn}/rating", json={"label": "up"}, headers={VISITOR_HEADER: "x"})
    assert_problem(bad, "invalid-request")


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("", "empty-message"),
        (" \n\t ", "empty-message"),
        ("\x00\x07\x1b", "empty-message"),
        ("a" * 501, "message-too-long"),
        ("a" * 100_000, "message-too-long"),
    ],
)
def test_messages_that_cannot_be_taken(client: httpx.Client, conversation: str, text: str, slug: str) -> None:
    url = f"/api/conversations/{conversation}/messages"
    assert_problem(client.post(url, json={"message_id": "m1", "text": text}), slug)


def test_control_characters_are_left_out(client: httpx.Client, engine: ScriptedEngine, conversation: str) -> None:
    engine.enqueue("Yes.")
    ask(client, conversation, "m1", " One\x00\x1b line\r\nand\ta tab, 你好 \x85")
    assert engine.asked == ["One line\nand\ta tab, 你好"]


@pytest.mark.parametrize(
    ("body", "content_type", "slug"),
    [
        (b"{not json", "application/json", "not-json"),
        (b"\xff\xfe", "application/json", "not-json"),
        (b"", "application/json", "invalid-request"),
        (b"[]", "application/json", "invalid-request"),
        (b'{"text": "x"}', "application/json", "invalid-request"),
        (b'{"message_id": "m1", "text": 5}', "application/json", "invalid-request"),
        (b'{"message_id": "../m", "text": "x"}', "application/json", "invalid-request"),
        (b'{"message_id": "m1", "text": "\\ud800"}', "application/json", "empty-message"),
        (b'{"message_id": "m1", "text": "x"}', "text/plain", "invalid-request"),
        (b"[" * 50_000, "application/json", "not-json"),
        (b"a" * (LARGEST_BODY + 1), "application/json", "body-too-large"),
    ],
)
def test_bodies_that_do_not_fit(
    client: httpx.Client, conversation: str, body: bytes, content_type: str, slug: str
) -> None:
    url = f"/api/conversations/{conversation}/messages"
    assert_problem(client.post(url, content=body, headers={"Content-Type": content_type}), slug)


def test_a_body_without_a_length_is_counted_as_it_arrives(client: httpx.Client, conversation: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(20):
            yield b"a" * 100_000

    url = f"/api/conversations/{conversation}/messages"
    response = client.post(url, content=endless(), headers={"Content-Type": "application/json"})
    assert_problem(response, "body-too-large")


def test_what_is_not_there(client: httpx.Client, conversation: str) -> None:
    body = {"message_id": "m1", "text": "?"}
    assert_problem(client.get("/api/conversations/nobody"), "unknown-conversation")
    assert_problem(client.post("/api/conversations/nobody/messages", json=body), "unknown-conversation")
    assert_problem(client.get("/api/conversations/nobody/messages/m1/events"), "unknown-conversation")
    assert_problem(client.get(f"/api/conversations/{conversation}/messages/m1/events"), "unknown-message")
    assert_problem(client.put("/api/turns/nothing/rating", json={"label": "up"}), "unknown-turn")
    assert_problem(client.put("/api/turns/nothing/rating", json={"label": "sideways"}), "invalid-request")
    nowhere = client.get("/nowhere")
    assert (nowhere.status_code, nowhere.json()["type"]) == (404, "about:blank")
    assert client.delete("/health").json()["status"] == 405


def test_health_and_readiness(client: httpx.Client, engine: ScriptedEngine) -> None:
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json()["generator"] == "scripted"
    engine.broken = NoSnapshot("no snapshot under /secret; run shopdesk ingest")
    assert "secret" not in assert_problem(client.get("/ready"), "not-ready")["detail"]
    assert client.get("/health").status_code == 200


def test_the_shop_and_the_pages_come_from_here_alone(client: httpx.Client) -> None:
    shop = client.get("/api/shop").json()
    assert shop["name"] == "Tarnbeck"
    assert shop["suggestions"] == ["Can I send back boots I wore once?"]
    for page in ("/", "/docs"):
        response = client.get(page)
        assert response.status_code == 200
        policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
        assert policy.pop("default-src") == "'none'"
        assert set(policy.values()) <= {"'self'", "'none'"}
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "://" not in response.text.replace("http://www.w3.org", "")
    assert client.get("/api/shop").headers["cache-control"] == "no-store"


def test_the_description_names_every_route_and_its_problems(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert {
        "/api/conversations",
        "/api/conversations/{conversation}",
        "/api/conversations/{conversation}/events",
        "/api/conversations/{conversation}/handover",
        "/api/conversations/{conversation}/handover/email",
        "/api/conversations/{conversation}/messages",
        "/api/conversations/{conversation}/messages/{message_id}/events",
        "/api/conversations/{conversation}/messages/{message_id}/stop",
        "/api/turns/{turn}/rating",
        "/api/shop",
        "/health",
        "/ready",
    } == set(described["paths"])
    send = described["paths"]["/api/conversations/{conversation}/messages"]["post"]["responses"]
    assert list(send["404"]["content"]) == ["application/problem+json"]
    assert set(send["404"]["content"]["application/problem+json"]["schema"]["required"]) == {
        "type",
        "title",
        "status",
        "detail",
    }
