"""Replies and conversations in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from uuid import uuid4

import click

from bot.engine import Engine
from bot.errors import ShopdeskError
from bot.messages import Event, Sources, Text


def show(events: Iterator[Event]) -> None:
    """Prints a reply as it comes, and its sources under it."""
    for event in events:
        if isinstance(event, Text):
            sys.stdout.write(event.text)
            sys.stdout.flush()
        elif isinstance(event, Sources):
            click.echo()
            for number, source in enumerate(event.sources, 1):
                heading = " > ".join((source.title, *source.heading))
                click.secho(f"  [{number}] {heading}  ({source.document})", dim=True)


def talk(engine: Engine, conversation: str) -> None:
    """Reads questions and prints replies until an empty line, Ctrl-D or Ctrl-C."""
    click.secho(f"{engine.shop_name or 'Shopdesk'}: ask anything; an empty line ends. Conversation {conversation}", dim=True)
    while True:
        try:
            text = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            click.echo()
            return
        if not text:
            return
        try:
            show(engine.reply(conversation, uuid4().hex, text))
        except ShopdeskError as error:
            click.echo(f"shopdesk: {error}", err=True)
