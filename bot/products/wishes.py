"""What a shopper looks for: words for the thing, limits, what is not wanted, and what to put first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from bot.products.intents import ADVICE, ASKS_HOW, LOOKS
from bot.products.limits import AGE, MONEY, Limit, in_units, limits
from bot.products.naming import excluded
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
_RELATIVE = re.compile(r"\b(?:that|which|who)(?:'s| (?:can|is|are|has|have|will|does|do|would|could))\b", re.I)


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


def _sort(pattern: str, dimensions: str, highest: bool, names: str = "") -> tuple[re.Pattern[str], Sort]:
    return re.compile(pattern, re.I), Sort(tuple(dimensions.split()), highest, frozenset(terms(names)))


_LONGEST_LASTING = (
    r"\blongest[- ]lasting\b|\blongest (?:battery|run)\w*\b|\b(?:last|run|keep)s?\b.{0,20}\blongest\b"
    r"|续航最长|最耐用|保温最久"
)
_SIZE = "capacity volume dimensions size 容量 尺寸"
_SORTS = (
    _sort(r"\bcheapest\b|\blowest[- ]priced?\b|\bleast expensive\b|\bmost affordable\b|最便宜|最低价", MONEY, False),
    _sort(r"\bmost expensive\b|\bdearest\b|\bpriciest\b|最贵", MONEY, True),
    _sort(r"\blightest\b|最轻", "mass", False, "weight 重量"),
    _sort(r"\bheaviest\b|最重", "mass", True, "weight 重量"),
    _sort(r"\bwarmest\b|最暖|最保暖", "temperature", False, "comfort temperature rating 温标"),
    _sort(r"\bbrightest\b|最亮", "light", True, "brightness max output 亮度"),
    _sort(r"\bmost powerful\b|\bstrongest\b|功率最大", "power", True, "power 功率"),
    _sort(r"\bquietest\b|最安静|最静", "sound", False, "noise 噪音"),
    _sort(_LONGEST_LASTING, "time", True, "life run last keep time"),
    _sort(r"\btallest\b|\bhighest\b|最高", "length", True, "height high 高度"),
    _sort(r"\blongest\b|最长", "length", True, "length 长度"),
    _sort(r"\bshortest\b|最短", "length", False, "length 长度"),
    _sort(r"\b(?:biggest|largest|roomiest)\b|最大", "volume length area", True, _SIZE),
    _sort(r"\b(?:smallest|tiniest|most compact)\b|最小", "volume length area", False, f"{_SIZE} packed"),
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
