"""What `shopdesk eval` prints: tables for people, one JSON object for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters.output import print_json
from bot.evaluation.figures import Estimate, Item
from bot.evaluation.runs import Board, Change, compare

if TYPE_CHECKING:
    from adapters.evaluate import Bound

WIDTH = 120  # where there is no terminal to ask


def run_record(
    facts: Mapping[str, Any],
    boards: Mapping[str, Board],
    earlier: Mapping[str, Board],
    bounds: Sequence[tuple[Bound, float | None]],
    failures: bool,
) -> None:
    """Prints the run as one JSON object."""
    print_json(
        {
            **facts,
            "boards": {name: _board_record(board, earlier.get(name), failures) for name, board in boards.items()},
            "bounds": [{"bound": str(bound), "value": value, "met": bound.met_by(value)} for bound, value in bounds],
        }
    )


def _board_record(board: Board, before: Board | None, failures: bool) -> dict[str, Any]:
    failed = failing(board)
    record = {
        **board.facts,
        "figures": {name: asdict(estimate) for name, estimate in board.estimates.items()},
        "kinds": {
            kind: {name: asdict(estimate) for name, estimate in found.items() if estimate.of}
            for kind, found in board.kinds.items()
        },
        "failed": [asdict(item) for item in failed] if failures else [item.id for item in failed],
    }
    if before is not None:
        record["against"] = [asdict(change) for change in compare(before.items, board.items)]
    return record


def failing(board: Board) -> list[Item]:
    """The items that have something wrong."""
    return [item for item in board.items if item.record.get("failures")]


def print_boards(
    facts: Mapping[str, Any], boards: Mapping[str, Board], earlier: Mapping[str, Board], failures: bool
) -> None:
    """Prints the run as tables."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, emoji=False)
    for name, board in boards.items():
        about = ", ".join(f"{key} {value}" for key, value in board.facts.items() if value != "")
        console.print(Text(f"{name}: {about}"), soft_wrap=True)
        for names in board.by_kind:
            console.print(_by_kind(board, names))
        console.print(_overall(board))
        if name in earlier:
            _print_changes(console, compare(earlier[name].items, board.items))
        if failures:
            _print_failures(console, failing(board))
    console.print(Text(f"{facts['commit']}  {facts['command']}"), soft_wrap=True)


def _by_kind(board: Board, names: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("kind", no_wrap=True)
    for name in names:
        table.add_column(name.replace("_", "\n"), justify="right", no_wrap=True)
    for kind, estimates in board.kinds.items():
        table.add_row(Text(kind), *(_cell(estimates[name]) for name in names))
    return table


def _cell(estimate: Estimate) -> str:
    """What is counted, and under it the percentage with its interval; of a time or a length the value alone."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    if estimate.unit != "%":
        return _value(estimate)
    count = str(estimate.of) if estimate.hits is None else f"{estimate.hits}/{estimate.of}"
    return f"{count}\n{100 * estimate.value:.0f} ({100 * estimate.low:.0f}-{100 * estimate.high:.0f})"


def _overall(board: Board) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("figure")
    for heading in ("value", "95 %", "of"):
        table.add_column(heading, justify="right")
    for name, estimate in board.estimates.items():
        if estimate.value is not None:
            table.add_row(name, _value(estimate), _interval(estimate), f"{estimate.of:,}")
    return table


def _value(estimate: Estimate) -> str:
    assert estimate.value is not None
    return _number(estimate.value, estimate.unit)


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{_number(estimate.low, estimate.unit, bare=True)} to {_number(estimate.high, estimate.unit, bare=True)}"


def _number(value: float, unit: str, bare: bool = False) -> str:
    shown = f"{100 * value:.1f}" if unit == "%" else f"{value:.0f}" if unit == "characters" else f"{value:.3f}"
    return shown if bare or unit in ("", "characters") else f"{shown} {unit}"


def _print_changes(console: Console, changes: Sequence[Change]) -> None:
    table = Table(box=SIMPLE_HEAD, title="against the earlier run, the same items", title_justify="left")
    table.add_column("figure")
    for heading in ("of", "before", "after", "became true", "became false", "p, or 95 % of the difference"):
        table.add_column(heading, justify="right")
    for change in changes:
        if change.p_value is not None:
            counts = (str(len(change.gained)), str(len(change.lost)), f"{change.p_value:.3g}")
        else:
            low, high = change.interval or (0.0, 0.0)
            counts = ("", "", f"{low:+.3f} to {high:+.3f}")
        table.add_row(change.name, str(change.of), f"{change.before:.3f}", f"{change.after:.3f}", *counts)
    console.print(table)
    for change in changes:
        if change.name == "correct":
            for what, ids in (("gained", change.gained), ("lost", change.lost)):
                console.print(Text(f"{what}: {' '.join(ids) or 'none'}"), soft_wrap=True)


def _print_failures(console: Console, failed: Sequence[Item]) -> None:
    table = Table(box=SIMPLE_HEAD, show_lines=True)
    table.add_column("id", no_wrap=True)
    for heading, ratio in (("asked", 3), ("reply", 4), ("failed", 3)):
        table.add_column(heading, ratio=ratio, overflow="fold")
    for item in failed:
        asked = (item.record.get("turns") or [""])[-1]
        what = "\n".join(item.record["failures"])
        table.add_row(Text(item.id), Text(asked), Text(item.record.get("reply", "")), Text(what))
    console.print(table)
