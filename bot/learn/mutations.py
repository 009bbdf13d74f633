"""Sentences changed a little so that what they claim is no longer what the document says.

A judge of evidence must see what an embedding does not: 24 days for 28, "can" for "cannot", the rule without its
exception, another product's name. Each function gives a changed sentence, or None where there is nothing to change.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w])")
_UNITS = (
    ("minutes", "hours", "days", "weeks", "months", "years"),
    ("minute", "hour", "day", "week", "month", "year"),
    ("working days", "calendar days", "weekdays"),
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    ("january", "march", "april", "june", "july", "august", "september", "october", "november", "december"),
    ("kg", "g", "lb"),
    ("cm", "mm", "m"),
    ("one", "two", "three", "four", "five", "six", "seven", "ten", "twelve", "fourteen", "thirty"),
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
)
_CONDITION = re.compile(
    r",?\s*\b(?:except|unless|provided|as long as|but not|only if|apart from|excluding|other than)\b[^,.;]*", re.I
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
            options += [(match, family, word) for match in re.finditer(rf"\b{word}\b", text, re.I)]
    if not options:
        return None
    match, family, word = chance.choice(options)
    return _put(text, match, chance.choice([other for other in family if other != word]))


def opposite(text: str, chance: random.Random) -> str | None:
    """One word is its opposite."""
    options = []
    for pair in _OPPOSITES:
        for word, other in (pair, pair[::-1]):
            options += [(match, other) for match in re.finditer(rf"\b{word}\b", text, re.I)]
    return _put(text, *chance.choice(options)) if options else None


def negated(text: str, chance: random.Random) -> str | None:
    """What is so is not so, or the other way round."""
    options = []
    for pattern, other in _NEGATIONS:
        if match := re.search(pattern, text, re.I):
            options.append((match, other))
            if " not" in match[0] or "n't" in match[0] or match[0].lower() == "cannot":
                break  # a negation is undone before anything else is negated
    return _put(text, *chance.choice(options)) if options else None


def without_condition(text: str, chance: random.Random) -> str | None:
    """The exception or condition is gone."""
    shorter = _CONDITION.sub("", text, count=1)
    return shorter if shorter != text and len(shorter) > 0.4 * len(text) else None


def promising_more(text: str, chance: random.Random) -> str | None:
    """A promise is added that nobody made."""
    body = text.rstrip(" .!")
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


def _put(text: str, match: re.Match[str], word: str) -> str:
    word = word.capitalize() if match[0][:1].isupper() else word
    return text[: match.start()] + word + text[match.end() :]
