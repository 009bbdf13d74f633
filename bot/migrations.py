"""The schema of the conversation store, in numbered steps.

Append only: a step's position is the version it brings a file to, and homes of every earlier version are out there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Migration = Callable[[sqlite3.Connection], object]


def _conversations_and_turns(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE conversations (
            id TEXT PRIMARY KEY,
            channel TEXT NOT NULL,
            audience TEXT NOT NULL,
            knowledge TEXT NOT NULL,
            created_at TEXT NOT NULL
        )"""
    )
    connection.execute("CREATE INDEX conversations_created_at ON conversations (created_at)")
    connection.execute(
        """CREATE TABLE turns (
            id TEXT PRIMARY KEY,
            conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            message_id TEXT NOT NULL,
            question TEXT NOT NULL,
            created_at TEXT NOT NULL,
            reply TEXT,
            outcome TEXT,
            confidence REAL,
            stopped INTEGER,
            finished_at TEXT,
            details BLOB,
            UNIQUE (conversation, number),
            UNIQUE (conversation, message_id)
        )"""
    )


def _ratings(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE ratings (
            turn TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
            rater TEXT NOT NULL,
            label TEXT NOT NULL,
            reason TEXT NOT NULL,
            created_at TEXT NOT NULL,
            PRIMARY KEY (turn, rater)
        ) WITHOUT ROWID"""
    )


def _reasons(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE turns ADD COLUMN reason TEXT NOT NULL DEFAULT ''")


def _handovers(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE handovers (
            id TEXT PRIMARY KEY,
            conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            reason TEXT NOT NULL,
            state TEXT NOT NULL,
            opened_at TEXT NOT NULL,
            staff TEXT NOT NULL DEFAULT '',
            email TEXT NOT NULL DEFAULT '',
            closed_at TEXT NOT NULL DEFAULT '',
            thread TEXT NOT NULL DEFAULT '',
            closed_by TEXT NOT NULL DEFAULT ''
        )"""
    )
    # At most one open hand-over a conversation, whoever writes.
    connection.execute("CREATE UNIQUE INDEX handovers_open ON handovers (conversation) WHERE closed_at = ''")
    connection.execute("CREATE INDEX handovers_conversation ON handovers (conversation, opened_at)")
    connection.execute("CREATE INDEX handovers_thread ON handovers (thread)")
    connection.execute(
        """CREATE TABLE staff_messages (
            id TEXT PRIMARY KEY,
            conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            handover TEXT NOT NULL REFERENCES handovers (id) ON DELETE CASCADE,
            author TEXT NOT NULL,
            text TEXT NOT NULL,
            created_at TEXT NOT NULL,
            number INTEGER NOT NULL,
            turn TEXT NOT NULL,
            message_id TEXT NOT NULL,
            UNIQUE (conversation, number),
            UNIQUE (handover, message_id)
        )"""
    )


def _deliveries(connection: sqlite3.Connection) -> None:
    connection.execute(
        """CREATE TABLE deliveries (
            key TEXT PRIMARY KEY,
            place TEXT NOT NULL,
            author TEXT NOT NULL,
            payload TEXT NOT NULL,
            taken_at REAL NOT NULL,
            done INTEGER NOT NULL DEFAULT 0
        )"""
    )
    connection.execute("CREATE INDEX deliveries_place ON deliveries (place)")
    connection.execute("CREATE INDEX deliveries_open ON deliveries (taken_at) WHERE NOT done")


def _reviews(connection: sqlite3.Connection) -> None:
    # A row a decision, never changed again: the last one of a turn counts, and who decided what before it stays known.
    connection.execute(
        """CREATE TABLE reviews (
            id INTEGER PRIMARY KEY,
            turn TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
            decision TEXT NOT NULL,
            reviewer TEXT NOT NULL,
            decided_at TEXT NOT NULL,
            question TEXT NOT NULL DEFAULT '',
            correction TEXT NOT NULL DEFAULT '',
            document TEXT NOT NULL DEFAULT ''
        )"""
    )
    connection.execute("CREATE INDEX reviews_turn ON reviews (turn, id)")


MIGRATIONS: tuple[Migration, ...] = (_conversations_and_turns, _ratings, _reasons, _handovers, _deliveries, _reviews)


def schema_version(connection: sqlite3.Connection) -> int:
    """How many steps the file has had; 0 for a new one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply the steps that are missing, each in its own transaction; several processes may do this at once."""
    for version, migration in enumerate(migrations, 1):
        if schema_version(connection) >= version:
            continue
        with transaction(connection):
            if schema_version(connection) < version:
                migration(connection)
                connection.execute(f"PRAGMA user_version = {version}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, for a connection in autocommit mode; waits its turn to write."""
    # IMMEDIATE: a deferred transaction that reads and then writes fails at once, unwaited, when another wrote between.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
