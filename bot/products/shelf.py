"""The products of one snapshot: an index of their titles and types, and their facts when they are looked at.

The index is made once per snapshot, at the first question that needs it (0.8 s for 20,000 products); facts are decoded
when a product is looked at, and the latest `REMEMBERED` are kept.
"""

from __future__ import annotations

import copy
import json
import re
import threading
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise
from math import log1p
from typing import Any, Final

from bot.products.items import Item, heads, is_product, item_of
from bot.products.vocabulary import MODIFIERS, UNIT_WORDS
from bot.products.words import folded, joined, says_something, terms
from knowledge.documents import Chunk
from retrieval.corpus import Corpus

REMEMBERED: Final = 2048  # products decoded, about 10 KB each
MOST_TITLES: Final = 200_000  # beyond, the index would take longer to make than a shopper waits
COMMON: Final = 500  # a title word of more products than this says too little to look for them by it alone
ENDED_WITH: Final = 3  # titles that end with a word which is a type of product then, where the catalogue has no types
SHORTEST: Final = 5
SINGLE: Final = 0.6
BRANDED: Final = 3  # products of a brand from which on its name tells them no more apart
ALIKE: Final = 0.82  # difflib's ratio of a word and a mistyped one: one letter of six
_WORD = re.compile(r"[a-z]+")
_WRITTEN = re.compile(r"(?<![A-Za-z'])[A-Za-z]+(?![A-Za-z'])")
_NOWHERE = "\x00"
_NO_FACTS = b'"facts": {}}'


