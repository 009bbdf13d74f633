"""The operator's channel: `shopdesk COMMAND --help`. Results go to standard output, all else to standard error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import update_wrapper
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import click

from adapters.output import hit_record, print_json, reply_record, say
from bot.errors import InvalidMessage, SettingsError, ShopdeskError

if TYPE_CHECKING:
    from bot.messages import Label
    from bot.settings import Settings

KEPT_SNAPSHOTS = 5

# The rooms are imported inside the commands: `shopdesk --help` should not wait for an index or a model.
ROOMS = ("knowledge", "retrieval", "bot", "adapters")


class _Lines(click.Group):
    """Errors of the project are one line on standard error and exit status 1, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a disk that is full shows here, not when the interpreter has gone
            return result
        except ShopdeskError as error:
            say(f"shopdesk: {error}")
            ctx.exit(1)
        except BrokenPipeError:  # `| head` has seen enough; click knows
            raise
        except OSError as error:  # a full disk, a folder that cannot be written
            say(f"shopdesk: {error.filename or 'output'}: {error.strerror or error}; mend it and try again")
            _forget_output()
            ctx.exit(1)
        except KeyboardInterrupt:
            say("shopdesk: stopped; what was there before is as it was")
            ctx.exit(130)


def _forget_output() -> None:
    """What could not be written to standard output would be tried again, and complained of, at the very end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """Adds `--home` and `--knowledge`, and gives the function the settings as its first argument."""

    def run(home: Path | None, knowledge: str | None, **options: Any) -> None:
        from bot.settings import load_settings

        settings = load_settings(home=home, knowledge=knowledge)
        _prepare_streams(settings.log_level.upper())
        if settings.home.exists() and not settings.home.is_dir():
            raise SettingsError(f"home {settings.home} is a file; give a folder with --home or SHOPDESK_HOME")
        function(settings, **options)

    run = update_wrapper(run, function)
    run = click.option("--knowledge", metavar="NAME", help="Name of the index (default: `default`).")(run)
    folder = click.Path(path_type=Path)
    return click.option("--home", type=folder, metavar="DIR", help="Folder of all state (default: .shopdesk).")(run)


def _prepare_streams(level: str) -> None:
    """Our own log at that level, everyone else's from warnings up; no character is a reason to fall over."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s", force=True)
    for room in ROOMS:
        logging.getLogger(room).setLevel(level)
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


@click.group(cls=_Lines, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="shopdesk")
def main() -> None:
    """A customer-service desk that answers from the shop's own documents."""


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--map", "mappings", multiple=True, metavar="FIELD=NAMES", help="Fields of a record: text=body,notes.")
@click.option("--currency", metavar="CODE", help="Currency of prices that name none, such as GBP.")
@_command
def ingest(settings: Settings, paths: tuple[Path, ...], mappings: tuple[str, ...], currency: str | None) -> None:
    """Build or update an index from folders or files; only what changed is read and embedded.

    What cannot be read is left out and named, the rest is indexed. The last five snapshots are kept.
    """
    from adapters.desk import open_embedder, open_snapshots
    from adapters.progress import embedding_progress
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
@_command
def status(settings: Settings) -> None:
    """What is indexed, and which snapshot serves."""
    from adapters.desk import open_snapshots

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
@_command
def rollback(settings: Settings, to: int | None) -> None:
    """Let an earlier snapshot serve again."""
    from adapters.desk import open_snapshots

    print_json({"snapshot": open_snapshots(settings).rollback(to).number})


@index.command()
@click.option("--keep", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="How many to keep.")
@_command
def prune(settings: Settings, keep: int) -> None:
    """Remove old snapshots."""
    from adapters.desk import open_snapshots

    print_json({"removed": open_snapshots(settings).prune(keep)})


