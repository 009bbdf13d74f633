"""The limits that a shopper sets: "under £40", "at least 1.5 l", "400 lumens plus", "for 3 people", "a bigger one"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf, isinf
from typing import Final

from bot.products.attributes import COUNT, NUMBER, Quantity, quantities
from bot.products.numerals import plainly
from bot.products.scales import COLD, ENDS, LESS, MORE, NOUN_OF, WARM
from bot.products.words import says_something, terms

MONEY: Final = "price"  # the dimension of prices
UNDECIDED: Final = ""
AGE: Final = "age"  # the hint that a number is one's age
NEARLY: Final = 0.07  # a bare amount ("a 60 litre rucksack") may be missed by this much
ROUGHLY: Final = 0.2  # and one that is said to be rough, by this much
CLOSE: Final = 0.001  # of an amount: "more than" leaves out the same

_CURRENCIES = "quid|pounds?|gbp|euros?|eur|dollars?|bucks|usd|英?镑|英鎊|欧元|美元|人民币|元|块"
_MONEY = re.compile(rf"[£$€¥￥]\s?({NUMBER})(?!\s?[x×])|({NUMBER})\s*(?:{_CURRENCIES})", re.I)
_BETWEEN = re.compile(rf"\bbetween ({NUMBER}\s?(?:¤|[a-z°]+)?) and (?={NUMBER})", re.I)
_AGED = re.compile(rf"({NUMBER})[ -]?(?:years?|yrs?|yr)[ -]olds?\b|({NUMBER})\s*岁", re.I)
_AGE = re.compile(rf"\b{AGE} $")
_UNDER = (
    r"under|below|at most|up to|max(?:imum)?(?: of)?|within|not over|tops|budget(?: is| of)?|<=?"
    rf"|(?:less|{LESS}) than|(?:no|not) (?:more|{MORE}) than"
)
_OVER = (
    r"over|above|at least|min(?:imum)?(?: of)?|from|upwards of|not under|>=?"
    rf"|(?:more|{MORE}) than|(?:no|not) (?:less|{LESS}) than"
)
_FILLER = r"(?:\s+(?:of|a|an|about|around|the|say|like|to))*\s*"
_AT_MOST = re.compile(rf"\b(?:{_UNDER}){_FILLER}$|(?:低于|不超过|少于|小于|不到|最多)\s*$", re.I)
_AT_LEAST = re.compile(rf"\b(?:{_OVER}){_FILLER}$|(?:高于|超过|大于|至少|不低于|最少|起码)\s*$", re.I)
_ROUGH = re.compile(
    r"\b(?:about|around|roughly|approx\w*|circa|near(?:ly)?)(?: the| a)?\s*$|(?:大概|大约|左右)\s*$", re.I
)
_OR = r"\s*(?:[a-z]+\s+){0,2}?(?:or|and) "
_OR_LESS = re.compile(
    rf"{_OR}(?:less|under|lower|below|{LESS}|{'|'.join(COLD.comparatives)})\b"
    r"|\s*(?:max(?:imum)?|tops|at most|budget)\b|\s*(?:以下|以内|之内|内)",
    re.I,
)
_OR_MORE = re.compile(
    rf"{_OR}(?:more|over|above|up(?:wards)?|better|{MORE}|{'|'.join(WARM.comparatives)})\b"
    r"|\s*(?:plus\b|\+|upwards|min(?:imum)?\b|and up)|\s*(?:以上|起|或以上)",
    re.I,
)
_OR_SO = re.compile(r"\s*(?:or so|ish|左右|上下)", re.I)
_RATED = re.compile(r"\b(?:down|good|rated|comfortable|ok(?:ay)?) (?:to|at|for)\s*$", re.I)
_AT = re.compile(r"\b(?:to|at)\s*$", re.I)
_SPENDS = re.compile(r"\b(?:spend|budget|got|have|afford)\b.{0,12}$", re.I)
_ADJECTIVE = re.compile(r"\s*(?:long|wide|tall|high|deep|thick|heavy)\b", re.I)
_SIZE_BEFORE = re.compile(r"(?:\bsizes?|\buk|\beu|\bus|尺码|码)\s*$", re.I)
_SIZE_AFTER = re.compile(r"\s*(?:码|号)")
_BEARS = re.compile(
    r"\b(?:weighs?|takes?|holds?|supports?|carry|carries|bears?|i'?m|i am|for)(?: up to| about| around)?(?: an?)?\s*$"
    r"|承重\s*$",
    re.I,
)
_BORNE = re.compile(r"\s*(?:person|people|man|men|guy|user|adult|load|rider)\b", re.I)
_LOAD = frozenset(terms("load limit user"))
# "4 or higher" may be of anything; of what is bigger only the attribute says which.
_DIMENSION_OF = {word: end.dimensions[0] for end in ENDS for word in end.comparatives if len(end.dimensions) == 1} | {
    "higher": UNDECIDED
}


@dataclass(frozen=True, slots=True)
class Limit:
    """An amount between `low` and `high`.

    `dimension` is a unit's, MONEY, COUNT, or UNDECIDED: a price unless an attribute's name is among the `hints`, the
    words beside it. `soft` when no limit was said: the nearest comes first.
    """

    dimension: str
    low: float = -inf
    high: float = inf
    hints: frozenset[str] = frozenset()
    soft: bool = False

    def holds(self, quantity: Quantity) -> bool:
        """Whether an amount is within: of sides multiplied the longest, of a range some part."""
        low = quantity.high if quantity.sides > 1 else quantity.low
        return self.low <= quantity.high and low <= self.high

    def missed_by(self, low: float, high: float) -> float:
        """How far an amount is outside, as a share of the limit."""
        end = self.low if self.low > high else self.high
        return max(self.low - high, low - self.high, 0.0) / max(abs(end), 1.0) if not isinf(end) else 0.0

    def off(self, low: float, high: float) -> float:
        """How far an amount is from the middle of the limit, as a share of it; 0 for a limit with one end."""
        if isinf(self.low) or isinf(self.high) or self.low == self.high:
            return 0.0
        middle = (self.low + self.high) / 2
        return 0.0 if low <= middle <= high else min(abs(low - middle), abs(high - middle)) / max(abs(middle), 1.0)


@dataclass(frozen=True, slots=True)
class Said:
    """A limit, and the part of a text that says it."""

    limit: Limit
    start: int
    end: int


def in_units(line: str) -> str:
    """A message with its amounts as `limits` reads them: money as `40 ¤`, "between 3 and 5" as `3 - 5`, ages named."""
    text = _MONEY.sub(lambda match: f"{match[1] or match[2]} ¤", plainly(line))
    return _AGED.sub(lambda match: f" age {match[1] or match[2]} ", _BETWEEN.sub(r"\1 - ", text))


def limits(text: str) -> Iterator[Said]:
    """The limits of a text from `in_units`, in order."""
    counted = frozenset[str]()
    for quantity in quantities(text):
        if said := _limit(text, quantity):
            if said.limit.dimension == COUNT:
                counted |= said.limit.hints
            elif said.limit.dimension == UNDECIDED:  # "for 2 people under 200": the people are counted already
                said = replace(said, limit=replace(said.limit, hints=said.limit.hints - counted))
            yield said


def relative(line: str, amount: Callable[[str], float | None]) -> Limit | None:
    """The limit that "a bigger one than this" sets; `amount` gives what it is compared with has of a dimension."""
    for end in ENDS:
        for dimension in end.dimensions if end.comparative.search(line) else ():
            if (than := amount(dimension)) is not None:
                beyond = CLOSE * max(abs(than), 1.0)
                return Limit(dimension, than + beyond, inf) if end.high else Limit(dimension, -inf, than - beyond)
    return None


def _limit(text: str, quantity: Quantity) -> Said | None:
    """The limit that an amount sets; None for one that sets none, such as a size."""
    before, after = text[: quantity.start], text[quantity.end :]
    less, more = _OR_LESS.match(after), _OR_MORE.match(after)
    most, least = _AT_MOST.search(before), _AT_LEAST.search(before)
    low, high, dimension = quantity.low, quantity.high, quantity.dimension
    if dimension == COUNT:
        bounded = any((less, more, most, least))
        if _SIZE_BEFORE.search(before) or _SIZE_AFTER.match(after) or (quantity.sides > 1 and not bounded):
            return None
        if quantity.sides > 1:  # "at least 150 x 200": of what is sold by length and width, in centimetres
            low, high, dimension = 10 * high, 10 * high, "length"
    start = next((match.start() for match in (most, least, _AGE.search(before)) if match), quantity.start)
    end = quantity.end + next((match.end() for match in (less, more) if match), 0)
    if adjective := _ADJECTIVE.match(text[end:]):
        end += adjective.end()
    if dimension == COUNT:
        dimension = _dimension_said(f"{before[start:]} {text[quantity.end : end]}", low)
    hints = _hints(before[:start], after) | frozenset(AGE for _ in _AGE.finditer(before))
    if dimension == "mass" and (_BORNE.match(after) or (_BEARS.search(before) and not (less or more))):
        return Said(Limit(dimension, low, inf, hints | _LOAD), start, end)
    if less or most or more or least:
        open_end = UNDECIDED if dimension == COUNT else dimension
        within = Limit(open_end, -inf, high, hints) if less or most else Limit(open_end, low, inf, hints)
        return Said(within, start, end)
    bare = _bare(Limit(dimension, low, high, hints), before, after, quantity.sides)
    return Said(bare, start, quantity.end) if bare else None


def _bare(amount: Limit, before: str, after: str, sides: int) -> Limit | None:
    """The limit of an amount without "under" or "at least": a range, a rough figure, or about what it says."""
    low, high, dimension, hints = amount.low, amount.high, amount.dimension, amount.hints
    if dimension == "temperature" and (low < 0 or _AT.search(before)):
        return Limit(dimension, -inf, high, hints, soft=not _RATED.search(before))
    if low < high and sides == 1:
        return Limit(dimension, low, high, hints)
    rough = _ROUGH.search(before) or _OR_SO.match(after)
    if dimension == MONEY:
        if rough:
            return Limit(dimension, low * (1 - ROUGHLY), high * (1 + ROUGHLY), hints)
        return Limit(dimension, -inf, high, hints) if _SPENDS.search(before) else None
    share = ROUGHLY if rough else 0.0 if dimension == COUNT else NEARLY
    width = share * max(abs(low), abs(high))
    return Limit(dimension, low - width, high + width, hints, soft=True)


def _dimension_said(words: str, amount: float) -> str:
    """The dimension of a number without a unit, by the words that limit it ("or colder")."""
    said = (_DIMENSION_OF[word] for word in re.findall(r"[a-z]+", words.lower()) if word in _DIMENSION_OF)
    return next(said, "temperature" if amount < 0 else COUNT)


def _hints(before: str, after: str) -> frozenset[str]:
    """The words right beside an amount."""
    behind = terms(re.split(r"[,.;?!，。]|\d[^ ]*", before)[-1])[-2:]
    ahead = terms(re.split(r"[,.;?!，。]|\d", after)[0])[:2]
    near = [NOUN_OF.get(term, term) for term in behind + ahead]
    return frozenset(term for term in near if says_something(term) and not term[0].isdigit())
