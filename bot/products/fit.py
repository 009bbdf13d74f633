"""What a product's description says of how it fits: "It comes up small, so take one size more"."""

from __future__ import annotations

import re

from bot.products.asking import Asking
from bot.products.intents import ADVICE
from bot.products.items import Item
from bot.products.saying import Told
from knowledge.sentences import split

_ASKS_FIT = re.compile(
    r"\b(?:run|come|cut|fit)s?(?: up| out)? (?:small|large|big|narrow|wide|true|tight|loose)\w*\b|\btrue to size\b"
    r"|\bsiz(?:e|ing) (?:up|down)\b|偏[大小]|选多大|选几码|穿几码",
    re.I,
)
_OF_SIZE = re.compile(
    r"\bsiz(?:es?|ing)\b|\b(?:normally|usually|always) (?:take|wear|am)\b|[大小尺鞋]码|几码|码数", re.I
)
_SAYS_FIT = re.compile(
    r"\b(?:one|a|half a|two) sizes? (?:up|down|more|less|larger|smaller|bigger)\b|\bsize (?:up|down)\b|\btrue to size\b"
    r"|\b(?:comes?|runs?|cut|fits?)(?: up| out)? (?:very |rather |quite |a bit |a little )?"
    r"(?:small|large|big|narrow|wide|tight|loose)\w*\b|偏[大小]|大一码|小一码|正常码",
    re.I,
)


def asks_fit(asking: Asking) -> bool:
    """Whether the message asks for the right size of something."""
    if _ASKS_FIT.search(asking.line):
        return True
    return ADVICE.search(asking.line) is not None and any(map(_OF_SIZE.search, asking.lines))


def fit_of(asking: Asking, item: Item) -> Told | None:
    """What the product's description says of its size."""
    lines = (line for chunk in item.chunks for line in chunk.text.split("\n"))
    sentence = next((said for line in lines for said in split(line) if _SAYS_FIT.search(said)), "")
    if not sentence:
        return None
    told = asking.said.fact.format(title=item.title, facts=sentence.rstrip(".。"))
    return Told((told,), ((item, item.line_of(sentence)),))
