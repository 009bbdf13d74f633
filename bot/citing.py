"""The sources of a reply: which passages its sentences rest on, and the words of each that were used."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.evidence import gate
from bot.messages import Source
from bot.statements import Statement
from retrieval.retriever import Hit


def sources_of(said: Sequence[str], ranked: Sequence[Statement], hits: Sequence[Hit]) -> tuple[Source, ...]:
    """The passages that the sentences rest on, in the order of their use, each with the words used.

    Words that no statement has ("Yes.") rest on the best one.
    """
    used = [statement for sentence in said if (statement := gate.origin(sentence, ranked)) is not None]
    quotes: dict[int, list[str]] = {}
    for statement in used or (ranked[:1] if said else []):
        quotes.setdefault(statement.passage, []).append(statement.quote)
    return tuple(source_of(hits[number], quote) for number, quote in quotes.items())


def source_of(hit: Hit, quotes: Sequence[str]) -> Source:
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
    )


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