@main.command()
@click.argument("text", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON.")
@click.option("--conversation", metavar="ID", help="Go on with a conversation (made if it is not there).")
@click.option("--batch", type=click.Path(path_type=Path), metavar="FILE.jsonl", help='Lines of {"id", "turns": [...]}.')
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.jsonl", help="Where the replies to a batch go.")
@_command
def ask(
    settings: Settings, text: str | None, as_json: bool, conversation: str | None, batch: Path | None, out: Path | None
) -> None:
    """Ask a question, or a file of them."""
    from adapters.batch import ask_batch
    from adapters.desk import open_engine
    from adapters.terminal import show
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
@_command
def search(settings: Settings, text: str | None, k: int, as_json: bool, batch: Path | None, out: Path | None) -> None:
    """Search the documents without composing a reply."""
    from adapters.batch import search_batch
    from adapters.desk import open_retriever

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
@_command
def chat(settings: Settings, conversation: str | None) -> None:
    """Talk to the desk in the terminal; an empty line ends it. Piped in, each line is a message."""
    from adapters.desk import open_engine
    from adapters.terminal import talk

    with open_engine(settings) as engine:
        talk(engine, engine.start("terminal", conversation=conversation))


@main.command()
@click.option("--host", help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (default: 8000).")
@_command
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Serve the chat page, the HTTP API and its OpenAPI page."""
    from adapters import web_server
    from adapters.desk import open_engine

    given = {"host": host, "port": port}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    with open_engine(settings) as engine:
        web_server.run(engine, settings)


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
@_command
def evaluate(settings: Settings, **options: Any) -> None:
    """Play a suite of cases through the desk, and print the figures of each kind with their 95 % intervals.

    SUITE is a .jsonl file, run against the index, or a folder with a suite.toml that names its documents. In its place
    --public takes the questions of public data sets.
    """
    from adapters.evaluate import Wanted
    from adapters.evaluate import evaluate as run

    if not run(settings, Wanted(**options)):
        raise SystemExit(1)


@main.group()
def learn() -> None:
    """Train what the project ships (`pip install -e '.[learn]'`)."""


@learn.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The public data sets.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run.")
@click.option("--start", default="minilm", show_default=True, metavar="NAME", help="As SHOPDESK_EMBEDDER names it.")
@click.option("--epochs", type=float, default=2.0, show_default=True, metavar="N", help="Rounds of questions.")
@click.option("--minutes", type=float, metavar="N", help="Stop in good time; the same command goes on.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Order and choice of the questions.")
@_command
def embedder(settings: Settings, **options: Any) -> None:
    """Tune the embedding model on board for shops; a run that was stopped goes on."""
    from adapters.learn import learn_embedder

    learn_embedder(**options)


@learn.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The public data sets.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run.")
@click.option("--epochs", type=float, default=1.0, show_default=True, metavar="N", help="Times that each pair is seen.")
@click.option("--minutes", type=float, metavar="N", help="Stop in good time; the same command goes on.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Order and choice of the pairs.")
@_command
def judge(settings: Settings, **options: Any) -> None:
    """Train the judge of answers and of evidence; a run that was stopped goes on."""
    from adapters.learn import learn_judge

    learn_judge(settings, **options)


@learn.command("base")
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="The public data sets.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run.")
@click.option("--start", default="minilm", show_default=True, metavar="NAME", help="As SHOPDESK_EMBEDDER names it.")
@click.option("--epochs", type=float, default=2.0, show_default=True, metavar="N", help="Times that each case is seen.")
@click.option("--minutes", type=float, metavar="N", help="Stop in good time; the same command goes on.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Order and choice of the cases.")
@click.option("--smoke", is_flag=True, help="A miniature of everything, in a minute: two layers, few cases, no data.")
@_command
def base(settings: Settings, **options: Any) -> None:
    """Train the house generator; a run that was stopped goes on."""
    from adapters.learn import learn_base

    learn_base(**options)


@learn.command("prove")
@click.argument("run", metavar="RUN")
@click.option("--sample", type=click.IntRange(min=1), default=300, show_default=True, metavar="N", help="Questions.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Which questions.")
@_command
def prove_base(settings: Settings, run: str, sample: int, seed: int) -> None:
    """Measure a house generator beside the composer, on shops that nothing was trained on."""
    from adapters.learn import prove

    print_json(prove(settings, run, sample, seed))


@learn.command("conduct")
@click.option("--data", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The public data sets.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where the heads go.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Choice of the messages.")
@_command
def fit_conduct(settings: Settings, **options: Any) -> None:
    """Fit the heads that read off a message whether it wants a person, a chat, or an answer."""
    from adapters.learn import learn_conduct

    learn_conduct(settings, **options)


@learn.command("ranking")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE.json", help="Where they go.")
@_command
def fit_ranking(settings: Settings, out: Path) -> None:
    """Fit the weights by which statements are ranked and questions declined, on the curriculum's shops."""
    from adapters.learn import learn_ranking

    learn_ranking(settings, out)


@main.command()
@click.argument("turn")
@click.argument("label", type=click.Choice(["up", "down"]))
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@_command
def rate(settings: Settings, turn: str, label: str, reason: str) -> None:
    """Rate a reply by its turn id (`turn_id` in the output of `ask --json`)."""
    from adapters.desk import open_store
    from bot.messages import Rating

    with open_store(settings) as store:
        store.rate(Rating(turn, "operator", cast("Label", label), reason))
    print_json({"turn": turn, "label": label, "reason": reason})


@main.command()
@_command
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
