"""Which variants of a product a message asks for: colours, sizes, lengths, as the catalogue itself names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from bot.products.attributes import COUNT, NUMBER, number, quantities
from bot.products.items import Form, Item
from bot.products.numerals import plainly
from bot.products.vocabulary import UNIT_WORDS
from bot.products.words import says_something, terms
from bot.understanding.ideas import stretches
from retrieval.lexical import units

Choice = Mapping[str, set[str]]  # the values of a product's options that are asked for, by option

_LETTERS = {
    "xs": "extra small|x small|xsmall", "s": "small", "m": "medium", "l": "large", "xl": "extra large|x large|xlarge",
    "xxl": "xx large|2xl|double extra large",
}  # fmt: skip
_LETTER = {
    letter: re.compile(rf"(?<![a-z0-9'.])(?<!\d )(?:{letter}|{words})(?![a-z0-9'])", re.I)
    for letter, words in _LETTERS.items()
}
_BIGGER_WORD = re.compile(r"\b(?:extra|x|xx|double|very)[ -](?=small|large)", re.I)
_AGED = re.compile(rf"({NUMBER})\s*(?:-|\s)?(?:yrs?|years?|yo|y/o|岁|months?|个月)", re.I)
_SIZED = re.compile(
    rf"(?:\b(?:size|sizes|uk|eu|us|in an?|in)\s*|尺码|码)({NUMBER})(?!\s*(?:stock|hours|days|weeks|months|years|%))"
    rf"|({NUMBER})\s*码",
    re.I,
)
_COLOUR = frozenset(terms("colour 颜色"))
_NUMBERS = re.compile(rf"(?<![\w.£$€¥-]){NUMBER}(?![\w.]*\d)")


_GENERIC = re.compile(
    r"\b(?:sizes?|versions?|options?|variants?|styles?|choices?)\b|\bcomes? in what\b|尺码|尺寸|码|规格|款式", re.I
)


def options_asked_for(item: Item, text: str) -> list[str]:
    """The options whose values a message asks for: those it names, or all where it says "options" or "sizes".

    None where it asks for another ("which lengths" of what comes in colours).
    """
    asked = set(terms(plainly(text)))
    named = [name for name in item.option_names if asked & set(terms(name))]
    if named or not _GENERIC.search(text):
        return named
    given = chosen(item, text)
    return [name for name in item.option_names if name not in given] or list(item.option_names)


def not_offered(item: Item, text: str) -> list[str]:
    """The options of which a message wants a value that the product does not come in: a size, or a colour."""
    plain, found = plainly(text), chosen(item, text)
    sized, lettered, coloured = _SIZED.search(plain), any(p.search(plain) for p in _LETTER.values()), _colours(plain)
    return [
        name
        for name, values in _values(item).items()
        if name not in found
        and (
            (sized and any(map(_numbers_of, values)))
            or (lettered and any(value.lower() in _LETTER for value in values))
            or (coloured and any(map(_colours, [name, *values])))
        )
    ]


def _values(item: Item) -> dict[str, list[str]]:
    return {
        name: list(dict.fromkeys(form.options[name] for form in item.forms if name in form.options))
        for name in item.option_names
    }


@lru_cache(maxsize=4096)
def _colours(text: str) -> frozenset[str]:
    """The colours that a text names, and the word for them all."""
    found = (idea for stretch in stretches(units(text)) for idea in stretch.ideas)
    return frozenset(idea.name for idea in found if idea.section == "colours") | frozenset(
        term for term in terms(text) if term in _COLOUR
    )


def chosen(item: Item, text: str) -> dict[str, set[str]]:
    """The values of the product's options that the message names, by option."""
    plain = plainly(text)
    found: dict[str, set[str]] = {}
    for name, values in _values(item).items():
        if named := {value for value in values if _says(plain, value, item)}:
            found[name] = _most(named, plain)
    return found


def _says(text: str, value: str, item: Item) -> bool:
    lower = value.strip().lower()
    if lower[:1] in "£$€¥":
        return re.search(rf"{re.escape(lower)}(?![\d.,]*\d)", text.lower()) is not None
    if lower in _LETTER:
        return _LETTER[lower].search(_BIGGER_WORD.sub("extra", text) if lower in ("s", "l") else text) is not None
    if numbers := _numbers_of(value):
        return any(low <= asked <= high for asked in _asked_numbers(text, item, value) for low, high in numbers)
    if (parts := re.split(r"\s*/\s*", lower))[1:] and all(part in _LETTER for part in parts):
        return any(_says(text, part, item) for part in parts)
    own = [term for term in terms(value) if says_something(term)] or terms(value)
    return bool({term for term in own if len(term) > 1 or not term.isascii()} & _terms_of(text))


@lru_cache(maxsize=64)
def _terms_of(text: str) -> frozenset[str]:
    return frozenset(terms(text))


def _numbers_of(value: str) -> list[tuple[float, float]]:
    """The numbers of a size (`UK 9.5`, `6–7`), each from low to high; none for a value that is words in the main."""
    words = [term for term in terms(value) if term.isalpha() and term not in UNIT_WORDS and len(term) > 2]
    return [] if words else [(amount.low, amount.high) for amount in quantities(value)]


def _asked_numbers(text: str, item: Item, value: str) -> set[float]:
    """The numbers of a message that may be a size, in the scale of the value's own unit."""
    dimension = next((amount.dimension for amount in quantities(value)), COUNT)
    if dimension != COUNT:
        return {amount.low for amount in quantities(text) if amount.dimension == dimension}
    sized = {number(match[1] or match[2]) for match in _SIZED.finditer(text)}
    aged = {number(match[1]) for match in _AGED.finditer(text)}
    if sized or aged:
        return sized | aged
    in_title = {term for term in item.title_terms if term[0].isdigit()}
    return {number(n) for n in _NUMBERS.findall(text) if not set(terms(n)) & in_title}


def _most(named: set[str], text: str) -> set[str]:
    """Where one value says more of the message than another ("Rust Felt", "Rust"), only that one."""
    asked = _terms_of(text)
    share = {value: len(set(terms(value)) & asked) for value in named}
    return {value for value in named if share[value] == max(share.values())}


def having(forms: Iterable[Form], choice: Choice) -> list[Form]:
    """The variants with one of the chosen values in each option."""
    return [form for form in forms if all(form.options.get(name, "") in values for name, values in choice.items())]


def spelled(choice: Choice) -> str:
    """The chosen values in words: `Rust, M`."""
    return ", ".join("/".join(sorted(values)) for values in choice.values())


def listed(forms: Iterable[Form], item: Item, but: Iterable[str] = ()) -> str:
    """Variants by their options, `Ink: S, M; Rust: S`, or `S, M, L` for one: without those in `but`, and without an
    option in which the product has one value only."""
    single = (name for name in item.option_names if len({form.options.get(name) for form in item.forms}) == 1)
    left_out = {*but, *single}
    grouped: dict[str, list[str]] = {}
    for form in forms:
        shown = [value for name, value in form.options.items() if name not in left_out]
        if shown:
            grouped.setdefault(" ".join(shown[:-1]), []).append(shown[-1])
    return "; ".join(
        f"{first}: {', '.join(dict.fromkeys(last))}" if first else ", ".join(dict.fromkeys(last))
        for first, last in grouped.items()
    )
