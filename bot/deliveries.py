"""What a channel has taken on, so that each thing is done once: over retries, restarts and several processes."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from bot.conversations import Conversations

LEASE_SECONDS = 120.0
KEPT_SECONDS = 90 * 86_400.0  # nothing that was done is told of again after so long


class Deliveries:
    """Keys of what is to be done once, such as one message of Slack, in the store. Thread-safe.

    Whoever takes a key does the thing and says so. Where a process died in between, the key is free again after
    LEASE_SECONDS. `payload` is kept only until then.
    """

    def __init__(self, store: Conversations) -> None:
        self.store = store

    def take(self, key: str, payload: str = "", place: str = "", author: str = "") -> bool:
        """Whether it is this caller's to do. Remembers where it was said, and by whom."""
        if self.is_done(key):  # most keys by far, and this needs no turn to write
            return False
        now = time.time()
        with self.store.writing() as database:
            taken = database.execute(
                """INSERT INTO deliveries (key, place, author, payload, taken_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (key) DO UPDATE SET taken_at = excluded.taken_at
                WHERE NOT done AND deliveries.taken_at < ?""",
                (key, place, author, payload, now, now - LEASE_SECONDS),
            )
            return bool(taken.rowcount)

    def done(self, key: str) -> None:
        """It is done; its payload is forgotten."""
        with self.store.writing() as database:
            database.execute("UPDATE deliveries SET done = 1, payload = '' WHERE key = ?", (key,))

    def is_done(self, key: str) -> bool:
        """Whether somebody has done it."""
        with self.store.reading() as database:
            done = database.execute("SELECT 1 FROM deliveries WHERE key = ? AND done", (key,)).fetchone()
            return done is not None

    def overdue(self) -> list[tuple[str, str]]:
        """Key and payload of what was taken and not done in time; `take` it before doing it."""
        query = "SELECT key, payload FROM deliveries WHERE NOT done AND payload != '' AND taken_at < ? ORDER BY rowid"
        with self.store.reading() as database:
            return [(key, payload) for key, payload in database.execute(query, (time.time() - LEASE_SECONDS,))]

    def prune(self) -> int:
        """Forgets what was taken more than KEPT_SECONDS ago and is done; says how much that was.

        What the desk has told of stays while a hand-over so old is open: it would be told again.
        """
        before = time.time() - KEPT_SECONDS
        opened = datetime.fromtimestamp(before, UTC).isoformat(timespec="milliseconds")
        with self.store.writing() as database:
            pruned = database.execute(
                """DELETE FROM deliveries WHERE done AND taken_at < ? AND (key NOT LIKE 'desk:%'
                OR NOT EXISTS (SELECT 1 FROM handovers WHERE closed_at = '' AND opened_at <= ?))""",
                (before, opened),
            )
            return int(pruned.rowcount)

    def last_author(self, place: str) -> str:
        """Who was the last to write in a place; empty for nobody."""
        query = "SELECT author FROM deliveries WHERE place = ? ORDER BY rowid DESC LIMIT 1"
        with self.store.reading() as database:
            row = database.execute(query, (place,)).fetchone()
            return str(row[0]) if row else ""
