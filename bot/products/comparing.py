"""Two products side by side, and what goes with a product."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.phrases import Phrases, phrases
from bot.products.aspects import PRICE
from bot.products.attributes import Quantity, quantities
from bot.products.findings import facts_for
from bot.products.intents import is_doing
from bot.products.items import Item
from bot.products.naming import Named, clauses, is_sure, likeliest, meant
from bot.products.numerals import plainly
from bot.products.saying import LISTED, Told, price_line
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
_WHAT = re.compile(r"what|differ|more do|区别|不同", re.I)
_WRITTEN = re.compile(r"[+−–-]?([\d.,]+)(\s?\D*)")


def compared(lines: Sequence[str], line: str, shelf: Shelf, language: str) -> Told | None:
    """The two products that `line` names, side by side: in what is asked for, or in price and the first differences.

    None where it does not name two. `lines` are the message and what it leans on.
    """
    items = _sides(lines, line, shelf)
    if len(items) < BOTH or any(is_doing(lines[0], item) for item in items):
        return None
    first, second = items[:2]
    said = phrases(language)
    rows = _rows_asked_for(line, first, second)
    asks_price = PRICE.pattern.search(plainly(line)) or _CHEAPER.search(line)
    sentences = [_prices(first, second, said)] if asks_price or not rows else []
    if not rows and (_WHAT.search(line) or not asks_price):
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
    """The products compared: one for each part of the message that names another, the one that it leans on, or a named
    one and its plain form."""
    genders = " ".join(term for part in lines for term in terms(plainly(part)) if term in GENDERS)
    items: dict[str, Item] = {}
    for parts in (_SIDES.split(line), (other for other in lines if other != line)):
        for part in parts if len(items) < BOTH else ():
            if part.strip() and (found := meant([f"{part} {genders}"], shelf)) and is_sure(found):
                items.setdefault(found[0].item.document, found[0].item)
    if len(items) == 1 and _PLAIN.search(line):
        items |= {item.document: item for named in items.values() for item in _plainer(named, shelf)}
    return list(items.values())


def _plainer(item: Item, shelf: Shelf) -> list[Item]:
    """The product whose title is this one's with a word less."""
    title = set(item.title_terms)
    found = (shelf.item(document) for document in shelf.titled(dict.fromkeys(title, 1.0), LOOKED_AT))
    less = [other for other in found if other and set(other.title_terms) < title]
    return sorted(less, key=lambda other: -len(other.title_terms))[:1]


def _rows_asked_for(line: str, first: Item, second: Item) -> list[Row]:
    """The attribute asked for, in both."""
    own = frozenset({*first.title_terms, *second.title_terms})
    for clause in clauses(line):
        theirs = {fact.name: fact.value for fact in facts_for(second, clause, line, own)}
        rows = [(f.name, f.value, theirs[f.name]) for f in facts_for(first, clause, line, own) if f.name in theirs]
        if rows:
            return rows[:1]
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


def accessories(named: Sequence[Named], shelf: Shelf, language: str) -> Told | None:
    """What the catalogue says fits the product that is named, by an attribute such as `Fits: Hearth 2`."""
    said = phrases(language)
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
