"""The review: replies that people should look at, the worst first, and what they decided about each.

    keep      it stays as it is, with its ratings
    drop      nothing is to be learnt from it: a rating given in anger, a joke, a test
    correct   the reply as it should have been: learnt from, and at once an approved answer (`bot.approved`)
    gap       the documents lack it: it is counted among the gaps, and no reply is to blame

A rating with hostile words is in the queue like any other: whether it is right is for a person to say.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from bot.approved import ApprovedAnswers
from bot.conversations import Conversation, Conversations, now, require
from bot.errors import InvalidMessage, LearningError
from bot.learn.redaction import redact_together
from bot.messages import Rating, Turn
from bot.settings import Settings
from retrieval.retriever import Filters, Retriever

Decision = Literal["keep", "drop", "correct", "gap"]
DECISIONS: Final = get_args(Decision)
UNSURE: Final = 0.75  # an answer with less confidence is looked at; the desk answers from 0.6 on
LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Review:
    """What a person decided about a turn, and when. `correction` is the reply as it should have been, `question` what
    it answers, `document` where it was published; all three without personal data, and empty for other decisions."""

    turn: str
    decision: Decision
    reviewer: str
    decided_at: str = ""
    question: str = ""
    correction: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A turn to look at: where it was said, how it was rated, and why it is in the queue."""

    turn: Turn
    place: Conversation
    ratings: tuple[Rating, ...]
    why: tuple[str, ...]


class Reviews:
    """The review of a store. Thread-safe; several processes may work at one store."""

    def __init__(self, store: Conversations, settings: Settings) -> None:
        self.store, self.settings = store, settings

    def queue(self, limit: int = 20, since: str = "") -> list[Item]:
        """The turns that nobody has decided about, the worst first: more bad ratings than others, then declined or
        unsure; of equals the latest. `since` is a time as the store writes it."""
        with self.store.reading() as database:
            found = database.execute(_QUEUE, {"since": since, "unsure": UNSURE, "limit": limit}).fetchall()
        return [self._item(self.store.turn(turn)) for (turn,) in found]

    def waiting(self, since: str = "") -> int:
        """How many turns are in the queue."""
        with self.store.reading() as database:
            query = f"SELECT count(*) FROM ({_QUEUE})"
            return int(database.execute(query, {"since": since, "unsure": UNSURE, "limit": -1}).fetchone()[0])

    def item(self, turn: str) -> Item:
        """A turn as the queue has it, decided or not. Raises UnknownTurn."""
        return self._item(self.store.turn(turn))

    def history(self, turn: str) -> list[Review]:
        """All that was decided about a turn, the first decision first."""
        with self.store.reading() as database:
            return _reviews(database.conn, "WHERE turn = ? ORDER BY id", turn)

    def latest(self) -> dict[str, Review]:
        """The decision in force of every turn that has one, by turn."""
        with self.store.reading() as database:
            return {review.turn: review for review in _reviews(database.conn, "ORDER BY id")}

    def decide(self, turn: str, decision: Decision, reviewer: str) -> Review:
        """Keeps a decision other than `correct`; it takes the place of an earlier one.

        An answer that was approved for the turn is withdrawn, at the next `publish`. Raises UnknownTurn.
        """
        if decision == "correct":
            raise LearningError("a correction needs a text; call `correct`")
        review = Review(turn, decision, _named(reviewer), now())
        self._add(review, self.store.turn(turn))
        return review

    def correct(self, turn: str, text: str, reviewer: str, retriever: Retriever, question: str = "") -> Review:
        """Keeps the reply as it should have been, without personal data, and writes it as an approved answer.

        `question` is what it answers, in words that stand alone; without one, what the shopper asked. What the shop's
        documents say stays. `publish` then makes it one that retrieval finds. Raises UnknownTurn, and LearningError
        for a text that is empty or too long.
        """
        found = self.store.turn(turn)
        place = self.store.conversation(found.conversation)
        asked, said = self._redacted(question.strip() or question_of(found), text.strip(), found, retriever)
        document = self._answers(place).write(asked, said, place.audience)
        review = Review(turn, "correct", _named(reviewer), now(), asked, said, document)
        self._add(review, found)
        return review

    def answers_of(self, turn: str) -> tuple[ApprovedAnswers, str]:
        """The approved answers that a correction of the turn is one of, and the name of their index."""
        place = self.store.conversation(self.store.turn(turn).conversation)
        return self._answers(place), place.knowledge

    def _answers(self, place: Conversation) -> ApprovedAnswers:
        return ApprovedAnswers(self.settings.home, place.knowledge)

    def _add(self, review: Review, turn: Turn) -> None:
        place = self.store.conversation(turn.conversation)
        before = self.latest()
        with self.store.writing() as database:
            require(database, "turn", review.turn)
            _insert(database.conn, review)
        old = before.get(review.turn)
        if old is not None and old.document not in ("", review.document):
            others = [one for one in before.values() if one.turn != review.turn and one.document == old.document]
            if not others:
                self._answers(place).withdraw(old.document)

    def _redacted(self, question: str, text: str, turn: Turn, retriever: Retriever) -> tuple[str, str]:
        """Both without personal data; the shop's own telephone, which stands in its documents, stays."""
        passages = [source.passage for source in turn.reply.sources] if turn.reply else []
        passages += [hit.chunk.text for hit in retriever.search(text, 10, Filters("public"))] if text else []
        public = "\n".join([*passages, self.settings.contact, self.settings.shop_name])
        asked, said = redact_together([question, text], public=public)
        return asked.text, said.text

    def _item(self, turn: Turn) -> Item:
        ratings = tuple(self.store.ratings(turn.id))
        return Item(turn, self.store.conversation(turn.conversation), ratings, tuple(_why(turn, ratings)))


