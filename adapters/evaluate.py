"""`shopdesk eval`: suites of cases, and public data sets, through the whole desk; their figures, bounds and changes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from adapters.evaluation_desks import Desks, index, scratch
from adapters.output import say
from adapters.progress import progress
from adapters.scoreboard import print_boards, run_record
from adapters.wiring import open_embedder, open_engine, open_snapshots
from bot.errors import BadSuite, ShopdeskError
from bot.evaluation.judges import CosineJudge, LexicalJudge
from bot.evaluation.measuring import FIGURES, measure, sampled
from bot.evaluation.runs import Board, load_run, save_run
from bot.evaluation.suites import Suite, load_suite
from bot.evidence import gate
from bot.judge import GRAPH, SHIPPED, CrossEncoderJudge, Judge
from bot.settings import Settings

BY_KIND = (
    ("correct", "source_first", "source_any", "declined", "over_refusal"),
    ("unsupported", "injected", "characters", "long", "seconds_p50", "seconds_p95", "first_text_p50"),
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure that must be at least, or at most, so much; of one board, where it names one (`squad2.f1`)."""

    figure: str
    value: float
    at_least: bool

    def found(self, boards: Mapping[str, Board]) -> float | None:
        """The figure's value; None where nothing measures it. Raises click.BadParameter for one that is not there."""
        name, _, figure = self.figure.rpartition(".")
        if not name and len(boards) == 1:
            name = next(iter(boards))
        if name not in boards or figure not in boards[name].figures:
            raise unknown_figure(
                self.figure, [f"{name}.{figure}" for name in boards for figure in boards[name].figures]
            )
        board = boards[name]
        return board.figures[figure](board.items).value

    def met_by(self, value: float | None) -> bool:
        """Whether the value is on the right side; what nothing measures is on neither."""
        return value is not None and (value >= self.value if self.at_least else value <= self.value)

    def __str__(self) -> str:
        return f"{self.figure} {'at least' if self.at_least else 'at most'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of one `shopdesk eval`."""

    suite: Path | None = None
    public: tuple[str, ...] = ()
    data: Path | None = None
    judge: Path | None = None
    kinds: tuple[str, ...] = ()
    sample: int | None = None
    seed: int = 0
    at_least: tuple[str, ...] = ()
    at_most: tuple[str, ...] = ()
    against: Path | None = None
    out: Path | None = None
    failures: bool = False
    as_json: bool = False

    @property
    def bounds(self) -> list[Bound]:
        """The bounds, as they were given. Raises click.BadParameter for one that is not FIGURE=NUMBER."""
        return [_bound(text, True) for text in self.at_least] + [_bound(text, False) for text in self.at_most]


def evaluate(settings: Settings, wanted: Wanted) -> bool:
    """Runs what is wanted and prints it; whether every line could be read and every bound is met.

    What could not work is said before anything runs: a suite, a run or a bound that is no good.
    """
    if (wanted.suite is None) == (not wanted.public):
        raise click.UsageError("give either a SUITE or --public NAME")
    bounds = wanted.bounds
    earlier = load_run(wanted.against) if wanted.against else {}
    if wanted.out is not None and not wanted.out.parent.is_dir():
        raise BadSuite(f"{wanted.out}: there is no folder {wanted.out.parent}; make it, or give another --out")
    facts = {"command": shlex.join(["shopdesk", *sys.argv[1:]]), "commit": commit()}
    run = _suite if wanted.suite is not None else _public
    boards, problems = run(settings, wanted, earlier)
    for problem in problems:
        say(f"shopdesk: {problem}")
    if wanted.out is not None:
        save_run(wanted.out, facts, list(boards.values()))
    found = [(bound, bound.found(boards)) for bound in bounds]
    if wanted.as_json:
        run_record(facts, boards, earlier, found, wanted.failures)
    else:
        print_boards(facts, boards, earlier, wanted.failures)
    missed = [(bound, value) for bound, value in found if not bound.met_by(value)]
    for bound, value in missed:
        say(f"shopdesk: {bound}: it is {'measured by no case' if value is None else f'{value:.4g}'}")
    return not missed and not problems


def _suite(settings: Settings, wanted: Wanted, earlier: Mapping[str, Board]) -> tuple[dict[str, Board], list[str]]:
    """The board of a suite, and what is wrong with the suite."""
    assert wanted.suite is not None
    suite = _chosen(load_suite(wanted.suite), wanted)
    _check_comparable(wanted, earlier, [suite.name])
    for bound in wanted.bounds:
        if bound.figure.removeprefix(f"{suite.name}.") not in FIGURES:
            raise unknown_figure(bound.figure, FIGURES)
    board, unknown = suite_board(settings, suite)
    return {suite.name: board}, [*suite.problems, *unknown]


