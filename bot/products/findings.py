"""What typed facts say in answer to a part of a question: the attributes, and whether they say yes or no."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.products.aspects import ATTRIBUTES, Aspect
from bot.products.attributes import COUNT, UNITS, Quantity, quantities
from bot.products.intents import ASKS_YES_NO
from bot.products.items import Item, claimed, denies
from bot.products.naming import excluded
from bot.products.numerals import plainly
from bot.products.vocabulary import UNIT_WORDS
from bot.products.words import says_something, terms

_ALSO = 2  # attributes told at once
_OPEN = re.compile(r"\b(?:how|what|whats|which|where|when|why|who|any|or)\b", re.I)
_UNIT_ASKED = re.compile(r"\b(?:how many|in|what)\s+([a-z]{2,})\b", re.I)
_PEOPLE = re.compile(r"\W*(?:people|persons?|adults|of us|man\b|men\b|个?人|isn'?t|right|yeah|then|$)", re.I)
_YES = ("yes", "included", "是", "有", "可")


@dataclass(frozen=True, slots=True)
class Fact:
    """An attribute that answers. `holds` is yes or no to a question for one of those, None where it is no such answer.

    `explained` are the words of the question that it accounts for; `by_aspect`: it was asked for as `aspects` knows it.
    """

    name: str
    value: str
    holds: bool | None = None
    explained: frozenset[str] = frozenset()
    by_aspect: bool = False

    @classmethod
    def of(cls, name: str, value: str, holds: bool | None, said: Sequence[str] = (), by_aspect: bool = False) -> Fact:
        """An attribute that accounts for its own words, and for what was said."""
        return cls(name, value, holds, frozenset((*terms(name), *terms(value), *said)), by_aspect)


def facts_for(item: Item, clause: str, line: str, own: frozenset[str]) -> list[Fact]:
    """The attributes that answer a clause of the message `line`, the best first; `own` are the words that name the
    product, which ask for nothing."""
    bare = " ".join(word for word in plainly(clause).split() if not (naming := set(terms(word))) or not naming <= own)
    refused, said = excluded(clause), terms(plainly(clause))
    asked = [term for term in said if (term not in own or said.count(term) > 1) and term not in refused]
    yes_no = ASKS_YES_NO.search(line) is not None or ("?" in line and not _OPEN.search(line))
    found = _by_name(item, asked, yes_no, whole=True)
    for aspect in ATTRIBUTES:
        if aspect.pattern.search(bare):
            found += _of_aspect(item, aspect, asked, bare, line if yes_no else "")
    found += _of_unit(item, bare)
    found = found or _by_name(item, asked, yes_no, whole=False)
    return distinct(found + _by_value(item, asked) if yes_no else found)


def distinct(found: Sequence[Fact]) -> list[Fact]:
    """Each attribute once, with all that was found to speak for it."""
    by_name: dict[str, Fact] = {}
    for fact in found:
        known = by_name.get(fact.name, fact)
        holds = known.holds if fact.holds is None else fact.holds
        explained, by_aspect = known.explained | fact.explained, known.by_aspect or fact.by_aspect
        by_name[fact.name] = Fact(fact.name, fact.value, holds, explained, by_aspect)
    return list(by_name.values())


def _of_aspect(item: Item, aspect: Aspect, asked: Sequence[str], clause: str, claim: str) -> list[Fact]:
    """The attributes for an aspect; `claim` is a yes-or-no question that may name an amount, "" for another."""
    named, measured = [], []
    for name, value in item.facts.items():
        amounts = quantities(value)
        if aspect.dimensions and not any(amount.dimension in aspect.dimensions for amount in amounts):
            continue
        if aspect.names & set(terms(name)):
            named.append((name, value))
        elif amounts and amounts[0].dimension in aspect.dimensions:
            measured.append((name, value))
    chosen = _most(named, lambda pair: len(aspect.names & set(terms(pair[0]))) / len(terms(pair[0]))) or measured
    chosen = _most(chosen, lambda pair: len(set(asked) & {*terms(pair[0]), *terms(pair[1])}))
    if not named and len(chosen) > _ALSO:
        return []
    said = [term for match in aspect.pattern.finditer(clause) for term in terms(match[0])]
    return [
        Fact.of(name, value, _checked(aspect, value, claim), said, by_aspect=True) for name, value in chosen[:_ALSO]
    ]


def _most(pairs: Sequence[tuple[str, str]], score: Callable[[tuple[str, str]], float]) -> list[tuple[str, str]]:
    best = max(map(score, pairs), default=0.0)
    return [pair for pair in pairs if score(pair) == best]


def _checked(aspect: Aspect, value: str, claim: str) -> bool | None:
    """Whether an amount that the shopper names is the catalogue's: at most, for a load."""
    told = [amount for amount in quantities(value) if amount.sides == 1]
    if not told:
        return None
    asked = [amount for amount in quantities(plainly(claim)) if amount.dimension == told[0].dimension]
    if told[0].dimension == COUNT:
        asked = [a for a in asked if aspect.name == "people" and _PEOPLE.match(plainly(claim)[a.end :])]
    if not asked:
        return None
    return asked[-1].high <= told[0].high if aspect.name == "load" else _same(asked[-1], told)


