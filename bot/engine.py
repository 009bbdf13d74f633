"""The dialogue engine: a message in, the events of its reply out; a rating in. The one thing that channels know."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any
from weakref import WeakValueDictionary

from langchain_core.language_models import BaseChatModel

from bot.answering import Answering
from bot.conduct.handover import emergency
from bot.conversations import Conversations
from bot.desk import WITH_STAFF, Desk
from bot.errors import GenerationError, InvalidMessage
from bot.generation.generators import describe
from bot.messages import ASKED, Done, Draft, Event, Label, Rating, Reply, Sources, Text, Turn
from bot.phrases import phrases
from bot.settings import Settings
from knowledge.documents import Audience
from knowledge.languages import detect
from retrieval.retriever import Retriever

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# May stand inside a word, or carry a text that nobody sees.
_INVISIBLE = re.compile(
    "[\u200b\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
    "|(?<=[0-9A-Za-z])[\u200c\u200d]+(?=[0-9A-Za-z])"
)


class Engine:
    """The dialogue engine. Thread-safe; one reply at a time within a conversation, any number beside each other.

    Where the generator fails, the composer writes that reply if it may `stand_in`; else the failure is raised.
    """

    def __init__(
        self,
        retriever: Retriever,
        generator: BaseChatModel,
        store: Conversations,
        settings: Settings,
        *,
        stand_in: bool = False,
        shop_name: str = "",
        suggestions: Sequence[str] = (),
        today: Callable[[], date] = date.today,
    ) -> None:
        self.retriever, self.generator, self.store, self.settings = retriever, generator, store, settings
        self.stand_in = stand_in
        self.shop_name, self.suggestions = shop_name, tuple(suggestions)
        self.today = today
        self.desk = Desk(store, settings)
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        self._making_locks = threading.Lock()

    def start(self, channel: str, *, audience: Audience = "public", conversation: str | None = None) -> str:
        """The id of a new conversation, or of the given one, which is made if it is not there."""
        return self.store.start(channel, audience, conversation, knowledge=self.settings.knowledge)

    def turns(self, conversation: str) -> list[Turn]:
        """The conversation so far. Raises UnknownTurn for one that is not there."""
        return self.store.turns(conversation)

    def rate(self, turn: str, rater: str, label: Label, reason: str = "") -> None:
        """Keeps what `rater` thinks of a turn; the latest counts. Raises UnknownTurn."""
        self.store.rate(Rating(turn, rater, label, self._clean(reason)))

    def ready(self) -> dict[str, Any]:
        """What would answer a question now. Raises ShopdeskError when nothing can."""
        corpus = self.retriever.corpus()
        return {
            "snapshot": corpus.number,
            "documents": len(corpus.paths),
            "chunks": len(corpus),
            **describe(self.generator),
        }

    def reply(
        self, conversation: str, message_id: str, text: str, *, cancelled: threading.Event | None = None
    ) -> Iterator[Event]:
        """The stream of one reply: Status, Text, Sources, Done; stored before Done.

        A `message_id` that was answered before gives the stored reply again. Setting `cancelled`, or closing the
        stream, stops the generator and stores what was said. Raises InvalidMessage, UnknownTurn, RetrievalError or
        GenerationError; the question is then in the store, and the same `message_id` tries again.

        While a person has the conversation, or the shopper asked for one and waits, the message is stored, and Done is
        all that comes: a reply without text whose reason is "with_staff". Only one that tells of an injury or of danger
        to life gets fixed words, with whom to call.
        """
        question = self._checked(text)
        with self._one_at_a_time(conversation):
            turn = self.store.open_turn(conversation, message_id, question)
            if turn.reply is not None:
                reply = turn.reply
            elif (handover := self.desk.current(conversation)) and handover.silences:
                reply = yield from self._beside_staff(turn)
            else:
                reply = yield from Answering(self, turn, cancelled or threading.Event()).spoken()
            if turn.reply is not None and reply.text:
                yield Text(reply.text)
        # The next message need not wait for a listener that stops asking once it has the text.
        if reply.reason != WITH_STAFF:
            yield Sources(reply.sources)
        yield Done(reply)

    def draft(self, conversation: str) -> Draft:
        """What the bot would say to the shopper's last question in a person's place, and staff may look over.

        From what shoppers may see; where that has nothing, from staff documents too. Nothing is stored or sent.
        """
        turns = self.store.turns(conversation)
        while turns and turns[-1].reply is not None and turns[-1].reply.reason == ASKED:
            turns.pop()
        audiences: tuple[Audience, ...] = ("public", "staff") if turns else ()
        for audience in audiences:
            answering = Answering(self, turns[-1], threading.Event(), audience)
            if reply := answering.drafted(turns[:-1]):
                return Draft(reply.text, reply.sources, audience == "staff")
        return Draft()

    def _beside_staff(self, turn: Turn) -> Generator[Event, None, Reply]:
        """Keeps silent, but for an emergency: whoever has the conversation may not read it in time."""
        kind = emergency(turn.question)
        text = phrases(detect(turn.question)).emergency if kind else ""
        reply = Reply(turn.id, text, "handover", 1.0, reason=kind or WITH_STAFF)
        self.store.finish_turn(turn.id, reply, {})
        if text:
            yield Text(text)
        return reply

    def _checked(self, text: str) -> str:
        limit = self.settings.max_message_chars
        if len(text) > limit:
            raise InvalidMessage(f"the message has {len(text):,} characters; please keep it under {limit:,}")
        question = self._clean(text)
        if not question:
            raise InvalidMessage("the message is empty; please write your question")
        return question

    @staticmethod
    def _clean(text: str) -> str:
        return _CONTROL.sub(" ", _INVISIBLE.sub("", text.replace("\r\n", "\n"))).strip()

    @contextmanager
    def _one_at_a_time(self, conversation: str) -> Iterator[None]:
        with self._making_locks:
            lock = self._locks.get(conversation)
            if lock is None:
                lock = self._locks[conversation] = threading.Lock()
        with lock:
            yield


def joined(events: Iterator[Event]) -> Reply:
    """Runs a reply to its end and returns it."""
    reply = None
    for event in events:
        if isinstance(event, Done):
            reply = event.reply
    if reply is None:
        raise GenerationError("the reply ended without being finished; try again")
    return reply
