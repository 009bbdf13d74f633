"""Questions about products that the catalogue does not answer: then only the shop's pages may.

A catalogue's passage has something for every question about its product, a price if nothing else; a ranking that has
to choose among passages finds that likelier than the page that does answer, or than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.products.asking import Asking
from bot.products.intents import ACCESSORY, ADVICE, COMPARES, asks_of_shop, is_of_owned, is_question
from bot.products.items import Item, is_product
from bot.products.naming import Named, excluded, likeliest
from bot.products.numerals import plainly
from bot.products.words import says_something, terms
from knowledge.languages import is_cjk
from retrieval.corpus import Corpus
from retrieval.retriever import Hit

TOLD: Final = 0.4  # of the words of what is asked, by rarity: a product's text that has them may answer
# How to use or keep a thing: its description may say so in other words.
_USES = re.compile(
    r"\b(?:do|can|could|should|may|must|shall) (?:i|we|you) (?!get|have|receive|expect|need)\w+|\bhow to\b"
    r"|怎么|如何|怎样",
    re.I,
)
_CHOOSES = re.compile(r"\bwhich (?:ones?|of)\b|哪[款个种]", re.I)


@dataclass(frozen=True, slots=True)
class Untold:
    """A question that names these products, which the catalogue does not answer: no passage of a product may.

    `is_fact`: it asks for a fact of them ("is it Fairtrade?"), so that a page must say it for sure. Otherwise it asks
    what the shop does ("can I return the ..."), or for advice: that is what pages are for.
    """

    products: tuple[str, ...]
    is_fact: bool


def untold(asking: Asking, named: Sequence[Named]) -> Untold | None:
    """What a message asks of named products, the facts having no answer; None where their texts may have one."""
    line, shelf, products = asking.written or asking.line, asking.shelf, likeliest(named)
    asked = _asked(line, products)
    if not products or any(map(shelf.is_head, asked)):  # it is about a thing of another type
        return None
    if asked and any(shelf.share(asked, found.item.told.__contains__) >= TOLD for found in products):
        return None
    titles = tuple(found.item.title for found in products)
    if ADVICE.search(line) or asks_of_shop(line, products[0].item.told.__contains__):
        return Untold(titles, is_fact=False)
    if not asked or not _are_meant_now(asking, products) or not _asks_for_fact(line, products[0].item):
        return None
    return Untold(titles, is_fact=True)


def _asked(line: str, products: Iterable[Named]) -> list[str]:
    """The words of a message that say what it asks, rather than of which product; in the catalogue's language."""
    naming = excluded(line).union(*(found.own | found.item.named for found in products))
    chinese = any(is_cjk(char) for found in products for char in found.item.title)
    said = (term for term in dict.fromkeys(terms(plainly(line))) if chinese or not is_cjk(term[0]))
    return [term for term in said if says_something(term) and term not in naming]


def _are_meant_now(asking: Asking, products: Iterable[Named]) -> bool:
    """Whether the message names the products itself, or the last reply was about them."""
    said = set(terms(plainly(asking.line)))
    return any(found.own & said or found.item.document in asking.mentioned for found in products)


def _asks_for_fact(line: str, item: Item) -> bool:
    """Whether it asks how something is, rather than how to use it, what to choose, or what to do about one's own."""
    return (
        is_question(line)
        and not is_of_owned(line, item)
        and not any(of.search(line) for of in (_USES, COMPARES, ACCESSORY, _CHOOSES))
    )


def pages(hits: Iterable[Hit], corpus: Corpus) -> list[Hit]:
    """The hits that are no product's."""
    return [hit for hit in hits if not is_product(corpus.document(hit.chunk.document)["facts"])]
