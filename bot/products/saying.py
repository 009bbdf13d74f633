"""What is said of a product: its price, its stock, its variants, in sentences of the shopper's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.messages import Outcome
from bot.phrases import Phrases
from bot.products.items import Form, Item, shared
from bot.products.options import Choice, having, listed, spelled
from bot.products.vocabulary import UNIT_WORDS

LISTED: Final = 3  # products or prices told side by side
CHOICES: Final = 7  # products to choose from


@dataclass(frozen=True, slots=True)
class Told:
    """Sentences about products, with the lines of the catalogue they rest on.

    `attributes_only`: they answer no question for price, stock or variants.
    """

    sentences: tuple[str, ...]
    quotes: tuple[tuple[Item, str], ...] = ()
    outcome: Outcome = "answer"
    attributes_only: bool = False


def price_line(item: Item) -> str:
    """The line of the catalogue's text that has the price."""
    return item.line_of(item.money(item.price) if item.price is not None else "")


def price(item: Item, choice: Choice, forms: Sequence[Form], said: Phrases, with_stock: bool) -> str:
    """What the variants cost: one price, and what it is reduced from; each variant's; or from the lowest on."""
    deciding = {} if item.price == item.price_max else {k: values for k, values in choice.items() if len(values) == 1}
    name = _with(item, deciding)
    prices: list[float] = sorted({form.price for form in forms if form.price is not None}) or [item.price or 0.0]
    if len(prices) > 1:
        amount = said.from_to.format(low=item.money(prices[0]), high=item.money(prices[-1]))
        return said.price_of.format(title=name, price=_prices_by_form(item, forms) or amount)
    amount = item.money(prices[0])
    before: set[float | None] = {form.compare_at for form in forms if form.compare_at is not None} or {item.compare_at}
    was = next(iter(before), None) if len(before) == 1 else None
    if was and was > prices[0]:
        amount = said.was.format(price=amount, was=item.money(was))
    if not with_stock:
        return said.price_of.format(title=name, price=amount)
    return said.offer.format(title=name, price=amount, stock=stock_in_short(item, forms, said))


def _prices_by_form(item: Item, forms: Sequence[Form]) -> str:
    """`£49.95 (S, M), £59.95 (L)` where one option alone decides; nothing for more than a few prices."""
    for name in item.option_names:
        prices: dict[str, set[float]] = {}
        for form in forms:
            if form.price is not None and name in form.options:
                prices.setdefault(form.options[name], set()).add(form.price)
        values: dict[float, list[str]] = {}
        for value, found in prices.items():
            values.setdefault(min(found), []).append(value)
        if 1 < len(values) <= LISTED and all(len(found) == 1 for found in prices.values()):
            return ", ".join(f"{item.money(amount)} ({', '.join(named)})" for amount, named in values.items())
    return ""


def stock_in_short(item: Item, forms: Sequence[Form], said: Phrases) -> str:
    """Whether one of the variants is in stock, as the end of a sentence; "" where the catalogue does not say."""
    states = {form.in_stock for form in forms} or {item.in_stock}
    if True in states or None in states:
        return said.in_stock if True in states else ""
    return said.to_order if item.to_order or any(form.to_order for form in forms) else said.sold_out


def stock(item: Item, choice: Choice, forms: Sequence[Form], said: Phrases) -> str:
    """Whether the variants that are asked for are in stock, and else what is; "" where the catalogue does not say."""
    if item.in_stock is None:
        return ""
    if choice and not forms:
        others = listed(item.forms, item)
        return said.no_such_form.format(title=item.title, forms=spelled(choice), others=others)
    name = _with(item, choice)
    there = [form for form in forms if form.in_stock]
    if there or (not forms and item.in_stock):
        gone = [form for form in forms if not form.in_stock]
        if gone and len(item.option_names) > len(choice):
            shown, left = listed(there, item, choice), listed(gone, item, choice)
            return said.partly.format(title=name, there=shown, gone=left)
        shown = listed(there, item, choice) if len(there) > 1 else ""
        return said.yes_stock.format(title=name, forms=said.in_brackets.format(text=shown) if shown else "")
    if item.to_order or any(form.to_order for form in forms):
        return said.no_to_order.format(title=name)
    other = _alternatives(item, choice)
    return said.no_stock.format(title=name) + (said.instead.format(forms=other) if other else "")


def _alternatives(item: Item, choice: Choice) -> str:
    """What is in stock of the same product, with as much of the choice as there is: the size before the colour."""
    there = [form for form in item.forms if form.in_stock]
    for name in reversed(list(choice)):
        if some := having(there, {name: choice[name]}):
            kept, rest = "/".join(sorted(choice[name])), listed(some, item, [name])
            return f"{kept}: {rest}" if rest else kept
    return listed(there, item)


def variants(item: Item, choice: Choice, names: Sequence[str], said: Phrases) -> str:
    """The values of these options: those in stock, then those sold out."""
    given = {name: values for name, values in choice.items() if name not in names}
    forms = having(item.forms, given)
    parts = []
    for name in names:
        able = [form for form in forms if name in form.options]
        in_stock = {form.options[name] for form in able if form.in_stock is not False}
        values = dict.fromkeys(form.options[name] for form in able)
        there, gone = ([value for value in values if (value in in_stock) == held] for held in (True, False))
        told = [", ".join(there)] * bool(there) + [said.gone.format(forms=", ".join(gone))] * bool(gone)
        lower = name[:1].lower() + name[1:] if name[1:2].islower() else name
        parts.append(said.option.format(name=lower, values="; ".join(told)))
    return said.comes_in.format(title=_with(item, given), options="; ".join(parts))


def _with(item: Item, choice: Choice) -> str:
    return f"{item.title} ({spelled(choice)})" if choice else item.title


def together(items: Sequence[Item], said: Phrases) -> str:
    """`Kestrel 2 (Men's, Women's)`: the titles with what they begin and end with once."""
    common = shared([item.title for item in items])
    if not common:
        return said.comma.join(item.title for item in items[:LISTED])
    rest = [item.title.split()[len(common) :] for item in items]
    ending = shared([" ".join(reversed(words)) for words in rest])[::-1]
    while ending and ending[0].lower() in UNIT_WORDS:
        del ending[0]
    own = (" ".join(words[: len(words) - len(ending)]) for words in rest)
    return f"{' '.join([*common, *ending])} ({said.comma.join(sorted(part for part in own if part))})"


def which(items: Sequence[Item], said: Phrases) -> str:
    """Asks which of these products is meant."""
    common = shared([item.title for item in items])
    rest = [" ".join(item.title.split()[len(common) :]) or item.title for item in items[:CHOICES]]
    return said.which_one.format(common=" ".join(common) or said.one, choices=said.comma.join(rest))
