"""The dates, months, days of the week and times of day of a text with its numbers in digits."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.evidence.amounts import TO, Kind, Value

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)
_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_FULL_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_FULL_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
# What may name a day or a month at all: only then is a text searched for one.
DAY_WORDS = frozenset(
    [
        "mon",
        "tue",
        "tues",
        "wed",
        "thu",
        "thur",
        "thurs",
        "fri",
        "sat",
        "sun",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "mondays",
        "tuesdays",
        "wednesdays",
        "thursdays",
        "fridays",
        "saturdays",
        "sundays",
        "weekday",
        "weekdays",
        "weekend",
        "weekends",
    ]
)
MONTH_WORDS = frozenset([*_FULL_MONTH.split("|"), *_MONTHS, "sept"])
_DAY = (
    rf"(?:(?i:{_FULL_DAY})|(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat)s?(?![A-Za-z])"
    r"|(?:(?<=[–-])|(?<=to )|(?<=and )|(?<=& ))Sun(?![a-z])|Sun(?=[:–-]| to\b| and\b))"
)
_WEEK = re.compile(
    rf"\b(?:(?P<low>{_DAY})(?:{TO}|(?P<both>\s(?:and|&)\s)))?(?P<high>{_DAY})|(?P<part>(?i:week(?:days?|ends?)))\b"
)
_WEEK_ZH = re.compile(
    rf"(?<![一二两三四五六七八九十每\d个])(?:(?P<low>(?:周|星期|礼拜)[一二三四五六日天]){TO})?"
    r"(?P<high>(?:周|星期|礼拜)?(?<=[周期拜至到])[一二三四五六日天])(?!次)|(?P<part>周末|(?<![\d个])工作日)"
)
_DAYS_ZH = "一二三四五六日天"
_CAPITAL_MONTH = (
    rf"(?:(?!May)(?:{_FULL_MONTH.title()})"
    r"|(?:(?<=in )|(?<=of )|(?<=to )|(?<=by )|(?<=–)|(?<=from )|(?<=until ))May(?![a-z])|May(?=[–-]))"
)
_YEAR_MONTH = re.compile(rf"\b(?:(?P<low>{_CAPITAL_MONTH}){TO})?(?P<high>{_CAPITAL_MONTH})")
_MONTH_ZH = re.compile(rf"(?:(?P<low>\d{{1,2}})月?{TO})?(?P<high>\d{{1,2}})月(?!\d)")
_IN_MONTH = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s*(?P<year>(?:19|20)\d\d)(?!\d))?"
_DATES = [
    re.compile(pattern, re.I)
    for pattern in (
        r"(?P<year>(?:19|20)\d\d)[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)(?P<last>(?!))?",
        r"(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-](?P<year>(?:19|20)\d\d)(?!\d)(?P<last>(?!))?",
        rf"(?P<day>{_IN_MONTH})(?:(?:{TO}|(?P<both> (?:and|or) ))(?P<last>{_IN_MONTH}))?(?: of)?"
        rf" (?P<month>{_MONTH}){_YEAR}",
        rf"(?:(?P<year>(?:19|20)\d\d)年)?(?P<month>\d{{1,2}})月(?P<day>\d{{1,2}})[日号]?(?:{TO}(?P<last>\d{{1,2}})[日号])?",
    )
]
_MONTH_BEFORE = re.compile(rf"(?<![a-z])(?P<month>{_MONTH}) (?:the )?$", re.I)
_DAYS_BEHIND = re.compile(rf"(?P<day>{_IN_MONTH})(?![\d:.]\d|\d)(?:{TO}(?P<last>{_IN_MONTH})(?![\d:]))?{_YEAR}", re.I)
_HALF = r"\s*[ap]\.?\s?m(?:\.|\b)"
_TIME = r"\d{1,2}(?:[:.h]\d\d)?"
_CLOCK = re.compile(
    rf"(?:(?P<low>{_TIME})(?P<low_half>{_HALF})?(?:{TO}|\sand\s))?(?P<high>{_TIME})(?P<half>{_HALF}|\s*o'?clock)", re.I
)
_CLOCK_24 = re.compile(
    rf"(?:(?P<low>\d{{1,2}}(?:[:h]\d\d)?)(?P<low_half>(?!))?{TO})?(?P<high>\d{{1,2}}[:h]\d\d)(?![\d:])(?P<half>(?!))?"
)
_NOON = 720


def date_at(text: str, at: int, may_be_named: bool) -> tuple[list[Value], int, int]:
    """The dates that a number begins, or goes on with ("Jan 20th"), where they begin and where they end; none if []."""
    for pattern in _DATES if may_be_named else (*_DATES[:2], _DATES[3]):
        if (match := pattern.match(text, at)) and (found := _dates(match.groupdict())):
            return found, at, match.end()
    if may_be_named and (before := _MONTH_BEFORE.search(text, max(0, at - 16), at)):
        match = _DAYS_BEHIND.match(text, at)
        if match and (found := _dates(match.groupdict() | before.groupdict())):
            return found, before.start(), match.end()
    if match := _MONTH_ZH.match(text, at):
        high = int(match["high"])
        return _between("month", int(match["low"] or high), high, 12), at, match.end()
    return [], at, at


def _dates(said: dict[str, str | None]) -> list[Value]:
    if "first" in said:  # 20/1/2026, or as Americans have it
        first, second = int(said["first"] or 0), int(said["second"] or 0)
        day, month = (second, first) if second > 12 else (first, second)
    else:
        named = (said["month"] or "").lower()
        if said["month"] == "may":  # "by 24 may you"
            return []
        month = int(named) if named.isdigit() else _MONTHS.index(named[:3]) + 1
        day = int(re.sub(r"\D", "", said["day"] or ""))
    last = int(re.sub(r"\D", "", said["last"] or "") or day)
    if not (1 <= month <= 12 and 1 <= day <= 31 and 1 <= last <= 31):
        return []
    year, low, high = said["year"] or "", 100 * month + day, 100 * month + last
    if said.get("both"):
        return [Value("date", low, low, year), Value("date", high, high, year)]
    return [Value("date", low, max(low, high), year)]


def clock_at(text: str, at: int) -> tuple[list[Value], int]:
    """The times of day that a number begins, and where they end; nothing where it is none."""
    for pattern in (_CLOCK, _CLOCK_24):
        if (match := pattern.match(text, at)) and (found := _clock(match)):
            return found, match.end()
    return [], at


def _clock(match: re.Match[str]) -> list[Value]:
    high, sure = _minutes(match["high"], match["half"] or "")
    if match["low"] is None:
        return [_at(high, sure)] if high >= 0 else []
    low, low_sure = _minutes(match["low"], match["low_half"] or "")
    if min(low, high) < 0:
        return []
    if match["half"] and not match["low_half"]:  # "9 to 5 pm" begins in the morning, "2 to 5 pm" does not
        low, low_sure = low + _NOON if low < _NOON and low + _NOON < high else low, True
    return [_at(low, low_sure or (sure and not match["half"])), _at(high, sure)]


def _at(minutes: int, sure: bool) -> Value:
    return Value("clock", minutes, minutes, "24" if sure else "", (minutes / 60,))


def _minutes(clock: str, half: str) -> tuple[int, bool]:
    """Minutes since midnight, and whether it is sure which half of the day is meant; -1 for no time of day."""
    hours, _, minutes = re.sub(r"[.h]", ":", clock.lower()).partition(":")
    hour, minute = int(hours), int(minutes or 0)
    if hour > 24 or minute > 59:
        return -1, False
    if "m" in half.lower():
        return 60 * (hour % 12 + (12 if "p" in half.lower() else 0)) + minute, True
    return 60 * hour + minute, hour > 12 or hours.startswith("0")


def days_of_week(text: str) -> list[Value]:
    """The days of the week that a text names, and spans of them."""
    return [value for match in _WEEK.finditer(text) for value in _days(match, lambda day: _DAYS.index(day[:3].lower()))]


def chinese_days_of_week(text: str) -> list[Value]:
    """周一至周五, 周末."""
    return [v for match in _WEEK_ZH.finditer(text) for v in _days(match, lambda day: min(_DAYS_ZH.index(day[-1]), 6))]


def _days(match: re.Match[str], number: Callable[[str], int]) -> list[Value]:
    if part := match["part"]:
        weekend = part.lower().startswith("weekend") or part == "周末"
        return [Value("weekday", 5, 6) if weekend else Value("weekday", 0, 4)]
    high = number(match["high"])
    low = number(match["low"]) if match["low"] else high
    if match.groupdict().get("both"):
        return [Value("weekday", low, low), Value("weekday", high, high)]
    return _between("weekday", low, high, 7)


def months(text: str) -> list[Value]:
    """The months that a text names without a day."""
    found = []
    for match in _YEAR_MONTH.finditer(text):
        high = _MONTHS.index(match["high"][:3].lower()) + 1
        found += _between("month", _MONTHS.index(match["low"][:3].lower()) + 1 if match["low"] else high, high, 12)
    return found


def _between(kind: Kind, low: int, high: int, cycle: int) -> list[Value]:
    """From one to the other; Saturday to Tuesday goes over the end of the week."""
    return [Value(kind, low, high if low <= high else high + cycle)]
