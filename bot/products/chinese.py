"""A Chinese message in the words of a catalogue in English."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.products.intents import without_asking
from bot.products.shelf import Shelf
from bot.products.wishes import Wish
from bot.understanding.ideas import stretches
from knowledge.languages import is_cjk
from retrieval.lexical import units

_GOODS = frozenset(  # sections of the glossary
    (
        "beauty", "clothing", "colours", "electronics", "family", "gifts", "home", "kitchen", "luggage", "materials",
        "outdoors", "properties", "sizes",
    )
)  # fmt: skip
_MOST_CHINESE = re.compile(r"最.")
_LATIN = re.compile(r"[A-Za-z][A-Za-z -]*")


def in_english(line: str) -> str:
    """The goods of a Chinese message in English, as a catalogue in English has no word of it: "sleeping bag".

    Words that would ask for a fact ("capacity") are left out.
    """
    found = stretches(units(_MOST_CHINESE.sub("", line)))
    ideas = (idea for stretch in found for idea in stretch.ideas if idea.section in _GOODS)
    named = dict.fromkeys(idea.english[0] for idea in ideas if idea.english)
    return " ".join(words for words in named if not without_asking(f"the {words}"))


def known(wanted: Wish, shelf: Shelf) -> Wish:
    """The wish without the Chinese words that no title or type has: what they mean was added in English."""
    words = tuple(term for term in wanted.words if not is_cjk(term[0]) or shelf.is_word(term))
    core = tuple(term for term in wanted.core if term in words) or words
    query = " ".join(_LATIN.findall(wanted.query)).strip() if words and all(map(str.isascii, words)) else ""
    return replace(wanted, words=words, core=core, query=query or wanted.query)
