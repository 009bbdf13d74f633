"""A product as the bot looks at it: its typed facts, and the words it is known by."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Final

from bot.products.attributes import quantities, with_unit
from bot.products.vocabulary import MODIFIERS, UNIT_WORDS
from bot.products.words import compounds, says_something, terms
from knowledge.documents import Audience, Chunk
from knowledge.money import format_price, parse_price

SHORTEST_HEAD: Final = 4  # letters of a word that another may end with
_NO = frozenset(("no", "none", "not", "without", "never", "n/a"))
_NO_CHINESE = ("无", "不", "否", "没有")
_FLAGS = frozenset(("yes", "no", "true", "false", "是", "否", "有", "无"))
_NOT_HERE = ("sold separately", "not included", "available separately", "excluded", "optional extra")
_FREE = frozenset(("free",))
_ASIDE = re.compile(r"\([^()]+\)|（[^（）]+）")
_INCLUDED = re.compile(
    r"(?:^|(?<=[.!?;] ))(?P<name>[A-Z][\w-]*(?: [\w-]+){0,2}?)(?: is| are)? "
    r"(?P<value>(?:not )?included|sold separately)[.!;]",
    re.M,
)
_SEPARATORS = str.maketrans("();，、", ",,,,,")


@dataclass(frozen=True, slots=True)
class Form:
    """One variant that can be bought."""

    options: Mapping[str, str]
    price: float | None
    compare_at: float | None
    in_stock: bool | None
    to_order: bool


@dataclass(frozen=True)
class Item:
    """A product with its typed facts. `read` gives its passages, which are not read before they are needed."""

    document: str
    title: str
    kind: str
    vendor: str
    tags: tuple[str, ...]
    currency: str
    price: float | None
    price_max: float | None
    compare_at: float | None
    in_stock: bool | None
    to_order: bool
    attributes: Mapping[str, str]
    forms: tuple[Form, ...]
    audience: Audience = "public"
    effective_from: date | None = None
    effective_until: date | None = None
    read: Callable[[], Sequence[Chunk]] = field(repr=False, compare=False, default=tuple)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """Its passages."""
        return tuple(self.read())

    @cached_property
    def title_terms(self) -> tuple[str, ...]:
        """The title's words."""
        return terms(self.title)

    @cached_property
    def title_aside(self) -> frozenset[str]:
        """The words that the title has in brackets, `Boston fern (Nephrolepis)`: it is known without them."""
        return frozenset(term for match in _ASIDE.finditer(self.title) for term in terms(match[0]))

    @cached_property
    def option_names(self) -> tuple[str, ...]:
        """What its variants differ in, in the catalogue's order."""
        return tuple(dict.fromkeys(name for form in self.forms for name in form.options))

    @cached_property
    def facts(self) -> Mapping[str, str]:
        """The attributes that are not just the list of an option's values, each with the unit at its value."""
        return dict(with_unit(name, self.attributes[name]) for name in self._written.values())

    @cached_property
    def facts_told(self) -> Mapping[str, str]:
        """The `facts`, the brand, and what the description has in a sentence of its own: "Pot not included."."""
        sentences = (match for chunk in self.chunks for match in _INCLUDED.finditer(chunk.text))
        told = {match["name"]: match["value"] for match in sentences}
        return told | ({"Brand": self.vendor} if self.vendor else {}) | dict(self.facts)

    @cached_property
    def _written(self) -> Mapping[str, str]:
        """The names of `facts`, and how the catalogue writes them."""
        own = (name for name in self.attributes if name not in self.option_names)
        return {with_unit(name, self.attributes[name])[0]: name for name in own}

    def measured_by(self, dimensions: Sequence[str], names: Set[str]) -> str:
        """The attribute with an amount of one of these dimensions, named like one of `names` or else the first; "" for
        none."""
        able = [
            (not names & set(terms(name)), dimensions.index(found[0].dimension), name)
            for name, value in self.facts.items()
            if (found := quantities(value)[:1]) and found[0].dimension in dimensions
        ]
        return min(able, default=(True, 0, ""), key=lambda row: row[:2])[2]

    @cached_property
    def named(self) -> frozenset[str]:
        """The words of title, type, tags, brand and the variants' options."""
        options = (value for form in self.forms for value in form.options.values())
        texts = (self.title, self.kind, self.vendor, *self.tags, *options)
        return frozenset(term for text in texts for term in terms(text))

    @cached_property
    def told(self) -> frozenset[str]:
        """All its words: those of the attributes and of the text too."""
        texts = [text for pair in self.attributes.items() for text in pair] + [chunk.text for chunk in self.chunks]
        return self.named | {term for text in texts for term in terms(text)}

    def affirms(self, term: str) -> bool | None:
        """Whether its typed facts say that the word holds of it ("waterproof"), that it does not, or nothing."""
        return self._claims.get(term)

    @cached_property
    def _claims(self) -> Mapping[str, bool]:
        texts = (self.title, self.kind, *self.tags, *self.facts.values())
        claims = {term: True for text in texts for term in compounds(text)}
        for name, value in self.facts.items():
            for term, holds in claimed(name, value).items():
                claims[term] = claims.get(term, False) or holds
        return {**claims, **dict.fromkeys(self.named, True)}

    def may_be_seen(self, audience: Audience, day: date) -> bool:
        """Whether it is meant for these readers, and offered on that day."""
        begun = self.effective_from is None or self.effective_from <= day
        ended = self.effective_until is not None and self.effective_until < day
        return begun and not ended and audience in (self.audience, "staff")

    def money(self, amount: float) -> str:
        """The amount in the product's currency."""
        parsed = parse_price(f"{amount:.2f}")
        return format_price(parsed[0], self.currency) if parsed else ""

    def line_of(self, *parts: str) -> str:
        """The line of its text that has all the parts, or else the first."""
        lines = [line for chunk in self.chunks for line in chunk.text.split("\n") if line.strip()]
        return next((line for line in lines if all(part in line for part in parts)), lines[0] if lines else "")

    def line_of_fact(self, name: str) -> str:
        """The line of its text that has one of its `facts`."""
        written = self._written.get(name, name)
        return self.line_of(written, self.attributes.get(written, ""))