def _same(claim: Quantity, told: Sequence[Quantity]) -> bool:
    return any(amount.low * 0.99 <= claim.low <= amount.high * 1.01 for amount in told)


def _of_unit(item: Item, clause: str) -> list[Fact]:
    """The attribute in a unit that is asked for: "how many bars", "in mm"."""
    asked = {UNITS[match[1].lower()][0] for match in _UNIT_ASKED.finditer(clause) if match[1].lower() in UNITS}
    found = [
        Fact(name, value, None, frozenset(terms(clause)), by_aspect=True)
        for name, value in item.facts.items()
        if (amounts := quantities(value)) and amounts[0].dimension in asked
    ]
    return found if len(found) <= _ALSO else []


def _by_name(item: Item, asked: Sequence[str], yes_no: bool, whole: bool) -> list[Fact]:
    """Attributes whose name the clause has, whole or half of it."""
    found = []
    for name, value in item.facts.items():
        own = [term for term in terms(name) if says_something(term)] or terms(name)
        shared = [term for term in own if term in asked and term not in UNITS]
        if shared and (1 if whole else 2) * len(shared) >= len(own):
            says = denies(value) or value.strip().lower().startswith(_YES)
            found.append((len(shared), Fact.of(name, value, not denies(value) if yes_no and says else None)))
    most = max((shared for shared, _ in found), default=0)
    return [fact for shared, fact in found if shared == most][:_ALSO]


def _by_value(item: Item, asked: Sequence[str]) -> list[Fact]:
    """The attribute whose value has a word of the clause: "induction" in `Hobs: gas, ceramic, induction`."""
    found = []
    for name, value in item.facts.items():
        claims = claimed("", value)
        shared = [term for term in asked if term in claims and says_something(term) and not term[0].isdigit()]
        shared = [term for term in shared if term not in UNIT_WORDS]
        if shared:
            found.append((len(shared), Fact.of(name, value, all(claims[term] for term in shared))))
    most = max((shared for shared, _ in found), default=0)
    best = [fact for shared, fact in found if shared == most]
    # Where one attribute denies what another affirms, the word alone does not decide.
    return best[:1] if len({fact.holds for fact in best}) == 1 else []


def in_words(facts: Sequence[Fact], language: str) -> str:
    """`weight 1640 g, sleeps 2`, `induction: no`; names as the catalogue has them in a reply in another language."""
    return ("，" if language == "zh" else ", ").join(worded(fact.name, fact.value, language) for fact in facts)


def worded(name: str, value: str, language: str = "en") -> str:
    """An attribute as part of a sentence."""
    if language == "zh":
        return f"{name}：{value}"
    lower = name[:1].lower() + name[1:] if name[1:2].islower() else name
    return f"{lower} {value}" if value[:1].isdigit() or value[:1] in "+-−–" else f"{lower}: {value}"
