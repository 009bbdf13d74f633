"""`shopdesk serve`: the web channel behind uvicorn, one process."""

from __future__ import annotations

import socket

import click
import uvicorn

from adapters import web_chat
from bot.engine import Engine
from bot.errors import SettingsError
from bot.settings import Settings


def run(engine: Engine, settings: Settings) -> None:
    """Serves until interrupted. Raises SettingsError when the address cannot be had."""
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); choose another with --port"
        ) from error
    ready = engine.ready()
    engine.retriever.search("ready?", 1, None)  # loads the embedding model before the first shopper comes
    address = f"http://{settings.host}:{listening.getsockname()[1]}"
    click.echo(f"{engine.shop_name or 'Shopdesk'}: {ready['documents']} documents, {ready['model']}", err=True)
    click.echo(f"chat {address}/   API {address}/docs   (Ctrl-C stops)", err=True)
    config = uvicorn.Config(web_chat.build(engine, settings), log_level=settings.log_level, access_log=False)
    uvicorn.Server(config).run(sockets=[listening])
