"""The words of questions and of catalogues as they are compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final
from unicodedata import combining, normalize

from bot.products.numerals import plainly
from bot.products.vocabulary import CANONICAL, CHATTER, CHATTER_CHINESE
from bot.understanding.ideas import stretches
from knowledge.languages import CJK, is_cjk
from retrieval.lexical import STOPWORDS, units

REMEMBERED_LENGTH: Final = 120  # characters: titles, types and attributes come again and again, descriptions do not
_BETWEEN = re.compile(r"(\d)(?=[a-zµ°²])|(?<=[a-z])(?=\d)", re.I)  # a number and its unit
_HYPHENED = re.compile(r"\b([a-z]{2,})-([a-z]{2,})\b", re.I)
_CHINESE = re.compile(f"([{CJK}]+)")
_TWO_WORDS = re.compile(r"\b([a-z]{3,}) (?=([a-z]{3,})\b)", re.I)


def terms(text: str) -> tuple[str, ...]:
    """The words of a text: stems, one for all that mean the same; units one way; Chinese in pairs of characters.

    `1.2L`, `1.2 L` and `1.2 litres` are the same two terms, `2.0` is `2`.
    """
    return _remembered(text) if len(text) <= REMEMBERED_LENGTH else _terms(text)


def folded(text: str) -> str:
    """The text without its accents, which shoppers leave out: "Jalapeño" as "Jalapeno"."""
    return text if text.isascii() else "".join(char for char in normalize("NFD", text) if not combining(char))


def _terms(text: str) -> tuple[str, ...]:
    text = folded(text)
    if text.isascii() or not any(map(is_cjk, text)):
        return _latin(text)
    found: list[str] = []
    for piece in _CHINESE.split(plainly(text)):
        if piece and is_cjk(piece[0]):
            found += [piece[at : at + 2] for at in range(len(piece) - 1)] if len(piece) > 1 else [piece]
        else:
            found += _latin(piece)
    return tuple(found)


_remembered = lru_cache(maxsize=32_768)(_terms)


def _latin(text: str) -> tuple[str, ...]:
    split = _BETWEEN.sub(lambda match: f"{match[1] or ''} ", text.lower().replace("'s", "").replace("’s", ""))
    return tuple(_canonical(unit) for unit in units(split))


def _canonical(unit: str) -> str:
    if unit[0].isdigit() and unit.count(".") == 1:
        return unit.rstrip("0").rstrip(".")
    return CANONICAL.get(unit, unit)


def says_something(term: str) -> bool:
    """Whether a term says what kind of thing is meant, rather than being a word of asking."""
    if is_cjk(term[0]):
        return not any(char in CHATTER_CHINESE for char in term)
    return term not in CHATTER and term not in STOPWORDS


@lru_cache(maxsize=1024)
def meanings(text: str) -> Mapping[str, frozenset[str]]:
    """What else the glossary calls the things that a text names, by their words in it: "pets" for its "dogs"."""
    own = units(plainly(text))
    found: dict[str, frozenset[str]] = {}
    for stretch in stretches(own):
        others = frozenset(term for idea in stretch.ideas for word in idea.english for term in _single(word))
        for unit in own[stretch.start : stretch.end] if others else ():
            found[_canonical(unit)] = others
    return found


def _single(word: str) -> tuple[str, ...]:
    found = terms(word)
    return found if len(found) == 1 else ()


def joined(found: Sequence[str]) -> list[str]:
    """Each two neighbouring words in one: "head torch" as "headtorch"."""
    return [a + b for a, b in pairwise(found) if a.isalpha() and b.isalpha() and len(a) > 1 and len(b) > 1]


def compounds(text: str) -> list[str]:
    """Each word with a hyphen as one term: "overear" for "over-ear", of which the parts alone say little."""
    return [term for match in _HYPHENED.finditer(text) for term in _latin(match[1] + match[2])[:1]]


def closed_up(text: str, is_word: Callable[[str], bool]) -> str:
    """The text with "over trousers" as the one word "overtrousers" where that is a word."""

    def one(match: re.Match[str]) -> str:
        return match[1] if any(is_word(term) for term in _latin(match[1] + match[2])) else match[0]

    return _TWO_WORDS.sub(one, text)