class Shelf:
    """The products of one snapshot. Thread-safe."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = weakref.ref(corpus)
        self._items: OrderedDict[str, Item | None] = OrderedDict()
        self._lock = threading.Lock()
        self._may_see: Callable[[Item], bool] = lambda item: True
        self._titles: list[tuple[str, tuple[str, ...]]] = []  # document, title's terms
        self._having: dict[str, list[int]] = {}  # term -> numbers of titles
        self._first: Counter[str] = Counter()  # how many titles begin with a word
        self._spelled: set[str] = set()  # the words of titles and types as they are written
        self._joined: dict[str, list[int]] = {}  # two neighbouring words in one
        self._brands: Counter[str] = Counter()  # how many products have a word in their brand's name
        self._kinds: set[str] = set()
        self._properties: dict[str, frozenset[str]] = {}  # names of attributes and options
        self._seen_kinds: set[tuple[str, ...]] = set()
        self._heads: set[str] = set()
        self._index(corpus)
        self._by_start: dict[str, list[str]] = {}
        for word in self._spelled:
            if len(word) > 3 and says_something(terms(word)[0]):
                self._by_start.setdefault(word[0], []).append(word)

    def _index(self, corpus: Corpus) -> None:
        last: Counter[str] = Counter()
        for number in range(min(len(corpus.document_lines), MOST_TITLES)):
            line = corpus.document_lines[number]
            if line.rstrip().endswith(_NO_FACTS) or not is_product((record := json.loads(line))["facts"]):
                continue
            self._index_title(record["path"], record["title"])
            self._index_type(record["facts"])
            self._brands.update(terms(record["facts"].get("vendor") or ""))
            last.update(heads(record["title"]))
        if not self._heads:  # no types: a word that many titles end with is one
            self._heads = {term for term, count in last.items() if count >= ENDED_WITH}
            self._kinds |= self._heads

    def _index_title(self, document: str, title: str) -> None:
        found = terms(title) or ("",)
        for term in set(found):
            self._having.setdefault(term, []).append(len(self._titles))
        for term in joined(found):
            self._joined.setdefault(term, []).append(len(self._titles))
        self._first[found[0]] += 1
        self._titles.append((document, found))
        self._spelled.update(_WORD.findall(folded(title).lower()))

    def _index_type(self, facts: Mapping[str, Any]) -> None:
        kind, tags = facts.get("kind") or "", facts.get("tags", ())
        if (kind, *tags) not in self._seen_kinds:
            self._seen_kinds.add((kind, *tags))
            self._kinds.update(term for text in (kind, *tags) for term in terms(text))
            self._heads |= heads(kind)
            self._spelled.update(_WORD.findall(folded(kind).lower()))
        for name in facts["attributes"]:
            if name not in self._properties:
                self._properties[name] = frozenset(terms(name))

    def seen_by(self, may_see: Callable[[Item], bool]) -> Shelf:
        """The same shelf, as somebody sees it who may not see every product."""
        view = copy.copy(self)
        view._may_see = may_see
        return view

    def __len__(self) -> int:
        return len(self._titles)

    def item(self, document: str) -> Item | None:
        """The product of a document; None for a document that is none, is not there, or may not be seen."""
        with self._lock:
            known = document in self._items
            if known:
                self._items.move_to_end(document)
            item = self._items.get(document)
        if not known:
            item = self._read(document)
            with self._lock:
                self._items[document] = item
                while len(self._items) > REMEMBERED:
                    self._items.popitem(last=False)
        return item if item is not None and self._may_see(item) else None

    def _read(self, document: str) -> Item | None:
        corpus = self._corpus()
        if corpus is None or document not in corpus.numbers:
            return None
        record = corpus.document(document)
        return item_of(record, lambda: self._chunks(document)) if is_product(record["facts"]) else None

    def _chunks(self, document: str) -> Sequence[Chunk]:
        corpus = self._corpus()
        return corpus.chunks_of(document) if corpus else ()

    def rarity(self, term: str) -> float:
        """How much it says that a title has this word: its idf among the titles."""
        having = len(self._numbers(term))
        return log1p((len(self) - having + 0.5) / (having + 0.5))

    @cached_property
    def rarest(self) -> float:
        """The rarity of a word that no title has."""
        return max(self.rarity(_NOWHERE), 1.0)

    def rarity_in_text(self, term: str) -> float:
        """How much it says that a product's text has this word: its idf among the passages."""
        corpus = self._corpus()
        return corpus.lexical.rarity(term) if corpus else 0.0

    def share(self, asked: Iterable[str], is_known: Callable[[str], bool]) -> float:
        """The share of these words that are known, by how rare they are in the texts; 1 where there is none."""
        weights = {term: max(1.0, self.rarity_in_text(term)) for term in asked}
        total = sum(weights.values())
        return sum(weight for term, weight in weights.items() if is_known(term)) / total if total else 1.0

    def is_head(self, term: str) -> bool:
        """Whether the word names a type of product by itself: the "boots" of "Walking boots"."""
        return term in self._heads

    @cached_property
    def _property_terms(self) -> frozenset[str]:
        return frozenset[str]().union(*self._properties.values())

    def is_property(self, term: str) -> bool:
        """Whether the name of an attribute or option has the word, and no type of product."""
        return term in self._property_terms and term not in self._kinds

    def is_word(self, term: str) -> bool:
        """Whether a title, type or tag has the word."""
        return term in self._having or term in self._kinds

    def in_title(self, term: str) -> bool:
        """Whether a title has the word."""
        return term in self._having

    def spelled(self, text: str) -> str:
        """The text with mistyped words put right, see `corrected`."""
        return _WRITTEN.sub(lambda match: self.corrected(match[0]), text)

    def corrected(self, written: str) -> str:
        """The title's or type's word nearest to one that may be mistyped, as it is written there.

        That is one of `SHORTEST` letters or more that the shop's documents have nowhere. The word itself where none is
        near, or where it is none of these.
        """
        word = written.lower()
        if len(word) < SHORTEST or word in self._spelled:
            return written
        corpus, term = self._corpus(), terms(word)[0]
        if term in self._having or term in self._joined or term in self._kinds or corpus is None:
            return written
        if not says_something(term) or corpus.lexical.rarity(term) < corpus.lexical.rarity(_NOWHERE):
            return written
        near = [known for known in self._by_start.get(word[0], ()) if abs(len(known) - len(word)) < 2]
        found = get_close_matches(word, near, 1, ALIKE)
        return found[0] if found else written

    def _numbers(self, term: str) -> Sequence[int]:
        return self._having.get(term, []) or self._joined.get(term, [])

    def identifies(self, term: str) -> bool:
        """Whether a title's word tells one product from others: no type's or brand's word, number, unit or size."""
        return (
            (term in self._having or term in self._joined)
            and term not in self._kinds
            and self._brands[term] <= BRANDED
            and not term[0].isdigit()
            and len(term) > 1
            and term not in UNIT_WORDS
            and term not in MODIFIERS
            and says_something(term)
        )

    def is_line(self, term: str) -> bool:
        """Whether several products are called so, as the Ember kettles are: all titles with the word begin with it."""
        return self.identifies(term) and self._first[term] == len(self._having.get(term, ())) > 1

    def is_numbered(self, name: str, number: str) -> bool:
        """Whether hardly a title but one has this word and, right behind it, this number: the "City 3"."""
        if not number[0].isdigit() or not name.isalpha() or name in UNIT_WORDS:
            return False
        both = set(self._numbers(name)) & set(self._numbers(number))
        return 0 < sum((name, number) in pairwise(self._titles[at][1]) for at in both) <= 2

    def is_single(self, term: str) -> bool:
        """Whether hardly a title but one has the word, which is rare in the texts too."""
        if not 0 < len(self._numbers(term)) <= 2 or (corpus := self._corpus()) is None:
            return False
        return corpus.lexical.rarity(term) >= SINGLE * corpus.lexical.rarity(_NOWHERE)

    def titled(self, asked: Mapping[str, float], most: int) -> list[str]:
        """The documents whose titles have most of these words by weight and rarity, best first.

        A word that more than `COMMON` titles have chooses among those found by the others, or counts nothing.
        """
        mass: dict[int, float] = {}
        rare = [term for term in asked if 0 < len(self._numbers(term)) <= COMMON]
        for term in rare:
            for number in self._numbers(term):
                mass[number] = mass.get(number, 0.0) + asked[term] * self.rarity(term)
        common = [term for term in asked if len(self._having.get(term, ())) > COMMON]
        for number in mass if common else ():
            there = self._titles[number][1]
            mass[number] += sum(asked[term] * self.rarity(term) for term in common if term in there)
        best = sorted(mass, key=lambda number: (-mass[number], len(self._titles[number][1])))
        return [self._titles[number][0] for number in best[:most]]


_kept: list[tuple[weakref.ref[Corpus], Shelf]] = []
_keeping = threading.Lock()


def shelf_of(corpus: Corpus) -> Shelf:
    """The shelf of a snapshot, made when it is first asked for and dropped with it."""
    with _keeping:
        _kept[:] = [(ref, shelf) for ref, shelf in _kept if ref() is not None]
        for ref, shelf in _kept:
            if ref() is corpus:
                return shelf
        shelf = Shelf(corpus)
        _kept.append((weakref.ref(corpus), shelf))
        return shelf
