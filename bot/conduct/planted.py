"""What somebody planted in documents to steer a reply: it speaks to the machine, or says what shoppers are to be told.

A passage is disarmed where it is found, so that neither a reply, nor a prompt, nor the check of what was written ever
sees such a sentence. What a shop rightly writes stays: "ignore this e-mail if ...", "tell us", "please contact".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from bot.conduct.disguise import readings
from bot.conduct.steering import FENCED
from bot.conduct.wording import wording
from knowledge.documents import Chunk
from knowledge.markdown import blocks
from knowledge.sentences import split

Sections = tuple[tuple[str, str], ...]
# Where it stands that a text speaks to the model, or says what shoppers are to be told: list and section.
_TO_THE_MODEL = (
    *(
        ("steering", name)
        for name in ("overrides", "overrides zh", "roles", "roles zh", "template marks raw", "foreign")
    ),
    *(("planted", name) for name in ("to the model", "to the model raw", "to the model zh")),
)
_ON_SHOPPERS = tuple(("planted", name) for name in ("on shoppers", "on shoppers raw", "on shoppers zh"))
_PROMISES = tuple(("planted", name) for name in ("promises", "promises zh"))
# The signs that whoever answers is to follow an order, each with what it is worth; the first ones, that it is a model.
_TO_A_MODEL = ("machine 2 raw", "role 2 raw", "named 1 raw", "reply 1 raw", "machine 2 zh", "role 2 zh", "reply 1 zh")
_SIGNS = (
    *_TO_A_MODEL, "exactly 1", "shoppers 1", "hiding 1", "bounty 1", "shoppers 1 zh", "hiding 1 zh", "bounty 1 zh",
)  # fmt: skip
_ENOUGH = 2  # points beside the order itself
# A talk that shows the machine how to answer.
_TALK = re.compile(
    r"^\W*(?:users?|humans?|customer|shopper|用户|顾客|客户|买家)\W{0,3}[:：].*\n\s*"
    r"\W*(?:assistant|ai|bot|chat ?bot|gpt|助手|机器人)\W{0,3}[:：].*$",
    re.I | re.M,
)
_EMPTY = re.compile(r"^\s*(?:</?\w[^<>]*>|<!--|-->|[#>*-]+|\s)+$|\s+$")


def speaks_to_model(text: str) -> bool:
    """Whether a text speaks to whatever writes the replies."""
    if _has(text, _TO_THE_MODEL) or any(map(FENCED.search, readings(text))):
        return True
    return any(_is_order(sentence, _TO_A_MODEL) for sentence in split(text))


@lru_cache(maxsize=4096)
def disarmed(chunk: Chunk) -> Chunk:
    """The chunk without what was planted; an equal one where nothing was.

    Where a block speaks to the model, all of it goes, with what it leads in: that is what the model is to say. A
    product's description goes on to say what it said before, as far as nothing is offered there, and grants nothing to
    whoever asks for it. A document for the staff may say how to treat shoppers.
    """
    is_record = "#" in chunk.document
    sections = () if chunk.audience == "staff" else (*_ON_SHOPPERS, *_PROMISES) if is_record else _ON_SHOPPERS
    heading = tuple(part for part in chunk.heading if not _is_refused(part, sections))
    title = "" if _is_refused(chunk.title, sections) else chunk.title
    text = "" if any(map(speaks_to_model, chunk.heading)) else chunk.text
    for pattern in (FENCED, _TALK):
        text = pattern.sub("", text)
    for part in _planted(text, sections, is_record=is_record):
        text = _without(text, part)
    if (text, heading, title) == (chunk.text, chunk.heading, chunk.title):
        return chunk
    return replace(chunk, text=_tidy(text), heading=heading, title=title or chunk.document)


def is_armed(chunk: Chunk) -> bool:
    """Whether somebody planted something in the chunk."""
    return disarmed(chunk) != chunk  # not "is not": an equal chunk of another snapshot may have been the first asked


def _is_refused(text: str, sections: Sections) -> bool:
    return speaks_to_model(text) or _is_on_shoppers(text, sections)


def _is_on_shoppers(sentence: str, sections: Sections) -> bool:
    """Whether a sentence says what shoppers are to be told or given; never for no sections."""
    return bool(sections) and (_has(sentence, sections) or _is_order(sentence, _SIGNS))


def _has(text: str, sections: Sections) -> bool:
    ways = wording("planted")
    for reading in readings(text):
        said = ways["harmless zh"].sub(" ", ways["harmless"].sub(" ", reading))
        asked = [section for section in sections if not (said.isascii() and section[1].endswith("zh"))]
        if any(wording(name)[section].search(said) for name, section in asked):
            return True
    return False


def _is_order(sentence: str, needed: tuple[str, ...]) -> bool:
    """Whether a sentence is an order, with enough signs that whoever answers is to follow it, and a needed one."""
    ways = wording("planted")
    for reading in readings(sentence):
        said = ways["spoken of"].sub(" ", ways["harmless"].sub(" ", reading))
        chinese = not said.isascii() and ways["order zh"].search(said)
        if chinese or ways["order raw"].search(said):
            signs = [sign for sign in _SIGNS if (chinese or not sign.endswith("zh")) and ways[sign].search(said)]
            if sum(int(sign.split()[1]) for sign in signs) >= _ENOUGH and set(needed) & set(signs):
                return True
    return False


def _planted(text: str, sections: Sections, *, is_record: bool) -> Iterator[str]:
    """The parts of a text that somebody planted, as they stand in it."""
    under_heading, led_in = False, ""
    for block in blocks(text):
        is_listed = block.kind in ("item", "row")
        lines = dict.fromkeys((block.text, *block.text.split("\n")))
        speaks = any(map(speaks_to_model, lines))
        if block.kind == "heading":
            under_heading = speaks
        if speaks and is_record:
            yield from _from_first(split(block.text))
        elif speaks or under_heading or led_in == "anything" or (led_in and is_listed):
            yield block.text
        elif any(_is_on_shoppers(line, sections) for line in lines):
            yield from (sentence for sentence in split(block.text) if _is_on_shoppers(sentence, sections))
        if speaks:
            led_in = "anything" if block.text.rstrip().endswith((":", "：")) else ""
        else:
            led_in = "a list" if led_in and is_listed else ""


def _from_first(sentences: Sequence[str]) -> list[str]:
    """The first sentence that speaks to the model and all behind it, and those before it that offer something."""
    first = next((number for number, sentence in enumerate(sentences) if speaks_to_model(sentence)), 0)
    offers = wording("planted")["offers raw"]
    return [sentence for number, sentence in enumerate(sentences) if number >= first or offers.search(sentence)]


def _without(text: str, part: str) -> str:
    """The text without a part of it, whose lines may come joined."""
    if part in text:
        return text.replace(part, "")
    return re.sub(r"\s*".join(map(re.escape, "".join(part.split()))), "", text)


def _tidy(text: str) -> str:
    """The text without what a part that was taken out leaves behind: empty marks, gaps in and between paragraphs."""
    lines = (_EMPTY.sub("", line) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
