"""Hand-overs and what staff wrote, as rows of the conversation store; the rules are the desk's (`bot.desk`).

Each function takes the store's connection, inside `Conversations.reading` or `Conversations.writing`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, fields
from typing import Any

from bot.messages import Handover, StaffMessage

_HANDOVER = ", ".join(field.name for field in fields(Handover))
_MESSAGE = ", ".join(field.name for field in fields(StaffMessage))
NEWEST_FIRST = "ORDER BY opened_at DESC, rowid DESC"


def find(connection: sqlite3.Connection, clause: str, *values: str) -> list[Handover]:
    """The hand-overs that an SQL clause picks."""
    return [Handover(*row) for row in connection.execute(f"SELECT {_HANDOVER} FROM handovers {clause}", values)]


def insert(connection: sqlite3.Connection, handover: Handover) -> None:
    """A new row."""
    values = astuple(handover)
    connection.execute(f"INSERT INTO handovers ({_HANDOVER}) VALUES ({', '.join('?' * len(values))})", values)


def change(connection: sqlite3.Connection, handover: str, **values: str) -> None:
    """Sets columns of one row."""
    changes = ", ".join(f"{column} = :{column}" for column in values)
    connection.execute(f"UPDATE handovers SET {changes} WHERE id = :id", {**values, "id": handover})


def find_messages(connection: sqlite3.Connection, clause: str, *values: str | int) -> list[StaffMessage]:
    """What staff wrote, as an SQL clause picks it."""
    return [StaffMessage(*row) for row in connection.execute(f"SELECT {_MESSAGE} FROM staff_messages {clause}", values)]


def insert_message(connection: sqlite3.Connection, message: StaffMessage, message_id: str) -> None:
    """A new row. `message_id` is the channel's own id of it; the same one twice in a hand-over is refused."""
    values = (*astuple(message), message_id)
    places = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO staff_messages ({_MESSAGE}, message_id) VALUES ({places})", values)


def last_turn(connection: sqlite3.Connection, conversation: str) -> str:
    """The id of the conversation's last turn; empty where there is none."""
    query = "SELECT id FROM turns WHERE conversation = ? ORDER BY number DESC LIMIT 1"
    row = connection.execute(query, (conversation,)).fetchone()
    return row[0] if row else ""


def next_number(connection: sqlite3.Connection, conversation: str) -> int:
    """The number of the next staff message of a conversation."""
    query = "SELECT coalesce(max(number), 0) + 1 FROM staff_messages WHERE conversation = ?"
    return int(connection.execute(query, (conversation,)).fetchone()[0])


def answered(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """What staff wrote, oldest first, each with the question before it: the last message that asked for no person."""
    cursor = connection.execute(
        """SELECT said.id, said.conversation, said.author, said.text, said.created_at, asked.id AS turn, asked.question
        FROM staff_messages AS said
        JOIN turns AS there ON there.id = said.turn
        JOIN turns AS asked ON asked.id = (
            SELECT id FROM turns WHERE conversation = said.conversation AND number <= there.number
            AND coalesce(reason, '') != 'asked_for_person' ORDER BY number DESC LIMIT 1)
        ORDER BY said.created_at, said.rowid"""
    )
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def figures(connection: sqlite3.Connection, since: str) -> dict[str, int]:
    """How many turns of each outcome, hand-overs and ratings of each label there were since a time."""
    queries = (
        "SELECT outcome, count(*) FROM turns WHERE created_at >= ? AND outcome IS NOT NULL AND reason != 'with_staff'"
        " GROUP BY outcome",
        "SELECT 'handovers', count(*) FROM handovers WHERE opened_at >= ?",
        "SELECT label, count(*) FROM ratings WHERE created_at >= ? GROUP BY label",
    )
    return {name: count for query in queries for name, count in connection.execute(query, (since,))}
