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
from bot.citing import cited
from bot.engine import Engine
from bot.errors import ShopdeskError
from bot.messages import Done, Event, Source, Sources, Text

_WIDEST = 88  # longer lines are hard to read, however wide the window is
_PIECE = re.compile(r"\n|[^\S\n]+|[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+")


def show(events: Iterator[Event]) -> None:
    """Prints a reply with the numbers of its sources, and those under it; on a terminal, how to rate it too.

    A terminal shows the text as it comes; the numbers are known at its end, when it is written anew if it can be wiped.
    """
    on_terminal = sys.stdout.isatty()
    size = shutil.get_terminal_size()
    width = min(size.columns, _WIDEST) if on_terminal else None
    paragraph, said = _Paragraph(width), ""
    for event in events:
        if isinstance(event, Text):
            said += event.text
            if on_terminal:
                paragraph.write(event.text)
        elif isinstance(event, Sources):
            text = cited(said, event.sources)
            if not on_terminal or (text != said and paragraph.can_be_wiped(size.lines)):
                paragraph.wipe()
                paragraph.write(text)
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
        self.lines = 0  # above the one being written
        self.too_wide = False  # a word of it, which the terminal has broken
        self.space = ""

    def write(self, text: str) -> None:
        for piece in _PIECE.findall(text) if self.width else [text]:
            self._put(piece)
        sys.stdout.flush()

    def can_be_wiped(self, height: int) -> bool:
        """Whether its first line is known, and still on a terminal of so many lines."""
        return self.lines < height and not self.too_wide

    def wipe(self) -> None:
        """Wipes what was written: up to its first line, to that line's beginning, and all that follows (ECMA-48)."""
        if self.lines:
            sys.stdout.write(f"\x1b[{self.lines}A")
        if self.lines or self.column:
            sys.stdout.write("\r\x1b[J")
        self.column, self.lines, self.space = 0, 0, ""

    def end(self) -> None:
        sys.stdout.write("\n")

    def _put(self, piece: str) -> None:
        if self.width is None or piece == "\n":
            sys.stdout.write(piece)
            self.column, self.space = 0, ""
            self.lines += piece.count("\n")
        elif piece.isspace():
            self.space = piece if self.column else ""
        else:
            columns = sum(2 if east_asian_width(character) in "WF" else 1 for character in piece)
            if self.column and self.column + len(self.space) + columns > self.width:
                sys.stdout.write("\n")
                self.column, self.space = 0, ""
                self.lines += 1
            self.too_wide = self.too_wide or columns > self.width
            sys.stdout.write(self.space + piece)
            self.column += len(self.space) + columns
            self.space = ""
