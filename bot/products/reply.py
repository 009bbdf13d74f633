"""Questions about products, answered from the catalogue: what the engine calls.

A message is about a product that it names ("is the Ember in stock?"), or looks for products ("a kettle under 40"), or
is about something else, which this answers with None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from bot.messages import Outcome
from bot.products.answers import answered, answered_if_described
from bot.products.asking import Asking, Search
from bot.products.chinese import in_english, known
from bot.products.intents import ADVICE, ASKS_HOW, LOOKS, WISHES, asks_of_shop, without_asking
from bot.products.items import Item
from bot.products.meaning import Embed
from bot.products.naming import Named, likeliest, named_for_sure
from bot.products.offers import searched
from bot.products.saying import Told
from bot.products.scales import COMPARATIVE
from bot.products.shelf import Shelf, shelf_of
from bot.products.untold import Untold, untold
from bot.products.wishes import Wish, wish
from bot.products.words import terms
from knowledge.documents import Audience, Chunk
from retrieval.corpus import Corpus
from retrieval.retriever import Hit

NEAREST: Final = 12  # passages in which a product that is described may be
_LIKE = re.compile(r"\b(?:like|similar to|alternatives? to|instead of) (?:the|a|an|my|your)\b|类似", re.I)
_ANOTHER = re.compile(
    rf"\b(?:any|anything|something|is there|got|have|one|ones|do you)\b.{{0,30}}\b(?:{COMPARATIVE})\b", re.I
)
_WHICH = re.compile(r"\b(?:which|what) (?!one)([a-z-]+)\b|哪种(\S\S)", re.I)


@dataclass(frozen=True, slots=True)
class ProductReply:
    """What to say, and the passages it rests on, each with the line used; none for a question that is asked back."""

    sentences: tuple[str, ...]
    sources: tuple[tuple[Hit, str], ...]
    outcome: Outcome = "answer"


def about_products(
    question: str,
    corpus: Corpus,
    search: Search,
    language: str,
    *,
    audience: Audience = "public",
    day: date | None = None,
    mentioned: Sequence[str] = (),
    may_ask: bool = True,
    embed: Embed | None = None,
) -> ProductReply | Untold | None:
    """The reply from typed facts; Untold where neither they nor a product's text say what is asked of it; None where
    the question is about something else, or the text may say it.

    `question` is the message, with what it leans on in further lines, the latest first. `search` gives the k best
    passages that the asker may see: those for the `audience`, in force on `day` (None: today). `mentioned` are the
    documents that the last reply rested on. It asks back which product is meant only if it `may_ask`.
    `embed` gives unit rows of the model on board, by which attributes are found that are asked for in other words.
    """
    today = day or date.today()
    shelf = shelf_of(corpus).seen_by(lambda item: item.may_be_seen(audience, today))
    lines = [shelf.spelled(line) for line in question.split("\n") if line.strip()]
    if not lines or not len(shelf):
        return None
    written = lines[0]
    if language == "zh":
        lines = [f"{line} {in_english(line)}".strip() for line in lines]
    asking = Asking(tuple(lines), shelf, language, search, embed, tuple(mentioned), may_ask, written)
    named = named_for_sure(lines, shelf, mentioned)
    of_shop = asks_of_shop(lines[0], lambda term: shelf.is_word(term) or shelf.is_property(term))
    if not of_shop and (told := _told(asking, named)):
        return ProductReply(told.sentences, _sources(told), told.outcome)
    if not of_shop and _wanted(asking).explicit:  # "an orchid under 20 euros": the price of a tulip is no answer
        return Untold((), is_fact=False)
    return untold(asking, named)


def _told(asking: Asking, named: Sequence[Named]) -> Told | None:
    """What the facts say of the named products, of those that are looked for, or of the one that is described."""
    told, wanted, likely = answered(asking, named), _wanted(asking), likeliest(named)
    if _may_search(asking.line, wanted, told, likely, asking.shelf):
        spoken_of = likely[0].item if likely else None
        if spoken_of and not set(spoken_of.title_terms) & set(wanted.core):  # "gas for the Fen Pro"
            wanted = _for(wanted, spoken_of, like=_LIKE.search(asking.line) is not None)
        told = searched(asking, wanted, spoken_of) or told
    if told is None and not any(found.exact for found in likely):
        told = _described(asking)
    return told


def _described(asking: Asking) -> Told | None:
    """The answer to a question about a product that is described, and not named."""
    description = without_asking(asking.line)
    if not description or ADVICE.search(asking.line):
        return None
    documents = dict.fromkeys(hit.chunk.document for hit in asking.search(asking.line, NEAREST))
    return answered_if_described(asking, description, list(documents))


def _wanted(asking: Asking) -> Wish:
    shelf = asking.shelf
    wanted = wish(asking.lines, shelf.is_word)
    if asking.language == "zh":
        wanted = known(wanted, shelf)
    if any(shelf.is_head(term) for match in _WHICH.finditer(asking.line) for term in terms(match[1] or "")):
        return replace(wanted, looking=bool(wanted.words))  # "what stoves run on petrol"
    return wanted


def _may_search(line: str, wanted: Wish, told: Told | None, likely: Sequence[Named], shelf: Shelf) -> bool:
    """Whether a message may look for products: it says by what to choose, or no fact of a named one answers it.

    Not where it asks which form of something to take ("which grind for ...").
    """
    if any(shelf.is_property(term) for match in _WHICH.finditer(line) for term in terms(match[1] or match[2])):
        return False
    if told is None:
        return wanted.explicit or not (likely and ASKS_HOW.search(line) and not LOOKS.search(line))
    if wanted.sort is not None or _ANOTHER.search(line) or _LIKE.search(line):
        return True
    if any(found.exact for found in likely):
        return False
    return wanted.explicit or (told.attributes_only and WISHES.search(line) is not None)


def _for(wanted: Wish, item: Item, like: bool) -> Wish:
    """The wish for something that goes with a product: the words of its title only choose; or is like it: nothing."""
    own = set(item.title_terms) - set(terms(item.kind))
    words = tuple(term for term in wanted.words if term not in own)
    return replace(wanted, words=words, compounds=wanted.compounds if like else (*wanted.compounds, *own))


def _sources(told: Told) -> tuple[tuple[Hit, str], ...]:
    found: dict[str, tuple[Hit, str]] = {}
    for item, quote in told.quotes:
        chunk = _chunk(item, quote)
        found.setdefault(chunk.id, (Hit(chunk, 1.0, 0.0), quote))
    return tuple(found.values())


def _chunk(item: Item, quote: str) -> Chunk:
    return next((chunk for chunk in item.chunks if quote in chunk.text), item.chunks[0])
