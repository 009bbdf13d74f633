"""From what was found to what was wished: the type, the attributes of the limits, the words that facts affirm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from bot.products.attributes import COUNT, Quantity, quantities
from bot.products.items import Item, denies, heads, is_flag, is_kind_of
from bot.products.limits import MONEY, UNDECIDED, Limit
from bot.products.meaning import Embed, alike
from bot.products.naming import clauses
from bot.products.scales import NOUN_OF
from bot.products.shelf import Shelf
from bot.products.vocabulary import FITTING, GENDERS
from bot.products.wishes import Wish
from bot.products.words import terms
from retrieval.retriever import Hit

SURE, SURE_OF_TYPE, SURE_OF_NO_TYPE = 0.34, 0.5, 0.75  # of a wish's words, by rarity: what the best must account for
VERY_ALIKE: Final = 0.65  # a cosine from which on a thing of this type is what is described
ALIKE: Final = 0.58  # a cosine from which on the words mean a product of this type: others are below 0.43
READ: Final = 40  # products whose texts are looked at
NEARLY_ALL: Final = 0.1
OFTEN, EVERYWHERE, TYPICAL = 0.3, 0.9, 0.2  # shares of a type's products with an attribute; of such that one has
CHEAP: Final = 0.4  # of the middle price: what costs less may be an accessory
SHORT: Final = 2  # words of a value that may be a type
MANY, FEW = 6, 3  # products and attributes from which on this tells anything
_NAMES: Mapping[str, frozenset[str]] = {
    "mass": frozenset(terms("weight 重量 净重")), "volume": frozenset(terms("capacity volume content 容量")),
    "power": frozenset(terms("power wattage 功率")), "temperature": frozenset(terms("comfort temperature 温标")),
    "time": frozenset(terms("life runtime")), "data": frozenset(terms("storage memory")),
}  # fmt: skip
_BORNE: Final = frozenset(terms("load limit rider user max"))
_PEOPLE: Final = frozenset(terms("person people man sleeps seats berth 人"))
_ACCESSORY: Final = frozenset(terms("spare replacement refill"))


@dataclass(slots=True)
class Pool:
    """The products that may be meant, with the limits made definite for them.

    `scores` and `cosines` are the retriever's, by document; `loose` are the products before words were required.
    """

    wish: Wish
    shelf: Shelf
    scores: Mapping[str, float]
    cosines: Mapping[str, float]
    items: list[Item]
    loose: list[Item] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    meant: list[str] = field(default_factory=list)  # attributes that are wished for in other words
    named_amounts: set[str] = field(default_factory=set)  # words that name the attributes of the limits
    typed: bool = False  # the wish names a type of product
    kinds: frozenset[str] = frozenset()  # the words that do
    inferred: bool = False  # the type is that of the nearest in meaning


def narrowed(
    wish: Wish, hits: Iterable[Hit], shelf: Shelf, but: str = "", name: str = "", embed: Embed | None = None
) -> Pool:
    """The products among the hits that a wish may mean; none where it is no wish for products.

    The document `but` is left out; `name` is the word of a title that the wish has. `embed` is for what it wishes in
    other words than the catalogue's.
    """
    scores: dict[str, float] = {}
    cosines: dict[str, float] = {}
    for hit in hits:
        scores[hit.chunk.document] = max(hit.score, scores.get(hit.chunk.document, 0.0))
        cosines[hit.chunk.document] = max(hit.cosine, cosines.get(hit.chunk.document, -1.0))
    items = [item for document in scores if document != but and (item := shelf.item(document))]
    pool = Pool(wish, shelf, scores, cosines, [item for item in items if item.price is not None])
    _of_type(pool, name)
    if not pool.typed:
        _infer_type(pool)
    pool.items = [item for item in pool.items if not _is_denied(item, pool)]
    _decide(pool)
    if not pool.typed and not wish.explicit:
        _tell(pool)
    pool.loose = list(pool.items)
    _require(pool)
    if not wish.explicit:
        _tell(pool)
    if not pool.items or not (_accounts(pool) or (embed and _means(pool, embed))):
        pool.items, pool.loose = [], []
    return pool


def _of_type(pool: Pool, name: str) -> None:
    """Products of the type that the wish names; or, where it names none, with the thing's name at their titles' end.

    `name` is the word of a title that the wish has.
    """
    wish, shelf = pool.wish, pool.shelf
    pool.items = [item for item in pool.items if not any(item.affirms(term) for term in wish.refused)]
    thing = wish.core[-1] if wish.core else ""
    kinds = {term for term in wish.core if shelf.is_head(term)}
    if not kinds and thing and (named := [item for item in pool.items if _is_called(item, thing)]):
        pool.items, pool.typed = named, True
        return
    kinds = kinds or {term for term in wish.words if shelf.is_head(term)}
    if kinds:
        pool.items, pool.typed, pool.kinds = _of_kinds(pool.items, kinds), True, frozenset(kinds)
    if name and (named := [item for item in pool.items if name in item.title_terms]):
        pool.items, pool.typed = named, True


def _of_kinds(items: Sequence[Item], kinds: set[str]) -> list[Item]:
    """Those whose type has most of these names. Of a type of several things ("Tents and tarps") those that their titles
    call so, if any; or else those that they do not call by another of its names."""
    in_type = {item.document: sum(is_kind_of(kind, item.kind) for kind in kinds) for item in items}
    most = max(in_type.values(), default=0)
    if not most:
        return [item for item in items if kinds & set(item.title_terms)]
    found = [item for item in items if in_type[item.document] == most]
    called = {item.kind for item in found if kinds & set(item.title_terms)}
    return [item for item in found if not _is_other(item, kinds, called)]


def _is_called(item: Item, thing: str) -> bool:
    """Whether its title ends with the name of the thing, or a short value has it: `Category: Headphones`."""
    short = (value for value in item.facts.values() if len(value.split()) <= SHORT)
    return thing in heads(item.title) or any(thing in heads(value) for value in short)


def _is_other(item: Item, kinds: set[str], called: set[str]) -> bool:
    """Whether it is another thing of a type of several; `called` are the types some of whose titles say which."""
    own, names = set(item.title_terms), heads(item.kind)
    if len(names) < 2 or own & kinds:
        return False
    return item.kind in called or bool(own & (names - kinds))


def _infer_type(pool: Pool) -> None:
    """Where the words name no type, but are alike in meaning to a product: only products of its type."""
    nearest = max(pool.items, key=lambda item: pool.cosines[item.document], default=None)
    if nearest is not None and nearest.kind and pool.cosines[nearest.document] >= ALIKE:
        if not any(nearest.affirms(term) for term in pool.wish.words):
            pool.items = [item for item in pool.items if item.kind == nearest.kind]
        pool.inferred = True


def _is_denied(item: Item, pool: Pool) -> bool:
    """Whether its facts say no to a word of the wish: `Pet safe: no` to something safe."""
    return any(item.affirms(term) is False for term in pool.wish.words if term not in pool.kinds)


def _decide(pool: Pool) -> None:
    """Which amount each limit is about: of the price, or of an attribute that some of the products have."""
    for limit in pool.wish.limits:
        if limit.dimension == MONEY:
            pool.limits.append(limit)
            continue
        amounts = {item.document: amounts_of(item, limit, pool.wish) for item in pool.items}
        able = [item for item in pool.items if amounts[item.document]]
        pool.named_amounts.update(_PEOPLE, *(terms(name) for found in amounts.values() for name, _ in found))
        if limit.dimension == UNDECIDED and not able:
            pool.limits.append(Limit(MONEY, limit.low, limit.high))
        elif able:
            pool.items = able
            pool.limits.append(limit)


def _require(pool: Pool) -> None:
    """Keeps, word after word, the products whose facts affirm it: the rarest first, and never none."""
    wished = {*pool.wish.words, *pool.wish.compounds} - pool.kinds
    rare = sorted(wished, key=lambda term: -pool.shelf.rarity_in_text(term))
    for term in rare:
        having_it = [item for item in pool.items if item.affirms(term)]
        if having_it:
            pool.items = having_it
            pool.required.append(term)


def _tell(pool: Pool) -> None:
    """Of the most relevant products those whose texts have most of the words."""
    nearest = sorted(pool.items, key=lambda item: -pool.scores[item.document])[:READ]
    if pool.wish.words and nearest:
        told = {item.document: _told_share(item, pool) for item in nearest}
        most = max(told.values())
        pool.items = [item for item in nearest if told[item.document] >= most - NEARLY_ALL]


def _told_share(item: Item, pool: Pool) -> float:
    """The share of the words of the wish, by rarity, that the product's texts have."""
    hinted = {term for limit in pool.limits if limit.dimension != MONEY for term in limit.hints & pool.named_amounts}
    words = (term for term in pool.wish.words if term not in hinted)
    return pool.shelf.share(words, lambda term: _is_told(item, term, pool))


