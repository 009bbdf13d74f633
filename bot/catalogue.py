"""Finding products: the limits a shopper names are held against the catalogue's typed facts, not against prose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.phrases import phrases
from knowledge.money import format_price, parse_price
from retrieval.lexical import STOPWORDS, units
from retrieval.retriever import Hit

SHOWN = 3
_AMOUNT = r"[£$€¥]?\s?(\d+(?:[.,]\d{1,2})?)(?!\s?(?:l|ml|litres?|g|kg|cm|mm|m|w|°?c|days?|years?|months?|%)\b)"
_AT_MOST = re.compile(rf"\b(?:under|below|less than|up to|at most|max(?:imum)?|cheaper than|within)\s+{_AMOUNT}", re.I)
_AT_MOST_ZH = re.compile(r"(\d+)\s*(?:英镑|镑|元|块)?\s*(?:以下|以内|之内)|(?:低于|不超过|少于)\s*£?(\d+)")
_AT_LEAST = re.compile(rf"\b(?:over|above|more than|at least|from)\s+{_AMOUNT}", re.I)
_IN_STOCK = re.compile(r"\b(?:in stock|available)\b|有货|现货", re.I)
_LOOKING = re.compile(
    r"\b(?:which|any|do you (?:have|sell|stock)|have you got|looking for|recommend|show me|i need an?|i want an?)\b"
    r"|有没有|推荐|想买|哪款",
    re.I,
)
_WISH_WORDS = frozenset(units("under below less than up to at most max maximum cheaper within over above more least from "
                              "stock available which any have sell looking recommend show need want that something"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """What a product must be: its price at least and at most these, in stock or not; `words` say what kind of thing."""

    words: frozenset[str]
    at_least: float = 0.0
    at_most: float = float("inf")
    in_stock: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A product that may be shown, with the hit it came from."""

    hit: Hit
    title: str
    price: float
    currency: str
    in_stock: bool | None


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
    """The products among the hits that are what is wanted and within the limits, in stock first, best hit first.

    `facts` are by document. A product counts as what is wanted when its own words have every word asked for.
    """
    found: dict[str, Offer] = {}
    for hit in hits:
        known = facts.get(hit.chunk.document, {})
        if not known.get("price") or hit.chunk.document in found:
            continue
        said = " ".join((hit.chunk.title, str(known.get("kind", "")), " ".join(known.get("tags", ())), hit.chunk.text))
        fits = wanted.at_least <= known["price"] <= wanted.at_most
        if wanted.words <= set(units(said)) and fits and not (wanted.in_stock and known.get("in_stock") is False):
            found[hit.chunk.document] = Offer(
                hit, hit.chunk.title, known["price"], known.get("currency", ""), known.get("in_stock")
            )
    return sorted(found.values(), key=lambda offer: offer.in_stock is False)


def present(found: Sequence[Offer], language: str) -> list[str]:
    """One sentence for the best, one for up to two more."""
    said = phrases(language)
    best, *others = found[:SHOWN]
    stock = said.in_stock if best.in_stock else said.sold_out if best.in_stock is False else ""
    sentences = [said.offer.format(title=best.title, price=_price(best), stock=stock)]
    if others:
        listed = said.comma.join(f"{offer.title} ({_price(offer)})" for offer in others)
        sentences.append(said.also.format(others=listed))
    return sentences


def _price(offer: Offer) -> str:
    parsed = parse_price(offer.price)
    return format_price(parsed[0], offer.currency) if parsed else str(offer.price)
