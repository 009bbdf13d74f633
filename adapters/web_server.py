"""`shopdesk serve` and `shopdesk demo`: web channels behind uvicorn, one process."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import cast

import uvicorn
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from adapters import web_chat
from adapters.output import say
from adapters.slack_commands import open_channel
from adapters.web_problems import Guard
from bot.engine import Engine
from bot.errors import SettingsError
from bot.settings import Settings

_BACKLOG = 2048
_LAST_SECONDS = 5  # for what is under way when it ends


class _Server(uvicorn.Server):
    """Lets those go who listen to the desk, and would listen for ever, before it waits for what is under way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        state = cast(FastAPI, self.config.app).state
        if hasattr(state, "news"):  # the demo page alone has none
            state.news.close()
        await super().shutdown(sockets)


def run(engine: Engine, settings: Settings) -> None:
    """Serves the chat page, the API, and the demo and staff pages where the settings want them, until told to end.

    Raises SettingsError when the address, or Gradio for one of those pages, cannot be had.
    """
    pages = {"chat": "/", "API": "/docs"} | ({"demo": "/demo"} if settings.demo_page else {})
    pages |= {"staff": "/staff"} if settings.staff_password else {}
    with _listening(settings.host, settings.port) as listening:
        app = web_chat.build(engine, settings)
        if settings.demo_page:
            _add_demo(app, engine, settings)
        if settings.staff_password:
            _add_staff(app, engine, settings)
        with _slack(app, engine, settings):
            _serve(app, listening, engine, settings, pages)


def run_demo(engine: Engine, settings: Settings) -> None:
    """Serves the demo page alone, until it is told to end. Raises SettingsError as `run` does."""
    with _listening(settings.host, settings.port) as listening:
        _serve(demo_app(engine, settings), listening, engine, settings, {"demo": "/demo"})


def demo_app(engine: Engine, settings: Settings) -> FastAPI:
    """An application that has the demo page and nothing else. Raises SettingsError where Gradio is missing."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(Guard, headers=web_chat.SECURITY_HEADERS)
    app.add_api_route("/", lambda: RedirectResponse("/demo"))
    _add_demo(app, engine, settings)
    return app


def _add_demo(app: FastAPI, engine: Engine, settings: Settings) -> None:
    if find_spec("gradio") is None:
        raise SettingsError("the demo page needs Gradio; pip install -e '.[demo]', or unset SHOPDESK_DEMO_PAGE")
    from adapters import gradio_door  # seconds and 110 MB that only those pay who want the page

    gradio_door.mount(app, engine, settings)


def _add_staff(app: FastAPI, engine: Engine, settings: Settings) -> None:
    if find_spec("gradio") is None:
        raise SettingsError("the staff page needs Gradio; pip install -e '.[demo]', or unset SHOPDESK_STAFF_PASSWORD")
    from adapters import gradio_staff_door

    gradio_staff_door.mount(app, engine, settings)


def _serve(app: FastAPI, listening: socket.socket, engine: Engine, settings: Settings, pages: dict[str, str]) -> None:
    ready = engine.ready()
    engine.retriever.search("ready?", 1, None)  # loads the embedding model before the first shopper comes
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listening.getsockname()[1]}"
    say(f"{engine.shop_name or 'Shopdesk'}: {ready['documents']} documents, {ready['model']}")
    say("   ".join(f"{name} {address}{path}" for name, path in pages.items()) + "   (Ctrl-C stops)")
    # uvicorn's own start-up lines would only say this again.
    level = {"info": "warning"}.get(settings.log_level, settings.log_level)
    settle()
    config = uvicorn.Config(app, log_level=level, access_log=False, timeout_graceful_shutdown=_LAST_SECONDS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises it again once it has shut down
    with suppress(KeyboardInterrupt):
        _Server(config).run(sockets=[listening])


def settle() -> None:
    """Spares the garbage collector what is loaded by now, and full collections most of the time.

    A full one goes through some 600,000 objects of the libraries, which holds every reply up for a second; through what
    500 replies under way are made of, for 0.2 s every few seconds. Nearly all of that goes without the collector.
    """
    gc.freeze()  # not collected before, which takes that second: what start-up left over is little
    gc.set_threshold(700, 10, 1_000)  # the last is 10 by default: how many younger collections make a full one


@contextmanager
def _slack(app: FastAPI, engine: Engine, settings: Settings) -> Iterator[None]:
    """Slack beside the chat page, where its token is set; over HTTP where the signing secret is."""
    if not settings.slack_bot_token:
        yield
        return
    channel = open_channel(engine, settings)
    if settings.slack_signing_secret:
        from adapters import slack_http

        slack_http.add_to(app, channel.app, settings.slack_signing_secret)
    channel.start()
    say("Slack is on")
    try:
        yield
    finally:
        channel.close()


def _listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on: whoever reads the address need not try twice."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise SettingsError(f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port") from error
    return listening
