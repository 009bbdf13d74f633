"""Replies and conversations in a terminal; where the output is piped they are plain text."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from unicodedata import east_asian_width
from uuid import uuid4

import click

from adapters.output import say
from bot.engine import Engine
from bot.errors import ShopdeskError
from bot.messages import Done, Event, Source, Sources, Text

_WIDEST = 88  # longer lines are hard to read, however wide the window is
_PIECE = re.compile(r"\n|[^\S\n]+|[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+")


def show(events: Iterator[Event]) -> None:
    """Prints a reply as it comes, and its sources under it; on a terminal, how to rate it too."""
    on_terminal = sys.stdout.isatty()
    width = min(shutil.get_terminal_size().columns, _WIDEST) if on_terminal else None
    paragraph = _Paragraph(width)
    for event in events:
        if isinstance(event, Text):
            paragraph.write(event.text)
        elif isinstance(event, Sources):
            paragraph.end()
            for number, source in enumerate(event.sources, 1):
                click.secho(_source(number, source, width), dim=True)
        elif isinstance(event, Done) and on_terminal:
            reply = event.reply
            outcome = f"{reply.outcome}, confidence {reply.confidence:.2f}"
            click.secho(f"  {outcome} · shopdesk rate {reply.turn} up|down", dim=True)


def talk(engine: Engine, conversation: str) -> None:
    """Reads questions and prints replies until Ctrl-D or, on a terminal, an empty line. Ctrl-C stops a reply."""
    on_terminal = sys.stdin.isatty()
    if on_terminal:
        import readline  # noqa: F401 (gives `input` its line editing)

        click.secho(f"{engine.shop_name or 'Shopdesk'}: ask anything; an empty line ends.", dim=True)
    while True:
        try:
            text = input("\n> " if on_terminal else "").strip()
        except (EOFError, KeyboardInterrupt):
            text = ""
            if on_terminal:
                click.echo()
            else:
                return
        if text:
            _answer(engine, conversation, text)
        elif on_terminal:
            click.secho(f"Go on later with: shopdesk chat --conversation {conversation}", dim=True)
            return


def _answer(engine: Engine, conversation: str, text: str) -> None:
    events = engine.reply(conversation, uuid4().hex, text)
    try:
        show(events)
    except ShopdeskError as error:
        say(f"shopdesk: {error}")
    except KeyboardInterrupt:
        events.close()  # type: ignore[attr-defined]  # a generator: what was said is stored
        say("stopped")


def _source(number: int, source: Source, width: int | None) -> str:
    where = [source.title, *source.heading[-1:]]
    line = f"[{number}] {' > '.join(dict.fromkeys(where))}  ({source.document})"
    if width is None:
        return f"  {line}"
    return textwrap.fill(line, width, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)


class _Paragraph:
    """Text that comes in pieces, broken between words at the width; no width, no breaks."""

    def __init__(self, width: int | None) -> None:
        self.width = width
        self.column = 0
        self.space = ""

    def write(self, text: str) -> None:
        for piece in _PIECE.findall(text) if self.width else [text]:
            self._put(piece)
        sys.stdout.flush()

    def end(self) -> None:
        sys.stdout.write("\n")

    def _put(self, piece: str) -> None:
        if self.width is None or piece == "\n":
            sys.stdout.write(piece)
            self.column, self.space = 0, ""
        elif piece.isspace():
            self.space = piece if self.column else ""
        else:
            columns = sum(2 if east_asian_width(character) in "WF" else 1 for character in piece)
            if self.column and self.column + len(self.space) + columns > self.width:
                sys.stdout.write("\n")
                self.column, self.space = 0, ""
            sys.stdout.write(self.space + piece)
            self.column += len(self.space) + columns
            self.space = ""
