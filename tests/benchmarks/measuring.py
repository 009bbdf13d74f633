"""How the benchmarks measure and report: sides in turn, medians of ratios, a table for people, JSON for machines."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, ParamSpec, TypeVar

from rich.console import Console
from rich.table import Table

P = ParamSpec("P")
T = TypeVar("T")
RAW = argparse.RawDescriptionHelpFormatter  # the docstrings are laid out already


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark takes."""
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size (default: 1)")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("../shared/data"),
        help="folder of the data sets (default: %(default)s)",
    )


def options(description: str | None) -> argparse.Namespace:
    """The command line of one benchmark."""
    parser = argparse.ArgumentParser(description=description, formatter_class=RAW)
    add_options(parser)
    return parser.parse_args()


def timed(action: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[float, T]:
    """The seconds that one call takes, and what it returns."""
    start = time.perf_counter()
    result = action(*args, **kwargs)
    return time.perf_counter() - start, result


def in_turn(sides: Sequence[Callable[[T], object]], items: Sequence[T], warm_up: int = 2) -> list[list[float]]:
    """Seconds of each side for each item, shape (sides, items). The sides alternate, and so does who goes first."""
    for item in items[:warm_up]:
        for side in sides:
            side(item)
    taken: list[list[float]] = [[] for _ in sides]
    for number, item in enumerate(items):
        for turn in range(len(sides)):
            at = (number + turn) % len(sides)
            taken[at].append(timed(sides[at], item)[0])
    return taken


def ratio(these: Sequence[float], those: Sequence[float]) -> float:
    """The median of the quotients of what was measured side by side."""
    return median(this / that for this, that in zip(these, those, strict=True))


class Report:
    """The figures of one benchmark, with their targets where there are any."""

    def __init__(self, benchmark: str, scale: float) -> None:
        self._benchmark, self._scale = benchmark, scale
        self._figures: dict[str, dict[str, Any]] = {}

    def add(
        self, what: str, value: float, unit: str = "", *, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        """One figure. A target is met or not; missing one does not end the run."""
        figure: dict[str, Any] = {"value": float(f"{value:.4g}"), "unit": unit}
        if at_most is not None:
            figure |= {"target": f"<= {at_most:g}", "met": value <= at_most}
        if at_least is not None:
            figure |= {"target": f">= {at_least:g}", "met": value >= at_least}
        self._figures[what] = figure

    def show(self) -> None:
        """The table to standard error, the JSON line to standard output."""
        table = Table("figure", "value", "target", "", title=f"{self._benchmark} (scale {self._scale:g})")
        for what, figure in self._figures.items():
            met = {True: "met", False: "[bold red]missed", None: ""}[figure.get("met")]
            table.add_row(what, f"{figure['value']:g} {figure['unit']}", figure.get("target", ""), met)
        Console(stderr=True).print(table)
        print(json.dumps({"benchmark": self._benchmark, "scale": self._scale, "figures": self._figures}), flush=True)
