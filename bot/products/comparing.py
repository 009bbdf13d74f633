"""Two products side by side, and what goes with a product."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.phrases import Phrases
from bot.products.asking import Asking
from bot.products.aspects import PRICE
from bot.products.attributes import Quantity, quantities
from bot.products.findings import facts_for
from bot.products.intents import is_doing
from bot.products.items import Item
from bot.products.naming import Named, clauses, likeliest, named_for_sure
from bot.products.numerals import plainly
from bot.products.saying import LISTED, Told, price_line
from bot.products.scales import ENDS
from bot.products.shelf import Shelf
from bot.products.vocabulary import FITTING, GENDERS
from bot.products.words import terms

BOTH: Final = 2
LOOKED_AT: Final = 12  # products with a title alike
Row = tuple[str, str, str]  # an attribute's name, and its value for each of two products

_SIDES = re.compile(r"\b(?:vs?|versus|or|than|and|compared? (?:to|with)|against|to)\b\.?|跟|和|与|比|还是|[,，/]")
_PLAIN = re.compile(
    r"\bmore do (?:i|you|we) get\b|plain|normal|standard|regular|basic|ordinary|other|original|without|普通|基本", re.I
)
_CHEAPER = re.compile(r"cheaper|dearer|expensive|差价|便宜|贵", re.I)
_IN_GENERAL = re.compile(r"what|differ|more do|compar|\bvs?\b|versus|better|worse|区别|不同|对比|比较|好", re.I)
_WRITTEN = re.compile(r"[+−–-]?([\d.,]+)(\s?\D*)")


def compared(asking: Asking, line: str) -> Told | None:
    """The two products that a line of the message names, side by side: in what is asked for, or in price and the first
    differences. None where it does not name two."""
    items = _sides(asking.lines, line, asking.shelf)
    if len(items) < BOTH or any(is_doing(asking.line, item) for item in items):
        return None
    (first, second), said = items[:2], asking.said
    rows = _rows_asked_for(line, first, second)
    asks_price = PRICE.pattern.search(plainly(line)) or _CHEAPER.search(line)
    in_general = not rows and _IN_GENERAL.search(line) is not None
    if not (rows or asks_price or in_general):
        return None
    sentences = [_prices(first, second, said)] if asks_price or in_general else []
    if in_general:
        rows = _differing(first, second)
    if len(rows) == 1:
        [(name, mine, other)] = rows
        apart = _difference(mine, other, said)
        sentences.append(
            said.versus.format(
                name=name, first=first.title, mine=mine, second=second.title, other=other, difference=apart
            )
        )
    else:
        sentences += [said.versus_short.format(name=n, mine=mine or "–", other=other or "–") for n, mine, other in rows]
    sentences = [sentence for sentence in sentences if sentence]
    quotes = tuple((item, price_line(item)) for item in (first, second))
    return Told(tuple(sentences), quotes) if sentences else None


def _prices(first: Item, second: Item, said: Phrases) -> str:
    if first.price is None or second.price is None:
        return ""
    if first.price == second.price:
        return said.same_price.format(first=first.title, second=second.title, price=first.money(first.price))
    return said.price_difference.format(
        first=first.title,
        first_price=first.money(first.price),
        second=second.title,
        second_price=second.money(second.price),
        difference=first.money(abs(first.price - second.price)),
    )


def _sides(lines: Sequence[str], line: str, shelf: Shelf) -> list[Item]:
    """The products compared: one for each part of the message that names another, or says how it differs from that
    ("the 12 cm one"); the one that it leans on; or a named one and its plain form."""
    genders = " ".join(term for part in lines for term in terms(plainly(part)) if term in GENDERS)
    parts = [part for part in _SIDES.split(line) if part.strip()]
    found = _named_in(parts, genders, shelf)
    if len(found) == 1:
        [only] = found.values()
        name = " ".join(word for word in only.item.title.split() if set(terms(word)) <= only.own - set(_numbers(word)))
        found |= _named_in([part for part in parts if _numbers(part)], f"{name} {genders}", shelf)
    if len(found) < BOTH:
        found |= _named_in([other for other in lines if other != line], genders, shelf)
    items = {document: named.item for document, named in found.items()}
    if len(items) == 1 and _PLAIN.search(line):
        items |= {item.document: item for named in items.values() for item in _plainer(named, shelf)}
    return list(items.values())


def _named_in(parts: Sequence[str], also: str, shelf: Shelf) -> dict[str, Named]:
    """The product that each of these parts of a message names, by document."""
    named = (named_for_sure([f"{part} {also}"], shelf) for part in parts)
    return {found[0].item.document: found[0] for found in named if found}


def _numbers(text: str) -> list[str]:
    return [term for term in terms(plainly(text)) if term[0].isdigit()]


def _plainer(item: Item, shelf: Shelf) -> list[Item]:
    """The product whose title is this one's with a word less."""
    title = set(item.title_terms)
    found = (shelf.item(document) for document in shelf.titled(dict.fromkeys(title, 1.0), LOOKED_AT))
    less = [other for other in found if other and set(other.title_terms) < title]
    return sorted(less, key=lambda other: -len(other.title_terms))[:1]


