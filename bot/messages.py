"""The vocabulary of a conversation: what goes in, what comes out, and the events of the stream in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["user", "assistant"]
Outcome = Literal["answer", "decline", "clarify", "handover"]
Label = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Message:
    """One side's words."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """A chunk the reply rests on. `quote` is the sentence used, `passage` the whole chunk, for the reader to check.

    `chunk` is the chunk's id, `content_hash` its content at the time; `score` is the retriever's, higher is better.
    """

    document: str
    title: str
    chunk: str
    score: float
    quote: str
    passage: str = ""
    heading: tuple[str, ...] = ()
    content_hash: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished reply. `turn` is its id in the store, `timings` are seconds by stage, `confidence` is in [0, 1].

    `reason` is the code of why a person takes over ("safety", "upset", ...) or why the desk declined ("not_found",
    "out_of_scope", "steering"); empty for an answer.
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


@dataclass(frozen=True, slots=True)
class Rating:
    """What a person thought of a turn. One per turn and rater; the latest counts."""

    turn: str
    rater: str
    label: Label
    reason: str = ""
    created_at: str = ""


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
