"""What typed facts say in answer to a part of a question: the attributes, and whether they say yes or no."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from bot.products.aspects import ATTRIBUTES, Aspect, is_of_aspect
from bot.products.attributes import COUNT, UNITS, Quantity, quantities
from bot.products.intents import ASKS_YES_NO, OPEN
from bot.products.items import Item, claimed, denies, is_flag, is_kind_of
from bot.products.naming import excluded
from bot.products.numerals import plainly
from bot.products.scales import NOUN_OF
from bot.products.vocabulary import UNIT_WORDS
from bot.products.words import says_something, terms

_ALSO = 2  # attributes told at once
_COUNTED = re.compile(r"\bhow (?:many|much) ([a-z]{3,})\b", re.I)
_OF_PART = re.compile(r"\bhow \w+ (?:is|are|does|do|will) (?:the|its|their) ([a-z]+)\b", re.I)
_UNIT_ASKED = re.compile(r"\b(how many|in|what)\s+([a-z]{2,})\b", re.I)
_COMES_WITH = re.compile(
    r"\b(?:comes?|supplied|sold|delivered) with\b|\binclud\w*\b|\bin the box\b|附带|附送|包含|送不送", re.I
)
_PEOPLE = re.compile(r"\W*(?:people|persons?|adults|of us|man\b|men\b|个?人|isn'?t|right|yeah|then|$)", re.I)
_YES = ("yes", "included", "是", "有", "可")
_HAVING = terms("comes supplied sold delivered includes included box separately")  # asks whether it is there
_INCLUDED = frozenset(terms("included includes contents box"))
_SAYS_NO = frozenset(terms("no none not without never included sold separately available excluded optional extra"))


@dataclass(frozen=True, slots=True)
class Fact:
    """An attribute that answers. `holds` is yes or no to a question for one of those, None where it is no such answer.

    `explained` are the words of the question that it accounts for; `by_aspect`: it was asked for as `aspects` knows it,
    or by an adjective.
    """

    name: str
    value: str
    holds: bool | None = None
    explained: frozenset[str] = frozenset()
    by_aspect: bool = False

    @classmethod
    def of(cls, name: str, value: str, holds: bool | None, said: Sequence[str] = (), by_aspect: bool = False) -> Fact:
        """An attribute that accounts for its own words and their adjectives, and for what was said."""
        own = terms(name)
        adjectives = (adjective for adjective, noun in NOUN_OF.items() if noun in own)
        return cls(name, value, holds, frozenset((*own, *terms(value), *adjectives, *said)), by_aspect)


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause of a question as it is held against a product: its words that ask, its text without those that name.

    `claim` is the whole question where it is for a yes or no, "" for another.
    """

    item: Item
    text: str
    asked: tuple[str, ...]
    claim: str

    @classmethod
    def of(cls, item: Item, clause: str, line: str, own: Set[str]) -> _Clause:
        words, said, refused = plainly(clause).split(), terms(plainly(clause)), excluded(clause)
        counted = {term for match in _COUNTED.finditer(clause) for term in terms(match[1])}  # "how many seeds" of seeds
        asks = (term for term in said if term not in own or term in counted or said.count(term) > 1)
        yes_no = ASKS_YES_NO.search(line) is not None or ("?" in line and not OPEN.search(line))
        return cls(
            item,
            " ".join(word for word in words if not (naming := set(terms(word))) or not naming <= own),
            tuple(term for term in asks if term not in refused),
            line if yes_no else "",
        )

    @property
    def aspects(self) -> list[Aspect]:
        return [aspect for aspect in ATTRIBUTES if aspect.pattern.search(self.text)]

    def words_for(self, aspect: Aspect) -> list[str]:
        """Its words that ask for an aspect: "how long"."""
        return [term for match in aspect.pattern.finditer(self.text) for term in terms(match[0])]


def facts_for(item: Item, clause: str, line: str, own: Set[str]) -> list[Fact]:
    """The attributes that answer a clause of the message `line`, the best first; `own` are the words that name the
    product, which ask for nothing."""
    asks, part = _Clause.of(item, clause, line, own), of_part(clause, item)
    by_aspect = (fact for aspect in asks.aspects for fact in _of_aspect(asks, aspect))
    found = [*_by_name(asks, whole=True), *by_aspect, *_of_unit(asks)]
    found = [fact for fact in found if part <= fact.explained]
    if not found:
        half = (fact for fact in _by_name(asks, whole=False) if asks.claim or not is_flag(fact.value))
        found = [fact for fact in half if part <= fact.explained]
    if asks.claim:
        found += _by_value(asks, included=_COMES_WITH.search(line) is not None)
    return distinct(found)


