"""One process at a time: a lock on a file, which the system gives back when its holder ends, in whatever way."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import LearningError


@contextmanager
def held(path: Path, busy: str = "") -> Iterator[int]:
    """Holds the lock of that file, which names the holder's process; who is given the descriptor holds it too.

    Waits for whoever has it; with `busy`, raises LearningError at once, in these words and with the other's process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            file.seek(0)
            raise LearningError(f"{busy} (process {file.read().strip() or '?'})") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def is_held(path: Path) -> bool:
    """Whether a process has the lock of that file now."""
    try:
        with path.open("a+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # nobody ever had it
        return False
    return False
