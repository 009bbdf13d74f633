"""What the web channel takes and gives: the JSON of a conversation, as types and as data."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from adapters.web_desk import HandoverOut, StaffMessageOut
from bot.messages import Label, Outcome, Reply, Source, Turn


class NewConversation(BaseModel):
    conversation: str = Field(description="The conversation's id; whoever knows it can read and continue it.")


class MessageIn(BaseModel):
    message_id: str = Field(
        pattern=r"^[A-Za-z0-9._:-]{1,100}$",
        description="Chosen by the client, once per message; the same id again gives the same reply.",
    )
    text: str = Field(description="What the shopper wrote.")


class SourceOut(BaseModel):
    document: str
    title: str
    chunk: str
    score: float
    quote: str = Field(description="The sentence that the reply rests on.")
    passage: str = Field(description="The passage around it, light Markdown.")
    heading: list[str]
    spans: list[tuple[int, int]] = Field(
        description="The parts of the reply's text that rest on it, in code points: from, and up to but not with."
    )


class ReplyOut(BaseModel):
    turn: str = Field(description="The turn's id, for rating it.")
    text: str
    outcome: Outcome
    reason: str = Field(description="Why a person takes over, or why the desk declined; empty for an answer.")
    confidence: float
    sources: list[SourceOut]
    stopped: bool = Field(description="Whether the reply was stopped before its end.")


class TurnOut(BaseModel):
    turn: str
    message_id: str
    question: str
    created_at: str
    reply: ReplyOut | None = Field(description="Null while the reply is being written.")


class ConversationOut(BaseModel):
    conversation: str
    turns: list[TurnOut]
    handover: HandoverOut | None = Field(description="The last one, open or closed; null where there was none.")
    staff_messages: list[StaffMessageOut]


class RatingIn(BaseModel):
    label: Label
    reason: str = Field("", max_length=2000)


class Shop(BaseModel):
    name: str
    suggestions: list[str]
    languages: list[str]
    longest_message: int = Field(description="In characters.")


class Alive(BaseModel):
    status: Literal["alive"] = "alive"


def source_data(source: Source) -> dict[str, Any]:
    """A source as the wire carries it."""
    return {
        "document": source.document,
        "title": source.title,
        "chunk": source.chunk,
        "score": source.score,
        "quote": source.quote,
        "passage": source.passage,
        "heading": list(source.heading),
        "spans": [list(span) for span in source.spans],
    }


def reply_data(reply: Reply) -> dict[str, Any]:
    """A finished reply as the wire carries it; timings stay with the operator."""
    return {
        "turn": reply.turn,
        "text": reply.text,
        "outcome": reply.outcome,
        "reason": reply.reason,
        "confidence": reply.confidence,
        "sources": [source_data(source) for source in reply.sources],
        "stopped": reply.stopped,
    }


def turn_data(turn: Turn) -> dict[str, Any]:
    """A turn as the wire carries it."""
    return {
        "turn": turn.id,
        "message_id": turn.message_id,
        "question": turn.question,
        "created_at": turn.created_at,
        "reply": reply_data(turn.reply) if turn.reply else None,
    }
