"""What a sentence affirms and what it denies, clause by clause, for English and Chinese: by words, no parsing.

"Sale items cannot be returned" denies; what "unless" opens is an exception, what "only if" opens a proviso. Words that
are each other's opposite, and words that leave no exception ("always", "any", "free"), are here too, and listed in
`clauses.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from bot.understanding.questions import content_words
from retrieval.lexical import units

BINDING = frozenset(  # those of the absolutes that promise, or deny, what nobody said
    (
        "all", "any", "anywhere", "always", "never", "both", "neither", "free", "full", "included", "same", "for life",
        "at once", "twice",
    )
)  # fmt: skip
_OPENERS = (
    r"(?:yes|no|sure|(?:i'm |i am |so )?sorry(?: about that| to hear that)?|i'm afraid(?: so| not)?|afraid (?:so|not)"
    r"|of course(?: not)?|unfortunately|certainly|absolutely|right|oh no|no (?:worries|problem)|good (?:news|question)"
    r"|sadly|well|great|okay|ok|thanks|thank you|hello|hi|then (?:yes|no)|not\b[\w' ]{0,30}?)\b"
)
_OPENING = re.compile(
    rf"\W*(?:{_OPENERS}(?:,? {_OPENERS})*\s*(?:[,.!:;…]+|[\s–—-]*[–—-])\s*)+"
    r"|\W*(?:(?:是的|好的|您好|抱歉|不好意思|亲|可以的?|没问题|不客气|当然|不行|不可以|不能)的?(?:亲|哦|呢)?[，,。!！:：\s]+)+",
    re.I,
)
_BREAK = re.compile(
    r"\s*[;:()–—，；：（）]\s*|,\s+|(?<=[一-龥]),|\s+-\s+"
    r"|(?<=\S)(?<!\bonly)(?<!\beven)(?<!\bexcept)(?<!\bbut)\s+"
    r"(?=(?:but|unless|except|excluding|apart from|other than|if|as long as|provided|while|because|so|and|only"
    r"|otherwise|once|when|where|though|although|until|without)\b)"
    r"|(?=除(?!外)|但|如果|若|只有|否则)",
    re.I,
)
_EXCEPTS = re.compile(r"\W*(?:unless|except|excluding|apart from|other than|but not|除(?!以|去|外))|.*除外", re.I)
_PROVISO = re.compile(r"\W*(?:only (?:if|when|after|once|with)|as long as|provided|只有|仅限|须)", re.I)
_SUPPOSES = re.compile(r"\W*(?:if|unless|once|when|after|before|as long as|provided|until|如果|若|只要|一旦)", re.I)
_DENIES = re.compile(
    r"\b(?:not(?! only| just| \w+ (?:more|less|longer) than)|cannot|never|none|neither|nor|nothing|nobody|nowhere"
    r"|without|unable|no(?! (?:more|later|longer than|less|fewer|problem|worries|matter)\b)|\w+n[’']t)\b"
    r"|不(?!超过|少于|低于|同|过|仅|但|好意思|客气|断|管|错)|没(?!问题|关系|事)|(?<!毫)无(?!论|线|需担|理由)"
    r"|未(?![^，。,]{1,5}的)|勿"
    r"|非(?!常)|别(?=[^人的])",
    re.I,
)
_AUXILIARY = frozenset("不没未无勿可以能会要需须得将被把")
_WORD = re.compile("[a-z]+")
_LIMITING = frozenset(
    units("unless except excluding apart other only provided 除 外 除外")
)  # they limit, and name nothing


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence: its content words, whether it denies, and whether it is an exception or a proviso.

    `supposes`: it says when, not what.
    """

    words: frozenset[str]
    denies: bool
    exception: bool
    proviso: bool
    supposes: bool

    @property
    def limits(self) -> bool:
        """Whether what stands beside it holds only in part without it."""
        return self.exception or self.proviso


@cache
def _lists() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "clauses.toml").read_text("utf-8"))


@cache
def _courtesy() -> frozenset[str]:
    return frozenset(units(_lists()["courtesy"]))


@cache
def _opposites(name: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in _lists()[name]:
        left, right = (side.strip().split(", ") for side in pair.split(" / "))
        for one in left:
            for other in right:
                found.setdefault(one, []).append(other)
                found.setdefault(other, []).append(one)
    return found


@cache
def _absolutes() -> tuple[re.Pattern[str], tuple[str, ...]]:
    english, chinese = _lists()["absolutes"], _lists()["absolutes_zh"]
    ways = (rf"\b(?:{way})\b" + (f"|{chinese[name]}" if name in chinese else "") for name, way in english.items())
    return re.compile("|".join(f"(?P<a{at}>{way})" for at, way in enumerate(ways)), re.I), tuple(english)


def absolutes(text: str) -> frozenset[str]:
    """The words of a text that leave no exception, or say how much, each as the first of its like."""
    pattern, names = _absolutes()
    return frozenset(names[int((match.lastgroup or "a0")[1:])] for match in pattern.finditer(text))


def claiming_words(text: str) -> frozenset[str]:
    """The content words of a text that may claim something about the shop."""
    return frozenset(content_words(text)) - _courtesy()


@lru_cache(maxsize=1024)
def body(sentence: str) -> str:
    """A sentence without the "Yes," or "Sorry, no -" that answers before it says anything."""
    opening = _OPENING.match(sentence)
    return sentence[opening.end() :] if opening else sentence


@lru_cache(maxsize=2048)
def clauses(text: str, above: str = "") -> tuple[Clause, ...]:
    """The clauses of a text that have content words, in its order; what denies above it denies each of them."""
    return tuple(_clauses(text.replace("’", "'"), denies(above)))


def _clauses(text: str, denied: bool) -> Iterator[Clause]:
    for part in _BREAK.split(text):
        if words := frozenset(filter(_names, claiming_words(part or "") - _LIMITING)):
            denying = denied or len(_DENIES.findall(part)) % 2 == 1
            yield Clause(words, denying, *(ways.match(part) is not None for ways in (_EXCEPTS, _PROVISO, _SUPPOSES)))


def _names(word: str) -> bool:
    """Whether a word is more than a Chinese auxiliary or negation, or a pair of characters with one."""
    return word.isascii() or _AUXILIARY.isdisjoint(word)


def denies(text: str) -> bool:
    """Whether a text denies anything."""
    return _DENIES.search(text.replace("’", "'")) is not None


def opposed(claim: str, words: frozenset[str], text: str) -> int:
    """How many words of a claim another text has not, but their opposites; `words` are those of the text."""
    known = _opposites("opposites")
    found = sum(
        f"un{word}" in words or word.removeprefix("un") in words or not words.isdisjoint(known.get(word, ()))
        for word in set(_WORD.findall(claim.lower())) - words
    )
    if not claim.isascii():
        found += sum(
            word in claim and word not in text and any(other in text for other in others)
            for word, others in _opposites("opposites_zh").items()
        )
    return found
