"""The values that a text names, however they are written, and whether one text says another's.

"14 days", "two weeks" and "a fortnight" are one value, and so are "2 pm" and "14:00", "20 January", "Jan 20th",
"2026-01-20" and "1月20日". A range is one value with two ends. English and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from bot.evidence.amounts import Value, amount_at, codes, units
from bot.evidence.dates import DAY_WORDS, MONTH_WORDS, chinese_days_of_week, clock_at, date_at, days_of_week, months
from bot.evidence.digits import in_digits

_WORD, _DIGIT = re.compile("[a-z]+"), re.compile(r"\d")
_SPOT = re.compile(r"(?<![A-Za-z0-9_])(?<![0-9][.,])\d")
_HALF_DAY = 720  # minutes


@lru_cache(maxsize=8192)
def values(text: str) -> tuple[Value, ...]:
    """Every value of a text; those of the calendar without a number stand last."""
    plain = in_digits(text)
    words = frozenset(_WORD.findall(plain.lower()))
    named, chinese = not words.isdisjoint(MONTH_WORDS), not plain.isascii()
    found, rest = _numbered(plain, named) if _DIGIT.search(plain) else ([], plain)
    if not words.isdisjoint(DAY_WORDS):
        found += days_of_week(rest)
    if named:
        found += months(rest)
    if chinese:
        found += chinese_days_of_week(rest)
    return tuple(found)


def _numbered(text: str, named: bool) -> tuple[list[Value], str]:
    """The values with a number, and the text with spaces for them."""
    found, taken = list[Value](), list[tuple[int, int]]()
    for start, end, code in codes(text):
        found.append(code)
        taken.append((start, end))
    at, inside = 0, dict(taken)
    while spot := _SPOT.search(text, at):
        start = spot.start()
        if end := next((end for begin, end in inside.items() if begin <= start < end), 0):
            at = end  # in the middle of a code
            continue
        made, begin, at = _value_at(text, start, named)
        found += made
        taken.append((begin, at))
    for start, end in taken:
        text = text[:start] + " " * (end - start) + text[end:]
    return found, text


def _value_at(text: str, at: int, named: bool) -> tuple[list[Value], int, int]:
    """What the number at a place is, where that begins, and where it ends."""
    dates, begin, end = date_at(text, at, named)
    if dates:
        return dates, begin, end
    times, end = clock_at(text, at)
    if not times:
        times, end = amount_at(text, at)
    return times, at, max(end, at + 1)


def says(there: Sequence[Value], value: Value) -> bool:
    """Whether one of the values is this one, or this one is an end of it, or its two ends are among them."""
    if any(same(other, value) or _is_end(value, other) for other in there):
        return True
    if value.low == value.high:
        return False
    ends = replace(value, high=value.low, written=value.written[:1]), replace(value, low=value.high)
    return all(any(same(other, end) for other in there) for end in ends)


def same(one: Value, other: Value) -> bool:
    """Whether two values are the same, as far as they say it: a bare 30 may be 30 days."""
    if one.kind != other.kind:
        return _bare_same(one, other) or _bare_same(other, one)
    if not _same_unit(one, other):
        return False
    if one.kind == "clock" and not (one.unit and other.unit):
        return (one.low - other.low) % _HALF_DAY == 0
    return one.low == other.low and one.high == other.high


def _same_unit(one: Value, other: Value) -> bool:
    if one.unit == other.unit or not one.unit or not other.unit or one.kind == "clock":
        return True
    shared = units("shared")
    return one.kind == "money" and (shared.get(one.unit) == other.unit or shared.get(other.unit) == one.unit)


def _bare_same(one: Value, number: Value) -> bool:
    """Whether a number that does not say what it counts is that of the value; a table may have it in its header."""
    if number.kind != "count" or not number.bare or one.kind == "code":
        return False
    return bool(one.written) and (one.written == number.written or one.written[-1:] == number.written)


def _is_end(value: Value, spread: Value) -> bool:
    """Whether the value is one end of a range, or within one of dates or days."""
    if value.kind != spread.kind or spread.low == spread.high or not _same_unit(value, spread):
        return value.kind == "month" and spread.kind == "date" and value.low == spread.low // 100
    if value.kind in ("weekday", "month"):
        cycle = 7 if value.kind == "weekday" else 12
        return value.low == value.high and (
            spread.low <= value.low <= spread.high or spread.low <= value.low + cycle <= spread.high
        )
    return value.low == value.high and value.low in (spread.low, spread.high)
