"""Progress bars of long commands, on standard error; a log that is not a terminal gets none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def embedding_progress() -> Iterator[Callable[[int, int], None]]:
    """A function that is told how many texts are embedded, and of how many; until then it says "reading"."""
    with progress("embedding", at_first="reading") as advance:
        yield advance


@contextmanager
def progress(what: str, at_first: str = "") -> Iterator[Callable[[int, int], None]]:
    """A function that is told how much is done, and of how much; until then it says `at_first`."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(at_first or what, total=None)
        yield lambda done, total: bar.update(task, description=what, completed=done, total=total)
