"""A conversation played through the engine as a channel would: message by message, the stream read as it comes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from bot.engine import Engine
from bot.errors import GenerationError
from bot.messages import Done, Reply, Text

CHANNEL = "eval"


@dataclass(frozen=True, slots=True)
class Played:
    """A reply, the seconds from the message to its end, and to the first words; None where there were none."""

    reply: Reply
    seconds: float
    first_text: float | None


def play(engine: Engine, turns: Sequence[str]) -> Played:
    """The reply to the last of the messages, in a conversation of its own."""
    conversation = engine.start(CHANNEL)
    for number, text in enumerate(turns[:-1]):
        ask(engine, conversation, str(number), text)
    return ask(engine, conversation, "last", turns[-1])


def ask(engine: Engine, conversation: str, message_id: str, text: str) -> Played:
    """One message and its reply. Raises what `Engine.reply` raises."""
    began = time.perf_counter()
    first_text = done = None
    with closing(engine.reply(conversation, message_id, text)) as events:  # type: ignore[type-var]  # a generator
        for event in events:
            if isinstance(event, Text) and first_text is None and event.text.strip():
                first_text = time.perf_counter() - began
            elif isinstance(event, Done):
                done = Played(event.reply, time.perf_counter() - began, first_text)
    if done is None:
        raise GenerationError("the reply ended without being finished; try again")
    return done


def seeded(engine: Engine, said: Sequence[tuple[str, str]]) -> str:
    """The id of a new conversation in which these messages were answered by these replies."""
    conversation = engine.start(CHANNEL)
    for number, (message, text) in enumerate(said):
        turn = engine.store.open_turn(conversation, f"before-{number}", message)
        engine.store.finish_turn(turn.id, Reply(turn.id, text, "answer", 1.0), {})
    return conversation
