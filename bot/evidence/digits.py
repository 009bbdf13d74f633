"""A text with its numbers and times of day in digits: "two and a half weeks", "half past nine", "三十天"."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from knowledge.chinese import simplified

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_POWERS = {"hundred": 100, "thousand": 1000, "dozen": 12}
_FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3}
_WORDS = frozenset((*_SMALL[2:], *_TENS, *_POWERS))
_OTHER_WORDS = frozenset(("one", "a", "an", "half", "quarter", "fortnight", "noon", "midday", "midnight"))
_ONES = "|".join(_SMALL[1:10])
_WORDED = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<ones>{_ONES})\b)?|(?P<small>{'|'.join(_SMALL[:1:-1])})"
    r"|(?:a|one)(?= (?:hundred|thousand|dozen)\b))(?: (?P<power>hundred|thousand|dozen))?\b(?P<half> and a half\b)?",
    re.I,
)
_UNIT = (
    r"[ -](?:full |whole |calendar |working |business )?"
    r"(?:second|minute|hour|day|night|week|fortnight|month|year|pound|euro|dollar|litre|liter|metre|kilo|kg)"
)
_HOUR = (
    rf"(?P<hour>\d{{1,2}}|{'|'.join(_SMALL[12:0:-1])})(?=[\s,.?!]|$)(?! (?:an?|of|hours?|days?|weeks?|months?|years?))"
)
_BEFORE_ONE = "within|for|in|after|takes?|lasts?|about|under|over|to|least|by|than|of|expect|allow|give|add|another"
_HALVED = re.compile(r"(?P<whole>\d+)?(?: ?(?P<sign>[½¼¾⅓⅔])|[ -](?P<over>\d)/(?P<under>[2-9]\d?)(?!\d))")

_DIGITS = {digit: at for at, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CHINESE_POWERS = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_NUMERAL = "[零〇一二两三四五六七八九十百千万]+"
_COUNTED = (
    "分钟|分之|小时|钟头|天|日|周|星期|个|月|年|工作日|英镑|镑|元|块|欧|美元|公斤|千克|克|斤|米|厘米|毫米|升|毫升|度|瓦"
    "|件|双|次|款|张|片|位|人|层|箱|瓶|台|成|倍"
)
_CHINESE = re.compile(
    rf"(?<![第\d.])(?P<number>{_NUMERAL})(?P<half>半)?(?=个?(?:{_COUNTED}))(?!一[般定旦些直起样]|[一十]分[^之钟])"
)
_CLOCK = re.compile(
    r"(?P<part>凌晨|早上|早|上午|中午|下午|傍晚|晚上|晚)?(?P<hour>\d{1,2}|[一二两三四五六七八九十]{1,3})"
    r"(?:(?:点|时(?![间候长段效差常]))(?:钟|整)?(?:(?P<half>半)|(?P<minute>\d{1,2}|[一二三四五]?十?[一二三四五六七八九]?)分?)?|(?P<colon>:\d\d))"
)  # fmt: skip


@lru_cache(maxsize=8192)
def in_digits(text: str) -> str:
    """The text, in simplified characters, with its numbers in digits and its times of day as 14:30 or 9:30 am."""
    if not text.isascii():
        text = _HALVED.sub(_halved, _from_chinese(simplified(text)).replace("’", "'"))
    elif "/" in text:
        text = _HALVED.sub(_halved, text)
    words = frozenset(re.findall("[a-z]+", text.lower()))
    if not words.isdisjoint(_OTHER_WORDS):
        for pattern, other in _REWRITES:
            text = pattern.sub(other, text)
    return text if words.isdisjoint(_WORDS) else _WORDED.sub(_worded, text)


def _worded(match: re.Match[str]) -> str:
    total = 1.0
    if match["tens"]:
        ones = _SMALL.index(match["ones"].lower()) if match["ones"] else 0
        total = 10 * (_TENS.index(match["tens"].lower()) + 2) + ones
    elif match["small"]:
        total = _SMALL.index(match["small"].lower())
    total *= _POWERS[match["power"].lower()] if match["power"] else 1
    return f"{total + (0.5 if match['half'] else 0):g}"


def _halved(match: re.Match[str]) -> str:
    part = _FRACTIONS[match["sign"]] if match["sign"] else int(match["over"]) / int(match["under"])
    return f"{int(match['whole'] or 0) + part:g}"


def _past(match: re.Match[str]) -> str:
    """ "Half past nine" and the British "half nine" are 9:30."""
    said = match["hour"].lower()
    hour = int(said) if said.isdigit() else _SMALL.index(said)
    if match["part"].lower() == "half":
        return f"{hour}:30"
    return f"{(hour - 2) % 12 + 1}:45" if (match["to"] or "").strip().lower() == "to" else f"{hour}:15"


_REWRITES: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(pattern, re.I), other)
    for pattern, other in (
        (r"\bhalf a dozen\b", "6"),
        (rf"\b(?P<part>half|quarter)(?: (?P<to>past|to))? {_HOUR}", _past),
        (rf"(?<!and a )\bhalf(?: an?)?(?={_UNIT})", "0.5"),
        (r"\bhalf[ -](?:the )?price\b|\bhalf[ -]off\b", "50%"),
        (r"\b(?:an? |one )?fortnight\b", "14 days"),
        (r"\b(?:noon|midday)\b", "12:00 pm"),
        (r"\bmidnight\b", "24:00"),
        (rf"(?<![\w-])one(?={_UNIT})", "1"),
        (rf"\b({_BEFORE_ONE}) an?(?={_UNIT})", r"\1 1"),
    )
]


def _from_chinese(text: str) -> str:
    if not re.search("[一-龥]", text):
        return text
    text = re.sub("半价", "50%", text)
    text = _CLOCK.sub(_chinese_clock, text)
    text = re.sub(rf"百分之({_NUMERAL}|\d+(?:\.\d+)?)", lambda match: f"{_number(match[1]):g}%", text)
    text = re.sub(rf"({_NUMERAL}|\d+(?:\.\d+)?)折", _tenths, text)
    text = re.sub("半(?=个?(?:小时|月|年|天|公斤|斤|米|升))", "0.5", text)
    text = _CHINESE.sub(lambda match: f"{_number(match['number']) + (0.5 if match['half'] else 0):g}", text)
    text = re.sub(r"(\d+)年半", r"\1.5年", text)
    return re.sub(r"(\d+(?:\.\d+)?)万", lambda match: f"{float(match[1]) * 10_000:g}", text)


def _tenths(match: re.Match[str]) -> str:
    """A Chinese discount says what is left: 八折 is 20 % off."""
    left = _number(match[1])
    return f"{round(100 - (left * 10 if left < 10 else left), 4):g}%"


def _chinese_clock(match: re.Match[str]) -> str:
    if match["colon"] and not match["part"]:
        return match[0]
    hour = int(_number(match["hour"]))
    minute = match["colon"] or (":30" if match["half"] else f":{int(_number(match['minute'] or '零')):02d}")
    afternoon = match["part"] in ("下午", "傍晚", "晚上", "晚") or (match["part"] == "中午" and hour < 11)
    if not match["part"]:
        return f" {hour}{minute} "
    return f" {hour + 12 if afternoon and hour < 12 else hour:02d}{minute} "


def _number(numeral: str) -> float:
    if numeral[0].isascii():
        return float(numeral)
    total = section = digit = 0
    for char in numeral:
        if char in _DIGITS:
            digit = 10 * digit + _DIGITS[char]
        elif char == "万":
            total, section, digit = (total + section + digit) * _CHINESE_POWERS[char], 0, 0
        else:
            section, digit = section + (digit or 1) * _CHINESE_POWERS[char], 0
    return total + section + digit
