"""Finding products: the limits a shopper names are held against the catalogue's typed facts, not against prose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.phrases import phrases
from knowledge.money import format_price, parse_price
from retrieval.lexical import STOPWORDS, units
from retrieval.retriever import Hit

SHOWN = 3
_AMOUNT = r"[£$€¥]?\s?(\d++(?:[.,]\d{1,2})?+)(?!\s?(?:l|ml|litres?|g|kg|cm|mm|m|w|°?c|days?|years?|months?|%)\b)"
_AT_MOST = re.compile(rf"\b(?:under|below|less than|up to|at most|max(?:imum)?|cheaper than|within)\s+{_AMOUNT}", re.I)
_AT_MOST_ZH = re.compile(r"(\d+)\s*(?:英镑|镑|元|块)?\s*(?:以下|以内|之内)|(?:低于|不超过|少于)\s*£?(\d+)")
_AT_LEAST = re.compile(rf"\b(?:over|above|more than|at least|from)\s+{_AMOUNT}", re.I)
_IN_STOCK = re.compile(r"\b(?:in stock|available)\b|有货|现货", re.I)
_LOOKING = re.compile(
    r"\b(?:which|any|do you (?:have|sell|stock)|have you got|looking for|recommend|show me|i need an?|i want an?)\b"
    r"|有没有|推荐|想买|哪款",
    re.I,
)
_WISH_WORDS = frozenset(
    units(
        "under below less than up to at most max maximum cheaper within over above more least from stock available"
        " which any have sell looking recommend show need want that something"
    )
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a product must be: its price at least and at most these, in stock or not; `words` say what kind of thing."""

    words: frozenset[str]
    at_least: float = 0.0
    at_most: float = float("inf")
    in_stock: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A product to show, with the hit it came from, and whether it is within the limits."""

    hit: Hit
    title: str
    price: float
    currency: str
    in_stock: bool | None
    fits: bool

    @property
    def quote(self) -> str:
        """The line of the passage that has the price; its first line where none has."""
        lines = self.hit.chunk.text.split("\n")
        return next((line for line in lines if f"{self.price:.2f}" in line), lines[0])


def wish(question: str) -> Wish | None:
    """The limits of a product search; None for a message that is not one."""
    at_most, at_least = _AT_MOST.search(question) or _AT_MOST_ZH.search(question), _AT_LEAST.search(question)
    in_stock = _IN_STOCK.search(question) is not None
    if not (at_most or (at_least and _LOOKING.search(question)) or (in_stock and _LOOKING.search(question))):
        return None
    rest = question
    for limit in (at_most, at_least):
        rest = rest.replace(limit[0], " ") if limit else rest
    return Wish(
        frozenset(units(rest)) - STOPWORDS - _WISH_WORDS,
        _number(at_least) if at_least else 0.0,
        _number(at_most) if at_most else float("inf"),
        in_stock,
    )


def _number(match: re.Match[str]) -> float:
    parsed = parse_price(next(group for group in match.groups() if group))
    return float(parsed[0]) if parsed else 0.0


def offers(hits: Iterable[Hit], facts: Mapping[str, Mapping[str, Any]], wanted: Wish) -> list[Offer]:
    """The first few products of the kind that is wanted: those within the limits, or else the one that comes nearest.

    `facts` are by document. What is wanted is looked for in the product's kind; only where no kind has every word, in
    its title and tags, and only then in its text.
    """
    known = {hit.chunk.document: hit for hit in reversed(list(hits)) if facts.get(hit.chunk.document, {}).get("price")}
    for own_words in (_kind, _name, _everything):
        found = [
            Offer(hit, hit.chunk.title, about["price"], about.get("currency", ""), about.get("in_stock"), False)
            for document, hit in sorted(known.items(), key=lambda item: -item[1].score)
            if wanted.words <= set(units(own_words(hit, about := facts[document])))
        ]
        if found:
            break
    else:
        return []
    fitting = [replace(offer, fits=True) for offer in found if _fits(offer, wanted)]
    if fitting:
        return sorted(fitting, key=lambda offer: offer.in_stock is False)[:SHOWN]
    return [min(found, key=lambda offer: _beyond(offer, wanted))]


def _kind(hit: Hit, facts: Mapping[str, Any]) -> str:
    return str(facts.get("kind", ""))


def _name(hit: Hit, facts: Mapping[str, Any]) -> str:
    return " ".join((hit.chunk.title, str(facts.get("kind", "")), *facts.get("tags", ())))


def _everything(hit: Hit, facts: Mapping[str, Any]) -> str:
    return f"{_name(hit, facts)} {hit.chunk.text}"


def _fits(offer: Offer, wanted: Wish) -> bool:
    sold_out = wanted.in_stock and offer.in_stock is False
    return wanted.at_least <= offer.price <= wanted.at_most and not sold_out


def _beyond(offer: Offer, wanted: Wish) -> tuple[bool, float]:
    """How far a product is from the limits: first whether it is sold out, then by how much its price misses."""
    return offer.in_stock is False, max(wanted.at_least - offer.price, offer.price - wanted.at_most, 0.0)


def present(found: Sequence[Offer], language: str) -> list[str]:
    """That nothing fits, where it is so; one sentence for the best, one for up to two more."""
    said = phrases(language)
    best, *others = found
    stock = said.in_stock if best.in_stock else said.sold_out if best.in_stock is False else ""
    sentences = [said.offer.format(title=best.title, price=_price(best), stock=stock)]
    if not best.fits:
        sentences.insert(0, said.none_fits)
    if others:
        listed = said.comma.join(f"{offer.title} ({_price(offer)})" for offer in others)
        sentences.append(said.also.format(others=listed))
    return sentences


def _price(offer: Offer) -> str:
    parsed = parse_price(offer.price)
    return format_price(parsed[0], offer.currency) if parsed else str(offer.price)
