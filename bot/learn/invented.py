"""Facts of shops that do not exist, in many wordings and without end: a number is to be copied out of the right line.

`invented.toml` has the kinds of fact, what they are about, how a page states them, how a shopper asks and a desk
answers. A question's own fact stands among others of its kind, which differ in what they are about and in their number.
Some questions ask for what no line is about, and some take a wrong number for granted.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bot.generation.house import line
from bot.learn.cases import Case
from bot.messages import Message

KINDS = Path(__file__).parent / "invented.toml"
OTHERS = 9  # lines beside the right one, nearest first
UNTOLD, FALSE, TOGETHER = 0.2, 0.15, 0.25  # the shares: not in the lines, a wrong number in the question, two in a line


@dataclass(frozen=True, slots=True)
class Fact:
    """What a fact is about, by the words of the page and those that a shopper may use, and its number with its unit."""

    kind: Mapping[str, Any]
    about: str
    also: Sequence[str]
    value: str


@cache
def _kinds() -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = tomllib.loads(KINDS.read_text("utf-8"))["kind"]
    return found


def invented(chance: random.Random, number: int) -> Iterator[Case]:
    """So many questions about invented facts."""
    for _ in range(number):
        kind, *elsewhere = chance.sample(_kinds(), 3)
        asked, *near = _facts(kind, chance)
        far = [fact for other in elsewhere for fact in _facts(other, chance)[:3]]
        yield _case(asked, near, far, chance)


def _facts(kind: Mapping[str, Any], chance: random.Random) -> list[Fact]:
    """Facts of one kind with numbers of their own, in one currency."""
    currency = chance.choice(("£{}", "${}", "€{}", "{} kr", "{} zł", "CHF {}", "₹{}"))
    names = chance.sample(kind["about"], min(len(kind["about"]), 5))
    return [Fact(kind, *_named(name), _value(kind["value"], currency, chance)) for name in names]


def _named(name: str) -> tuple[str, list[str]]:
    about, *also = name.split("|")
    return about, also or [about]


def _value(form: str, currency: str, chance: random.Random) -> str:
    """A number of a form: money, or a text in which `#` is one of its numbers, as in "# working days"."""
    if form == "money":
        whole = chance.choice((chance.randint(1, 30), chance.randint(5, 400)))
        cents = chance.choice(("", ".50", ".99", ".95", f".{chance.randint(10, 99)}"))
        return currency.format(f"{whole}{cents}")
    if form == "time":
        return chance.choice((f"{chance.randint(1, 12)} {chance.choice(('am', 'pm'))}", f"{chance.randint(6, 22)}:30"))
    form = chance.choice(form.split("|"))
    while "#" in form:
        form = form.replace("#", str(chance.choice((chance.randint(2, 12), chance.randint(2, 90)))), 1)
    return form


def _case(asked: Fact, near: Sequence[Fact], far: Sequence[Fact], chance: random.Random) -> Case:
    kind, title, name = asked.kind, chance.choice(asked.kind["title"]), chance.choice([asked.about, *asked.also])
    said = [_said(fact, title, chance) for fact in near] + [_said(f, f.kind["title"][0], chance) for f in far]
    lot = chance.random()
    if lot < UNTOLD:
        return Case((Message("user", _ask(kind, name, chance)),), "", (), tuple(said[:OTHERS]), "invented")
    own = _said(asked, title, chance)
    if chance.random() < TOGETHER:
        pair = chance.sample([asked, near[0]], 2)
        own = line(title, "; ".join(_stated(fact, chance).rstrip(".") for fact in pair) + ".")
        said = said[1:]
    if lot < UNTOLD + FALSE:
        wrong = chance.choice([fact.value for fact in near])
        question = chance.choice(kind["supposes"]).format(about=name, value=wrong)
        reply = chance.choice(kind["corrects"]).format(about=asked.about, value=asked.value)
    else:
        question = _ask(kind, name, chance)
        reply = chance.choice(kind["replies"]).format(about=asked.about, value=asked.value)
    return Case((Message("user", question),), _upper(reply), (own,), tuple(said[:OTHERS]), "invented")


def _ask(kind: Mapping[str, Any], name: str, chance: random.Random) -> str:
    return str(chance.choice(kind["asks"])).format(about=name)


def _stated(fact: Fact, chance: random.Random) -> str:
    return _upper(chance.choice(fact.kind["says"]).format(about=fact.about, value=fact.value))


def _said(fact: Fact, title: str, chance: random.Random) -> str:
    return line(title, _stated(fact, chance))


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
