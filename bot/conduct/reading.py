"""A message read for what it wants beside an answer: a person, a chat, what is no shop's business, or control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from bot.conduct.handover import SAID, Reason, hand_over, instead_of_decline
from bot.conduct.head import LIKELY, SURE, likeliest, shipped, spelling
from bot.conduct.scope import is_outside
from bot.conduct.small_talk import KINDS, Kind, small_talk
from bot.conduct.steering import heard
from bot.messages import Turn
from knowledge.languages import detect
from retrieval.retriever import Retriever


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message wants.

    `question` is what it asks, without what tries to steer; "" where it does nothing else. `reason` is why a person
    takes over whatever the documents say, `small_talk` the kind of a message that is nothing else. One that is
    `outside` a shop's business, or `steered`, is answered only from passages that surely answer it.
    """

    question: str
    steered: bool = False
    outside: bool = False
    reason: Reason | None = None
    small_talk: Kind | None = None
    likely: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_doubtful(self) -> bool:
        """Whether it may well want a person or a chat rather than the answer that the documents seem to have."""
        return bool(likeliest(self.likely, SAID, LIKELY) or self.likely_small_talk())

    def instead_of_decline(self, earlier: Sequence[Turn]) -> Reason | None:
        """Why a person takes over where the documents have no answer; None where the desk says so itself."""
        return instead_of_decline(self.question, earlier, self.likely)

    def likely_small_talk(self) -> Kind | None:
        """The kind of small talk that a message most likely is for which the documents have nothing; None for none."""
        return cast("Kind | None", likeliest(self.likely, KINDS, LIKELY) or None)


def read(message: str, earlier: Sequence[Turn], shop_name: str, retriever: Retriever) -> Reading:
    """The reading of a message after the finished turns before it."""
    said = heard(message)
    if not said.question:
        return Reading("", steered=True)
    likely = _likely(said.question, retriever)
    kind = small_talk(said.question, [shop_name]) or cast("Kind | None", likeliest(likely, KINDS, SURE) or None)
    last = earlier[-1].reply if earlier else None
    if kind == "okay" and last is not None and last.outcome == "clarify":  # then "okay" or "no" is an answer
        kind = None
    return Reading(
        question=said.question,
        steered=said.steered or bool(likeliest(likely, ("steering",), SURE)),
        outside=is_outside(said.question) or bool(likeliest(likely, ("outside",), SURE)),
        reason=hand_over(said.question, earlier, likely),
        small_talk=kind,
        likely=likely,
    )


def _likely(question: str, retriever: Retriever) -> Mapping[str, float]:
    """What the head makes of a message; nothing for an embedder that it was not fitted for."""
    language = detect(question)
    head = shipped(language)
    if head is None:
        return {}
    if language == "zh":
        return head.likely(spelling(question))
    return head.likely(retriever.embed([question])[0]) if retriever.embedder.name == head.embedder else {}
