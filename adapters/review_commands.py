"""`shopdesk review`: replies that people should look at, the worst first, and what they decide.

    shopdesk review list
    shopdesk review show 1
    shopdesk review correct TURN "No, we do not rent out tents."

A correction answers the next shopper who asks the same, in a running `shopdesk serve` too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from adapters.command import command
from adapters.output import print_json, say

if TYPE_CHECKING:
    from bot.review import Decision, Item, Reviews
    from bot.settings import Settings

_name = click.option("--name", default="Support", show_default=True, metavar="NAME", help="Who decides; it is kept.")
_days = click.option(
    "--days", type=click.IntRange(1, 3650), default=90, show_default=True, metavar="N", help="How far to look back."
)


@click.group()
def review() -> None:
    """Look at badly rated and unsure replies; keep, drop or correct them, or mark a gap."""


@review.command("list")
@_days
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, metavar="N", help="How many of them."
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@command
def list_queue(settings: Settings, days: int, limit: int, as_json: bool) -> None:
    """The turns that nobody has decided about, the worst first."""
    from bot.review import record

    since = _since(days)
    with _open_reviews(settings) as reviews:
        items, waiting = reviews.queue(limit, since), reviews.waiting(since)
    if as_json:
        print_json({"waiting": waiting, "turns": [record(item) for item in items]})
        return
    click.echo(f"{waiting} turns of the last {days} days to look at")
    for number, item in enumerate(items, 1):
        _show(number, item)


@review.command()
@click.argument("which", metavar="N")
@_days
@command
def show(settings: Settings, which: str, days: int) -> None:
    """A turn whole: the Nth of the list, or one by its id."""
    from bot.review import record

    with _open_reviews(settings) as reviews:
        item = _nth(reviews, int(which), days) if which.isdecimal() and len(which) < 6 else reviews.item(which)
        print_json(record(item, reviews.history(item.turn.id)))


@review.command()
@click.argument("turn")
@_name
@command
def keep(settings: Settings, turn: str, name: str) -> None:
    """It stays as it is, with its ratings."""
    _decide(settings, turn, "keep", name)


@review.command()
@click.argument("turn")
@_name
@command
def drop(settings: Settings, turn: str, name: str) -> None:
    """Nothing is to be learnt from it."""
    _decide(settings, turn, "drop", name)


@review.command()
@click.argument("turn")
@_name
@command
def gap(settings: Settings, turn: str, name: str) -> None:
    """The documents lack it: it counts among `shopdesk gaps`."""
    _decide(settings, turn, "gap", name)


@review.command()
@click.argument("turn")
@click.argument("text")
@click.option("--question", default="", metavar="TEXT", help="What it answers, in better words than the shopper's.")
@_name
@command
def correct(settings: Settings, turn: str, text: str, question: str, name: str) -> None:
    """The reply as it should have been; the next shopper who asks the same gets it."""
    from adapters.wiring import open_retriever

    with _open_reviews(settings) as reviews:
        decided = reviews.correct(turn, text, name, open_retriever(settings), question)
        if decided.correction != text.strip():
            say("shopdesk: personal data was taken out of the reply; see how it reads now")
        print_json({**asdict(decided), "snapshot": _publish(settings, reviews, turn)})


def _decide(settings: Settings, turn: str, decision: Decision, name: str) -> None:
    with _open_reviews(settings) as reviews:
        before = reviews.history(turn)
        decided = asdict(reviews.decide(turn, decision, name))
        if before and before[-1].document:
            decided["snapshot"] = _publish(settings, reviews, turn)
        print_json(decided)


def _publish(settings: Settings, reviews: Reviews, turn: str) -> int | None:
    from adapters.wiring import publish

    report = publish(settings, *reviews.answers_of(turn))
    for problem in report.problems:
        say(f"shopdesk: left out: {problem}")
    return report.snapshot


def _nth(reviews: Reviews, number: int, days: int) -> Item:
    from bot.errors import LearningError

    items = reviews.queue(number, _since(days))
    if not 1 <= number <= len(items):
        raise LearningError(f"there is no turn {number} in the queue; `shopdesk review list` has {len(items)} of them")
    return items[number - 1]


def _since(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")


@contextmanager
def _open_reviews(settings: Settings) -> Iterator[Reviews]:
    from adapters.wiring import open_store
    from bot.review import Reviews

    with open_store(settings) as store:
        yield Reviews(store, settings)


def _show(number: int, item: Item) -> None:
    reply: Any = item.turn.reply
    click.echo(f"\n{number}. {', '.join(item.why)}; {item.place.channel}, {item.turn.created_at[:16]}, {item.turn.id}")
    click.echo(f"   asked: {' '.join(item.turn.question.split())}")
    click.echo(f"   reply: {' '.join(reply.text.split())}")
    for rating in item.ratings:
        if rating.reason:
            click.echo(f"   {rating.label}: {' '.join(rating.reason.split())}")
