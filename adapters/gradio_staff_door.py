"""The door of the staff page: nothing under /staff but the form to sign in is there for whoever has not signed in.

Who gives the password and a name gets a cookie for a working day, signed for that name; with it, what the page itself
asks for is let in, and nothing else of Gradio, as at the demo page (`adapters.gradio_door`).
"""

from __future__ import annotations

import hmac
import math
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import gradio as gr
from fastapi import FastAPI, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters import gradio_staff
from adapters.gradio_door import CALLS, FILES, HEADERS, PAGE, Keys
from adapters.web_limits import Limit
from bot.review import LONGEST_NAME

if TYPE_CHECKING:
    from bot.engine import Engine
    from bot.settings import Settings

PATH: Final = "/staff"
COOKIE: Final = "shopdesk_staff"
HOURS: Final = 12
TRIES_PER_MINUTE: Final = 10  # from one address
_POLICY: Final = HEADERS["Content-Security-Policy"]
_HEADERS: Final = {
    **HEADERS,
    "Content-Security-Policy": _POLICY.replace("form-action 'none'", "form-action 'self'").replace(
        "frame-ancestors 'self'", "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}


def mount(app: FastAPI, engine: Engine, settings: Settings, clock: Callable[[], float] = time.time) -> None:
    """Adds the staff page at PATH, behind its door. The settings have a password."""
    passes = Passes(settings.staff_password, clock)
    app.add_api_route(f"{PATH}/login", passes.sign_in, methods=["GET", "POST"], include_in_schema=False)
    app.add_api_route(f"{PATH}/logout", passes.sign_out, methods=["GET"], include_in_schema=False)
    gr.mount_gradio_app(
        app,
        gradio_staff.build(engine, settings),
        PATH,
        auth_dependency=passes.name,
        show_error=False,
        footer_links=[],
        run_history=False,
        max_file_size=1,
        theme=gr.themes.Default(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace")),
        css=gradio_staff.CSS,
    )
    app.add_middleware(Door, passes=passes)


class Passes:
    """Who has signed in. The cookies are known to this process alone: after a restart one signs in again."""

    def __init__(self, password: str, clock: Callable[[], float]) -> None:
        self._password, self._clock = _digest(password), clock
        self._keys, self._tries = Keys(), Limit(TRIES_PER_MINUTE)

    def name(self, request: Request) -> str | None:
        """The name of whoever has signed in; None for anybody else."""
        owner = self._keys.owner(request.cookies.get(COOKIE, ""))
        if owner is None:
            return None
        name, _, until = owner.partition(".")
        return urlsafe_b64decode(name).decode() if self._clock() < int(until) else None

    async def sign_in(self, request: Request) -> Response:
        """The form, or what comes of it: a cookie and the page, or the form again with one line."""
        if request.method == "GET":
            return _form()
        body = await request.body()  # not longer than the application allows
        form = parse_qs(body.decode("utf-8", "replace"))
        name, password = (form.get(field, [""])[0] for field in ("name", "password"))
        wait = self._tries.wait(request.client.host if request.client else "")
        if wait:
            return _form(name, f"Too many tries; wait {math.ceil(wait)} s.", 429)
        if not hmac.compare_digest(_digest(password), self._password):
            return _form(name, "This is not the password.", 401)
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME:
            return _form(
                name, f"Give a name of at most {LONGEST_NAME} characters; your decisions are kept with it.", 422
            )
        until = int(self._clock()) + HOURS * 3600
        answer = RedirectResponse(f"{PATH}/", 303)
        answer.set_cookie(
            COOKIE,
            self._keys.new(f"{urlsafe_b64encode(name.encode()).decode()}.{until}"),
            max_age=HOURS * 3600,
            path=PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    def sign_out(self) -> Response:
        """The form, and no cookie any more."""
        answer = RedirectResponse(f"{PATH}/login", 303)
        answer.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")
        return answer


class Door:
    """Middleware of the whole application; it looks only at what is under PATH."""

    def __init__(self, app: ASGIApp, passes: Passes) -> None:
        self.app, self.passes = app, passes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] not in ("http", "websocket") or not (path == PATH or path.startswith(f"{PATH}/")):
            await self.app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if scope["type"] == "http":
            await self._behind(scope, f"{scope['method']} {path.removeprefix(PATH)}")(scope, receive, sealed)

    def _behind(self, scope: Scope, wanted: str) -> ASGIApp:
        if wanted in ("GET /login", "POST /login", "GET /logout"):
            return self.app
        if self.passes.name(Request(scope)) is None:
            asks = PAGE.fullmatch(wanted)
            return RedirectResponse(f"{PATH}/login", 303) if asks else PlainTextResponse("Sign in first.", 401)
        # Pages of the shop's other addresses are of the same site: its cookie alone would let them press buttons here.
        if CALLS.fullmatch(wanted) and Headers(scope=scope).get("sec-fetch-site", "same-origin") != "same-origin":
            return PlainTextResponse("Not from another page.", 403)
        if any(pattern.fullmatch(wanted) for pattern in (PAGE, CALLS, FILES)):
            return self.app
        return PlainTextResponse("Not found.", 404)


def _digest(password: str) -> bytes:
    """Of one length for all, so that comparing tells nothing of the password's."""
    return sha256(password.encode("utf-8", "surrogatepass")).digest()


def _form(name: str = "", problem: str = "", status: int = 200) -> Response:
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return HTMLResponse(_FORM.format(alert=alert, name=escape(name[:LONGEST_NAME]), longest=LONGEST_NAME), status)


_FORM: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Staff – sign in</title>
<style>
  :root {{ color-scheme: light dark }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 20rem; margin: 12vh auto; padding: 0 1rem }}
  label {{ display: block; margin-top: 1rem }}
  input, button {{ box-sizing: border-box; width: 100%; font: inherit; padding: .5rem }}
  button {{ margin-top: 1.5rem }}
  [role=alert] {{ border-left: 4px solid #d97706; padding-left: .75rem }}
</style>
<h1>Staff</h1>
{alert}
<form method="post" action="login">
  <label>Your name <input name="name" value="{name}" maxlength="{longest}" autocomplete="name" required></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
  <button>Sign in</button>
</form>
</html>
"""