def is_product(facts: Mapping[str, Any]) -> bool:
    """Whether a document's facts are those of a product."""
    return "sku" in facts and "attributes" in facts


def item_of(record: Mapping[str, Any], read: Callable[[], Sequence[Chunk]]) -> Item:
    """The product of a document's record; `read` gives its passages."""
    facts = record["facts"]
    forms = tuple(
        Form(
            options=form.get("options", {}),
            price=form.get("price"),
            compare_at=form.get("compare_at"),
            in_stock=form.get("in_stock"),
            to_order=form.get("to_order", False),
        )
        for form in facts.get("variants", ())
    )
    return Item(
        document=record["path"],
        title=record["title"],
        kind=facts.get("kind") or "",
        vendor=facts.get("vendor") or "",
        tags=tuple(facts.get("tags", ())),
        currency=facts.get("currency") or "",
        price=facts.get("price"),
        price_max=facts.get("price_max") or facts.get("price"),
        compare_at=facts.get("compare_at"),
        in_stock=facts.get("in_stock"),
        to_order=facts.get("to_order", False),
        attributes=facts.get("attributes", {}),
        forms=forms,
        audience=record.get("audience", "public"),
        effective_from=_date(record.get("effective_from")),
        effective_until=_date(record.get("effective_until")),
        read=read,
    )


def _date(day: str | None) -> date | None:
    return date.fromisoformat(day) if day else None


def denies(value: str) -> bool:
    """Whether an attribute's value says no: `no`, `none`, `not included`, `sold separately`, `无`."""
    lower = value.strip().lower()
    first = lower.replace(",", " ").replace(";", " ").split()[:1]
    return (
        bool(first and first[0] in _NO) or lower.startswith(_NO_CHINESE) or any(phrase in lower for phrase in _NOT_HERE)
    )


def is_flag(value: str) -> bool:
    """Whether an attribute's value says yes or no, and nothing else."""
    return value.strip().lower() in _FLAGS


@lru_cache(maxsize=16_384)
def claimed(name: str, value: str) -> Mapping[str, bool]:
    """The words of an attribute, and whether it affirms them: `Lining: mesh, no membrane (not waterproof)` affirms
    mesh, and neither membrane nor waterproof; `Grain free: yes` has no grain."""
    claims: dict[str, bool] = {}
    for part in value.translate(_SEPARATORS).split(","):
        negated = False
        found = terms(part.replace("-", " "))
        for at, term in enumerate(found):
            if term in _NO:
                negated = True
            elif term not in _FREE:
                claims[term] = claims.get(term, False) or not (negated or _FREE & set(found[at + 1 : at + 2]))
    holds = not denies(value)
    own = terms(name)
    for at, term in enumerate(own):
        if term not in _FREE:
            claims.setdefault(term, holds != bool(_FREE & set(own[at + 1 : at + 2])))
    return claims


@lru_cache(maxsize=16_384)
def _heads(kind: str) -> Mapping[str, str]:
    """The words that name a type by themselves, as terms, and as they are written."""
    parts = kind.replace("&", ",").replace("/", ",").replace(">", ",").replace(" and ", ",").split(",")
    words = [[(found[-1], word) for word in part.split() if (found := terms(word))] for part in parts]
    words = [
        [(t, w) for t, w in part if says_something(t) and not t[0].isdigit() and t not in UNIT_WORDS] for part in words
    ]
    telling = [[(term, word) for term, word in part if term not in MODIFIERS] for part in words]
    return dict(part[-1] for part in (telling if any(telling) else words) if part)  # "Lights" are a type too


def heads(kind: str) -> frozenset[str]:
    """The words that name a type by themselves: "boots" of "Walking boots", both of "Tents and tarps"."""
    return frozenset(_heads(kind))


@lru_cache(maxsize=16_384)
def is_kind_of(name: str, kind: str) -> bool:
    """Whether a type's name says that it is one of these: "Walking boots" are boots, a "Houseplant" is a plant."""
    ends = (word[at:] for word in _heads(kind).values() for at in range(2, len(word) - SHORTEST_HEAD + 1))
    return name in _heads(kind) or any(name in terms(end) for end in ends)


def shared(titles: Iterable[str]) -> list[str]:
    """The words that all these titles begin with."""
    found: list[str] = []
    for column in zip(*(title.split() for title in titles), strict=False):
        if len(set(column)) > 1:
            break
        found.append(column[0])
    return found
