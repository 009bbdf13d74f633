"""Which ideas of buying and owning a question names, and the other words for them, in English and Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from knowledge.languages import detect
from retrieval.lexical import units

FILE = "glossary.toml"
PLAIN = "plain"  # the section whose ideas are put into English, but not searched for
_UNDERSTOOD_ONLY, _SEARCHED_ONLY = "?", "+"

Phrase = tuple[str, ...]  # the units of one or more words


@dataclass(frozen=True, slots=True)
class Idea:
    """One line of the glossary: the words to search by, the plainest first; `plain` ones only help to translate.

    `section` is that of the file.
    """

    name: str
    english: tuple[str, ...]
    chinese: tuple[str, ...]
    plain: bool = False
    section: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The units of a question from `start` to `end`, and the ideas they name: none where no phrase is known."""

    start: int
    end: int
    ideas: tuple[Idea, ...] = ()


def stretches(question_units: Sequence[str]) -> list[Stretch]:
    """A question's units (of `retrieval.lexical`), cut into the longest phrases known."""
    phrases, found, at = _phrases(), list[Stretch](), 0
    while at < len(question_units):
        known = (way for way in phrases.get(question_units[at], ()) if _stands(way[0], question_units, at))
        phrase, ideas = next(known, (question_units[at : at + 1], ()))
        found.append(Stretch(at, at + len(phrase), ideas))
        at += len(phrase)
    return found


def _stands(phrase: Phrase, question_units: Sequence[str], at: int) -> bool:
    return tuple(question_units[at : at + len(phrase)]) == phrase


@cache
def _lines() -> tuple[tuple[Idea, tuple[Phrase, ...]], ...]:
    """Every idea, with the phrases that name it."""
    sections = tomllib.loads((files(__package__) / FILE).read_text(encoding="utf-8"))
    return tuple(
        (_idea(name, words, section), tuple(dict.fromkeys(_naming(words))))
        for section, lines in sections.items()
        for name, words in lines.items()
    )


def _idea(name: str, words: Sequence[str], section: str) -> Idea:
    searched = [word.removeprefix(_SEARCHED_ONLY) for word in words if not word.startswith(_UNDERSTOOD_ONLY)]
    english = tuple(word for word in searched if detect(word) == "en")
    return Idea(name, english, tuple(word for word in searched if word not in english), section == PLAIN, section)


def _naming(words: Sequence[str]) -> list[Phrase]:
    return [tuple(units(word)) for word in words if not word.startswith(_SEARCHED_ONLY)]


@cache
def _phrases() -> Mapping[str, Sequence[tuple[Phrase, tuple[Idea, ...]]]]:
    """First unit to the phrases that begin with it, the longest first, each with the ideas it names."""
    by_phrase: dict[Phrase, list[Idea]] = {}
    for idea, phrases in _lines():
        for phrase in phrases:
            by_phrase.setdefault(phrase, []).append(idea)
    first: dict[str, list[tuple[Phrase, tuple[Idea, ...]]]] = {}
    for phrase in sorted(by_phrase, key=len, reverse=True):
        first.setdefault(phrase[0], []).append((phrase, tuple(by_phrase[phrase])))
    return first
