"""`/slack/events` takes what Slack signed, and nothing else; whatever comes, it does not fall over."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.conversations import Conversations
from bot.engine import Engine
from bot.generation.composer import ExtractiveChatModel
from bot.settings import Settings
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.commands import write_shop
from tests.fake_slack import SECRET, FakeSlack, slack_office, slack_web_api
from tests.fakes import HashEmbedder

EVENT = {"type": "app_mention", "user": "UMEI", "channel": "C1", "ts": "1.0", "text": "Hello"}
BODY = json.dumps({"type": "event_callback", "team_id": "T1", "event": EVENT}).encode()


@pytest.fixture(scope="module")
def slack() -> Iterator[FakeSlack]:
    with slack_web_api() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(slack: FakeSlack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The whole channel over a small shop, behind a real server."""
    home = tmp_path_factory.mktemp("home")
    retriever = Retriever(snapshots=Snapshots(home / "index"), embedder=HashEmbedder())
    update([write_shop(home / "documents")], retriever.snapshots, retriever.embedder)
    with Conversations(home / "shopdesk.db") as store:
        engine = Engine(retriever, ExtractiveChatModel(), store, Settings(home=home))
        with slack_office(engine, slack) as office:
            yield office.address


def signed(body: bytes, timestamp: str) -> str:
    return "v0=" + hmac.new(SECRET.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def send(address: str, body: bytes, timestamp: str | bytes, signature: str | bytes) -> httpx.Response:
    headers = {b"X-Slack-Request-Timestamp": timestamp, b"X-Slack-Signature": signature}
    raw = [(name, value.encode() if isinstance(value, str) else value) for name, value in headers.items()]
    return httpx.post(f"{address}/slack/events", content=body, headers=[*raw, (b"Content-Type", b"application/json")])


def test_what_slack_signed_is_heard(address: str, slack: FakeSlack) -> None:
    now = str(int(time.time()))
    assert send(address, BODY, now, signed(BODY, now)).status_code == 200
    assert slack.until(lambda: slack.of("chat.stopStream"))


def test_slack_finds_out_whose_address_it_is(address: str) -> None:
    now, body = str(int(time.time())), b'{"type": "url_verification", "challenge": "3eZb"}'
    assert "3eZb" in send(address, body, now, signed(body, now)).text


@pytest.mark.parametrize("offset", [-330, 330, -(10**6), 10**11])
def test_what_is_old_or_of_the_future_is_refused_though_signed(address: str, offset: int) -> None:
    then = str(int(time.time()) + offset)
    assert send(address, BODY, then, signed(BODY, then)).status_code == 401


def test_what_is_missing_is_refused(address: str) -> None:
    assert httpx.post(f"{address}/slack/events", content=BODY).status_code == 401
    assert httpx.post(f"{address}/slack/events").status_code == 401


@pytest.mark.parametrize("timestamp", [b"", b"now", b"1e9", b"-1", b"\xd9\xa1\xd9\xa2", b"\xff", b"9" * 400, b"1.5"])
def test_a_timestamp_that_is_no_number_is_refused(address: str, timestamp: bytes) -> None:
    assert send(address, BODY, timestamp, "v0=00").status_code == 401


@settings(max_examples=150)
@given(st.lists(st.sampled_from([*range(0x21, 0x7F), *range(0x80, 0x100)]), max_size=80).map(bytes))
def test_no_other_signature_is_taken(address: str, signature: bytes) -> None:
    now = str(int(time.time()))
    assert send(address, BODY, now, signature).status_code == 401


@settings(max_examples=100)
@given(st.integers(0, len(BODY) * 8 - 1))
def test_one_changed_bit_of_the_body_is_refused(address: str, bit: int) -> None:
    now = str(int(time.time()))
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8
    assert send(address, bytes(changed), now, signed(BODY, now)).status_code == 401


@settings(max_examples=100)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["type", "event", "user", "team", "authorizations", "payload"]), inner
                )
            ),
            max_leaves=6,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
@example(b'{"type": "event_callback", "event": {"type": "message", "user": "U1"}}')
@example(b'{"type": "event_callback", "event": {"type": "app_home_opened"}}')
@example(b'{"type": "block_actions", "actions": []}')
@example(b'{"type": "event_callback", "event": []}')
@example(b"payload=%5B%5D")
@example(b"command=%2Fask")
def test_a_signed_body_of_any_shape_is_no_accident(address: str, body: bytes) -> None:
    now = str(int(time.time()))
    assert send(address, body, now, signed(body, now)).status_code in (200, 400, 404)
