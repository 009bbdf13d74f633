"""Words that compare, in English and Chinese: "heavy", "heavier", "heaviest", and what they compare by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.products.words import terms
from retrieval.lexical import units

# The dimensions, what the attribute is called, and the two ends, the high one first: adjectives, comparatives,
# superlatives, Chinese. An adjective that means other things too ("light", "short") is left out.
_SCALES = (
    (
        "price", "",
        "dear/dearer pricier more_expensive/dearest priciest most_expensive/贵",
        "cheap/cheaper less_expensive/cheapest least_expensive most_affordable lowest_price lowest_priced/便宜",
    ),
    ("mass", "weight 重量", "heavy/heavier/heaviest/重", "/lighter/lightest/轻"),
    ("light", "brightness max output 亮度", "bright/brighter/brightest/亮", "dim/dimmer/dimmest/暗"),
    ("power", "power 功率", "powerful/more_powerful/most_powerful strongest/", "/less_powerful/least_powerful/"),
    ("sound", "noise 噪音", "loud noisy/louder noisier/loudest noisiest/吵", "quiet/quieter/quietest/静 安静"),
    ("length", "height high 高度", "tall high/taller higher/tallest highest/高", "///矮"),
    ("length", "width wide 宽度", "wide/wider/widest/宽", "narrow/narrower/narrowest/窄"),
    ("length", "depth 深度", "deep/deeper/deepest/深", "shallow/shallower/shallowest/浅"),
    ("length", "thickness 厚度", "thick/thicker/thickest/厚", "thin/thinner/thinnest/薄"),
    ("length", "length 长度", "long/longer/longest/长", "/shorter/shortest/短"),
    (
        "volume length area", "capacity volume dimensions size 容量 尺寸",
        "/bigger larger roomier/biggest largest roomiest/大", "/smaller/smallest tiniest most_compact/小",
    ),
)  # fmt: skip
# What is warm is good for low temperatures.
_WARMTH = (("temperature", "comfort temperature rating 温标", "/colder/coldest/冷", "/warmer/warmest/暖 保暖"),)
_OTHERS = {"hot": "heat", "hotter": "heat", "old": "age", "older": "age"}


@dataclass(frozen=True, slots=True)
class End:
    """One end of a scale. `high`: it is where the amounts of the `dimensions` are high, by an attribute with one of the
    `names`."""

    dimensions: tuple[str, ...]
    names: frozenset[str]
    high: bool
    comparatives: tuple[str, ...]
    comparative: re.Pattern[str]
    superlative: re.Pattern[str]
    adjectives: Mapping[str, str]  # to the attribute's first name, as terms


def _ends(scales: Sequence[tuple[str, str, str, str]]) -> Iterator[End]:
    for dimensions, names, high, low in scales:
        yield _end(dimensions, names, high, True)
        yield _end(dimensions, names, low, False)


def _end(dimensions: str, names: str, written: str, high: bool) -> End:
    adjectives, comparatives, superlatives, chinese = (part.split() for part in written.split("/"))
    called, single = terms(names), (word for word in (*adjectives, *comparatives) if "_" not in word)
    more = tuple(word.replace("_", " ") for word in comparatives)
    most = [word.replace("_", "[- ]") for word in superlatives]
    return End(
        tuple(dimensions.split()),
        frozenset(called),
        high,
        more,
        _pattern(more, [f"更{char}|{char}(?:点|一点|些)" for char in chinese]),
        _pattern(most, [f"最{char}" for char in chinese]),
        {units(word)[0]: called[0] for word in single if called},
    )


def _pattern(english: Sequence[str], chinese: Sequence[str]) -> re.Pattern[str]:
    found = [rf"\b(?:{'|'.join(english)})\b"] * bool(english) + [*chinese]
    return re.compile("|".join(found), re.I)


COLD, WARM = _ends(_WARMTH)
ENDS: Final = (*_ends(_SCALES), COLD, WARM)
MORE, LESS = (
    "|".join(word for end in ENDS[:-2] if end.high == high for word in end.comparatives) for high in (True, False)
)
COMPARATIVE: Final = "|".join(word for end in ENDS for word in end.comparatives)
NOUN_OF: Final[Mapping[str, str]] = {units(adjective)[0]: noun for adjective, noun in _OTHERS.items()} | {
    adjective: noun for end in ENDS for adjective, noun in end.adjectives.items()
}
"""What an attribute is called that an adjective asks for."""
