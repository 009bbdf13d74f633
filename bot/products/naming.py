"""Which product a question is about: by the words of titles, the rare ones first, and by what else it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bot.products.items import Item
from bot.products.numerals import plainly
from bot.products.shelf import Shelf
from bot.products.vocabulary import GENDERS, INCLUDES, UNIT_WORDS
from bot.products.words import closed_up, joined, says_something, terms

LOOKED_AT: Final = 24  # products with the best titles
EARLIER: Final = 0.35  # what an earlier message said weighs this much
FACT, TOLD = 0.8, 0.6  # a word that is not in the title, but in a fact or elsewhere in the text, weighs this much
LEFT_OVER, LEFT_OVER_FORM = 0.25, 0.05  # a title word that was not said takes off, and one that is no name of its own
NEIGHBOURS: Final = 1.5  # two words that stand side by side in the title too
REFUSED: Final = 0.6  # a product with what is not wanted
SPOKEN_OF: Final = 2.0
EXACT: Final = 1.0  # a product whose whole title was said
CLEARLY: Final = 1.3  # a title is known by words that weigh this much more than those left unsaid
TIE: Final = 0.5  # products this near to the best are as likely meant
DESCRIBED, APART = 0.55, 0.15  # of the words of a description, by rarity: the best product's share, and its lead
_CLAUSE = re.compile(r"[,.;?!()，。；？！\n]+(?!\d)|(?<!\d)[,.]+|\s[-–—]+\s|\band\b|\bbut\b")
_NOT = re.compile(
    r"\b(?:not|no|without|isn'?t|non)\s+(?!\w+er than|more|less|later|over|under|too)(?:the |a |an |any )?"
    r"((?:[\w-]+\s?){1,2})|(?:不要|不带|不含|(?<!有)没有)(\S{1,4})",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A product that may be meant. `own` are the words of the message that its title has, `score` ranks.

    `sure`: these words are enough to know it by; `exact`: its whole title was said. `unsaid` is what the words of its
    title that tell it from others, and were not said, take off the score.
    """

    item: Item
    score: float
    own: frozenset[str]
    sure: bool
    exact: bool
    unsaid: float = 0.0


def clauses(text: str) -> list[str]:
    """The parts of a message, at its punctuation and between "and"s."""
    return [part for part in _CLAUSE.split(plainly(text)) if part.strip()]


def excluded(text: str) -> frozenset[str]:
    """What is said not to be wanted: "no hood", "not the waterproof one", with what that includes."""
    found = (match[1] or match[2] for match in _NOT.finditer(plainly(text)))
    refused = frozenset(term for words in found for term in terms(words) if says_something(term))
    return refused.union(*(INCLUDES.get(term, ()) for term in refused))


def naming_terms(text: str, shelf: Shelf) -> list[str]:
    """The words of a message that may name a product, with "head torch" as one word."""
    found = terms(closed_up(plainly(text), shelf.is_word))
    return [term for term in found if says_something(term) or shelf.in_title(term)]


def meant(lines: Sequence[str], shelf: Shelf, mentioned: Iterable[str] = ()) -> list[Named]:
    """The products that a message may be about, best first.

    The first of `lines` is the message, the others what it leans on; `mentioned` are documents spoken of before.
    """
    now = naming_terms(lines[0], shelf)
    if len(lines) == 1 and any(map(shelf.is_head, now)):  # it names a type of its own: another one is meant
        mentioned = ()
    spoken_of = {document: item for document in mentioned if (item := shelf.item(document))}
    refused = excluded(lines[0])
    said = {term: EARLIER for line in lines[1:] for term in naming_terms(line, shelf)} | dict.fromkeys(now, 1.0)
    said = {term: weight for term, weight in said.items() if term not in refused}
    titles = (term for item in spoken_of.values() for term in item.title_terms)
    asked = {term: EARLIER for term in titles if says_something(term) or term[0].isdigit()} | said
    search = _Search(shelf, asked, frozenset(said), tuple(now), refused)
    documents = dict.fromkeys([*shelf.titled(asked, LOOKED_AT), *spoken_of])
    items = (item for document in documents if (item := shelf.item(document)))
    named = [found for item in items if (found := search.named(item, item.document in spoken_of))]
    return sorted(named, key=lambda found: (-round(found.score, 6), len(found.item.title_terms)))