def _rows_asked_for(line: str, first: Item, second: Item) -> list[Row]:
    """The attribute asked for, in both: by its name, or by a word that compares ("brighter")."""
    own = frozenset({*first.title_terms, *second.title_terms})
    for clause in clauses(line):
        theirs = {fact.name: fact.value for fact in facts_for(second, clause, line, own)}
        rows = [(f.name, f.value, theirs[f.name]) for f in facts_for(first, clause, line, own) if f.name in theirs]
        if rows:
            return rows[:1]
    for end in (end for end in ENDS if end.comparative.search(line)):
        mine, other = (item.measured_by(end.dimensions, end.names) for item in (first, second))
        if mine and mine == other:
            return [(mine, first.facts[mine], second.facts[mine])]
    return []


def _differing(first: Item, second: Item) -> list[Row]:
    """The first attributes in which they differ: those that both have before the others."""
    names = dict.fromkeys([*first.facts, *second.facts])
    rows = [(name, first.facts.get(name, ""), second.facts.get(name, "")) for name in names]
    rows = [row for row in rows if row[1] != row[2]]
    return sorted(rows, key=lambda row: not (row[1] and row[2]))[:LISTED]


def _difference(mine: str, other: str, said: Phrases) -> str:
    """How far apart two single amounts of one dimension are, in the unit of the first; "" for others."""
    ours, theirs = _single(mine), _single(other)
    if not ours or not theirs or ours.dimension != theirs.dimension or ours.low == theirs.low:
        return ""
    written = _WRITTEN.fullmatch(mine[ours.start : ours.end])
    digits = re.sub(r"[^\d.]", "", written[1]) if written else ""
    if not written or not digits or not float(digits):
        return ""
    scale = abs(ours.low) / float(digits)
    return said.apart.format(amount=f"{abs(ours.low - theirs.low) / scale:g}{written[2]}")


def _single(value: str) -> Quantity | None:
    amounts = quantities(value)
    return amounts[0] if len(amounts) == 1 and amounts[0].low == amounts[0].high else None


def accessories(asking: Asking, named: Sequence[Named]) -> Told | None:
    """What the catalogue says fits the product that is named, by an attribute such as `Fits: Hearth 2`."""
    said, shelf = asking.said, asking.shelf
    for main in likeliest(named):
        title = {term for term in main.item.title_terms if term not in GENDERS}
        alike = (shelf.item(document) for document in shelf.titled(dict.fromkeys(title, 1.0), LOOKED_AT))
        fitting = [item for item in alike if item and item != main.item and _fits(item, title)][:LISTED]
        if fitting:
            prices = (f" ({item.money(item.price)})" if item.price is not None else "" for item in fitting)
            others = said.comma.join(f"{item.title}{price}" for item, price in zip(fitting, prices, strict=True))
            quotes = tuple((item, price_line(item)) for item in fitting)
            return Told((said.fits_it.format(title=main.item.title, others=others),), quotes)
    return None


def _fits(item: Item, title: set[str]) -> bool:
    return any(FITTING & set(terms(name)) and title <= set(terms(value)) for name, value in item.facts.items())
