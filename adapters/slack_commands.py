"""`shopdesk slack`: Slack alone, and the manifest of its app."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from adapters.command import command
from adapters.output import say
from bot.errors import SettingsError

if TYPE_CHECKING:
    from adapters.slack_app import SlackChannel
    from bot.engine import Engine
    from bot.settings import Settings

MANIFEST = Path(__file__).with_name("slack_manifest.yaml")


@click.group(invoke_without_command=True)
@command
def slack(settings: Settings) -> None:
    """Answer in Slack, in Socket Mode, without the chat page."""
    if click.get_current_context().invoked_subcommand is None:
        _run(settings)


@slack.command()
@command
def manifest(settings: Settings) -> None:
    """Print the manifest to create the Slack app from."""
    click.echo(MANIFEST.read_text("utf-8"), nl=False)


def open_channel(engine: Engine, settings: Settings) -> SlackChannel:
    """The Slack channel, not started. Raises SettingsError where slack-bolt is missing, or a token."""
    try:
        from adapters.slack_app import build
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is not installed; run pip install -e '.[slack]'") from error
    return build(engine, settings)


def _run(settings: Settings) -> None:
    from adapters.learn_canary import watched
    from adapters.wiring import open_engine

    if not settings.slack_app_token:
        raise SettingsError("setting 'slack_app_token' is empty; set SLACK_APP_TOKEN to the token that begins xapp-")
    with open_engine(settings) as engine, watched(engine.store, settings):
        channel = open_channel(engine, settings)
        channel.start()
        say(f"{engine.shop_name or 'Shopdesk'} answers in Slack   (Ctrl-C stops)")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            Event().wait()
        channel.close()
