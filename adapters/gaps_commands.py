"""`shopdesk gaps`: what shoppers asked and did not get, and a first document about it.

shopdesk gaps --days 30
shopdesk gaps draft 1 > tents.md
shopdesk gaps approve tents.md
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters.command import command
from adapters.output import print_json, say

if TYPE_CHECKING:
    from bot.learn.gaps import Gap
    from bot.settings import Settings

_days = click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, metavar="N", help="The period, up to now."
)


@click.group(invoke_without_command=True)
@_days
@click.option("--json", "as_json", is_flag=True, help="Print the gaps as JSON.")
@command
def gaps(settings: Settings, days: int, as_json: bool) -> None:
    """List what shoppers asked and did not get, by meaning, with the trend and the nearest documents."""
    if click.get_current_context().invoked_subcommand:
        return
    from bot.learn.gaps import report

    found = report(_found(settings, days), days)
    if as_json:
        print_json(found)
    else:
        _show(found)


@gaps.command()
@click.argument("number", type=int)
@_days
@command
def draft(settings: Settings, number: int, days: int) -> None:
    """Print a document out of what staff replied to a gap, by its number: to read, to mend and to approve."""
    from bot.learn.gaps import draft as drafted

    click.echo(drafted(_found(settings, days), number), nl=False)


@gaps.command()
@click.argument("file", type=click.Path(path_type=Path))
@command
def approve(settings: Settings, file: Path) -> None:
    """Publish a draft that you have read: it is indexed now, and the next shopper gets it."""
    from adapters.wiring import publish
    from bot.approved import ApprovedAnswers

    answers = ApprovedAnswers(settings.home, settings.knowledge)
    document = answers.approve(file)
    report = publish(settings, answers, settings.knowledge)
    for problem in report.problems:
        say(f"shopdesk: left out: {problem}")
    print_json({"document": document, "file": str(answers.root / document), "snapshot": report.snapshot})


def _found(settings: Settings, days: int) -> list[Gap]:
    from adapters.wiring import open_retriever, open_store
    from bot.learn.gaps import find_gaps

    retriever = open_retriever(settings)
    with open_store(settings) as store:
        return find_gaps(store, settings, retriever, days, datetime.now(UTC))


def _show(found: dict[str, Any]) -> None:
    click.echo(f"{found['questions']} questions in {found['days']} days, {len(found['gaps'])} gaps")
    if found["note"]:
        click.echo(found["note"])
    for gap in found["gaps"]:
        why = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in gap["why"].items())
        click.echo(f"\n{gap['gap']}. asked {gap['count']} times, before {gap['before']} ({gap['trend']}): {why}")
        for example in gap["examples"]:
            click.echo(f"   - {' '.join(example.split())}")
        near = ", ".join(f"{one['document']} ({one['cosine']:.2f})" for one in gap["nearest"])
        click.echo(f"   nearest: {near or 'nothing'}")
