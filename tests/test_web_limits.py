"""Limits of the web channel: who asks too much is told to wait, the others are served."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
from fakes import ScriptedEngine, serving

from adapters.web_chat import build
from adapters.web_limits import VISITOR_HEADER, Limit
from adapters.web_problems import LARGEST_BODY, TYPE_PREFIX
from bot.settings import Settings

FLOODER, SHOPPER = {VISITOR_HEADER: "flooder_flooder_"}, {VISITOR_HEADER: "shopper_shopper_"}


def test_an_allowance_is_there_at_once_and_comes_back_evenly() -> None:
    now = [100.0]
    limit = Limit(3, clock=lambda: now[0])
    assert [limit.wait("a") for _ in range(3)] == [0, 0, 0]
    assert limit.wait("a") == 20
    assert limit.wait("b") == 0
    now[0] += 19
    assert limit.wait("a") == 1
    now[0] += 1
    assert [limit.wait("a"), limit.wait("a")] == [0, 20]
    now[0] += 1000
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 20]


def test_none_is_no_limit() -> None:
    limit = Limit(0)
    assert not any(limit.wait("a") for _ in range(1000))


def send(client: httpx.Client, conversation: str, number: int, headers: dict[str, str]) -> httpx.Response:
    body = {"message_id": f"m{number}", "text": "?"}
    return client.post(f"/api/conversations/{conversation}/messages", json=body, headers=headers)


def test_of_a_flood_of_100_messages_the_allowance_is_answered_and_others_are_served() -> None:
    engine = ScriptedEngine()
    for _ in range(100):
        engine.enqueue("Yes.")
    with serving(build(engine, Settings())) as address, httpx.Client(base_url=address, timeout=30) as client:
        conversation = client.post("/api/conversations").json()["conversation"]
        with ThreadPoolExecutor(20) as pool:
            flood = [pool.submit(send, client, conversation, number, FLOODER) for number in range(100)]
            served = send(client, conversation, 1000, SHOPPER)
            answers = [future.result() for future in flood]
        assert "event: done" in served.text
        refused = [answer for answer in answers if answer.status_code != 200]
        assert 78 <= len(refused) <= 80  # a token comes back every 3 s
        for answer in refused:
            assert (answer.status_code, answer.json()["type"]) == (429, TYPE_PREFIX + "too-many-requests")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert f"wait {answer.headers['retry-after']} s" in answer.json()["detail"]


def test_new_names_do_not_get_an_address_further() -> None:
    settings = Settings(messages_per_minute_per_address=5)
    with serving(build(ScriptedEngine(), settings)) as address, httpx.Client(base_url=address) as client:
        statuses = [
            client.post("/api/conversations", headers={VISITOR_HEADER: f"visitor_{number:016}"}).status_code
            for number in range(7)
        ]
    assert statuses == [201] * 5 + [429] * 2


def test_a_message_sent_again_for_its_reply_does_not_count() -> None:
    engine = ScriptedEngine()
    engine.enqueue("Once.")
    settings = Settings(messages_per_minute=1)
    with serving(build(engine, settings)) as address, httpx.Client(base_url=address) as client:
        conversation = client.post("/api/conversations").json()["conversation"]
        replies = [send(client, conversation, 1, SHOPPER) for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200] * 5


def test_a_body_of_a_megabyte_is_refused_while_another_shopper_is_answered() -> None:
    engine = ScriptedEngine()
    hold = threading.Event()
    engine.enqueue("Still ", "here.", hold=hold)
    with serving(build(engine, Settings())) as address, httpx.Client(base_url=address, timeout=30) as client:
        conversation = client.post("/api/conversations").json()["conversation"]
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(send, client, conversation, 1, SHOPPER)
            body = {"message_id": "m2", "text": "a" * (LARGEST_BODY + 48_576)}
            refused = client.post(f"/api/conversations/{conversation}/messages", json=body, headers=FLOODER)
            hold.set()
            assert "event: done" in running.result().text
    assert (refused.status_code, refused.json()["type"]) == (413, TYPE_PREFIX + "body-too-large")
