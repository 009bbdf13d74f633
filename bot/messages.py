"""The vocabulary of a conversation: what goes in, what comes out, and the events of the stream in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Role = Literal["user", "assistant"]
Outcome = Literal["answer", "decline", "clarify", "handover"]
Label = Literal["up", "down"]
HandoverState = Literal["waiting", "claimed", "returned", "resolved"]
ASKED = "asked_for_person"  # why a person takes over, where the shopper wants one
Span = tuple[int, int]  # from the first character up to, not including, the last


@dataclass(frozen=True, slots=True)
class Message:
    """One side's words."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A chunk the reply rests on. `quote` is the sentence used, `passage` the whole chunk, for the reader to check.

    `chunk` is the chunk's id, `content_hash` its content at the time; `score` is the retriever's, higher is better.
    `spans` are the parts of the reply's text that rest on it, in order: whole sentences, or runs of them.
    """

    document: str
    title: str
    chunk: str
    score: float
    quote: str
    passage: str = ""
    heading: tuple[str, ...] = ()
    content_hash: str = ""
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished reply. `turn` is its id in the store, `timings` are seconds by stage, `confidence` is in [0, 1].

    `reason` is the code of why a person takes over ("safety", "upset", ...) or why the desk declined ("not_found",
    "out_of_scope", "steering"); empty for an answer. "with_staff" is the silence while a person is there.
    """

    turn: str
    text: str
    outcome: Outcome
    confidence: float
    sources: tuple[Source, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its reply as the store keeps them; `reply` is None while it is being written.

    `explanation` is what is needed to account for the reply later: prompt, chunk ids and hashes, snapshot, model, LoRA.
    """

    id: str
    conversation: str
    message_id: str
    question: str
    created_at: str
    reply: Reply | None = None
    explanation: Mapping[str, Any] = field(default_factory=dict)


OPERATOR: Final = "operator"  # the rater of `shopdesk rate`: who has the desk's machine


@dataclass(frozen=True, slots=True)
class Rating:
    """What a person thought of a turn. One per turn and rater; the latest counts."""

    turn: str
    rater: str
    label: Label
    reason: str = ""
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """A conversation that a person takes over. Open while "waiting" or "claimed"; a closed one stays closed.

    `reason` is the code of why, `staff` who claimed it, `email` where the shopper wants the answer when nobody is
    there. `closed_by` is "staff" or "shopper". `thread` is where staff see it, in the words of their channel.
    """

    id: str
    conversation: str
    reason: str
    state: HandoverState
    opened_at: str
    staff: str = ""
    email: str = ""
    closed_at: str = ""
    thread: str = ""
    closed_by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether a person has the conversation, or is waited for."""
        return self.state in ("waiting", "claimed")

    @property
    def silences(self) -> bool:
        """Whether the bot is silent: a person has the conversation, or the shopper asked for one and waits.

        Where policy calls for a person the bot goes on until somebody comes: a shop without staff would fall silent.
        """
        return self.state == "claimed" or (self.state == "waiting" and self.reason == ASKED)


@dataclass(frozen=True, slots=True)
class StaffMessage:
    """What a member of staff wrote to a shopper. `number` counts up from 1 within the conversation.

    `turn` is the shopper's turn that it was said after; empty where there was none yet.
    """

    id: str
    conversation: str
    handover: str
    author: str
    text: str
    created_at: str
    number: int
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the bot would say in a person's place; no text where the documents have nothing.

    `staff_only` warns that a document shoppers may not see is part of it.
    """

    text: str = ""
    sources: tuple[Source, ...] = ()
    staff_only: bool = False


# The stream of one reply: Status*, Text*, Sources, Done. A failure is raised, not yielded.


@dataclass(frozen=True, slots=True)
class Status:
    """What the engine is doing, for a typing indicator: "searching" or "writing"."""

    stage: Literal["searching", "writing"]


@dataclass(frozen=True, slots=True)
class Text:
    """The next piece of the reply; the joined pieces are the reply's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The passages that the reply rests on."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The reply is finished and stored."""

    reply: Reply


Event = Status | Text | Sources | Done
