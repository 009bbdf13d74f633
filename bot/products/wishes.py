"""What a shopper looks for: words for the thing, limits, what is not wanted, and what to put first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from bot.products.intents import ADVICE, ASKS_HOW, LOOKS
from bot.products.limits import AGE, Limit, in_units, limits
from bot.products.naming import excluded
from bot.products.scales import ENDS
from bot.products.words import closed_up, compounds, says_something, terms
from knowledge.languages import is_cjk

BARE_CHINESE: Final = 8  # characters
_IN_STOCK = re.compile(
    r"\b(?:in stock|available(?: now| today)?|ready to (?:go|ship)|right now|today)\b|有货|现货", re.I
)
_FREE_OF = re.compile(r"\b([a-z]+)[- ]free\b(?! (?:delivery|shipping|returns?))", re.I)
_SIZES = frozenset(terms("small medium large uk eu us"))
_VEGAN, _KID = terms("vegan"), terms("kids")
_ANIMAL = "anim"
_WRITTEN = re.compile(r"[^\s,.;:?!()，。？！；：]+")
_PARTS = re.compile(
    r"[|,.;:?!()\n]|\b(?:for|with|in|to|of|that|which|who|from|on|at|as|like|by|near|about|than|he|she|they|i|we)\b",
    re.I,
)
_RELATIVE = re.compile(
    r"\b(?:that|which|who)(?:'s| (?:can|is|are|has|have|will|does|do|would|could))\b|(?<=\w )(?:i|we) can\b", re.I
)


@dataclass(frozen=True, slots=True)
class Sort:
    """What comes first: the lowest or highest amount of these dimensions, of an attribute with one of the `names` if
    there is one."""

    dimensions: tuple[str, ...]
    highest: bool = False
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a product must be.

    `words` say what kind of thing, `core` those of the thing itself, before any "for", "with" or "that"; `compounds`
    are words with a hyphen in one, `query` is what to search by. `looking` when the message says that something is
    looked for, or only names it.
    """

    text: str
    query: str = ""
    words: tuple[str, ...] = ()
    core: tuple[str, ...] = ()
    compounds: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    limits: tuple[Limit, ...] = ()
    in_stock: bool = False
    sort: Sort | None = None
    looking: bool = False

    @property
    def explicit(self) -> bool:
        """Whether it says by what to choose."""
        return self.sort is not None or any(not limit.soft for limit in self.limits)


_LONGEST_LASTING = re.compile(
    r"\blongest[- ]lasting\b|\blongest (?:battery|run)\w*\b|\b(?:last|run|keep)s?\b.{0,20}\blongest\b"
    r"|续航最长|最耐用|保温最久",
    re.I,
)
_SORTS = (
    (_LONGEST_LASTING, Sort(("time",), True, frozenset(terms("life run last keep time")))),
    (re.compile("功率最大"), Sort(("power",), True, frozenset(terms("power 功率")))),
    *((end.superlative, Sort(end.dimensions, end.high, end.names)) for end in ENDS),
)


def wish(lines: Sequence[str], is_word: Callable[[str], bool] = lambda term: False) -> Wish:
    """What a message wishes, with what it leans on (the further lines) where it says nothing of that itself.

    `is_word` says which terms the catalogue writes as one word.
    """
    found = _wish(lines[0], is_word)
    for line in lines[1:]:
        before = _wish(line, is_word)
        limited = {limit.dimension for limit in found.limits}
        found = replace(
            found,
            text=f"{found.text}\n{before.text}",
            query=f"{found.query} {before.query}".strip(),
            words=tuple(dict.fromkeys([*found.words, *before.words])),
            core=found.core or before.core,
            refused=found.refused | before.refused,
            limits=(*found.limits, *(limit for limit in before.limits if limit.dimension not in limited)),
            in_stock=found.in_stock or before.in_stock,
            sort=found.sort or before.sort,
        )
    return found


def _wish(line: str, is_word: Callable[[str], bool]) -> Wish:
    refused = excluded(line) | frozenset(term for match in _FREE_OF.finditer(line) for term in terms(match[1]))
    if ADVICE.search(line):
        return Wish(line, refused=refused)
    text = rest = in_units(line)
    said = list(limits(text))
    for one in reversed(said):
        rest = f"{rest[: one.start]} | {rest[one.end :]}"
    for pattern, _ in _SORTS:
        rest = pattern.sub(" ", rest)
    rest = closed_up(rest, is_word)
    parts = (_telling(part, refused) for part in _PARTS.split(rest))
    return Wish(
        text=line,
        query=" ".join(word for word in _WRITTEN.findall(rest) if _says_something(word, refused)),
        words=_telling(rest, refused) + (_VEGAN if _ANIMAL in refused else ()),
        core=next((part for part in parts if part), ()),
        compounds=(*compounds(rest), *(_KID if any(AGE in one.limit.hints for one in said) else ())),
        refused=refused,
        limits=tuple(one.limit for one in said),
        in_stock=_IN_STOCK.search(line) is not None,
        sort=next((sort for pattern, sort in _SORTS if pattern.search(text)), None),
        looking=LOOKS.search(line) is not None or _only_names(line),
    )


def _says_something(word: str, refused: Set[str]) -> bool:
    return any(says_something(term) and term not in refused for term in terms(word))


def _only_names(line: str) -> bool:
    """Whether a message only names things: "a two person tent, please"."""
    if sum(map(is_cjk, line)) > BARE_CHINESE:  # it shows no verb by its words
        return False
    return not ASKS_HOW.search(_RELATIVE.sub(" ", line))


def _telling(text: str, refused: Set[str]) -> tuple[str, ...]:
    """The words that say what kind of thing is meant: neither sizes nor numbers."""
    found = (term for term in terms(text) if says_something(term) and term not in refused | _SIZES)
    return tuple(dict.fromkeys(t for t in found if not t[0].isdigit() and (len(t) > 1 or not t.isascii())))
