"""How the places that a text of the shop names go with those that a question names: pure functions.

A table of delivery prices has a row for every country, and an embedding finds them all alike. What lies where is known
(`bot.understanding.gazetteer`), so that "postage to Cologne" goes with "Germany, Luxembourg: €100" and not with the
row for Belgium.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise

from bot.understanding.gazetteer import folded, names_of, places, table, terms
from bot.understanding.places import LONGEST, LONGEST_CHINESE, mentioned
from knowledge.chinese import simplified
from knowledge.languages import CJK, is_cjk

_WORD = re.compile(r"[^\W\d_](?:[\w'’.]*[^\W_])?")
_GAP = re.compile(r"[ -]?")
_OUTSIDE = re.compile(r"\b(?:outside|except|excluding|but not)(?: of)?(?: the)? $", re.I)
_CHINESE = re.compile(f"[{CJK}]+")
_WIDER = 0.5  # what names only a group that a place is in, goes with it so well


@lru_cache(maxsize=256)
def asked_places(question: str) -> tuple[Mapping[str, float], ...]:
    """For each place that a question names: every name under which a page may treat it, and how well that fits."""
    return tuple(
        {name: fit for place in reversed(mention.places) for name, fit in _names_for(place.name, terms(place))}
        for mention in mentioned(simplified(question))
        if not mention.abroad
    )


def _names_for(own: str, around: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Narrower names fit better; the place's own best of all."""
    for at, name in enumerate(around):
        yield folded(name), max(_WIDER, 1.0 - 0.02 * at)
    yield folded(own), 1.0


def annotated(question: str) -> str:
    """The question with what lies where: "to Toronto (Canada)"; an embedding model knows few towns."""
    text = simplified(question)
    for mention in mentioned(text):
        place = mention.places[0]
        around = [name for name in terms(place) if folded(name) != folded(mention.said)][:1]
        sure = place.group < 0 and len({namesake.country for namesake in mention.places}) == 1
        if around and sure and not mention.abroad and not is_cjk(mention.said[0]):
            text = text.replace(mention.said, f"{mention.said} ({around[0]})", 1)
    return text


def fit(asked: Sequence[Mapping[str, float]], *texts: str) -> float:
    """How the places of texts go with what is asked, in [-1, 1]; 0 where either names none.

    `texts` is what a statement says, then what stands above it, the nearest first: the first text that names a place
    decides. -1 says that it is about other places only.
    """
    if not asked:
        return 0.0
    for text in texts:
        if named := named_places(text):
            best = max((wanted.get(name, -1.0) for wanted in asked for name in named), default=-1.0)
            return 0.0 if best < 0 and any(_lies_within(name, wanted) for wanted in asked for name in named) else best
    return 0.0


def _lies_within(name: str, wanted: Mapping[str, float]) -> bool:
    """Whether a named place is a part of one that is asked about: to "the UK" belongs what is said of Wales."""
    return any(
        folded(word) in wanted for place in places().get(name, ()) if place.region for word in names_of(place.country)
    )


@lru_cache(maxsize=8192)
def named_places(text: str) -> frozenset[str]:
    """The countries, parts of countries and groups of places that a page's text names, folded."""
    return frozenset((*_english(text), *_chinese(simplified(text))))


def _english(text: str) -> Iterator[str]:
    words = list(_WORD.finditer(text))
    at = 0
    while at < len(words):
        length = next((n for n in range(min(LONGEST, len(words) - at), 0, -1) if _is_name(words[at : at + n], text)), 0)
        if length:
            yield folded(text[words[at].start() : words[at + length - 1].end()])
        at += max(length, 1)


def _is_name(words: Sequence[re.Match[str]], text: str) -> bool:
    """Whether the words are one name as pages write it: with a capital, nothing but a blank between them.

    What is said of all that lies outside of a place is not about the place.
    """
    if not words[0].group()[0].isupper() or _OUTSIDE.search(text, 0, words[0].start()):
        return False
    gaps = (text[a.end() : b.start()] for a, b in pairwise(words))
    return all(_GAP.fullmatch(gap) for gap in gaps) and folded(text[words[0].start() : words[-1].end()]) in _lands()


def _chinese(text: str) -> Iterator[str]:
    for run in _CHINESE.finditer(text):
        said, at = run.group(), 0
        while at < len(said):
            name = next((n for k in range(LONGEST_CHINESE, 1, -1) if (n := said[at : at + k]) in _lands()), "")
            if name:
                yield name
            at += max(len(name), 1)


@cache
def _lands() -> frozenset[str]:
    """The names that are no city's, and no common word's either."""
    ambiguous = table()["ambiguous"]
    skipped = {*ambiguous["never"], *ambiguous["chinese"]}
    return frozenset(
        name
        for name, meant in places().items()
        if name not in skipped and (meant[0].group >= 0 or meant[0].region or _is_country(name, meant[0].country))
    )


def _is_country(name: str, code: str) -> bool:
    return bool(code) and any(folded(word) == name for word in names_of(code))
