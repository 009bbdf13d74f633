"""The amounts of a text with its numbers in digits: money, percentages, lengths of time, measures, codes, counts."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal

from knowledge.money import parse_price

Kind = Literal["money", "percent", "date", "clock", "length", "measure", "code", "count", "weekday", "month"]
Bound = Literal["most", "least", ""]
NUMBER = r"(?:\d{1,3}(?:[ '’]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
TO = r"(?:\s*(?:–|—|-|~|～|至|到)\s*|\s+(?:to|until|till|through)\s+)"
CODE = re.compile(r"(?<![A-Za-z0-9_-])(?:[A-Z][A-Za-z]*-?|[a-z]+)\d[A-Za-z0-9-]*(?<!-)")
_CODE_OF_DIGITS = re.compile(r"\d+(?!(?:st|nd|rd|th|s)\b)(?P<letters>[A-Za-z][A-Za-z0-9-]*)")
_SIGN = r"(?:[A-Z]{0,3}\$|[£€¥￥₹])"
_NUMBERS = re.compile(
    rf"(?P<first>{NUMBER})(?:\s?(?:{_SIGN}|%))?(?:(?P<to>{TO})|(?P<both>\s(?:and|or)\s|、))(?:{_SIGN}\s?)?(?P<second>{NUMBER})"
)
_NUMBER = re.compile(rf"(?P<first>{NUMBER})")
_BEFORE = re.compile(r"(?:(?<![A-Za-z])(?:[A-Z]{0,3}\$|[A-Z]{3}|kr|Rs)|[£€¥￥₹])\s?$")
_BEHIND = re.compile(
    r"[\s-]?(?:(?:full|calendar|whole|clear|more|further|consecutive|extra)\s)?(?P<working>(?:working|business|trading)[\s-])?"
    rf"(?P<unit>per cent|km/h|°[CF]?|{_SIGN}|[A-Za-złč]+|[%％℃\"″”]|个?(?P<chinese>[一-龥]{{1,3}}))",
    re.I,
)
_MOST = re.compile(
    r"(?:\bup to|\bat most|\bwithin|\bunder|\bbelow|\b(?:no|not) (?:more|longer|later|over)(?: than)?|\bless than"
    r"|\bfewer than"
    r"|\b(?:a )?max(?:imum)?\.?(?: of)?|\buntil|\btill?|\bbefore|\bby|(?:最多|不超过|不到|低于|少于|至多))\W*$",
    re.I,
)
_LEAST = re.compile(
    r"(?:\bfrom|\bat least|(?<!not )\bover|\babove|(?<!no )(?<!not )\bmore than|\blonger than"
    r"|\b(?:a )?min(?:imum)?\.?(?: of)?"
    r"|\bafter|\bno less than|\bfirst|\bstarting at|\bstarts at|(?:至少|超过|满|不低于|不少于|大于|高于))\W*$",
    re.I,
)  # fmt: skip
_NOUN = re.compile(
    r"[\s-]?(?!(?:in|on|at|to|of|for|from|with|after|before|per|a|an|and|or|is|are|if|only|each|when|by|the|you|we|they|it|he|she|then|may|can|will|must|but|as|up|until)\b)[A-Za-z一-龥]"
)
_MORE_BEHIND = re.compile(
    r"\W{0,2}(?:or (?:more|over|longer|older|later|above)\b|and (?:over|up|above)\b|以上|及以上|起)", re.I
)
_LESS_BEHIND = re.compile(r"\W{0,2}(?:or (?:less|under|fewer|younger)\b|以内|以下|内|之内|之前|前)", re.I)


@dataclass(frozen=True, slots=True)
class Value:
    """A value, from `low` to `high` in `unit`; "" as the unit compares with any other.

    `written` are its numbers as they stand. A date is its month and day (120 for 20 January), its unit the year if
    there is one; a clock time the minutes since midnight; a weekday counts from Monday, 0; a code is its unit.
    `bare`: a number with nothing behind it that says what it counts, as in a table. `bound` says that it is the most
    or the least ("up to", "from").
    """

    kind: Kind
    low: float
    high: float
    unit: str = ""
    written: tuple[float, ...] = ()
    bare: bool = False
    bound: Bound = ""


@cache
def units(section: str) -> dict[str, str]:
    """Each way of writing a unit of a section of `units.toml`, with its plain form."""
    record: dict[str, Any] = tomllib.loads((files(__package__) / "units.toml").read_text("utf-8"))
    return {way: plain for plain, ways in record[section].items() for way in ways}


def codes(text: str) -> Iterator[tuple[int, int, Value]]:
    """The codes of a text that begin with letters, "TC-14", each with where it begins and ends."""
    for match in CODE.finditer(text):
        if (match[0].rstrip("0123456789").lower()) not in units("currency"):
            yield match.start(), match.end(), Value("code", 0, 0, match[0].lower().replace("-", ""))


def amount_at(text: str, at: int) -> tuple[list[Value], int]:
    """The amounts that the number at a place begins, and where they end: two of them for "2 and 4 kg"."""
    code = _CODE_OF_DIGITS.match(text, at)
    if code and _unit_of(code["letters"]) is None:
        return [Value("code", 0, 0, code[0].lower().replace("-", ""))], code.end()
    sign = _BEFORE.search(text, max(0, at - 5), at)
    currency = units("currency").get(sign[0].strip().lower()) if sign else None
    if match := _NUMBERS.match(text, at):
        unit, end = _unit_behind(text, match.end())
        if currency and match["to"] and (unit is None or unit.kind == "money"):
            return _made(text, at, match, _Unit("money", currency), match.end()), match.end()
        if not currency and (unit or match["to"]):
            return _made(text, at, match, unit, end), end
    if (match := _NUMBER.match(text, at)) is None:
        return [], at + 1
    if currency:
        return _made(text, at, match, _Unit("money", currency), match.end()), match.end()
    unit, end = _unit_behind(text, match.end())
    return _made(text, at, match, unit, end), end


@dataclass(frozen=True, slots=True)
class _Unit:
    kind: Kind
    name: str
    times: float = 1.0


def _unit_behind(text: str, at: int) -> tuple[_Unit | None, int]:
    """What the word at a place counts, and where it ends."""
    behind = _BEHIND.match(text, at)
    if behind is None:
        return None, at
    if behind["chinese"]:
        return _chinese_unit(text, behind, at)
    unit = _unit_of(behind["unit"])
    if unit and behind["working"] and behind["unit"].lower().startswith("day"):
        unit = _Unit("length", "working day")
    return unit, behind.end() if unit else at


def _chinese_unit(text: str, behind: re.Match[str], at: int) -> tuple[_Unit | None, int]:
    """The longest unit that the characters begin with; 个月 is a length of time, 月 a month of the year."""
    for whole in (behind["unit"], behind["chinese"]):
        for length in range(len(whole), 0, -1):
            if unit := _unit_of(whole[:length]):
                return unit, text.index(whole, behind.start()) + length
    return None, at


@lru_cache(maxsize=4096)
def _unit_of(word: str) -> _Unit | None:
    for section in ("percent", "length", "measure", "currency", "hundredth"):
        known = units(section)
        plain = known.get(word) or known.get(word.lower() if section != "measure" else word)
        if plain is None:
            continue
        if section in ("currency", "hundredth"):
            return _Unit("money", plain, 1.0 if section == "currency" else 0.01)
        times, name = plain.split(" ", 1)
        return _Unit(
            "percent" if section == "percent" else "length" if section == "length" else "measure", name, float(times)
        )
    return None


def _made(text: str, at: int, match: re.Match[str], unit: _Unit | None, end: int) -> list[Value]:
    """The values of a match: a range, or each of its numbers."""
    groups = match.groupdict()
    numbers = [_number(written) for written in (groups["first"], groups.get("second")) if written]
    bound = _bound(text, at, end)
    kind, name, times = (unit.kind, unit.name, unit.times) if unit else ("count", "", 1.0)
    bare = unit is None and not _NOUN.match(text, end)
    if groups.get("to") and numbers[0] < numbers[-1]:
        pairs = [(numbers[0], numbers[-1], tuple(numbers))]
    else:
        pairs = [(number, number, (number,)) for number in dict.fromkeys(numbers)]
    return [
        Value(kind, round(low * times, 4), round(high * times, 4), name, written, bare, bound)
        for low, high, written in pairs
    ]


def _bound(text: str, at: int, end: int) -> Bound:
    before = text[max(0, at - 24) : at].rstrip("£€$¥ ")
    if _MOST.search(before) or _LESS_BEHIND.match(text, end):
        return "most"
    return "least" if _LEAST.search(before) or _MORE_BEHIND.match(text, end) else ""


@lru_cache(maxsize=4096)
def _number(written: str) -> float:
    try:
        price = parse_price(written.replace("’", "'"))
    except ValueError:  # "1.2.3,4" is nobody's price
        return float(re.sub(r"\D", "", written))
    return float(price[0]) if price else 0.0
