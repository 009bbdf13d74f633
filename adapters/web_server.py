"""`shopdesk serve`: the web channel behind uvicorn, one process."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

import uvicorn
from fastapi import FastAPI

from adapters import web_chat
from adapters.output import say
from adapters.slack_commands import open_channel
from bot.engine import Engine
from bot.errors import SettingsError
from bot.settings import Settings

_BACKLOG = 2048
_LAST_SECONDS = 5  # for what is under way when it ends


class _Server(uvicorn.Server):
    """Lets those go who listen to the desk, and would listen for ever, before it waits for what is under way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cast(FastAPI, self.config.app).state.news.close()
        await super().shutdown(sockets)


def run(engine: Engine, settings: Settings) -> None:
    """Serves until it is interrupted or told to end. Raises SettingsError when the address cannot be had."""
    with _listening(settings.host, settings.port) as listening:
        ready = engine.ready()
        engine.retriever.search("ready?", 1, None)  # loads the embedding model before the first shopper comes
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{listening.getsockname()[1]}"
        say(f"{engine.shop_name or 'Shopdesk'}: {ready['documents']} documents, {ready['model']}")
        say(f"chat {address}/   API {address}/docs   (Ctrl-C stops)")
        # uvicorn's own start-up lines would only say this again.
        level = {"info": "warning"}.get(settings.log_level, settings.log_level)
        app = web_chat.build(engine, settings)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn raises it again once it has shut down
        with suppress(KeyboardInterrupt), _slack(app, engine, settings):
            config = uvicorn.Config(app, log_level=level, access_log=False, timeout_graceful_shutdown=_LAST_SECONDS)
            _Server(config).run(sockets=[listening])


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
