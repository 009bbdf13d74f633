"""Numbers that are written in words, in digits: "sixty quid", "a tenner", "half a litre", "两百镑"."""

from __future__ import annotations

import re
from functools import lru_cache

_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_MINUS = re.compile(r"\bminus (?=\d)|零下\s*(?=\d)", re.I)
_WORDED = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[- ](?P<ones>{'|'.join(_ONES[1:10])}))?|(?P<small>{'|'.join(_ONES[2:])})"
    r"|(?P<one>one)(?=[- ](?:person|man|litre|liter|kilo|metre|cup|season|burner|pound|quid|seater))"
    r"|(?P<hundred>(?:a|one)(?: couple)? hundred)"
    r"|(?P<half>half an?|half)(?=[- ](?:litre|liter|kilo|metre|pint|hour)))\b",
    re.I,
)
_ONE = re.compile(
    r"\b(over|under|than|least|most) an? (?=(?:metre|meter|litre|liter|kilo|pint|foot|hour|tonne)\b)", re.I
)
_SLANG = re.compile(r"\b(?:a |the )?(tenner|fiver|grand)\b", re.I)
_SLANG_POUNDS = {"fiver": 5, "tenner": 10, "grand": 1000}
_HUNDREDS = re.compile(r"\b(\d) hundred(?: (?:and )?(\d+))?\b")
# What a Chinese numeral stands before, where it is one.
_BEFORE_MEASURE = "英?镑|元|块|升|毫升|公斤|千克|克|厘米|米|个?人|季|以下|以内|以上|小时|码|度|瓦|岁"
_CHINESE = re.compile(rf"[零一二两兩三四五六七八九十百千]+(?=(?:{_BEFORE_MEASURE}))")
_DIGITS = {digit: at for at, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "兩": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}
_PERSONS = re.compile(r"([单双三四])人")
_PEOPLE = re.compile(r"(\d+)\s*个?人")


@lru_cache(maxsize=1024)
def plainly(text: str) -> str:
    """The text with its numbers in digits, and with straight apostrophes."""
    text = _PERSONS.sub(lambda match: f"{'单双三四'.index(match[1]) + 1} person ", text.replace("’", "'"))
    text = _SLANG.sub(lambda match: f"£{_SLANG_POUNDS[match[1].lower()]}", text)
    text = _ONE.sub(r"\1 1 ", _WORDED.sub(_in_digits, text))
    text = _MINUS.sub("-", text)
    text = _HUNDREDS.sub(lambda match: str(int(match[1]) * 100 + int(match[2] or 0)), text)
    text = _CHINESE.sub(lambda match: str(_chinese(match[0])), text)
    return _PEOPLE.sub(r"\1 person ", text)


def _in_digits(match: re.Match[str]) -> str:
    if match["tens"]:
        ones = _ONES.index(match["ones"].lower()) if match["ones"] else 0
        return str(_TENS[match["tens"].lower()] + ones)
    if match["small"]:
        return str(_ONES.index(match["small"].lower()))
    if match["hundred"]:
        return "200" if "couple" in match["hundred"].lower() else "100"
    return "0.5" if match["half"] else "1"


def _chinese(numeral: str) -> int:
    total = digit = 0
    for char in numeral:
        if char in _DIGITS:
            digit = _DIGITS[char]
        else:
            total += (digit or 1) * _POWERS[char]
            digit = 0
    return total + digit
