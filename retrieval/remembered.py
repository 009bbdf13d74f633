"""A small memory of what was worked out for texts lately: the same passages answer most questions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """What `work_out` gave for the last so many texts. Thread-safe; two threads may work out the same text at once."""

    def __init__(self, size: int, work_out: Callable[[list[str]], Sequence[T]]) -> None:
        self._size, self._work_out = size, work_out
        self._known: dict[str, T] = {}
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> list[T]:
        """One for each text, in their order."""
        with self._lock:
            known = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, self._work_out(new), strict=True))
        with self._lock:
            for text in known:
                self._known.pop(text, None)  # put back at the end: the front is what was not asked for longest
                self._known[text] = known[text]
            while len(self._known) > self._size:
                del self._known[next(iter(self._known))]
        return [known[text] for text in texts]
