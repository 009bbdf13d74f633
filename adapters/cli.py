"""The operator's channel: `shopdesk COMMAND --help`. Results go to standard output, all else to standard error."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import click

import adapters.learn_canary  # adds its command to `learn`
import adapters.learn_cycle_commands  # noqa: F401  # adds its commands to `learn`
from adapters.command import Lines, command
from adapters.desk_commands import desk
from adapters.gaps_commands import gaps
from adapters.learn_commands import learn
from adapters.output import hit_record, print_json, reply_record, say
from adapters.review_commands import review
from adapters.slack_commands import slack
from bot.errors import InvalidMessage

if TYPE_CHECKING:
    from bot.messages import Label
    from bot.settings import Settings

KEPT_SNAPSHOTS = 5

# The rooms are imported inside the commands: `shopdesk --help` should not wait for an index or a model.


@click.group(cls=Lines, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="shopdesk")
def main() -> None:
    """A customer-service desk that answers from the shop's own documents."""


main.add_command(desk)
main.add_command(gaps)
main.add_command(learn)
main.add_command(review)
main.add_command(slack)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--map", "mappings", multiple=True, metavar="FIELD=NAMES", help="Fields of a record: text=body,notes.")
@click.option("--currency", metavar="CODE", help="Currency of prices that name none, such as GBP.")
@command
def ingest(settings: Settings, paths: tuple[Path, ...], mappings: tuple[str, ...], currency: str | None) -> None:
    """Build or update an index from folders or files; only what changed is read and embedded.

    What cannot be read is left out and named, the rest is indexed. The last five snapshots are kept.
    """
    from adapters.progress import embedding_progress
    from adapters.wiring import open_embedder, open_snapshots
    from knowledge.files import load_options
    from retrieval.update import update

    options = load_options(paths[0]).with_fields(mappings)
    if currency:
        options = replace(options, currency=currency.upper())
    snapshots = open_snapshots(settings)
    with embedding_progress() as advance:
        given = options if mappings or currency else None
        report = update(paths, snapshots, open_embedder(settings), given, advance)
    snapshots.prune(KEPT_SNAPSHOTS)
    for problem in report.problems:
        say(f"shopdesk: left out: {problem}")
    print_json(asdict(report))


@main.group()
def index() -> None:
    """Look at an index, go back to an earlier snapshot, remove old ones."""


@index.command()
@command
def status(settings: Settings) -> None:
    """What is indexed, and which snapshot serves."""
    from adapters.wiring import open_snapshots

    snapshots = open_snapshots(settings)
    current = snapshots.current()
    print_json(
        {
            "knowledge": settings.knowledge,
            "snapshot": current.number,
            "created_at": current.created_at,
            "bytes": current.size,
            **current.info,
            "snapshots": [snapshot.number for snapshot in snapshots.list()],
        }
    )


@index.command()
@click.option("--to", type=int, metavar="N", help="The snapshot to go back to (default: the one before).")
@command
def rollback(settings: Settings, to: int | None) -> None:
    """Let an earlier snapshot serve again."""
    from adapters.wiring import open_snapshots

    print_json({"snapshot": open_snapshots(settings).rollback(to).number})


@index.command()
@click.option("--keep", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="How many to keep.")
@command
def prune(settings: Settings, keep: int) -> None:
    """Remove old snapshots."""
    from adapters.wiring import open_snapshots

    print_json({"removed": open_snapshots(settings).prune(keep)})


@main.command()
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON.")
@click.option("--conversation", metavar="ID", help="Go on with a conversation (made if it is not there).")
@click.option("--batch", type=click.Path(path_type=Path), metavar="FILE.jsonl", help='Lines of {"id", "turns": [...]}.')
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.jsonl", help="Where the replies to a batch go.")
@command
def ask(
    settings: Settings, text: str | None, as_json: bool, conversation: str | None, batch: Path | None, out: Path | None
) -> None:
    """Ask a question, or a file of them."""
    from adapters.batch import ask_batch
    from adapters.terminal import show
    from adapters.wiring import open_engine
    from bot.engine import joined

    _one_of(text, batch, out)
    with open_engine(settings) as engine:
        if batch is not None and out is not None:
            _report_bad_lines(ask_batch(engine, batch, out, say))
            return
        identity = engine.start("terminal", conversation=conversation)
        events = engine.reply(identity, uuid4().hex, text or "")
        if as_json:
            reply = joined(events)
            number = 1 + [turn.id for turn in engine.turns(identity)].index(reply.turn)
            print_json(reply_record(identity, number, identity, reply))
        else:
            show(events)


