"""What a message asks, given what was said before: a pure function over words, for English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.conduct.small_talk import small_talk
from bot.messages import Turn
from bot.understanding.leaning import changes_thing, leans
from bot.understanding.pointing import points_to_place
from bot.understanding.topics import names

LOOKED_BACK = 6  # turns
_PLACE = re.compile(r"\b(?:to|in|from|at|near)\s+(?:the\s+)?[a-z]{3,}|[寄到在去]", re.I)


def standalone(text: str, earlier: Sequence[Turn]) -> str:
    """The question with what it leans on, as lines: what is asked now, then what it leans on, the latest first.

    A message leans when it points at something unsaid ("it", "there"), goes on ("and ...", "in black?"), answers what
    the desk asked back, or names nothing itself. It leans on the product that the last reply named, on the nearest
    question that names something, and on the one where that begins. A message that names a topic of its own is
    returned as it is. One that has lines already (a part of a message) leans as its last line does.
    """
    said = [turn for turn in earlier[-LOOKED_BACK:] if turn.reply is not None and small_talk(turn.question) is None]
    chain = _chain(text.split("\n")[-1], said)
    if not chain:
        return text
    naming = [question for question in chain if names(question)]
    lines = [*naming[:1], *naming[1:][-1:]]
    if points_to_place(text) and not any(map(_PLACE.search, lines)):
        lines += next(([turn.question] for turn in reversed(said) if _PLACE.search(turn.question)), [])
    product = "" if changes_thing(text) else _product_named(said[-1])
    if not names(product) <= names("\n".join([text, *lines])):
        lines.insert(0, product)
    return "\n".join([text, *lines])


def _chain(text: str, said: Sequence[Turn]) -> list[str]:
    """The questions that a text leans on, each the one after it, the latest first."""
    chain: list[str] = []
    for at in range(len(said) - 1, -1, -1):
        known = frozenset[str]().union(*(names(turn.question) for turn in said[: at + 1]))
        reply = said[at].reply
        if not leans(text, known, asked_back=reply is not None and reply.outcome == "clarify"):
            break
        text = said[at].question
        chain.append(text)
    return chain


def _product_named(turn: Turn) -> str:
    """The title of the product that a reply is about, if it says it. A policy's would only hold the wrong page fast."""
    if turn.reply is None or not turn.reply.sources:
        return ""
    source = turn.reply.sources[0]
    return source.title if "#" in source.document and source.title in turn.reply.text else ""