def of_part(clause: str, item: Item) -> frozenset[str]:
    """The part of a product whose size or weight a clause asks for: the cable of "how long is the cable"."""
    parts = (term for match in _OF_PART.finditer(clause) for term in terms(match[1]))
    return frozenset(term for term in parts if says_something(term) and not is_kind_of(term, item.kind)) - item.named


def distinct(found: Sequence[Fact]) -> list[Fact]:
    """Each attribute once, with all that was found to speak for it."""
    by_name: dict[str, Fact] = {}
    for fact in found:
        known = by_name.get(fact.name, fact)
        holds = known.holds if fact.holds is None else fact.holds
        explained, by_aspect = known.explained | fact.explained, known.by_aspect or fact.by_aspect
        by_name[fact.name] = Fact(fact.name, fact.value, holds, explained, by_aspect)
    return list(by_name.values())


def _of_aspect(asks: _Clause, aspect: Aspect) -> list[Fact]:
    """The attributes for an aspect: named like it, or else measured in its dimensions."""
    named, measured = [], []
    for name, value in asks.item.facts_told.items():
        amounts = quantities(value)
        if aspect.dimensions and not any(amount.dimension in aspect.dimensions for amount in amounts):
            continue
        if aspect.names & set(terms(name)):
            named.append((name, value))
        elif amounts and amounts[0].dimension in aspect.dimensions and not is_of_aspect(name):
            measured.append((name, value))
    chosen = _most(named, lambda pair: len(aspect.names & set(terms(pair[0]))) / len(terms(pair[0]))) or measured
    chosen = _most(chosen, lambda pair: len({*asks.asked} & {*terms(pair[0]), *terms(pair[1])}))
    if not named and len(chosen) > _ALSO:
        return []
    said = asks.words_for(aspect)
    return [
        Fact.of(name, value, _checked(aspect, value, asks.claim), said, by_aspect=True)
        for name, value in chosen[:_ALSO]
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


def _of_unit(asks: _Clause) -> list[Fact]:
    """The attribute in a unit that is asked for: "how many bars", "in mm"; "what day" asks for a date."""
    written = ((match[1].lower(), match[2].lower()) for match in _UNIT_ASKED.finditer(asks.text))
    said = ((how, UNITS[unit][0]) for how, unit in written if unit in UNITS)
    asked = {dimension for how, dimension in said if how != "what" or dimension != "time"}
    found = [
        Fact(name, value, None, frozenset(terms(asks.text)), by_aspect=True)
        for name, value in asks.item.facts.items()
        if any(amount.dimension in asked for amount in quantities(value))
    ]
    return found if len(found) <= _ALSO else []


def _by_name(asks: _Clause, whole: bool) -> list[Fact]:
    """Attributes whose name the clause has, whole or half of it: the "bulb" of `Bulb size` is no half of a bulb's."""
    found, kind = [], terms(asks.item.kind)
    wanted = {*asks.asked, *(NOUN_OF[term] for term in asks.asked if term in NOUN_OF)}
    for name, value in asks.item.facts_told.items():
        own = [term for term in terms(name) if says_something(term)] or terms(name)
        shared = [term for term in own if term in wanted and term not in UNITS]
        if len(shared) < len(own) and (whole or 2 * len(shared) < len(own) or all(term in kind for term in shared)):
            continue
        if shared:
            holds = _affirmed(value, asks.asked) if asks.claim else None
            measured = {amount.dimension for amount in quantities(value)}
            aspects = (aspect for aspect in asks.aspects if measured.intersection(aspect.dimensions))
            said = [term for aspect in aspects for term in asks.words_for(aspect)] + [*_HAVING] * (holds is not None)
            by_adjective = not set(shared) <= set(asks.asked)  # "how hot" for `Heat`
            found.append((len(shared), Fact.of(name, value, holds, said, by_adjective)))
    most = max((shared for shared, _ in found), default=0)
    return [fact for shared, fact in found if shared == most][:_ALSO]


def _affirmed(value: str, asked: Sequence[str]) -> bool | None:
    """Whether a value says yes or no to what is asked; None for one that says neither, or denies something else:
    `Contains: no nuts` is no answer about milk."""
    if not denies(value) and not value.strip().lower().startswith(_YES):
        return None
    claims = {term: holds for term, holds in claimed("", value).items() if term not in _SAYS_NO}
    if about := [holds for term, holds in claims.items() if term in asked]:
        return all(about)
    return None if False in claims.values() else not denies(value)


def _by_value(asks: _Clause, included: bool) -> list[Fact]:
    """The attribute whose value has a word of the clause: "induction" in `Hobs: gas, ceramic, induction`.

    `included`: only one that says what comes with it.
    """
    found = []
    for name, value in asks.item.facts_told.items():
        if included and not _INCLUDED & {*terms(name), *terms(value)}:
            continue
        claims = claimed("", value)
        shared = [term for term in asks.asked if term in claims and says_something(term) and not term[0].isdigit()]
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
