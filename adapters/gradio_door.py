"""The door of the demo page: it lets in what the page itself asks for, from a browser that has opened it, no more.

Gradio serves about seventy routes, among them uploads, files, a proxy, and calls of every listener by its number;
`api_visibility="private"` only leaves a listener out of the API's description. Here, what the page does not need is
not found, and what it needs wants a key: a cookie that the page sets, which no other site can make a browser send.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import gradio as gr
from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters import gradio_chat

if TYPE_CHECKING:
    from bot.engine import Engine
    from bot.settings import Settings

PATH: Final = "/demo"
COOKIE: Final = "shopdesk_demo"
HEADERS: Final = {
    # Gradio puts its settings into the page as a script, and styles its parts one by one.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
PAGE: Final = re.compile(r"GET /?")
FILES: Final = re.compile(r"GET /(assets|static)/[\w./-]+|GET /theme\.css|GET /gradio_api/startup-events")
CALLS: Final = re.compile(
    r"GET /gradio_api/queue/data|GET /gradio_api/heartbeat/\w+|POST /gradio_api/(queue/join|cancel|reset)/?"
)


def mount(app: FastAPI, engine: Engine, settings: Settings, other: Callable[[], Engine] | None = None) -> None:
    """Adds the demo page at PATH, behind its door; `other` is as `gradio_chat.build` takes it."""
    keys = Keys()
    gr.mount_gradio_app(
        app,
        gradio_chat.build(engine, settings, other),
        PATH,
        auth_dependency=lambda request: keys.owner(_key(request)),
        show_error=False,
        footer_links=[],
        run_history=False,
        max_file_size=1,
        theme=gr.themes.Default(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")),
    )
    app.add_middleware(Door, keys=keys)


class Keys:
    """Makes keys, and knows its own; those of an earlier process are not known, and the page makes a new one."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def new(self, owner: str = "") -> str:
        """A key for one visitor: a new one, or the one of that name, which is ASCII."""
        owner = owner or f"demo-{secrets.token_urlsafe(16)}"
        return f"{owner}.{self._sign(owner)}"

    def owner(self, key: str) -> str | None:
        """The visitor of a key, by whom ratings are told apart; None when it is not one of ours."""
        owner, _, signature = key.rpartition(".")
        return owner if hmac.compare_digest(signature.encode(), self._sign(owner).encode()) else None

    def _sign(self, owner: str) -> str:
        return hmac.digest(self._secret, owner.encode(), "sha256").hex()


class Door:
    """Middleware of the whole application; it looks only at what is under PATH."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self.app, self.keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == PATH or path.startswith(f"{PATH}/")):
            await self.app(scope, receive, send)
            return
        wanted = f"{scope['method']} {path.removeprefix(PATH)}"
        given = ""

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if given:
                    headers.append("Set-Cookie", f"{COOKIE}={given}; Path={PATH}; HttpOnly; SameSite=Strict")
            await send(message)

        known = self.keys.owner(_key(Request(scope))) is not None
        app: ASGIApp = self.app
        if PAGE.fullmatch(wanted):
            if not known:
                given = self.keys.new()
                scope = _with_cookie(scope, given)
        elif CALLS.fullmatch(wanted):
            if not known:
                app = PlainTextResponse("Open the demo page first.", 401)
        elif not FILES.fullmatch(wanted):
            app = PlainTextResponse("Not found.", 404)
        await app(scope, receive, sealed)


def _key(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


def _with_cookie(scope: Scope, key: str) -> Scope:
    """The request as if it had brought the key, in place of one that is no longer good."""
    others = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
    return {**scope, "headers": [*others, (b"cookie", f"{COOKIE}={key}".encode())]}
