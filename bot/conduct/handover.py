"""When a person takes over, and why: decided in code, before anything is searched or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from bot.conduct.claims import is_legal_threat, is_payment_dispute
from bot.conduct.distress import is_distress
from bot.conduct.harm import is_harm
from bot.conduct.head import LIKELY, SURE, likeliest
from bot.conduct.mood import UPSET, anger
from bot.conduct.people import wants_person
from bot.conduct.small_talk import small_talk
from bot.conduct.wording import plain, wording
from bot.messages import Turn
from bot.understanding.questions import asked_words

Reason = Literal[
    "self_harm",
    "safety",
    "legal",
    "payment_dispute",
    "asked_for_person",
    "upset",
    "declined_twice",
    "repeated_question",
]
SAID = ("self_harm", "safety", "legal", "payment_dispute", "asked_for_person", "upset")  # what one message can say
COMPLAINTS = 3  # annoyed messages in a conversation, at the last of which a person takes over
SAME = 0.8  # the share of their content words that makes two messages the same question
NEW_WORDS = 3  # content words beside "that's not what I asked" that make it a question in its own right


def hand_over(text: str, earlier: Sequence[Turn], likely: Mapping[str, float]) -> Reason | None:
    """Why a person takes over at this message, whatever the documents say; None where it can be answered first.

    `earlier` are the finished turns before it, oldest first; `likely` what the head makes of it, empty for no head.
    """
    if kind := emergency(text):
        return kind
    if is_legal_threat(text):
        return "legal"
    if is_payment_dispute(text):
        return "payment_dispute"
    # "Are you a bot or a person?" is answered, and asks for nobody.
    about_bot = small_talk(text) == "about_bot"
    if not about_bot and wants_person(text, _offering(earlier)):
        return "asked_for_person"
    if _is_upset(text, earlier):
        return "upset"
    if not about_bot and (said := likeliest(likely, SAID, SURE)):
        return cast("Reason", said)
    return "repeated_question" if _is_repeated(text, earlier) else None


def emergency(text: str) -> Literal["self_harm", "safety"] | None:
    """Which danger to life or limb a message tells of; by the lists of wordings alone, so that nothing can fail."""
    if is_distress(text):
        return "self_harm"
    return "safety" if is_harm(text) else None


def instead_of_decline(text: str, earlier: Sequence[Turn], likely: Mapping[str, float]) -> Reason | None:
    """Why a person takes over where a decline is due: the second in a row, an annoyed shopper, a likely topic."""
    if _offering(earlier) is not None:
        return "declined_twice"
    if said := likeliest(likely, SAID, LIKELY):
        return cast("Reason", said)
    return "upset" if anger(text) else None


def _offering(earlier: Sequence[Turn]) -> Turn | None:
    """The last turn, if it was a decline that offered a person."""
    last = earlier[-1] if earlier else None
    if last is None or last.reply is None or last.reply.outcome != "decline":
        return None
    return last if last.reply.reason in ("", "not_found") else None


def _is_upset(text: str, earlier: Sequence[Turn]) -> bool:
    points = anger(text)
    if points >= UPSET:
        return True
    return points > 0 and 1 + sum(anger(turn.question) > 0 for turn in earlier) >= COMPLAINTS


def _is_repeated(text: str, earlier: Sequence[Turn]) -> bool:
    answered = [turn for turn in earlier if turn.reply is not None and not turn.reply.stopped]
    if not answered or small_talk(text):
        return False
    said = plain(text)
    own = set(asked_words(said))
    complaints = wording("not_answered").values()
    if any(pattern.search(said) for pattern in complaints):
        for pattern in complaints:
            said = pattern.sub(" ", said)
        before = set[str]().union(*(asked_words(turn.question) for turn in answered))
        return len(set(asked_words(said)) - before) < NEW_WORDS
    # "Price?" may be asked of one product after another; a longer question is the same one wherever it stands.
    candidates = answered if len(own) > 1 else answered[-1:]
    return any(_are_same(own, set(asked_words(plain(turn.question)))) for turn in candidates)


def _are_same(one: set[str], other: set[str]) -> bool:
    return bool(one) and len(one & other) >= SAME * len(one | other)
