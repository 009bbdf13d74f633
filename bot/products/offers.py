"""Products for a wish: typed facts decide what fits, the retriever what comes first; says why, or what misses."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from bot.phrases import Phrases
from bot.products.asking import Asking
from bot.products.attributes import quantities
from bot.products.findings import worded
from bot.products.intents import LOOKS, is_doing
from bot.products.items import Form, Item, heads
from bot.products.limits import MONEY, Limit, relative
from bot.products.narrowing import Pool, amounts_of, narrowed, set_apart
from bot.products.options import chosen, having, spelled
from bot.products.saying import Told, stock_in_short
from bot.products.wishes import Sort, Wish
from bot.products.words import terms

SHOWN: Final = 3
DEPTHS: Final = (200, 600)  # passages looked at; more where nothing among the first fits
REASONS: Final = 2
LONGEST_REASON: Final = 40  # characters
RELEVANT: Final = 0.7  # of the best one's score: what else is shown where no limit chooses


@dataclass(frozen=True, slots=True)
class Offer:
    """A product to show: what of it fits (`reasons`) and what does not (`misses`, those that need words), and how far
    it is off. `missed` counts all that does not fit."""

    item: Item
    score: float
    price: float
    forms: tuple[Form, ...] = ()
    reasons: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()
    missed: int = 0
    beyond: float = 0.0
    off: float = 0.0  # how far within, from the middle of what was asked for

    @property
    def in_stock(self) -> bool | None:
        """Whether one of the variants that are meant is in stock; None where the catalogue does not say."""
        states = {form.in_stock for form in self.forms} or {self.item.in_stock}
        return True if True in states else None if None in states else False

    @property
    def to_order(self) -> bool:
        """Whether it may be ordered though it is not in stock."""
        return self.item.to_order or any(form.to_order for form in self.forms)


def searched(asking: Asking, wish: Wish, spoken_of: Item | None = None) -> Told | None:
    """The products for a message that looks for some; None for any other message.

    `spoken_of` is the product that the message names or leans on, if there is one: "a cheaper one" is compared with it.
    """
    line, shelf = asking.line, asking.shelf
    than = _relative_to(spoken_of, line) if spoken_of else None
    name = next((t for t in spoken_of.title_terms if shelf.is_line(t) and t in wish.core), "") if spoken_of else ""
    if spoken_of and than:
        wish, name = _unlike(wish, spoken_of, than), ""
    if not (wish.explicit or wish.looking) or not (wish.words or LOOKS.search(line)):
        return None
    for depth in DEPTHS:
        hits = asking.search(wish.query or line, depth)
        but = spoken_of.document if spoken_of and than else ""
        pool = narrowed(wish, hits, shelf, but, name, asking.embed if asking.language == "en" else None)
        if not pool.items or is_doing(line, pool.items[0]):
            return None
        apart = set_apart(pool.loose, wish)
        fitting = [o for item in pool.items if _may_cost(item, pool) and not (o := _offer(item, pool)).missed]
        if any(offer.item.document not in apart for offer in fitting):
            first = _first(fitting, pool, apart)
            return _told(first, True, wish, asking.said) if first else None
    if not wish.explicit and not wish.in_stock:
        return None
    offers = [_offer(item, pool) for item in pool.loose]
    nearest = min(offers, key=lambda o: (o.item.document in apart, o.missed, o.beyond, -o.score))
    return _told([nearest], False, wish, asking.said)


def _relative_to(item: Item, line: str) -> Limit | None:
    if not LOOKS.search(line):
        return None
    return relative(line, lambda dimension: amount_of(item, Sort((dimension,))))


def _unlike(wish: Wish, item: Item, than: Limit) -> Wish:
    """The wish for another product of the type of the one that it is compared with."""
    typed = set(heads(item.kind)) & set(wish.words)
    kind = [term for term in terms(item.kind) if term not in wish.words and not typed]
    own = set(item.title_terms) - set(terms(item.kind))
    words = tuple(term for term in (*wish.words, *kind) if term not in own)
    query = f"{item.kind} {wish.query}"
    return replace(wish, words=words, core=words, query=query, limits=(*wish.limits, than))


def _may_cost(item: Item, pool: Pool) -> bool:
    """Whether one of its variants may be within the limits of price: most are left out by that alone."""
    low, high = item.price or 0.0, item.price_max or item.price or 0.0
    return all(limit.low <= high and low <= limit.high for limit in pool.limits if limit.dimension == MONEY)


def _offer(item: Item, pool: Pool) -> Offer:
    wish = pool.wish
    choice = chosen(item, wish.text)
    forms = having(item.forms, choice)
    price = min((form.price for form in forms if form.price is not None), default=item.price or 0.0)
    reasons, misses = ([spelled(choice)], []) if choice and forms else ([], [spelled(choice)] if choice else [])
    missed, beyond, off = 0, 0.0, 0.0
    for limit in pool.limits:
        low, high, said, holds = _amount(item, price, limit, wish)
        if said:
            (reasons if holds else misses).append(said)
        missed += not said and not holds
        beyond += limit.missed_by(low, high)
        off += limit.off(low, high)
    for term in pool.required:
        if not item.affirms(term):
            missed += 1
        elif term not in item.named:
            reasons += [worded(n, v) for n, v in item.facts.items() if term in {*terms(n), *terms(v)}][:1]
    reasons += [worded(name, item.facts[name]) for name in pool.meant if name in item.facts]
    short = tuple(reason for reason in dict.fromkeys(reasons) if len(reason) <= LONGEST_REASON)
    score = pool.scores.get(item.document, 0.0)
    offer = Offer(item, score, price, tuple(forms), short, tuple(misses), missed + len(misses), beyond, off)
    return replace(offer, missed=offer.missed + 1) if wish.in_stock and offer.in_stock is False else offer


def _amount(item: Item, price: float, limit: Limit, wish: Wish) -> tuple[float, float, str, bool]:
    """What a limit is about: the amount from low to high, in words ("" for a price, which is said anyway, and for an
    amount that only the title has), and whether it holds."""
    if limit.dimension == MONEY:
        return price, price, "", limit.low <= price <= limit.high
    amounts = amounts_of(item, limit, wish)
    if not amounts:
        return 0.0, 0.0, "", False
    name, told = next(((n, amount) for n, amount in amounts if limit.holds(amount)), amounts[0])
    return told.low, told.high, worded(name, item.facts[name]) if name else "", limit.holds(told)


def _first(fitting: Sequence[Offer], pool: Pool, apart: Set[str]) -> list[Offer]:
    wish = pool.wish
    if sort := wish.sort:
        amounts = ((amount_of(offer.item, sort, offer.price), offer) for offer in fitting)
        able = [(amount, offer) for amount, offer in amounts if amount is not None]
        able = [pair for pair in able if pair[1].item.document not in apart] or able
        able.sort(key=lambda pair: -pair[0] if sort.highest else pair[0])
        return [_with_reason(offer, sort) for _, offer in able][:SHOWN]
    best = max(offer.score for offer in fitting)
    ranked = sorted(fitting, key=lambda o: (o.in_stock is False, o.item.document in apart, round(o.off, 1), -o.score))
    shown = [offer for offer in ranked if offer.score >= RELEVANT * best or wish.explicit]
    plain = [offer for offer in shown if offer.item.document not in apart]
    return (plain or shown)[:SHOWN]


def amount_of(item: Item, sort: Sort, price: float | None = None) -> float | None:
    """The amount to sort a product by, a price being `price` where it is given; None for one that has none."""
    if sort.dimensions == (MONEY,):
        return item.price if price is None else price
    if not (found := item.measured_by(sort.dimensions, sort.names)):
        return None
    quantity = quantities(item.facts[found])[0]
    return quantity.high if sort.highest else quantity.low


def _with_reason(offer: Offer, sort: Sort) -> Offer:
    name = offer.item.measured_by(sort.dimensions, sort.names) if sort.dimensions != (MONEY,) else ""
    said = (worded(name, offer.item.facts[name]),) if name else ()
    return replace(offer, reasons=(*said, *(reason for reason in offer.reasons if reason not in said)))


def _told(offers: Sequence[Offer], fits: bool, wish: Wish, said: Phrases) -> Told:
    best, *others = offers
    stock = stock_in_short(best.item, best.forms, said)
    after = stock + _reasons(best, said) if fits else _missing(best, wish, said) or stock
    sentences = [] if fits else [said.none_fits]
    sentences.append(said.offer.format(title=best.item.title, price=best.item.money(best.price), stock=after))
    if others:
        listed = [f"{o.item.title} ({said.comma.join([o.item.money(o.price), *_aside(o, said)])})" for o in others]
        sentences.append(said.also.format(others=said.comma.join(listed)))
    return Told(tuple(sentences), tuple((o.item, o.item.line_of(o.item.money(o.price))) for o in offers))


def _reasons(offer: Offer, said: Phrases) -> str:
    listed = said.comma.join(offer.reasons[:REASONS])
    return said.because.format(reasons=listed) if listed else ""


def _missing(offer: Offer, wish: Wish, said: Phrases) -> str:
    """What of the nearest does not fit, but for the price, which is said anyway."""
    words = list(offer.misses)
    if wish.in_stock and offer.in_stock is False and not offer.to_order:
        words.append(said.is_sold_out)
    return said.misses.format(misses=said.comma.join(words)) if words else ""


def _aside(offer: Offer, said: Phrases) -> list[str]:
    """For one of the others: that it is sold out, or why it fits."""
    if offer.in_stock is False:
        return [said.to_order.lstrip(",， ") if offer.to_order else said.is_sold_out]
    return [reason for reason in offer.reasons[:1] if len(reason) <= LONGEST_REASON // 2]
