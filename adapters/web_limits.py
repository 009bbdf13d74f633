"""How much one visitor, and one address, may ask of the desk; who asks for more is told how long to wait."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Request

from adapters.web_problems import HttpProblem
from bot.settings import Settings

MINUTE = 60.0  # seconds
SWEEP = 10_000  # keys kept before those that count for nothing are dropped

VISITOR_HEADER = "Shopdesk-Visitor"
Visitor = Annotated[
    str | None,
    Header(alias=VISITOR_HEADER, pattern=r"^[A-Za-z0-9_-]{16,64}$", description="A random id that the client made."),
]


class Limit:
    """So many a minute for each key, all at once or spread; 0 is no limit.

    The generic cell rate algorithm (ITU-T I.371), which keeps one number a key: when its allowance is full again.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def wait(self, key: str) -> float:
        """Counts one more and returns 0.0, or returns the seconds until it could be counted."""
        if not self.per_minute:
            return 0.0
        now, each = self._clock(), MINUTE / self.per_minute
        full_at = max(self._full_at.get(key, now), now)
        too_early = full_at + each - now - MINUTE
        if too_early > 1e-6:
            return too_early
        if len(self._full_at) >= SWEEP:
            self._full_at = {known: at for known, at in self._full_at.items() if at > now}
        self._full_at[key] = full_at + each
        return 0.0


class Limits:
    """The limits of the settings. Used on the event loop and in threads: a race costs a count, never an error."""

    def __init__(self, settings: Settings) -> None:
        self._visitors = Limit(settings.messages_per_minute)
        self._addresses = Limit(settings.messages_per_minute_per_address)

    def count(self, request: Request, visitor: Visitor = None) -> None:
        """One more thing asked of the desk. Raises HttpProblem (too-many-requests)."""
        address = request.client.host if request.client else ""
        wait = self._visitors.wait(visitor) if visitor else 0.0
        wait = wait or self._addresses.wait(address)
        if wait:
            seconds = math.ceil(wait)
            raise HttpProblem(
                "too-many-requests",
                f"That was a lot at once. Please wait {seconds} s and try again.",
                {"Retry-After": str(seconds)},
            )