@main.command()
@click.argument("text", required=False)
@click.option("-k", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many hits.")
@click.option("--json", "as_json", is_flag=True, help="Print the hits as JSON.")
@click.option("--batch", type=click.Path(path_type=Path), metavar="FILE.jsonl", help='Lines of {"id", "query"}.')
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.jsonl", help="Where the hits of a batch go.")
@command
def search(settings: Settings, text: str | None, k: int, as_json: bool, batch: Path | None, out: Path | None) -> None:
    """Search the documents without composing a reply."""
    from adapters.batch import search_batch
    from adapters.wiring import open_retriever

    _one_of(text, batch, out)
    retriever = open_retriever(settings)
    if batch is not None and out is not None:
        _report_bad_lines(search_batch(retriever, batch, out, k, say))
        return
    if not (text or "").strip():
        raise InvalidMessage("the query is empty; please give some words")
    hits = retriever.search(text or "", k)
    if as_json:
        print_json([hit_record(hit) for hit in hits])
        return
    for hit in hits:
        click.echo(f"{hit.score:.2f}  {hit.chunk.id}  {' > '.join((hit.chunk.title, *hit.chunk.heading))}")


@main.command()
@click.option("--conversation", metavar="ID", help="Go on with a conversation (made if it is not there).")
@command
def chat(settings: Settings, conversation: str | None) -> None:
    """Talk to the desk in the terminal; an empty line ends it. Piped in, each line is a message."""
    from adapters.terminal import talk
    from adapters.wiring import open_engine

    with open_engine(settings) as engine:
        talk(engine, engine.start("terminal", conversation=conversation))


@main.command()
@click.option("--host", help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (default: 8000).")
@command
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Serve the chat page, the HTTP API and its OpenAPI page."""
    from adapters import web_server
    from adapters.learn_canary import watched
    from adapters.learn_cycle import scheduled
    from adapters.wiring import open_engine

    given = {"host": host, "port": port}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    with open_engine(settings) as engine, scheduled(settings), watched(engine.store, settings):
        web_server.run(engine, settings)


@main.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on; the default is this machine."
)
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="Port to listen on.")
@command
def demo(settings: Settings, host: str, port: int) -> None:
    """Serve the demo page alone: chat, hits, ratings, two generators side by side (`pip install -e '.[demo]'`)."""
    from adapters import web_server
    from adapters.wiring import open_engine

    with open_engine(settings) as engine:
        web_server.run_demo(engine, settings.model_copy(update={"host": host, "port": port}))


@main.command("eval")
@click.argument("suite", required=False, type=click.Path(path_type=Path))
@click.option("--public", multiple=True, metavar="NAME", help="A public data set in place of a suite, or `all`.")
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Where the public data sets lie.")
@click.option("--judge", type=click.Path(path_type=Path), metavar="DIR", help="Compare these weights of a judge.")
@click.option("--kinds", multiple=True, metavar="KIND[,KIND]", help="Only the cases of these kinds.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Only so many of the cases.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Which ones.")
@click.option("--at-least", multiple=True, metavar="FIGURE=N", help="Exit status 1 if less: correct=0.92.")
@click.option("--at-most", multiple=True, metavar="FIGURE=N", help="Exit status 1 if more: over_refusal=0.04.")
@click.option("--against", type=click.Path(path_type=Path), metavar="RUN", help="Compare with a run that was kept.")
@click.option("--out", type=click.Path(path_type=Path), metavar="RUN", help="Keep the run, with every reply.")
@click.option("--failures", is_flag=True, help="List what failed: the message, the reply, and what is wrong with it.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@command
def evaluate(settings: Settings, **options: Any) -> None:
    """Play a suite of cases through the desk, and print the figures of each kind with their 95 % intervals.

    SUITE is a .jsonl file, run against the index, or a folder with a suite.toml that names its documents. In its place
    --public takes the questions of public data sets.
    """
    from adapters.evaluate import Wanted
    from adapters.evaluate import evaluate as run

    if not run(settings, Wanted(**options)):
        raise SystemExit(1)


@main.command()
@click.argument("turn")
@click.argument("label", type=click.Choice(["up", "down"]))
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@command
def rate(settings: Settings, turn: str, label: str, reason: str) -> None:
    """Rate a reply by its turn id (`turn_id` in the output of `ask --json`)."""
    from adapters.wiring import open_store
    from bot.messages import OPERATOR, Rating

    with open_store(settings) as store:
        store.rate(Rating(turn, OPERATOR, cast("Label", label), reason))
    print_json({"turn": turn, "label": label, "reason": reason})


@main.command()
@command
def doctor(settings: Settings) -> None:
    """What is installed, which models and snapshot are in use, and what to mend. Exit status 1 if anything is amiss."""
    from adapters.doctor import examine

    findings = examine(settings)
    print_json(findings)
    for problem in findings["problems"]:
        say(f"shopdesk: {problem}")
    if findings["problems"]:
        raise SystemExit(1)


def _one_of(text: str | None, batch: Path | None, out: Path | None) -> None:
    if (text is None) == (batch is None):
        raise click.UsageError("give either a TEXT or --batch FILE.jsonl")
    if (batch is None) != (out is None):
        raise click.UsageError("--batch and --out go together")


def _report_bad_lines(bad: int) -> None:
    if bad:
        say(f"shopdesk: {bad} left out, the rest is done")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
