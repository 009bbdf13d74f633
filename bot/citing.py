"""The sources of a reply: which passages its sentences rest on, and the words of each that were used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.evidence import gate
from bot.messages import Source, Span
from bot.statements import Statement
from retrieval.retriever import Hit


def sources_of(
    said: Sequence[str], ranked: Sequence[Statement], hits: Sequence[Hit], before: int = 0
) -> tuple[Source, ...]:
    """The passages that the sentences rest on, in the order of their use, each with the words used.

    `said` is the reply's whole text, sentence by sentence; the first `before` of them are another part's. Words that
    no statement has ("Yes.") rest on the best one where they are all there is.
    """
    own = range(before, len(said))
    used = [(number, found) for number in own if (found := gate.origin(said[number], ranked)) is not None]
    quotes: dict[int, list[str]] = {}
    resting: dict[int, list[int]] = {}
    for number, statement in used or [(number, best) for best in ranked[:1] for number in own]:
        quotes.setdefault(statement.passage, []).append(statement.quote)
        resting.setdefault(statement.passage, []).append(number)
    return tuple(source_of(hits[at], quotes[at], _runs(resting[at], said)) for at in quotes)


def sources_of_products(said: Sequence[str], used: Sequence[tuple[Hit, str]], before: int = 0) -> tuple[Source, ...]:
    """The products that the sentences rest on, each with the line of the catalogue that was used.

    `said` and `before` are as in `sources_of`. A sentence rests on the products it names; one that names none goes on
    about those before it. Where none is named at all, every sentence is about all of them.
    """
    titles = {hit.chunk.title for hit, _ in used}
    resting: dict[str, list[int]] = {title: [] for title in titles}
    named: set[str] = set()
    for number in range(before, len(said)):
        named = {title for title in titles if title in said[number]} or named
        for title in named:
            resting[title].append(number)
    everywhere = [] if any(resting.values()) else range(before, len(said))
    return tuple(source_of(hit, [quote], _runs(everywhere or resting[hit.chunk.title], said)) for hit, quote in used)


def source_of(hit: Hit, quotes: Sequence[str], spans: tuple[Span, ...] = ()) -> Source:
    """A passage as a source, with the part of it that goes from the first of the quotes to the last."""
    return Source(
        document=hit.chunk.document,
        title=hit.chunk.title,
        chunk=hit.chunk.id,
        score=round(hit.score, 4),
        quote=_span(hit.chunk.text, quotes),
        passage=hit.chunk.text,
        heading=hit.chunk.heading,
        content_hash=hit.chunk.content_hash,
        spans=spans,
    )


def cited(text: str, sources: Iterable[Source]) -> str:
    """A reply's text with the numbers of its sources, from 1 on, behind what rests on each: "Within 30 days.[1]"."""
    letters = list(text)
    for number, source in enumerate(sources, 1):
        for _, end in source.spans:
            letters[end - 1] += f"[{number}]"
    return "".join(letters)


def _runs(numbers: Iterable[int], said: Sequence[str]) -> tuple[Span, ...]:
    """Where the sentences of these numbers stand in the text; those that follow each other are one span."""
    spans: list[Span] = []
    last = -1
    for number in dict.fromkeys(numbers):
        at, sentence = sum(map(len, said[:number])), said[number]
        start = at + len(sentence) - len(sentence.lstrip())
        # A mark behind the last bar of a table's row would be outside the table.
        end = at + len(sentence.rstrip().removesuffix("|").rstrip())
        if start >= end:
            continue
        if spans and number == last + 1:
            start, _ = spans.pop()
        spans.append((start, end))
        last = number
    return tuple(spans)


def _span(passage: str, quotes: Sequence[str]) -> str:
    """The part of the passage from the first of the quotes to the end of the last, so that it can be found there."""
    found = [span for quote in quotes if (span := _found_at(passage, quote))]
    return passage[min(start for start, _ in found) : max(end for _, end in found)] if found else quotes[0]


def _found_at(passage: str, quote: str) -> tuple[int, int] | None:
    """Where the passage has the quote; the white space in between may be another, since lines are joined when read."""
    at = passage.find(quote)
    if at >= 0:
        return at, at + len(quote)
    match = re.search(r"\s*".join(map(re.escape, "".join(quote.split()))), passage)
    return match.span() if match else None
