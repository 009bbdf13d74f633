"""The desk: where a person takes a conversation over, answers in it, and gives it back.

    waiting -> claimed -> returned (to the bot) | resolved

All of it lies in the store, so a restart or another process goes on where this one was. Only who is typing is kept in
memory. No channel is in here: the web page, Slack and the command line each call the same few methods.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from bot import handovers
from bot.conversations import Conversations, now, only, require
from bot.errors import DeskError, InvalidMessage
from bot.messages import ASKED, Handover, StaffMessage, Turn
from bot.office_hours import OfficeHours
from bot.settings import Settings

ATTENDED = frozenset({"web"})  # the channels that show a shopper what staff write; elsewhere the bot hands nothing over
WITH_STAFF = "with_staff"  # why the bot says nothing
TYPING_SECONDS = 6.0
_EMAIL = re.compile(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]+\.[^\s@<>,;\".]{2,}")


class Desk:
    """The hand-overs of a store. Thread-safe; several processes may work at one store.

    Every method that takes an id raises UnknownTurn where nothing has it.
    """

    def __init__(self, store: Conversations, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.hours = OfficeHours.parse(settings.office_hours, settings.time_zone)
        self._typing: dict[str, tuple[str, float]] = {}

    def open(self, conversation: str, reason: str) -> Handover:
        """The conversation's open hand-over: the one that is there, or a new one. What the shopper asks for goes before
        what policy called for."""
        with self.store.writing() as database:
            connection = database.conn
            require(database, "conversation", conversation)
            if found := self._open_ones(connection, conversation):
                if reason == ASKED:
                    handovers.change(connection, found[0].id, reason=reason)
                return self._one(connection, found[0].id)
            handover = Handover(uuid4().hex, conversation, reason, "waiting", now())
            handovers.insert(connection, handover)
            return handover

    def claim(self, handover: str, staff: str) -> Handover:
        """A member of staff takes it. Raises DeskError when another has it, or it is closed."""
        with self._writing() as connection:
            found = self._one_that_is_open(connection, handover)
            if found.state == "claimed" and found.staff != staff:
                raise DeskError(f"hand-over {handover!r} is {found.staff}'s already; ask them, or reply beside them")
            handovers.change(connection, handover, state="claimed", staff=staff)
            return self._one(connection, handover)

    def say(self, handover: str, staff: str, text: str, message_id: str = "") -> StaffMessage:
        """What a member of staff writes to the shopper; it claims a hand-over that waits. Colleagues may join in.

        A known `message_id` gives the message again. Raises DeskError for a closed one, InvalidMessage for a text that
        is empty or too long.
        """
        said = self._checked(text)
        with self._writing() as connection:
            clause = "WHERE handover = ? AND message_id = ?"
            if message_id and (known := handovers.find_messages(connection, clause, handover, message_id)):
                return known[0]
            found = self._one_that_is_open(connection, handover)
            if found.state == "waiting":
                handovers.change(connection, handover, state="claimed", staff=staff)
            number = handovers.next_number(connection, found.conversation)
            turn = handovers.last_turn(connection, found.conversation)
            message = StaffMessage(uuid4().hex, found.conversation, handover, staff, said, now(), number, turn)
            handovers.insert_message(connection, message, message_id or message.id)
        self._typing.pop(handover, None)
        return message

    def give_back(self, handover: str, by: Literal["staff", "shopper"] = "staff") -> Handover:
        """The bot goes on. One that is closed already stays as it was closed."""
        return self._close(handover, "returned", by)

    def resolve(self, handover: str) -> Handover:
        """The matter is settled; the bot answers what comes next. One that is closed already stays as it was."""
        return self._close(handover, "resolved", "staff")

    def leave_email(self, handover: str, email: str) -> Handover:
        """Where the shopper wants the answer when nobody is there. Raises DeskError for what is no address."""
        address = email.strip()
        if len(address) > 254 or not _EMAIL.fullmatch(address):
            raise DeskError(f"{email[:80]!r} is no e-mail address; give one such as name@example.com")
        with self._writing() as connection:
            self._one(connection, handover)
            handovers.change(connection, handover, email=address)
            return self._one(connection, handover)

    def set_thread(self, handover: str, thread: str) -> Handover:
        """Where staff see it, in the words of their channel. The first place stays."""
        with self._writing() as connection:
            if not self._one(connection, handover).thread:
                handovers.change(connection, handover, thread=thread)
            return self._one(connection, handover)

    def handover(self, handover: str) -> Handover:
        """The hand-over by that id."""
        with self._reading() as connection:
            return self._one(connection, handover)

    def in_thread(self, thread: str) -> Handover | None:
        """The hand-over that staff see there; None where there is none."""
        with self._reading() as connection:
            return next(iter(handovers.find(connection, "WHERE thread = ?", thread)), None)

    def waiting(self) -> list[Handover]:
        """The open ones, those that wait and those that are claimed, the oldest first."""
        with self._reading() as connection:
            return handovers.find(connection, "WHERE closed_at = '' ORDER BY opened_at, rowid")

    def closed_since(self, since: str) -> list[Handover]:
        """Those that were closed since a time, as the store writes it, the first one first."""
        with self._reading() as connection:
            return handovers.find(connection, "WHERE closed_at >= ? ORDER BY closed_at, rowid", since)

    def current(self, conversation: str) -> Handover | None:
        """The conversation's open hand-over."""
        with self._reading() as connection:
            return next(iter(self._open_ones(connection, conversation)), None)

    def latest(self, conversation: str) -> Handover | None:
        """The conversation's last hand-over, open or closed."""
        with self._reading() as connection:
            clause = f"WHERE conversation = ? {handovers.NEWEST_FIRST} LIMIT 1"
            return next(iter(handovers.find(connection, clause, conversation)), None)

    def messages(self, conversation: str, after: int = 0) -> list[StaffMessage]:
        """What staff wrote in a conversation, in order; only what has a number above `after`."""
        with self._reading() as connection:
            clause = "WHERE conversation = ? AND number > ? ORDER BY number"
            return handovers.find_messages(connection, clause, conversation, after)

    def examples(self) -> list[dict[str, Any]]:
        """What staff answered, with the question each answers: candidates to learn from, and to write documents from.

        Each has `id`, `conversation`, `author`, `text`, `created_at`, `turn` and `question`.
        """
        with self._reading() as connection:
            return handovers.answered(connection)

    def figures(self, since: str) -> dict[str, int]:
        """What has happened since a time, as the store writes it: turns by outcome, hand-overs, ratings by label."""
        with self._reading() as connection:
            return handovers.figures(connection, since)

    def typing(self, handover: str, staff: str) -> None:
        """A member of staff is writing; forgotten after a few seconds, and known in this process only."""
        self._typing[handover] = (staff, time.monotonic() + TYPING_SECONDS)

    def typist(self, handover: str) -> str:
        """Who is writing just now; empty for nobody."""
        staff, until = self._typing.get(handover, ("", 0.0))
        return staff if time.monotonic() < until else ""

    def is_staffed(self, at: datetime | None = None) -> bool:
        """Whether people are there at a moment with a time zone, or now."""
        return self.hours.is_open(at or datetime.now(UTC))

    def opens_at(self, at: datetime | None = None) -> datetime | None:
        """When people are back; None while they are there."""
        return self.hours.opens_at(at or datetime.now(UTC))

    def _close(self, handover: str, state: Literal["returned", "resolved"], by: str) -> Handover:
        with self._writing() as connection:
            if self._one(connection, handover).is_open:
                handovers.change(connection, handover, state=state, closed_at=now(), closed_by=by)
            return self._one(connection, handover)

    def _checked(self, text: str) -> str:
        said, limit = text.replace("\r\n", "\n").strip(), self.settings.max_message_chars
        if not said:
            raise InvalidMessage("the message is empty; please write your reply")
        if len(said) > limit:
            raise InvalidMessage(f"the message has {len(said):,} characters; please keep it under {limit:,}")
        return said

    @staticmethod
    def _one(connection: sqlite3.Connection, handover: str) -> Handover:
        return only(handovers.find(connection, "WHERE id = ?", handover), "handover", handover)

    def _one_that_is_open(self, connection: sqlite3.Connection, handover: str) -> Handover:
        found = self._one(connection, handover)
        if not found.is_open:
            raise DeskError(f"hand-over {handover!r} is {found.state}; the shopper can ask for a person again")
        return found

    @staticmethod
    def _open_ones(connection: sqlite3.Connection, conversation: str) -> list[Handover]:
        return handovers.find(connection, "WHERE conversation = ? AND closed_at = ''", conversation)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self.store.reading() as database:
            yield database.conn

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self.store.writing() as database:
            yield database.conn


def with_words_of_staff(turns: Sequence[Turn], said: Sequence[StaffMessage]) -> list[Turn]:
    """The turns, what staff wrote after each made part of its reply.

    One that the bot was silent in and nobody answered counts as stopped: the shopper may well ask it again.
    """
    words: dict[str, list[str]] = {}
    for message in said:
        words.setdefault(message.turn, []).append(message.text)
    return [_with_words(turn, words.get(turn.id, ())) for turn in turns]


def _with_words(turn: Turn, words: Sequence[str]) -> Turn:
    reply = turn.reply
    if reply is None or (not words and reply.reason != WITH_STAFF):
        return turn
    text = "\n".join(filter(None, [reply.text, *words]))
    return replace(turn, reply=replace(reply, text=text, stopped=reply.stopped or not words))
