"""The conversation store: one SQLite file that holds every conversation, turn and rating.

What a call acknowledges is on the disk: write-ahead log, `synchronous=FULL`. Threads share one connection behind a
lock, because SQLite has one writer anyway, a call takes well under a millisecond, and connections kept by the threads
of a web server's pool would outlive `close`. Processes share the file.

Sources, timings and explanation of a turn are one zlib-compressed JSON column: over 1,000 turns of 319 characters
with one to three passages of 600 that took 8.0 bytes of file per byte of text, three plain JSON columns 13.6, three
compressed ones 8.9.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any, Self, TypeVar
from uuid import uuid4

from sqlite_utils import Database

from bot.errors import InvalidMessage, StoreError, UnknownTurn
from bot.messages import Message, Rating, Reply, Source, Turn
from bot.migrations import MIGRATIONS, migrate, schema_version, transaction
from knowledge.documents import Audience

FILE = "shopdesk.db"
BUSY_SECONDS = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conversation:
    """Where a conversation takes place, who may see its answers, and the index that answers it."""

    id: str
    channel: str
    audience: Audience
    knowledge: str
    created_at: str


class Conversations:
    """The store in `path`, which is created when it is missing; safe to share between threads.

    Ids are opaque strings, times ISO 8601 in UTC. Every method raises StoreError when the file cannot be used: not a
    database, of a newer version, no permission, disk full, or locked for BUSY_SECONDS by another process.
    `database` is the sqlite-utils object underneath, for an operator's own queries; to write, use the methods.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # what shoppers write is nobody else's business on a shared machine
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}; make it writable, or point --home elsewhere") from error
        with self._one_line_errors():
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                self.database = Database(connection, execute_plugins=False)
                self._prepare()
            except BaseException:
                connection.close()
                raise

    def _prepare(self) -> None:
        version = schema_version(self.database.conn)
        if version > len(MIGRATIONS):
            raise StoreError(
                f"home {self.path.parent} was written by a newer Shopdesk (schema {version}, this one knows"
                f" {len(MIGRATIONS)}); upgrade, or point --home elsewhere"
            )
        self._enable_wal()
        for pragma in ("synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
            self.database.execute(f"PRAGMA {pragma}")
        migrate(self.database.conn)

    def _enable_wal(self) -> None:
        # SQLite does not wait for its turn in this one step, which two processes may take in a new home at once.
        deadline = monotonic() + BUSY_SECONDS
        while True:
            try:
                return self.database.enable_wal()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                    raise
                sleep(0.01)

    def start(
        self, channel: str, audience: Audience = "public", conversation: str | None = None, knowledge: str = "default"
    ) -> str:
        """The id of a conversation: a new one, or the given one, created if it is unknown.

        Raises InvalidMessage when the given one is for another audience: an id alone lets no shopper into the staff's.
        """
        row = Conversation(conversation or uuid4().hex, channel, audience, knowledge, now())
        with self.writing() as database:
            database.execute(
                """INSERT INTO conversations (id, channel, audience, knowledge, created_at)
                VALUES (:id, :channel, :audience, :knowledge, :created_at) ON CONFLICT DO NOTHING""",
                asdict(row),
            )
            kept = _conversations(database, "WHERE id = ?", row.id)[0]
        if kept.audience != audience:
            raise InvalidMessage(f"conversation {row.id!r} is for the audience {kept.audience}; start another one")
        return row.id

    def exists(self, conversation: str) -> bool:
        """Whether there is a conversation by that id."""
        with self.reading() as database:
            return _known(database, "conversations", conversation)

    def conversation(self, conversation: str) -> Conversation:
        """The conversation by that id. Raises UnknownTurn."""
        with self.reading() as database:
            return only(_conversations(database, "WHERE id = ?", conversation), "conversation", conversation)

    def recent(self, limit: int = 20) -> list[Conversation]:
        """The conversations started last, the latest first."""
        with self.reading() as database:
            return _conversations(database, "ORDER BY created_at DESC, rowid DESC LIMIT ?", max(limit, 0))

    def open_turn(self, conversation: str, message_id: str, question: str) -> Turn:
        """The turn of this message, on disk before it returns; a known message gets its turn, and any reply, again.

        Raises UnknownTurn for an unknown conversation, InvalidMessage for a known message with another text.
        """
        with self.writing() as database:
            if known := _turns(database, "WHERE conversation = ? AND message_id = ?", conversation, message_id):
                if known[0].question != question:
                    raise InvalidMessage(f"message {message_id!r} was sent before with another text; give it a new id")
                return known[0]
            require(database, "conversation", conversation)
            turn = Turn(uuid4().hex, conversation, message_id, question, now())
            database.execute(
                """INSERT INTO turns (id, conversation, message_id, question, created_at, number)
                VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(number), 0) + 1 FROM turns WHERE conversation = ?))""",
                (turn.id, conversation, message_id, question, turn.created_at, conversation),
            )
            return turn

    def finish_turn(self, turn: str, reply: Reply, explanation: Mapping[str, Any]) -> None:
        """Store the reply and what accounts for it (JSON values), on disk before it returns.

        The first reply of a turn stays: a second one changes nothing. Raises UnknownTurn.
        """
        sources = [asdict(source) for source in reply.sources]
        details = _pack({"sources": sources, "timings": dict(reply.timings), "explanation": dict(explanation)})
        with self.writing() as database:
            require(database, "turn", turn)
            database.execute(
                """UPDATE turns SET reply = ?, outcome = ?, reason = ?, confidence = ?, stopped = ?, finished_at = ?,
                    details = ? WHERE id = ? AND finished_at IS NULL""",
                (reply.text, reply.outcome, reply.reason, reply.confidence, reply.stopped, now(), details, turn),
            )

    def turn(self, turn: str) -> Turn:
        """The turn by that id. Raises UnknownTurn."""
        with self.reading() as database:
            return only(_turns(database, "WHERE id = ?", turn), "turn", turn)

    def turns(self, conversation: str, last: int | None = None) -> list[Turn]:
        """The turns of a conversation in order, finished or not; only the last ones if told so. Raises UnknownTurn."""
        limit = -1 if last is None else max(last, 0)
        with self.reading() as database:
            require(database, "conversation", conversation)
            return _turns(database, "WHERE conversation = ? ORDER BY number DESC LIMIT ?", conversation, limit)[::-1]

    def history(self, conversation: str, last: int) -> list[Message]:
        """What was said in the last finished turns, in order, two messages a turn. Raises UnknownTurn."""
        query = """SELECT question, reply FROM turns WHERE conversation = ? AND finished_at IS NOT NULL
            ORDER BY number DESC LIMIT ?"""
        with self.reading() as database:
            require(database, "conversation", conversation)
            said = database.execute(query, (conversation, max(last, 0))).fetchall()
        return [
            message
            for question, reply in reversed(said)
            for message in (Message("user", question), Message("assistant", reply))
        ]

    def rate(self, rating: Rating) -> None:
        """Store the rating in place of the rater's earlier one of that turn. Raises UnknownTurn."""
        row = asdict(replace(rating, created_at=rating.created_at or now()))
        with self.writing() as database:
            require(database, "turn", rating.turn)
            database.table("ratings").upsert(row, pk=("turn", "rater"))

    def ratings(self, turn: str) -> list[Rating]:
        """The ratings of a turn, by rater. Raises UnknownTurn."""
        query = "SELECT turn, rater, label, reason, created_at FROM ratings WHERE turn = ? ORDER BY rater"
        with self.reading() as database:
            require(database, "turn", turn)
            return [Rating(**row) for row in database.query(query, (turn,))]

    def all_ratings(self) -> list[Rating]:
        """Every rating, the first given first."""
        query = "SELECT turn, rater, label, reason, created_at FROM ratings ORDER BY created_at, turn, rater"
        with self.reading() as database:
            return [Rating(**row) for row in database.query(query)]

    def turns_since(self, since: str) -> list[Turn]:
        """The turns of all conversations since a time, as the store writes it, in order."""
        with self.reading() as database:
            return _turns(database, "WHERE created_at >= ? ORDER BY created_at, rowid", since)

    def delete(self, *conversations: str) -> int:
        """Erase conversations with their turns and ratings from the files' bytes; says how many there were.

        Rewrites the file, about a second per 100 MB: give all of them in one call. After a StoreError call it again,
        with the same ids: the rows may be gone and their bytes not yet.
        """
        with self.writing() as database:
            delete = "DELETE FROM conversations WHERE id = ?"
            count = sum(database.execute(delete, (conversation,)).rowcount for conversation in conversations)
        with self.reading() as database:
            # secure_delete overwrites freed cells only: when SQLite moves rows between pages, copies stay behind in
            # the gaps. They outlived 15 of 250 deletions until VACUUM, which leaves the old pages in the log.
            database.vacuum()
            (busy, *_) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(
                f"{self.path}: another process is reading it, so erased text is still in its log; try again"
            )
        return count

    def version(self) -> tuple[int, int]:
        """A value that is another one after anybody has written, in this process or in another; takes microseconds."""
        with self.reading() as database:
            (others,) = database.execute("PRAGMA data_version").fetchone()
            return others, database.conn.total_changes

    def close(self) -> None:
        """Let go of the file; calling it again is harmless."""
        with self._lock:
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """The file, for one thread at a time; what goes wrong with it is raised as StoreError."""
        with self._lock, self._one_line_errors():
            yield self.database

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """The same, in a transaction: all that is written inside, or nothing."""
        with self.reading() as database, transaction(database.conn):
            yield database

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError as error:
            raise InvalidMessage("the text holds half of a surrogate pair; send valid Unicode") from error
        except (sqlite3.Error, zlib.error) as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the class
            raise StoreError(f"{self.path}: {error}; {_ADVICE.get(code, 'see `shopdesk doctor`')}") from error


_ADVICE = {
    sqlite3.SQLITE_BUSY: f"another process has held it for {BUSY_SECONDS} s: stop it, or try again",
    sqlite3.SQLITE_CANTOPEN: "make it a writable file, or point --home elsewhere",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore it from a back-up, or move it away to start a new one",
    sqlite3.SQLITE_FULL: "free some space and try again; what was stored before is safe",
    sqlite3.SQLITE_IOERR: "check the disk and the space on it; what was stored before is safe",
    sqlite3.SQLITE_NOTADB: "move it away to start a new one, or point --home elsewhere",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable, or point --home elsewhere",
}


def _known(database: Database, table: str, key: str) -> bool:
    return database.execute(f"SELECT 1 FROM {table} WHERE id = ?", (key,)).fetchone() is not None


def require(database: Database, kind: str, key: str) -> None:
    """Raises UnknownTurn where there is no such conversation, turn or hand-over."""
    only([key] if _known(database, f"{kind}s", key) else [], kind, key)


def only(found: list[T], kind: str, key: str) -> T:
    """The one that was found. Raises UnknownTurn."""
    if not found:
        raise UnknownTurn(f"there is no {kind} {key!r}; it was deleted, or the id belongs to another home")
    return found[0]


def _conversations(database: Database, clause: str, value: str | int) -> list[Conversation]:
    query = f"SELECT id, channel, audience, knowledge, created_at FROM conversations {clause}"
    return [Conversation(**row) for row in database.query(query, (value,))]


def _turns(database: Database, clause: str, *values: str | int) -> list[Turn]:
    query = f"""SELECT id, conversation, message_id, question, created_at,
        reply, outcome, reason, confidence, stopped, details FROM turns {clause}"""
    return [_turn(*row) for row in database.execute(query, values)]


def _turn(
    turn: str, conversation: str, message_id: str, question: str, created_at: str, text: str | None, *rest: Any
) -> Turn:
    opened = Turn(turn, conversation, message_id, question, created_at)
    if text is None:
        return opened
    outcome, reason, confidence, stopped, details = rest
    kept = json.loads(zlib.decompress(details))
    sources = tuple(_source(**source) for source in kept["sources"])
    reply = Reply(turn, text, outcome, confidence, sources, kept["timings"], bool(stopped), reason)
    return replace(opened, reply=reply, explanation=kept["explanation"])


def _source(*, heading: list[str], spans: Iterable[list[int]] = (), **rest: Any) -> Source:
    # An earlier Shopdesk kept no spans.
    return Source(**rest, heading=tuple(heading), spans=tuple((start, end) for start, end in spans))


def _pack(details: Mapping[str, Any]) -> bytes:
    text = json.dumps(details, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"))  # json.loads decodes bytes in the same way


def now() -> str:
    """The time as the store writes it: ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
