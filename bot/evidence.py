"""Whether a sentence is supported by passages, and which of their statements it rests on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from bot.questions import content_words
from bot.ranking import vocabulary
from bot.statements import Statement
from knowledge.languages import detect
from retrieval.lexical import units

_NUMBER = re.compile(
    r"(\d+(?:[.,:]\d+)*)(?:\s*(?:working\s+)?(minute|hour|day|week|month|year|%|分钟|小时|天|周|个月|年|个工作日))?",
    re.I,
)
# Words that claim nothing about the shop.
_COURTESY = frozenset(
    units("yes no sure sorry hello hi thanks thank welcome happy glad help course great good question")
)


def supported(sentence: str, passages: Sequence[str]) -> bool:
    """Whether a sentence may be released: each number with what it counts, and most of the words, are in the passages.

    A short sentence needs all of its content words there: "Delivery is always free." claims as much as a long one.
    """
    there = frozenset[str]().union(*map(vocabulary, passages))
    counted = frozenset[tuple[str, str]]().union(*map(_counted, passages))
    numbers = {number for number, _ in counted}
    for number, unit in _counted(sentence):
        # A bare number may be a table's, whose column says what it counts.
        if number not in numbers or (unit and not {(number, unit), (number, "")} & counted):
            return False
    own = [word for word in content_words(sentence) if word not in _COURTESY]
    missing = sum(word not in there for word in own)
    return missing == 0 if len(own) < (8 if detect(sentence) == "zh" else 4) else 2 * missing <= len(own)


@lru_cache(maxsize=4096)
def _counted(text: str) -> frozenset[tuple[str, str]]:
    """The numbers of a text, each with the unit of time behind it, if there is one: 24 months are not 24 days."""
    return frozenset((number, unit.lower()) for number, unit in _NUMBER.findall(text))


def origin(sentence: str, said: Sequence[Statement]) -> Statement | None:
    """The statement that a sentence rests on: the one that shares most of its words; None when none shares any."""
    own = set(units(sentence))
    shares = [(len(own & (there := _units(s.text))) / (1 + len(there - own) / 8), s) for s in said]
    share, best = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    return best if share else None


@lru_cache(maxsize=4096)
def _units(text: str) -> frozenset[str]:
    return frozenset(units(text))
