"""A passage as what a sentence can rest on: its statements, each with what stands above it, its values and clauses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from bot.evidence.amounts import Value
from bot.evidence.clauses import Clause, absolutes, clauses
from bot.evidence.values import values
from bot.statements import Statement, statements
from bot.understanding.questions import content_words
from knowledge.documents import Chunk
from retrieval.lexical import STOPWORDS, units

NEAR = 1  # statements before and after one that count as said with it
_HEADER = re.compile(r"^\|.*\|[ \t]*\n(?=\|[ :|-]+\|[ \t]*$)", re.MULTILINE)
_LETTERS = re.compile(r"[\W_]+")
_RAW = re.compile("[a-z]+")
Pair = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """One statement of a passage. `words` are its own and those above it; `near` and `values_near` its neighbours' too.

    `raw` are its English words as they stand, `absolutes` those that leave no exception, its neighbours' too.
    """

    text: str
    own: frozenset[str]
    words: frozenset[str]
    near: frozenset[str]
    values: tuple[Value, ...]
    values_near: tuple[Value, ...]
    clauses: tuple[Clause, ...]
    pairs: frozenset[Pair]
    raw: frozenset[str]
    absolutes: frozenset[str]


@dataclass(frozen=True)
class Premise:
    """A passage as its statements, under their title; what is found out about them is found out when first asked."""

    title: str
    said: tuple[Statement, ...]
    header: frozenset[str]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Its statements with all that a claim is compared with."""
        return tuple(_lines(self.title, self.said, self.header))

    @cached_property
    def limited(self) -> tuple[Line, ...]:
        """The lines that have an exception or a proviso."""
        return tuple(line for line in self.lines if any(clause.limits for clause in line.clauses))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every content word of the passage."""
        return frozenset[str]().union(*(line.words for line in self.lines))

    @cached_property
    def absolutes(self) -> frozenset[str]:
        """Every word of the passage that leaves no exception."""
        return frozenset[str]().union(*(line.absolutes for line in self.lines))

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """Every value of the passage."""
        return tuple(dict.fromkeys(value for line in self.lines for value in line.values))

    @cached_property
    def _sections(self) -> tuple[frozenset[str], ...]:
        return tuple(_sections(self.title, self.said))

    def has(self, sentence: str) -> bool:
        """Whether a sentence is made of whole statements of one section, with its headings, and nothing else."""
        said = letters(sentence)
        return any(_tiled(said, pieces) for pieces in self._sections)


@lru_cache(maxsize=2048)
def premise(passage: str) -> Premise:
    """What a passage says; its first line is the title with the headings, if others follow."""
    title, _, text = passage.partition("\n")
    if not text.strip():
        title, text = "", passage
    said = statements(Chunk("", 0, title, (), text)) or [Statement(passage, passage, "", 0, 0)]
    header = frozenset(word for row in _HEADER.findall(text) for word in content_words(row))
    return Premise(title, tuple(said), header)


def _lines(title: str, said: Sequence[Statement], header: frozenset[str]) -> Iterator[Line]:
    own = [frozenset(content_words(s.text)) for s in said]
    above = {(s.heading, s.lead): f"{title}\n{s.heading}\n{s.lead}" for s in said}
    headed = {place: frozenset(content_words(text)) for place, text in above.items()}
    words = [
        mine | headed[s.heading, s.lead] | (header if s.row else frozenset()) for mine, s in zip(own, said, strict=True)
    ]
    amounts = [values(s.text) + values(s.lead) + values(s.heading) for s in said]
    firm = [absolutes(f"{s.heading}\n{s.lead}\n{s.text}") for s in said]
    for at, s in enumerate(said):
        near = range(max(0, at - NEAR), min(len(said), at + NEAR + 1))
        yield Line(
            text=s.text,
            own=own[at],
            words=words[at],
            near=frozenset[str]().union(*(words[n] for n in near)),
            values=amounts[at],
            values_near=tuple(value for n in near for value in amounts[n]),
            clauses=clauses(s.text, s.lead),
            pairs=pairs(s.text),
            raw=frozenset(_RAW.findall(f"{s.heading} {s.lead} {s.text}".lower())),
            absolutes=frozenset[str]().union(*(firm[n] for n in near)),
        )


def pairs(text: str) -> frozenset[Pair]:
    """The neighbouring content words of a text."""
    return frozenset(pairwise(unit for unit in units(text) if unit not in STOPWORDS))


def letters(text: str) -> str:
    """The letters and digits of a text, in small letters."""
    return _LETTERS.sub("", text.lower())


def _sections(title: str, said: Sequence[Statement]) -> Iterator[frozenset[str]]:
    for heading in dict.fromkeys(s.heading for s in said):
        inside = [s for s in said if s.heading == heading]
        above = [heading, *title.split(" > "), *(s.lead for s in inside)]
        pieces = [letters(text) for s in inside for text in (s.text, s.quote)]
        yield frozenset(piece for piece in (*pieces, *map(letters, above)) if piece)


def _tiled(said: str, pieces: frozenset[str]) -> bool:
    """Whether the letters are some of the pieces, one behind the other."""
    reached, seen = [0], {0}
    while reached:
        at = reached.pop()
        if at == len(said):
            return at > 0
        for piece in pieces:
            end = at + len(piece)
            if end not in seen and said.startswith(piece, at):
                seen.add(end)
                reached.append(end)
    return False
