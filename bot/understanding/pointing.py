"""Whether a message points at something it does not say: "it", "there", "the other one"."""

from __future__ import annotations

import re
from itertools import islice

from bot.understanding.topics import names

MANY = 8  # pointing words looked at
STORY = 4  # things said before a pointing word, which is then one of them
_JUDGED = (
    "(?:possible|ok(?:ay)?|fine|alright|true|safe|allowed|worth|normal|necessary|legal|easy|hard|difficult|common"
    "|better|cheaper|best|free|good|bad|late|early|usual|right|wrong)"
)
# What looks like a pointing word and points at nothing: "is it OK to", "there is", "this week", "one of".
_POINTS_NOWHERE = re.compile(
    rf"\b(?:is|was|would|will|isn'?t)\s+it\s+(?:be\s+)?(?:\w+\s+)?{_JUDGED}\s+(?:to|if|that|when)\b"
    rf"|\b(?:it'?s|it\s+(?:is|was|would\s+be))\s+(?:\w+\s+)?{_JUDGED}\s+(?:to|if|that|when)\b"
    r"|\bit\s+(?:\w+\s+)?(?:costs?|takes?|taking)\s+(?=(?:\w+\s+){0,2}(?:to|for)\s+\w{2})"
    r"|\bit\s+(?:rains?|snows?|freezes)\b|\b(?:is|are|was|were)\s+there\b|\bthere(?:'?s|\s+(?:is|are|was|were))\b"
    r"|\b(?:will|would|should|could|has|have|if|that)\s+there\b|\bthere\s+(?:will|would|should|might|may|must|could)\b"
    r"|\b(?:do|does|can|should)\s+one\b"
    r"|\bthis\s+(?:week|weekend|month|year|season|winter|summer|autumn|spring|christmas|morning|afternoon"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b|\b(?:no|any|every|some)\s+one\b"
    r"|\bone\s+(?:of|day|week|month|year|hour|person|more|time|pair|piece|size|item|order|way|click)\b|\bone-\w+"
    r"|\bso\s+that\b|\bthose\s+(?:who|that)\b|\beach\s+other\b",
    re.I,
)
_POINTS = re.compile(
    r"\b(?:it|its|they|them|their|theirs|these|those|this|that|there|ones?|both|neither|others?|another"
    r"|he|she|him|his|her|else|instead|besides|rather)\b",
    re.I,
)
_THERE = re.compile(r"\bthere\b|那里|那边", re.I)
_THEM = frozenset(("these", "those", "they", "them", "their", "theirs", "both", "neither"))
_BESIDE_IT = frozenset(("other", "others", "another", "else", "rather"))
_ANTECEDENT = re.compile(r"\b(?:an?|my|our|your|some|one)\s+(?:[\w'-]+\s+){0,2}?[\w'-]+", re.I)
# "a spare lid for it": it is not the lid.
_BOUND = re.compile(r"\b(?:an?|my|our|your|some|one)\s+(?:[\w'-]+\s+){1,3}(?:for|with|on|of|in|from|to|than)\s+$", re.I)
_CLAUSE_END = re.compile(r"[,;.!?]\s|\s+-+\s")
_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")


def points(text: str) -> bool:
    """Whether a word points at something that the message itself has not said before it."""
    text = _POINTS_NOWHERE.sub(" ", text)
    found = islice(_POINTS.finditer(text), MANY)
    return any(_is_unsaid(text[: word.start()], word[0].lower(), text[word.end() :]) for word in found)


def points_to_place(text: str) -> bool:
    """Whether a message speaks of a place ("there") that it does not name."""
    return _THERE.search(_POINTS_NOWHERE.sub(" ", text)) is not None


def _is_unsaid(before: str, word: str, after: str) -> bool:
    said = _WORD.findall(before.lower())
    things = [w for w in said if names(w)]
    if word == "that" and things and said[-1] == things[-1] and after.strip(" ?!."):
        return False  # "the boots that I bought"
    following = _WORD.match(after.lstrip())
    if word == "another" and following is not None and following[0] != "one":
        return not names(following[0])
    if word in _BESIDE_IT:
        return len(names(f"{before} {after}")) <= 2  # "drivers from other states" has said who
    if word in _THEM and _several(things, before):
        return False
    names_it_next = word in ("this", "that", "these", "those") and re.match(r"\s+[a-z]", after, re.I) is not None
    if word in ("ones", "one", "there", "instead", "besides") or names_it_next:
        return len(things) < STORY
    clause, *later = _CLAUSE_END.split(before)
    introduced = (later and names(clause)) or (things and _ANTECEDENT.search(_BOUND.sub("", before)))
    return not introduced and len(things) < STORY


def _several(things: list[str], before: str) -> bool:
    """Whether things were said that "they" may be: a plural, or two."""
    plural = any(word.endswith("s") and not word.endswith("ss") for word in things)
    return plural or (len(things) > 1 and re.search(r"\b(?:and|or)\b", before, re.I) is not None)
