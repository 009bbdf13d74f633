"""Questions about products, answered from the catalogue: what the engine calls.

A message is about a product that it names ("is the Ember in stock?"), or looks for products ("a kettle under 40"), or
is about something else, which this answers with None. What the catalogue has no fact of is None too: prose may have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from bot.ideas import stretches
from bot.messages import Outcome
from bot.products.answers import answered, answered_if_described
from bot.products.intents import ADVICE, ASKS_HOW, LOOKS, WISHES, asks_for_doing, without_asking
from bot.products.items import Item
from bot.products.naming import Named, likeliest
from bot.products.offers import searched
from bot.products.saying import Told
from bot.products.shelf import Shelf, shelf_of
from bot.products.wishes import Wish, wish
from bot.products.words import terms
from knowledge.documents import Audience, Chunk
from knowledge.languages import is_cjk
from retrieval.corpus import Corpus
from retrieval.lexical import units
from retrieval.retriever import Hit

NEAREST: Final = 12  # passages in which a product that is described may be
_GOODS = frozenset(  # sections of the glossary
    (
        "beauty", "clothing", "colours", "electronics", "family", "gifts", "home", "kitchen", "luggage", "materials",
        "outdoors", "properties", "sizes",
    )
)  # fmt: skip
_MOST_CHINESE = re.compile(r"最.")
_LATIN = re.compile(r"[A-Za-z][A-Za-z -]*")
_LIKE = re.compile(r"\b(?:like|similar to|alternatives? to|instead of) (?:the|a|an|my|your)\b|类似", re.I)
_ANOTHER = re.compile(
    r"\b(?:any|anything|something|is there|got|have|one|ones|do you)\b.{0,30}\b(?:cheaper|dearer|lighter|heavier|bigger"
    r"|larger|roomier|smaller|warmer|brighter|longer|shorter|quieter|(?:more|less) (?:powerful|expensive))\b",
    re.I,
)
_WHICH = re.compile(r"\b(?:which|what) (?!one)([a-z-]+)\b|哪种(\S\S)", re.I)


@dataclass(frozen=True, slots=True)
class ProductReply:
    """What to say, and the passages it rests on, each with the line used; none for a question that is asked back."""

    sentences: tuple[str, ...]
    sources: tuple[tuple[Hit, str], ...]
    outcome: Outcome = "answer"


def reply_about_products(
    question: str,
    corpus: Corpus,
    search: Callable[[str, int], Sequence[Hit]],
    language: str,
    *,
    audience: Audience = "public",
    day: date | None = None,
    mentioned: Sequence[str] = (),
    may_ask: bool = True,
) -> ProductReply | None:
    """The reply from typed facts; None where the question is about something else, or the facts do not say.

    `question` is the message, with what it leans on in further lines, the latest first. `search` gives the k best
    passages that the asker may see: those for the `audience`, in force on `day` (None: today). `mentioned` are the
    documents that the last reply rested on. It asks back which product is meant only if it `may_ask`.
    """
    today = day or date.today()
    shelf = shelf_of(corpus).seen_by(lambda item: item.may_be_seen(audience, today))
    lines = [shelf.spelled(line) for line in question.split("\n") if line.strip()]
    if not lines or not len(shelf) or asks_for_doing(lines[0], shelf):
        return None
    if language == "zh":
        lines = [f"{line} {_in_english(line)}".strip() for line in lines]
    hits: list[Hit] = []
    wanted = _wanted(lines, shelf, language)

    def look(k: int) -> Sequence[Hit]:
        hits[:] = search(wanted.query or lines[0], k)
        return hits

    told, named = answered(lines, shelf, language, mentioned, may_ask)
    likely = likeliest(named) if named else []
    if _may_search(lines[0], wanted, told, likely, shelf):
        spoken_of = likely[0].item if likely else None
        if spoken_of and not set(spoken_of.title_terms) & set(wanted.core):  # "gas for the Fen Pro"
            wanted = _for(wanted, spoken_of, like=_LIKE.search(lines[0]) is not None)
        told = searched(wanted, lines[0], look, shelf, language, spoken_of) or told
    if told is None and not any(found.exact for found in likely):
        told = _described(lines[0], search, shelf, language)
    return ProductReply(told.sentences, _sources(told, hits), told.outcome) if told else None


def _described(line: str, search: Callable[[str, int], Sequence[Hit]], shelf: Shelf, language: str) -> Told | None:
    """The answer to a question about a product that is described, and not named."""
    description = without_asking(line)
    if not description or ADVICE.search(line):
        return None
    documents = dict.fromkeys(hit.chunk.document for hit in search(line, NEAREST))
    return answered_if_described(line, description, list(documents), shelf, language)


def _wanted(lines: Sequence[str], shelf: Shelf, language: str) -> Wish:
    wanted = wish(lines, shelf.is_word)
    if language == "zh":
        wanted = _known(wanted, shelf)
    if any(shelf.is_head(term) for match in _WHICH.finditer(lines[0]) for term in terms(match[1] or "")):
        return replace(wanted, looking=bool(wanted.words))  # "what stoves run on petrol"
    return wanted


def _in_english(line: str) -> str:
    """The goods of a Chinese message in English, as a catalogue in English has no word of it: "sleeping bag".

    Words that would ask for a fact ("capacity") are left out.
    """
    found = stretches(units(_MOST_CHINESE.sub("", line)))
    ideas = (idea for stretch in found for idea in stretch.ideas if idea.section in _GOODS)
    named = dict.fromkeys(idea.english[0] for idea in ideas if idea.english)
    return " ".join(words for words in named if not without_asking(f"the {words}"))


def _known(wanted: Wish, shelf: Shelf) -> Wish:
    """The wish without the Chinese words that no title or type has: what they mean was added in English."""
    words = tuple(term for term in wanted.words if not is_cjk(term[0]) or shelf.is_word(term))
    core = tuple(term for term in wanted.core if term in words) or words
    query = " ".join(_LATIN.findall(wanted.query)).strip() if words and all(map(str.isascii, words)) else ""
    return replace(wanted, words=words, core=core, query=query or wanted.query)


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


def _sources(told: Told, hits: Sequence[Hit]) -> tuple[tuple[Hit, str], ...]:
    known = {hit.chunk.id: hit for hit in hits}
    found: dict[str, tuple[Hit, str]] = {}
    for item, quote in told.quotes:
        chunk = _chunk(item, quote)
        found.setdefault(chunk.id, (known.get(chunk.id) or Hit(chunk, 1.0, 0.0), quote))
    return tuple(found.values())


def _chunk(item: Item, quote: str) -> Chunk:
    return next((chunk for chunk in item.chunks if quote in chunk.text), item.chunks[0])