def question_of(turn: Turn) -> str:
    """What a turn asked, in words that stand alone where they are known: what it leans on goes before it."""
    asked, *leant_on = str(turn.explanation.get("question") or turn.question).split("\n")
    return " ".join([*leant_on, asked]) if asked == turn.question else turn.question


def record(item: Item, history: list[Review] | None = None) -> dict[str, Any]:
    """An item as JSON values."""
    reply = item.turn.reply
    return {
        "turn": item.turn.id,
        "why": list(item.why),
        "question": item.turn.question,
        "asked": question_of(item.turn),
        "reply": reply.text if reply else None,
        "outcome": reply.outcome if reply else None,
        "confidence": reply.confidence if reply else None,
        "channel": item.place.channel,
        "audience": item.place.audience,
        "created_at": item.turn.created_at,
        "ratings": [{"label": one.label, "reason": one.reason, "created_at": one.created_at} for one in item.ratings],
        "sources": [{"document": one.document, "title": one.title, "quote": one.quote} for one in reply.sources]
        if reply
        else [],
        "decisions": [
            {"decision": one.decision, "by": one.reviewer, "at": one.decided_at, "correction": one.correction}
            for one in history or ()
        ],
    }


def _why(turn: Turn, ratings: tuple[Rating, ...]) -> list[str]:
    down = sum(rating.label == "down" for rating in ratings)
    found = [f"rated down {down} of {len(ratings)}"] if down else []
    if turn.reply is not None and turn.reply.outcome == "decline":
        found.append("declined")
    elif turn.reply is not None and turn.reply.outcome == "answer" and turn.reply.confidence < UNSURE:
        found.append(f"unsure ({turn.reply.confidence:.2f})")
    return found


def _named(reviewer: str) -> str:
    name = " ".join(reviewer.split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidMessage(
            f"{name[:LONGEST_NAME]!r} is no name; say who decides, in at most {LONGEST_NAME} characters"
        )
    return name


_COLUMNS: Final = "turn, decision, reviewer, decided_at, question, correction, document"
_QUEUE: Final = """
    SELECT turns.id FROM turns LEFT JOIN (
        SELECT turn, sum(label = 'down') AS down, sum(label = 'down') - sum(label = 'up') AS balance
        FROM ratings GROUP BY turn
    ) AS rated ON rated.turn = turns.id
    WHERE turns.created_at >= :since AND turns.reply != '' AND NOT turns.stopped AND turns.reason != 'with_staff'
        AND NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.turn = turns.id)
        AND (rated.down > 0 OR (coalesce(balance, 0) >= 0 AND (
            (outcome = 'decline' AND reason IN ('', 'not_found')) OR (outcome = 'answer' AND confidence < :unsure))))
    ORDER BY max(coalesce(balance, 0), 0) DESC, down > 0 DESC, outcome = 'decline' DESC, confidence,
        turns.created_at DESC, turns.rowid DESC
    LIMIT :limit"""


def _reviews(connection: sqlite3.Connection, clause: str, *values: str) -> list[Review]:
    return [Review(*row) for row in connection.execute(f"SELECT {_COLUMNS} FROM reviews {clause}", values)]


def _insert(connection: sqlite3.Connection, review: Review) -> None:
    values = tuple(getattr(review, column) for column in _COLUMNS.split(", "))
    connection.execute(f"INSERT INTO reviews ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)
