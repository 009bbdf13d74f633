"""Questions about products that are named: price, stock, variants and attributes, from typed facts alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from typing import Final

from bot.products import saying
from bot.products.asking import Asking
from bot.products.aspects import OFFERED, OPTIONS, PRICE, REDUCED, STOCK, Aspect, without
from bot.products.comparing import accessories, compared
from bot.products.findings import Fact, distinct, facts_for, in_words, of_part
from bot.products.fit import asks_fit, fit_of
from bot.products.intents import ACCESSORY, ADVICE, COMPARES, asks_for_any, is_doing, is_question, without_asking
from bot.products.items import Item
from bot.products.meaning import Embed, alike
from bot.products.naming import Named, clauses, described, excluded, likeliest
from bot.products.numerals import plainly
from bot.products.options import Choice, chosen, having, not_offered, options_asked_for
from bot.products.saying import LISTED, Told
from bot.products.vocabulary import GENDERS, UNIT_WORDS
from bot.products.words import meanings, says_something, terms
from knowledge.languages import is_cjk

NEAR: Final = 0.6  # of the best score: a product with the fact asked for may stand in for one without
# Of the words of what is asked, by rarity: what a fact must explain, and one that is asked for by its aspect.
EXPLAINED, EXPLAINED_OF_ASPECT = 0.4, 0.2
ABOUT: Final = 0.5  # of the words of an earlier message that names a product: what its texts must have
FACTS: Final = 2  # told at once


def answered(asking: Asking, named: Sequence[Named]) -> Told | None:
    """The answer to a question about the `named` products; None to another question, or where the facts do not say."""
    if asks_fit(asking):
        told = _as_one(asking, [(found.item, fit_of(asking, found.item)) for found in likeliest(named)])
        if told or ADVICE.search(asking.line):
            return told
    for line in asking.lines:  # "and the Gale?": what is asked may be in the message before
        if named and any(is_doing(part, named[0].item) for part in (asking.line, line)):
            return None
        if COMPARES.search(plainly(line)) and (told := compared(asking, line)):
            return told
        if named and ACCESSORY.search(line) and (told := accessories(asking, named)):
            return told
        asked = _Asked(asking, line)
        if told := _about(asked, named) or (_meant(asked, named) if line == asking.line else None):
            return told
        if asked.offered or asked.is_complete:
            return None
    return None


def answered_if_described(asking: Asking, description: str, documents: Sequence[str]) -> Told | None:
    """The answer to a question about a product that is described, not named: one of these documents', or none."""
    named = described(description, documents, asking.shelf)
    return answered(replace(asking, lines=asking.lines[:1], may_ask=False), named) if named else None


class _Asked:
    """What a line of the message asks of the products that it may be about."""

    def __init__(self, asking: Asking, line: str) -> None:
        self.asking, self.line, self.said = asking, line, asking.said
        self.clauses = clauses(line)
        self.offered = [aspect for aspect in OFFERED if aspect.pattern.search(plainly(line))]

    def asks(self, aspect: Aspect) -> bool:
        """Whether it asks for this."""
        return aspect in self.offered

    @property
    def is_complete(self) -> bool:
        """Whether it is a question by itself: it says more than which product is meant."""
        is_word = self.asking.shelf.is_word
        said = (term for term in terms(plainly(self.line)) if says_something(term) and not term[0].isdigit())
        return is_question(self.line) and not all(map(is_word, said))

    def share(self, item: Item, asking: Iterable[str], known: Set[str]) -> float:
        """The share of the telling words, by rarity, that are known; 1 where there is none."""
        telling = [term for term in asking if says_something(term)]
        if self.asking.language == "zh":  # a catalogue in English has none of its words
            telling = [term for term in telling if is_cjk(term[0])] if any(map(is_cjk, item.title)) else []
        return self.asking.shelf.share(telling, known.__contains__)


def _about(asked: _Asked, named: Sequence[Named]) -> Told | None:
    """The answer for the likeliest products; for their like, where only these have the fact asked for."""
    own = named[0].own if named else frozenset[str]()
    family = [found for found in named if found.own >= own]
    near = [found for found in named if found.own & own and found.score >= NEAR * named[0].score]
    for group in (likeliest(named), family, near):
        if told := _as_one(asked.asking, [(found.item, _told(asked, found)) for found in group]):
            return told
    return None


def _meant(asked: _Asked, named: Sequence[Named]) -> Told | None:
    """The answer by the attribute that is nearest in meaning to what is asked."""
    embed, questions = asked.asking.embed, [clause for clause in asked.clauses if is_question(clause)]
    if embed is None or asked.asking.language != "en" or asked.offered or not questions:
        return None
    return _as_one(
        asked.asking, [(found.item, _nearest(asked, found, questions[-1], embed)) for found in likeliest(named)]
    )


def _nearest(asked: _Asked, found: Named, clause: str, embed: Embed) -> Told | None:
    """The attribute nearest in meaning to a clause without the words that name the product.

    Not one that shares a word with it: whether that is what is asked, the words have decided.
    """
    if of_part(clause, found.item) or not _is_named_by(asked, found):
        return None
    naming, said = found.own | found.item.named, set(filter(says_something, terms(clause))) - UNIT_WORDS
    bare = " ".join(word for word in clause.split() if not terms(word) or not naming.issuperset(terms(word)))
    facts = ((name, value) for name, value in found.item.facts.items() if not said & {*terms(name), *terms(value)})
    near = alike(embed, bare, facts)
    if not near:
        return None
    name, value = max(near, key=near.__getitem__)
    return _tell(asked, found.item, [Fact(name, value)])


