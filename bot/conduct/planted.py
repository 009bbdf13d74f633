"""Instructions planted in documents: what speaks to the model, or says how to answer shoppers, states nothing.

A passage is disarmed where it is found, so that neither a reply, nor a prompt, nor the check of what was written ever
sees such a sentence. What a shop rightly writes stays: "ignore this e-mail if ...", "tell us", "please contact".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from bot.conduct.wording import plain, wording
from knowledge.documents import Chunk
from knowledge.languages import is_cjk
from knowledge.markdown import blocks
from knowledge.sentences import split

_TO_THE_MODEL = ("overrides", "roles", "template marks raw", "addressed", "secrets", "system line raw")
_TO_THE_MODEL_ZH = ("overrides zh", "roles zh", "addressed zh")
_ON_SHOPPERS = ("about customers", "about customers raw")
_ON_SHOPPERS_ZH = ("about customers zh",)


def is_instruction(sentence: str) -> bool:
    """Whether a sentence of a document speaks to the model, or tells whoever answers what to do with shoppers."""
    return _speaks_to_model(sentence) or _has(sentence, _ON_SHOPPERS, _ON_SHOPPERS_ZH)


def _speaks_to_model(sentence: str) -> bool:
    return _has(sentence, _TO_THE_MODEL, _TO_THE_MODEL_ZH)


def _has(sentence: str, lists: Sequence[str], lists_zh: Sequence[str]) -> bool:
    said, ways = plain(sentence), wording("steering")
    chosen = (*lists, *lists_zh) if any(map(is_cjk, said)) else lists
    return any(ways[name].search(said) for name in chosen)


@lru_cache(maxsize=4096)
def disarmed(chunk: Chunk) -> Chunk:
    """The chunk without planted instructions; the same object where there are none.

    Where a block speaks to the model, all of it goes: what follows is what the model is to say. A document for the
    staff may say how to treat shoppers.
    """
    refused = _speaks_to_model if chunk.audience == "staff" else is_instruction
    text = chunk.text
    for block in blocks(chunk.text):
        if _speaks_to_model(block.text):
            text = _without(text, block.text)
        else:
            for sentence in split(block.text):
                text = _without(text, sentence) if refused(sentence) else text
    heading = tuple(part for part in chunk.heading if not refused(part))
    title = "" if refused(chunk.title) else chunk.title
    if (text, heading, title) == (chunk.text, chunk.heading, chunk.title):
        return chunk
    return replace(chunk, text=text.strip(), heading=heading, title=title or chunk.document)


def is_armed(chunk: Chunk) -> bool:
    """Whether somebody planted an instruction in the chunk."""
    return disarmed(chunk) is not chunk


def _without(text: str, part: str) -> str:
    """The text without a part of it; line by line where the part comes joined from wrapped lines."""
    if part in text:
        return text.replace(part, "")
    for line in part.split("\n"):
        text = text.replace(line, "") if line.strip() else text
    return text
