"""A Slack for the tests: a Web API that takes calls on this machine, and a client that signs what it sends."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx

from adapters import slack_app, slack_http, web_chat
from bot.engine import Engine
from tests.fakes import serving

SECRET = "a signing secret"
BOT, TEAM, DESK = "UBOT", "T1", "CDESK"
NAMES = {"UMEI": "Mei", "UTOM": "Tom"}


@dataclass
class Call:
    """One call of the Web API: its method, and its arguments decoded."""

    method: str
    arguments: dict[str, Any]

    @property
    def text(self) -> str:
        """All that a person would read of it."""
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass
class FakeSlack:
    """What was called so far; `faults` are answers that the next calls of a method get in place of success.

    A fault is a status with headers: (429, {"Retry-After": "0"}), (500, {}), or an error such as "channel_not_found".
    """

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    faults: dict[str, deque[tuple[int, dict[str, str]] | str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _time: int = 1000

    @property
    def settings(self) -> dict[str, str]:
        """What lets the desk call it."""
        return {"slack_bot_token": "xoxb-1", "slack_api_url": self.url}

    def fail(self, method: str, *faults: tuple[int, dict[str, str]] | str) -> None:
        self.faults.setdefault(method, deque()).extend(faults)

    def of(self, *methods: str) -> list[Call]:
        with self._lock:
            return [call for call in self.calls if call.method in methods]

    def until(self, there: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Waits for something to be true, and returns it; a test that waits in vain fails."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := there():
                return found
            time.sleep(0.02)
        raise AssertionError(f"it did not come; Slack has seen {[call.method for call in self.calls]}")

    def answer(self, method: str, arguments: dict[str, Any]) -> tuple[int, dict[str, str], dict[str, Any]]:
        with self._lock:
            fault = self.faults[method].popleft() if self.faults.get(method) else None
            if isinstance(fault, tuple):
                return fault[0], fault[1], {"ok": False, "error": "fault"}
            if fault is not None:
                return 200, {}, {"ok": False, "error": fault}
            self.calls.append(Call(method, arguments))
            self._time += 1
            answer: dict[str, Any] = {"ok": True, "ts": f"{self._time}.1", "channel": arguments.get("channel", "")}
        if method == "auth.test":
            answer |= {"user_id": BOT, "bot_id": "B1", "team_id": TEAM, "team": "shop", "user": "bot", "url": self.url}
        if method == "users.info":
            user = arguments["user"]
            answer["user"] = {"id": user, "name": user.lower(), "profile": {"display_name": NAMES.get(user, "")}}
        return 200, {}, answer


def _arguments(body: str, content_type: str) -> dict[str, Any]:
    if "json" in content_type:
        return dict(json.loads(body))
    found: dict[str, Any] = {name: values[0] for name, values in parse_qs(body).items()}
    for name, value in found.items():
        if value[:1] in ("[", "{"):
            found[name] = json.loads(value)
    return found


@contextmanager
def slack_web_api() -> Iterator[FakeSlack]:
    """A Web API on a free port, in a thread."""
    slack = FakeSlack()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            method = self.path.strip("/").removeprefix("api/")
            status, headers, answer = slack.answer(method, _arguments(body, self.headers.get("Content-Type") or ""))
            data = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        slack.url = f"http://127.0.0.1:{server.server_port}/api/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield slack
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def slack_office(engine: Engine, slack: FakeSlack) -> Iterator[Workspace]:
    """The web application with Slack beside it, as `shopdesk serve` runs them, behind a real server."""
    given = {"slack_signing_secret": SECRET, "slack_desk_channel": DESK}
    settings = engine.settings.model_copy(update={**slack.settings, **given})
    channel = slack_app.build(engine, settings)
    web = web_chat.build(engine, settings)
    slack_http.add_to(web, channel.app, SECRET)
    channel.start()
    try:
        with serving(web) as address:
            yield Workspace(address, slack)
    finally:
        channel.close()


class Workspace:
    """The people of a workspace: what they do is sent to the desk's `/slack/events`, signed as Slack signs."""

    def __init__(self, address: str, slack: FakeSlack) -> None:
        self.address, self.slack = address, slack
        self._time = 5000

    def send(self, body: str, content_type: str = "application/json", **headers: str) -> httpx.Response:
        now = str(int(time.time()))
        signed = hmac.new(SECRET.encode(), f"v0:{now}:{body}".encode(), hashlib.sha256).hexdigest()
        usual = {"Content-Type": content_type, "X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={signed}"}
        return httpx.post(f"{self.address}/slack/events", content=body.encode(), headers={**usual, **headers})

    def event(self, event: dict[str, Any], event_id: str = "", status: int = 200) -> httpx.Response:
        whole = {"type": "event_callback", "team_id": TEAM, "event_id": event_id or f"Ev{time.time_ns()}",
                 "event": event, "api_app_id": "A1", "authorizations": [{"team_id": TEAM, "user_id": BOT}]}  # fmt: skip
        response = self.send(json.dumps(whole))
        assert response.status_code == status, response.text
        return response

    def post(
        self, text: str, *, user: str = "UMEI", channel: str = "C1", thread: str = "", **more: Any
    ) -> dict[str, Any]:
        """The `message` event of a new post; it is not sent yet."""
        self._time += 1
        kind = {"C": "channel", "D": "im"}[channel[0]]
        event = {"type": "message", "channel_type": kind, "channel": channel, "user": user, "team": TEAM,
                 "text": text, "ts": f"{self._time}.0", **more}  # fmt: skip
        return {**event, "thread_ts": thread} if thread else event

    def write(self, text: str, **where: Any) -> dict[str, Any]:
        """A person writes, and Slack tells of it: as a message, and as a mention too where the bot is mentioned."""
        event = self.post(text, **where)
        if f"<@{BOT}>" in text and event["channel_type"] != "im":
            self.event({**event, "type": "app_mention"})
        self.event(event)
        return event

    def press(self, action: str, value: str, *, user: str = "UMEI", channel: str = DESK, kind: str = "button") -> None:
        self._interact({
            "type": "block_actions", "user": {"id": user, "team_id": TEAM}, "team": {"id": TEAM},
            "channel": {"id": channel}, "trigger_id": "trigger-1", "message": {"ts": "1.1"},
            "actions": [{"type": kind, "action_id": action, "block_id": "b", "value": value, "action_ts": "1"}],
        })  # fmt: skip

    def submit(self, view: dict[str, Any], text: str, *, user: str = "UMEI", view_id: str = "V1") -> None:
        """Fills in a window that the desk opened, and sends it."""
        state = {"values": {"text": {"text": {"type": "plain_text_input", "value": text}}}}
        self._interact({
            "type": "view_submission", "user": {"id": user, "team_id": TEAM}, "team": {"id": TEAM},
            "view": {**view, "id": view_id, "state": state},
        })  # fmt: skip

    def command(self, text: str, *, user: str = "UMEI", trigger: str = "trigger-2") -> httpx.Response:
        form = {"command": "/ask", "text": text, "user_id": user, "team_id": TEAM, "channel_id": "C1",
                "trigger_id": trigger, "response_url": f"{self.slack.url}respond"}  # fmt: skip
        return self.send(urlencode(form), "application/x-www-form-urlencoded")

    def _interact(self, payload: dict[str, Any]) -> None:
        response = self.send(urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded")
        assert response.status_code == 200, response.text