def _public(settings: Settings, wanted: Wanted, earlier: Mapping[str, Board]) -> tuple[dict[str, Board], list[str]]:
    """The boards of public data sets."""
    from bot.evaluation.public import DATA_SETS
    from bot.evaluation.public.bench import Bench

    names = list(DATA_SETS) if "all" in wanted.public else list(dict.fromkeys(wanted.public))
    if unknown := [name for name in names if name not in DATA_SETS]:
        raise click.BadParameter(f"{unknown[0]!r} is not known; the data sets are {', '.join(DATA_SETS)}, or all")
    if wanted.data is None:
        raise click.UsageError("--public needs --data DIR, the folder of the data sets")
    _check_comparable(wanted, earlier, names)
    for bound in wanted.bounds:
        if bound.figure.rpartition(".")[0] not in (names if len(names) > 1 else [*names, ""]):
            raise unknown_figure(bound.figure, [f"{name}.FIGURE" for name in names])
    judges = _judges(settings, wanted.judge)
    boards: dict[str, Board] = {}
    problems: list[str] = []
    for name in names:
        with progress(name) as advance:
            bench = Bench(wanted.data, Desks(settings), judges, wanted.sample, wanted.seed, _kinds(wanted), advance)
            try:
                boards[name] = DATA_SETS[name](bench)
            except ShopdeskError as error:
                if len(names) == 1:
                    raise
                problems.append(f"{name}: {error}; left out")
    if not boards:
        raise BadSuite(problems[0])
    return boards, problems


def _judges(settings: Settings, folder: Path | None) -> dict[str, Judge]:
    """Those to compare: counting words, comparing embeddings, and the trained one where there is one."""
    judges: dict[str, Judge] = {"lexical": LexicalJudge(), "cosine": CosineJudge(open_embedder(settings).embed)}
    if folder is not None and not (folder / GRAPH).exists():
        raise BadSuite(f"{folder}: holds no {GRAPH}; --judge names a folder that `bot.learn.export` wrote")
    if folder is not None or (SHIPPED / GRAPH).exists():
        judges["judge"] = CrossEncoderJudge(folder or SHIPPED)
    return judges


def suite_board(settings: Settings, suite: Suite) -> tuple[Board, list[str]]:
    """The suite's cases through a desk of their own, over the suite's documents where it has any.

    And a line for each gold document that the index does not have: no reply could be right about its source.
    """
    if suite.documents:
        settings = settings.model_copy(update={"knowledge": suite.knowledge})
        index(settings, suite.documents)
    open_snapshots(settings).current()  # where there is none, the real home is named
    day = suite.day or date.today()
    with scratch(settings, "models", "indexes") as apart, open_engine(apart, lambda: day, stand_in=False) as engine:
        there = set(engine.retriever.corpus().paths)
        with progress("cases") as advance:
            done = _Count(len(suite.cases), advance)
            items = list(measure(engine, suite.cases, gate.supported, done))
        facts = {"suite": suite.content_hash, "cases": len(items), "day": day.isoformat()}
        facts |= {"knowledge": settings.knowledge, "embedder": settings.embedder, **engine.ready()}
    unknown = [
        f"case {case.id!r}: gold document {path!r} is not in the index {settings.knowledge}; correct it"
        for case in suite.cases
        for path in case.gold_documents
        if path not in there
    ]
    return Board(suite.name, facts, items, FIGURES, BY_KIND), unknown


def commit() -> str:
    """The commit of the code that runs, with a plus when it was changed since; its version outside of a checkout."""
    root = Path(__file__).parents[1]
    if (root / ".git").exists():
        try:
            return _git(root, "rev-parse", "--short=12", "HEAD") + ("+" if _git(root, "status", "--porcelain") else "")
        except (OSError, subprocess.CalledProcessError):  # no git on this machine
            pass
    return version("shopdesk")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", os.fspath(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _chosen(suite: Suite, wanted: Wanted) -> Suite:
    """The suite with the cases that are wanted."""
    kinds = _kinds(wanted)
    known = {case.kind for case in suite.cases}
    if kinds - known:
        raise BadSuite(f"no case has the kind {min(kinds - known)!r}; the kinds are {', '.join(sorted(known))}")
    cases = [case for case in suite.cases if not kinds or case.kind in kinds]
    return replace(suite, cases=tuple(sampled(cases, wanted.sample, wanted.seed)))


def _kinds(wanted: Wanted) -> frozenset[str]:
    return frozenset(kind.strip() for given in wanted.kinds for kind in given.split(",") if kind.strip())


def _check_comparable(wanted: Wanted, earlier: Mapping[str, Board], names: Sequence[str]) -> None:
    if wanted.against is not None and not set(names) & set(earlier):
        there = ", ".join(earlier)
        raise BadSuite(f"{wanted.against}: has nothing of {', '.join(names)}, only {there}; compare with another run")


def _bound(text: str, at_least: bool) -> Bound:
    figure, _, value = text.partition("=")
    try:
        return Bound(figure.strip(), float(value), at_least)
    except ValueError:
        raise click.BadParameter(f"{text!r}: expected FIGURE=NUMBER, such as correct=0.92") from None


def unknown_figure(name: str, known: Sequence[str] | Mapping[str, Any]) -> click.BadParameter:
    """What to say of a bound on a figure that is not there."""
    return click.BadParameter(f"{name!r} is no figure; the figures are {', '.join(known)}")


class _Count:
    """Counts the calls, and tells the progress bar."""

    def __init__(self, total: int, advance: Callable[[int, int], None]) -> None:
        self.done, self.total, self.advance = 0, total, advance

    def __call__(self) -> None:
        self.done += 1
        self.advance(self.done, self.total)