@dataclass(frozen=True, slots=True)
class _Search:
    """The words to know a product by: all `asked` with their weights, those the shopper `said`, and said just `now`."""

    shelf: Shelf
    asked: Mapping[str, float]
    said: Set[str]
    now: tuple[str, ...]
    refused: Set[str]

    def named(self, item: Item, spoken_of: bool) -> Named | None:
        """The product with its score; None for one that is not named."""
        shelf, title = self.shelf, {*item.title_terms, *joined(item.title_terms)}
        own = frozenset(term for term in self.asked if term in title)
        aside = item.title_aside
        unsaid = {term for term in item.title_terms if says_something(term) and term not in self.said | aside}
        exact = not unsaid - GENDERS
        numbered = any(
            shelf.is_numbered(*pair) for pair in pairwise(self.now) if pair in set(pairwise(item.title_terms))
        )
        if not (spoken_of or numbered or any(map(shelf.identifies, own)) or (exact and len(own) > 1)):
            return None
        if self.refused & title or self._is_for_others(item):
            return None
        left = [term for term in set(item.title_terms) - self.asked.keys() - aside if says_something(term)]
        telling = [term for term in left if shelf.identifies(term)]
        off = LEFT_OVER * self._mass(telling)
        score = self._score(item, own) - off - LEFT_OVER_FORM * (len(left) - len(telling))
        if any(item.affirms(term) for term in self.refused):
            score *= REFUSED
        score += EXACT * exact
        another = any(shelf.in_title(term) and term not in title for term in self.now)  # "and the 160?"
        score += SPOKEN_OF * (spoken_of and not another)
        sure = spoken_of or exact or numbered or self._is_known_by(item, own, telling)
        return Named(item, score, own, sure, exact, off) if score > 0 else None

    def _is_for_others(self, item: Item) -> bool:
        asked = GENDERS & self.asked.keys()
        return bool(asked and GENDERS & item.named and not asked & item.named)

    def _score(self, item: Item, own: Set[str]) -> float:
        shelf = self.shelf
        score = sum(self.asked[term] * shelf.rarity(term) for term in own)
        for term, weight in self.asked.items():
            if term not in own and term in item.told and says_something(term):
                talks = term in item.named or item.affirms(term) is not None
                rare = min(shelf.rarity_in_text(term), shelf.rarity(term))
                score += weight * rare * (rare / shelf.rarest) * (FACT if talks else TOLD)
        side_by_side = set(pairwise(item.title_terms))
        return score + sum(NEIGHBOURS for pair in pairwise(self.now) if pair in side_by_side)

    def _is_known_by(self, item: Item, own: Iterable[str], unsaid: Iterable[str]) -> bool:
        """Whether the words of its title that were said are enough: the first, as a rule what it is called, a word that
        hardly another has, or most of them."""
        named = [term for term in own if self.shelf.identifies(term)]
        first = next((term for term in item.title_terms if self.shelf.identifies(term)), "")
        return (
            first in named or self._mass(named) > CLEARLY * self._mass(unsaid) or any(map(self.shelf.is_single, named))
        )

    def _mass(self, found: Iterable[str]) -> float:
        return sum(map(self.shelf.rarity, found))


def is_sure(named: Sequence[Named]) -> bool:
    """Whether the words of titles are enough to know which products are meant."""
    return any(found.sure and found.own <= named[0].own for found in named)


def named_for_sure(lines: Sequence[str], shelf: Shelf, mentioned: Iterable[str] = ()) -> list[Named]:
    """The products that a message may be about, best first, if its words are enough to know them; else none."""
    named = meant(lines, shelf, mentioned)
    return named if is_sure(named) else []


def likeliest(named: Sequence[Named]) -> list[Named]:
    """Those that are as likely meant as the first: of these only the ones whose whole title was said, if there are.

    Where words of its title were left unsaid, another with as much that was said is as likely: "the monstera" of
    `Monstera deliciosa` and `Monstera 'Thai Constellation'`.
    """
    if not named:
        return []
    first = named[0]
    tied = [found for found in named if found.score >= first.score - TIE]
    if first.unsaid:
        alike = (found for found in named if found.unsaid and found.own == first.own)
        tied += [
            found
            for found in alike
            if found not in tied and found.score + found.unsaid >= first.score + first.unsaid - TIE
        ]
    return [found for found in tied if found.exact] or tied


def described(text: str, documents: Iterable[str], shelf: Shelf) -> list[Named]:
    """The one product among these whose facts and text have nearly all the words of a description that names none."""
    words = {term for term in naming_terms(text, shelf) if says_something(term) and term not in UNIT_WORDS}
    if len(words) < 2:
        return []
    found = []
    for item in filter(None, map(shelf.item, documents)):
        own = words & set(item.title_terms)
        share = shelf.share(words, item.told.__contains__)
        found.append(Named(item, share + APART * bool(own), frozenset(own), share >= DESCRIBED, False))
    found.sort(key=lambda named: -named.score)
    return [one for one in found[:1] if one.sure and all(one.score - other.score >= APART for other in found[1:2])]
