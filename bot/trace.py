"""How a reply came about, kept with its turn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Trace:
    """How long each stage took, in seconds, what the reply rests on, and where something was found planted."""

    timings: dict[str, float] = field(default_factory=dict)
    explanation: dict[str, Any] = field(default_factory=lambda: {"prompt": None, "chunks": []})
    armed: set[str] = field(default_factory=set)  # documents in which somebody planted instructions

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds what happens within to the time of the stage."""
        began = time.perf_counter()
        yield
        self.timings[stage] = self.timings.get(stage, 0.0) + time.perf_counter() - began