def _is_told(item: Item, term: str, pool: Pool) -> bool:
    """Whether the product's texts have a word, or it is the name of a type that it is of."""
    return term in item.told or (term in pool.kinds and is_kind_of(term, item.kind))


def _accounts(pool: Pool) -> bool:
    """Whether the products account for enough of the words of the wish: they may be no wish for these at all."""
    share = max(_told_share(item, pool) for item in sorted(pool.items, key=lambda i: -pool.scores[i.document])[:3])
    if pool.wish.explicit or pool.limits:
        return share >= SURE or pool.inferred
    if pool.typed:
        return share >= SURE_OF_TYPE or any(_is_alike(item, pool) for item in pool.items)
    return pool.inferred and share >= SURE_OF_NO_TYPE and len(pool.wish.words) > 1


def _means(pool: Pool, embed: Embed) -> bool:
    """Keeps the products of the type that have what the wish says in other words; whether there is such a thing.

    That is an attribute which says yes or no, where the yes is meant, or one of a limit's amounts. Of other values a
    model takes the contrary for alike: "bright" for a dark corner.
    """
    measured = {limit.dimension for limit in pool.limits}
    facts = {(name, value) for item in pool.loose for name, value in item.facts.items() if _decides(value, measured)}
    for clause in clauses(pool.wish.text) if pool.typed else ():
        bare = " ".join(word for word in clause.split() if not terms(word) or not pool.kinds.issuperset(terms(word)))
        near = alike(embed, bare, facts)
        if near:
            name, value = max(near, key=near.__getitem__)
            having = [item for item in pool.loose if not is_flag(value) or not denies(item.facts.get(name, "no"))]
            pool.loose = having or pool.loose
            pool.meant.append(name)
    pool.items = list(pool.loose)
    return bool(pool.meant)


