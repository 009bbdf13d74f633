"""`shopdesk desk`: hand-overs from the terminal, for a shop without Slack.

    shopdesk desk list
    shopdesk desk reply ID "I have found your parcel."

A running `shopdesk serve` shows the shopper within a second what is written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from adapters.command import command
from adapters.output import print_json, source_record

if TYPE_CHECKING:
    from bot.desk import Desk
    from bot.messages import Handover
    from bot.settings import Settings


def _named(function: Any) -> Any:
    return click.option(
        "--name", default="Support", show_default=True, metavar="NAME", help="Who you are; the shopper sees it."
    )(function)


@click.group()
def desk() -> None:
    """See who waits for a person, answer them, and give them back to the bot."""


@desk.command("list")
@command
def list_open(settings: Settings) -> None:
    """The conversations that wait for a person, or have one, the oldest first."""
    with _open_desk(settings) as opened:
        print_json([asdict(handover) for handover in opened.waiting()])


@desk.command()
@click.argument("id")
@click.option("--draft", is_flag=True, help="Add what the bot would say (loads the models).")
@command
def show(settings: Settings, id: str, draft: bool) -> None:
    """A hand-over with all that was said in its conversation."""
    from adapters.wiring import open_engine

    with _open_desk(settings) as opened:
        record = _record(opened, opened.handover(id))
    if draft:
        with open_engine(settings) as engine:
            found = engine.draft(record["conversation"])
        sources = [source_record(source) for source in found.sources]
        record["draft"] = {"text": found.text, "sources": sources, "staff_only": found.staff_only}
    print_json(record)


@desk.command()
@click.argument("id")
@_named
@command
def claim(settings: Settings, id: str, name: str) -> None:
    """Take a hand-over; the shopper sees your name."""
    with _open_desk(settings) as opened:
        print_json(asdict(opened.claim(id, name)))


@desk.command()
@click.argument("id")
@click.argument("text")
@_named
@command
def reply(settings: Settings, id: str, text: str, name: str) -> None:
    """Write to the shopper; it takes the hand-over if nobody has."""
    with _open_desk(settings) as opened:
        print_json(asdict(opened.say(id, name, text)))


@desk.command("return")
@click.argument("id")
@command
def give_back(settings: Settings, id: str) -> None:
    """Give the conversation back to the bot."""
    with _open_desk(settings) as opened:
        print_json(asdict(opened.give_back(id)))


@desk.command()
@click.argument("id")
@command
def resolve(settings: Settings, id: str) -> None:
    """Close a hand-over as settled."""
    with _open_desk(settings) as opened:
        print_json(asdict(opened.resolve(id)))


@contextmanager
def _open_desk(settings: Settings) -> Iterator[Desk]:
    from adapters.wiring import open_store
    from bot.desk import Desk

    with open_store(settings) as store:
        yield Desk(store, settings)


def _record(opened: Desk, handover: Handover) -> dict[str, Any]:
    turns = [
        {
            "turn_id": turn.id,
            "question": turn.question,
            "created_at": turn.created_at,
            "reply": turn.reply.text if turn.reply else None,
            "sources": [source_record(source) for source in turn.reply.sources] if turn.reply else [],
        }
        for turn in opened.store.turns(handover.conversation)
    ]
    said = [asdict(message) for message in opened.messages(handover.conversation)]
    return {**asdict(handover), "turns": turns, "staff_messages": said}