def _as_one(asking: Asking, answers: Sequence[tuple[Item, Told | None]]) -> Told | None:
    """One answer for all where it is the same, a few side by side, or the question which one is meant."""
    found = [(item, told) for item, told in answers if told]
    if len(found) < 2:
        return found[0][1] if found else None
    items, first = [item for item, _ in found], found[0][1]
    bare = {" ".join(told.sentences).replace(item.title, "\0") for item, told in found}
    quotes = tuple(quote for _, told in found for quote in told.quotes)
    if len(bare) == 1:
        sentence = bare.pop().replace("\0", saying.together(items, asking.said))
        return replace(first, sentences=(sentence,), quotes=quotes[:LISTED])
    same_but_for_whom = all(set(item.title_terms) - set(items[0].title_terms) <= GENDERS for item in items)
    if len(items) <= LISTED and (same_but_for_whom or not STOCK.pattern.search(plainly(asking.line))):
        return replace(first, sentences=tuple(s for _, told in found for s in told.sentences), quotes=quotes)
    if not asking.may_ask:
        return replace(first, sentences=tuple(s for _, told in found[:LISTED] for s in told.sentences), quotes=quotes)
    return Told((saying.which(items, asking.said),), (), "clarify")


def _told(asked: _Asked, found: Named) -> Told | None:
    item, said = found.item, asked.said
    choice = chosen(item, asked.line)
    forms = having(item.forms, choice)
    options = options_asked_for(item, asked.line) if asked.asks(OPTIONS) else []
    facts = _facts(asked, found, [aspect for aspect in asked.offered if aspect != OPTIONS or options])
    if not (facts or (asked.offered and _accounts_for(asked, found, choice))) or not _is_named_by(asked, found):
        return None
    if asked.asks(PRICE) and item.price is None:
        return None
    sentences: list[str] = []
    if missing := not_offered(item, asked.line) if asked.asks(STOCK) or asked.asks(PRICE) else []:
        sentences.append(saying.variants(item, choice, missing, said))
    elif options:
        sentences.append(saying.variants(item, choice, options, said))
    elif asked.asks(STOCK) and (found.exact or not asks_for_any(asked.line)):
        sentences.append(saying.stock(item, choice, forms, said))
    if facts:
        sentences.append(_attributes(item, facts, asked))
    if (asked.asks(PRICE) or asked.asks(REDUCED)) and item.price is not None:
        with_stock = not asked.asks(STOCK) and not missing
        sentences.append(saying.price(item, choice, forms, said, with_stock=with_stock))
    if not any(sentences):
        return None
    quotes = [item.line_of_fact(fact.name) for fact in facts] or [saying.price_line(item)]
    return Told(
        tuple(filter(None, sentences)), tuple((item, quote) for quote in quotes), attributes_only=not asked.offered
    )


def _tell(asked: _Asked, item: Item, facts: Sequence[Fact]) -> Told:
    quotes = tuple((item, item.line_of_fact(fact.name)) for fact in facts)
    return Told((_attributes(item, facts, asked),), quotes, attributes_only=True)


def _attributes(item: Item, facts: Sequence[Fact], asked: _Asked) -> str:
    text = asked.said.fact.format(title=item.title, facts=in_words(facts, asked.asking.language))
    holds = {fact.holds for fact in facts if fact.holds is not None}
    return (asked.said.yes if holds.pop() else asked.said.no) + text if len(holds) == 1 else text


def _facts(asked: _Asked, found: Named, answered: Sequence[Aspect]) -> list[Fact]:
    """The attributes asked for; where one says yes or no, only that. `answered` are the aspects that are no facts."""
    facts: list[Fact] = []
    for clause in reversed(asked.clauses):  # what is asked comes last
        here = facts_for(found.item, without(clause, answered), asked.line, found.own)
        facts += [fact for fact in here if _accounts_for_clause(asked, found, clause, fact)]
    facts = distinct(facts)
    return [fact for fact in facts if fact.holds is not None][:1] or facts[:FACTS]


def _accounts_for_clause(asked: _Asked, found: Named, clause: str, fact: Fact) -> bool:
    """Whether an attribute accounts for enough of what its clause asks of the product, so that it is no chance
    likeness."""
    naming = found.item.named | found.own
    asking = [term for term in terms(plainly(clause)) if term not in naming or term in fact.explained]
    known = {*fact.explained, *excluded(clause)}
    known |= {term for term, others in meanings(clause).items() if others & fact.explained}
    if fact.by_aspect:
        return asked.share(found.item, asking, known | found.item.told) >= EXPLAINED_OF_ASPECT
    return asked.share(found.item, asking, known) >= EXPLAINED


def _accounts_for(asked: _Asked, found: Named, choice: Choice) -> bool:
    """Whether the product accounts for enough of the words of the clauses that ask or name it."""
    known = {*found.item.told, *found.own, *excluded(asked.line)}
    known |= {term for values in choice.values() for value in values for term in terms(value)}
    asking: list[str] = []
    for clause in asked.clauses:
        bare = without(clause, asked.offered)
        if bare != plainly(clause) or set(terms(bare)) & found.own:
            asking += terms(bare)
    return asked.share(found.item, asking, known) >= EXPLAINED


def _is_named_by(asked: _Asked, found: Named) -> bool:
    """Whether the message that names the product, where it is an earlier one, is about it for the most part."""
    naming = next((line for line in asked.asking.lines if found.own & set(terms(plainly(line)))), asked.line)
    if naming == asked.line:
        return True
    about = terms(without_asking(naming) or plainly(naming))
    return asked.share(found.item, about, found.item.told) >= ABOUT