def _decides(value: str, measured: Set[str]) -> bool:
    return is_flag(value) or any(amount.dimension in measured for amount in quantities(value))


def _is_alike(item: Item, pool: Pool) -> bool:
    """Whether a product is the thing itself, and near in meaning to all that is said of it ("a lamp for seedlings")."""
    known = all(_is_told(item, term, pool) for term in pool.wish.core)
    return known and pool.cosines[item.document] >= VERY_ALIKE


def amounts_of(item: Item, limit: Limit, wish: Wish) -> list[tuple[str, Quantity]]:
    """The amounts of a product that a limit may be about, with the attribute's name ("" for the title's)."""
    if limit.dimension in (COUNT, UNDECIDED):
        return _counted(item, limit)
    found = [
        (name, quantity)
        for name, value in item.facts.items()
        for quantity in quantities(value)
        if quantity.dimension == limit.dimension
    ]
    if limit.hints & _BORNE:
        return [(name, quantity) for name, quantity in found if _BORNE & set(terms(name))]
    words = limit.hints | {NOUN_OF.get(word, word) for word in wish.words}
    hinted = [(name, quantity) for name, quantity in found if words & set(terms(name))]
    usual = [(name, q) for name, q in found if _NAMES.get(limit.dimension, frozenset()) & set(terms(name))]
    if hinted or usual or found:
        return hinted or usual or found
    texts = [item.title, *(value for form in item.forms for value in form.options.values())]
    return [("", quantity) for text in texts for quantity in quantities(text) if quantity.dimension == limit.dimension]


def _counted(item: Item, limit: Limit) -> list[tuple[str, Quantity]]:
    """Numbers without a unit, of an attribute named like the words beside the limit: `Sleeps: 3`, `Seasons: 4`."""
    hints = limit.hints | (_PEOPLE if limit.hints & _PEOPLE else frozenset())
    return [
        (name, quantity)
        for name, value in item.facts.items()
        if hints & set(terms(name))
        for quantity in quantities(value)[:1]
        if quantity.dimension == COUNT or limit.dimension == UNDECIDED
    ]


def set_apart(items: Sequence[Item], wish: Wish) -> set[str]:
    """The documents of products that are not what is meant by their type's name alone: accessories, children's sizes,
    and what is cheap and lacks the attributes that most of the others have (a peg among tents)."""
    if not wish.words:
        return set()
    shared = Counter(name for item in items for name in item.facts)
    telling = {name for name, count in shared.items() if OFTEN * len(items) <= count < EVERYWHERE * len(items)}
    apart: set[str] = set()
    if len(items) >= MANY and len(telling) >= FEW:
        cheap = CHEAP * median(item.price or 0.0 for item in items)
        lacking = (item for item in items if len(telling & item.facts.keys()) < TYPICAL * len(telling))
        apart = {item.document for item in lacking if (item.price or 0.0) < cheap}
    for item in items:
        named = set(item.title_terms)
        accessory = named & _ACCESSORY or any(FITTING & set(terms(name)) for name in item.facts)
        if accessory and not named - heads(item.kind) & set(wish.words):
            apart.add(item.document)
        if "kid" in item.named and not GENDERS & {*wish.words, *wish.compounds} and wish.sort is None:
            apart.add(item.document)
    return apart if len(apart) < len(items) else set()
