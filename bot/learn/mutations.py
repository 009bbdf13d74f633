"""Sentences changed a little so that what they claim is no longer what the document says.

A judge of evidence must see what an embedding does not: 24 days for 28, "can" for "cannot", the rule without its
exception, another product's name. Each function gives a changed sentence, or None where there is nothing to change.
English and Chinese.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from knowledge.languages import detect

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.,])\d+(?:[.,]\d+)*(?![A-Za-z0-9_])")
_UNITS = (
    ("minutes", "hours", "days", "weeks", "months", "years"),
    ("minute", "hour", "day", "week", "month", "year"),
    ("working days", "calendar days", "weekdays"),
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    ("january", "march", "april", "june", "july", "august", "september", "october", "november", "december"),
    ("kg", "g", "lb"),
    ("cm", "mm", "m"),
    ("one", "two", "three", "four", "five", "six", "seven", "ten", "twelve", "fourteen", "thirty"),
    ("分钟", "小时", "天", "周", "个月", "年"),
    ("个工作日", "个自然日", "天"),
    ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    ("公斤", "克", "斤"),
    ("厘米", "毫米", "米"),
)
_OPPOSITES = (
    ("always", "never"),
    ("before", "after"),
    ("at least", "at most"),
    ("more than", "less than"),
    ("over", "under"),
    ("free of charge", "for a fee"),
    ("free", "chargeable"),
    ("with", "without"),
    ("included", "not included"),
    ("all", "no"),
    ("only", "not only"),
    ("required", "not required"),
    ("accepted", "refused"),
    ("refund", "store credit"),
    ("buyer", "seller"),
    ("unopened", "opened"),
    ("unused", "used"),
    ("cheaper", "dearer"),
    ("first", "last"),
    ("maximum", "minimum"),
    ("up to", "at least"),
    ("in stock", "sold out"),
    ("online", "in the shop"),
    ("both", "neither"),
    ("early", "late"),
    ("increase", "decrease"),
    ("higher", "lower"),
    ("免费", "收费"),
    ("以内", "以上"),
    ("最多", "至少"),
    ("之前", "之后"),
    ("已拆封", "未拆封"),
    ("线上", "门店"),
    ("买家", "卖家"),
    ("您承担", "我们承担"),
    ("由您", "由我们"),
    ("全额", "部分"),
    ("包括", "不包括"),
    ("退款", "换货"),
)
_NEGATIONS = (
    (r"\bcannot\b|\bcan't\b|\bcan not\b", "can"),
    (r"\bwon't\b|\bwill not\b", "will"),
    (r"\bdon't\b|\bdo not\b", "do"),
    (r"\bdoesn't\b|\bdoes not\b", "does"),
    (r"\bisn't\b|\bis not\b", "is"),
    (r"\baren't\b|\bare not\b", "are"),
    (r"\bmust not\b|\bmustn't\b", "must"),
    (r"\bmay not\b", "may"),
    (r"\bcan\b", "cannot"),
    (r"\bwill\b", "will not"),
    (r"\bmust\b", "need not"),
    (r"\bmay\b", "may not"),
    (r"\bis\b", "is not"),
    (r"\bare\b", "are not"),
    (r"\bdo\b", "do not"),
    (r"\bhas\b", "does not have"),
    (r"\bhave\b", "do not have"),
    (r"^yes\b", "no"),
    (r"^no\b(?!t)", "yes"),
    ("不能|不可以?|无法|不得", "可以"),
    ("不支持", "支持"),
    ("不(?=办理|予|退|换)", ""),
    ("可(?=无理由|退|换)", "不可"),
    ("不(?:需要|用|必)", "需要"),
    ("不接受", "接受"),
    ("不会", "会"),
    ("没有", "有"),
    ("可以|(?<!不)能够?(?!量|源)", "不能"),
    ("(?<!不)支持", "不支持"),
    ("(?<!不)需要?", "不需要"),
    ("(?<![不机社])会(?!员|议)", "不会"),
)
_CONDITION = re.compile(
    r",?\s*\b(?:except|unless|provided|as long as|but not|only if|apart from|excluding|other than)\b[^,.;]*"
    r"|[，,](?:但|除非|只要|前提是)[^，,。；;]*|除[^，,。；;]*外[，,]?|（[^（）]*除外[^（）]*）",
    re.I,
)
_ADDED = (
    "at no extra cost",
    "within 24 hours",
    "for all orders",
    "anywhere in the world",
    "whenever you like",
    "for life",
    "even without a receipt",
    "including sale items",
    "and we pay the postage",
    "with a free gift",
)
_ADDED_ZH = (
    "，不收任何费用",
    "，24小时内完成",
    "，所有订单都适用",
    "，随时都可以",
    "，终身有效",
    "，没有小票也行",
    "，特价商品也一样",
    "，还送小礼物",
)


def other_number(text: str, chance: random.Random) -> str | None:
    """One number is another one of about its size."""
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    match = chance.choice(found)
    return text[: match.start()] + _another(match[0], chance) + text[match.end() :]


def _another(number: str, chance: random.Random) -> str:
    digits = [at for at, letter in enumerate(number) if letter.isdigit()]
    while True:
        changed = list(number)
        at = chance.choice(digits[:2] if len(digits) > 2 else digits)
        changed[at] = chance.choice("123456789")
        if (result := "".join(changed)) != number:
            return result


def other_unit(text: str, chance: random.Random) -> str | None:
    """Days are weeks, Monday is Tuesday, two is five."""
    options = []
    for family in _UNITS:
        for word in family:
            options += [(match, family, word) for match in re.finditer(_whole(word), text, re.I)]
    if not options:
        return None
    match, family, word = chance.choice(options)
    return _put(text, match, chance.choice([other for other in family if other != word]))


def opposite(text: str, chance: random.Random) -> str | None:
    """One word is its opposite."""
    options = []
    for pair in _OPPOSITES:
        for word, other in (pair, pair[::-1]):
            options += [(match, other) for match in re.finditer(_whole(word), text, re.I)]
    return _put(text, *chance.choice(options)) if options else None


def negated(text: str, chance: random.Random) -> str | None:
    """What is so is not so, or the other way round."""
    options = []
    for pattern, other in _NEGATIONS:
        if match := re.search(pattern, text, re.I):
            options.append((match, other))
            if " not" in match[0] or "n't" in match[0] or match[0].lower() == "cannot" or match[0][0] in "不无没":
                break  # a negation is undone before anything else is negated
    return _put(text, *chance.choice(options)) if options else None


def without_condition(text: str, chance: random.Random) -> str | None:
    """The exception or condition is gone."""
    shorter = _CONDITION.sub("", text, count=1)
    return shorter if shorter != text and len(shorter) > 0.4 * len(text) else None


def promising_more(text: str, chance: random.Random) -> str | None:
    """A promise is added that nobody made."""
    body = text.rstrip(" .!。！")
    if detect(text) == "zh":
        return f"{body}{chance.choice(_ADDED_ZH)}。" if len(body) > 8 and not body.endswith(("?", "？")) else None
    return f"{body} {chance.choice(_ADDED)}." if len(body) > 20 and not body.endswith("?") else None


def other_name(text: str, names: Sequence[str], chance: random.Random) -> str | None:
    """One of the names is another of them."""
    there = [name for name in names if name in text]
    others = [name for name in names if name not in text]
    return text.replace(chance.choice(there), chance.choice(others), 1) if there and others else None


MUTATIONS: Sequence[Callable[[str, random.Random], str | None]] = (
    other_number,
    other_number,
    other_unit,
    opposite,
    negated,
    negated,
    without_condition,
    promising_more,
)


def mutated(text: str, chance: random.Random) -> str | None:
    """The sentence with one thing changed, of those that it has; None when it has nothing that can be."""
    for change in chance.sample(MUTATIONS, len(MUTATIONS)):
        changed = change(text, chance)
        if changed is not None and changed != text:
            return changed
    return None


def _whole(word: str) -> str:
    """A pattern for a word that is no part of a longer one; Chinese has no ends of words to go by."""
    return rf"\b{word}\b" if word.isascii() else word


def _put(text: str, match: re.Match[str], word: str) -> str:
    word = word.capitalize() if match[0][:1].isupper() else word
    return text[: match.start()] + word + text[match.end() :]
