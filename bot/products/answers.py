"""Questions about products that are named: price, stock, variants and attributes, from typed facts alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from typing import Final

from bot.phrases import Phrases, phrases
from bot.products import saying
from bot.products.aspects import OFFERED, OPTIONS, PRICE, REDUCED, STOCK, Aspect
from bot.products.comparing import accessories, compared
from bot.products.findings import Fact, distinct, facts_for, in_words
from bot.products.intents import ACCESSORY, COMPARES, asks_for_any, is_doing, without_asking
from bot.products.items import Item
from bot.products.naming import Named, clauses, described, excluded, is_sure, likeliest, meant
from bot.products.numerals import plainly
from bot.products.options import Choice, chosen, having
from bot.products.saying import LISTED, Told
from bot.products.shelf import Shelf
from bot.products.vocabulary import GENDERS
from bot.products.words import says_something, terms
from knowledge.languages import is_cjk

NEAR: Final = 0.6  # of the best score: a product with the fact asked for may stand in for one without
EXPLAINED, ABOUT = 0.4, 0.5  # of the words of what is asked, and of the message that names it, by rarity
FACTS: Final = 2  # told at once


def answered(
    lines: Sequence[str], shelf: Shelf, language: str, mentioned: Sequence[str] = (), may_ask: bool = True
) -> tuple[Told | None, Sequence[Named]]:
    """The answer to a question about named products, and those that it names for sure.

    No answer to another question, or where the facts do not say. The first of `lines` is the message, the others what
    it leans on, the latest first; `mentioned` are documents that were spoken of. Asks back only if it `may_ask`.
    """
    named = meant(lines, shelf, mentioned)
    if not named or not is_sure(named):
        named = []
    return _answered(lines, named, shelf, language, may_ask), named


def answered_if_described(
    line: str, description: str, documents: Sequence[str], shelf: Shelf, language: str
) -> Told | None:
    """The answer to a question about a product that is described, not named: one of these documents', or none."""
    named = described(description, documents, shelf)
    return _answered([line], named, shelf, language, may_ask=False) if named else None


def _answered(lines: Sequence[str], named: Sequence[Named], shelf: Shelf, language: str, may_ask: bool) -> Told | None:
    for line in lines:  # "and the Gale?": what is asked may be in the message before
        if named and any(is_doing(part, named[0].item) for part in (lines[0], line)):
            return None
        if COMPARES.search(plainly(line)) and (told := compared(lines, line, shelf, language)):
            return told
        if named and ACCESSORY.search(line) and (told := accessories(named, shelf, language)):
            return told
        asked = _Asked(lines, line, shelf, language)
        if named and (told := _about(asked, named, may_ask)):
            return told
        if asked.offered:
            return None
    return None


class _Asked:
    """What a line of the message asks, whatever the product."""

    def __init__(self, lines: Sequence[str], line: str, shelf: Shelf, language: str) -> None:
        self.lines, self.line, self.shelf, self.language = lines, line, shelf, language
        self.said: Phrases = phrases(language)
        self.clauses = clauses(line)
        self.offered = [aspect for aspect in OFFERED if aspect.pattern.search(plainly(line))]

    def asks(self, aspect: Aspect) -> bool:
        """Whether it asks for this."""
        return aspect in self.offered

    def bare(self, clause: str) -> str:
        """A clause without the words that ask for price, stock or variants."""
        bare = plainly(clause)
        for aspect in OFFERED:
            bare = aspect.pattern.sub(" ", bare)
        return bare

    def share(self, item: Item, asking: Iterable[str], known: Set[str]) -> float:
        """The share of the telling words, by rarity, that are known; 1 where there is none."""
        telling = [term for term in asking if says_something(term)]
        if self.language == "zh" and not any(map(is_cjk, item.title)):
            telling = [term for term in telling if not is_cjk(term[0])]  # no catalogue in English has them
        weights = {term: max(1.0, self.shelf.rarity_in_text(term)) for term in telling}
        total = sum(weights.values())
        return sum(weight for term, weight in weights.items() if term in known) / total if total else 1.0


def _about(asked: _Asked, named: Sequence[Named], may_ask: bool) -> Told | None:
    """The answer for the likeliest products; for their like, where only these have the fact asked for."""
    own = named[0].own
    family = [found for found in named if found.own >= own]
    near = [found for found in named if found.own & own and found.score >= NEAR * named[0].score]
    for group in (likeliest(named), family, near):
        answers = [(found.item, told) for found in group if (told := _told(asked, found))]
        if answers:
            return _as_one(asked, answers, may_ask)
    return None


def _as_one(asked: _Asked, answers: Sequence[tuple[Item, Told]], may_ask: bool) -> Told:
    """One answer for all where it is the same, a few side by side, or the question which one is meant."""
    if len(answers) == 1:
        return answers[0][1]
    items = [item for item, _ in answers]
    first = answers[0][1]
    bare = {" ".join(told.sentences).replace(item.title, "\0") for item, told in answers}
    quotes = tuple(quote for _, told in answers for quote in told.quotes)
    if len(bare) == 1:
        sentence = bare.pop().replace("\0", saying.together(items, asked.said))
        return replace(first, sentences=(sentence,), quotes=quotes[:LISTED])
    same_but_for_whom = all(set(item.title_terms) - set(items[0].title_terms) <= GENDERS for item in items)
    if len(items) <= LISTED and (same_but_for_whom or not asked.asks(STOCK)):
        return replace(first, sentences=tuple(s for _, told in answers for s in told.sentences), quotes=quotes)
    if not may_ask:
        return replace(first, sentences=tuple(s for _, told in answers[:LISTED] for s in told.sentences), quotes=quotes)
    return Told((saying.which(items, asked.said),), (), "clarify")


def _told(asked: _Asked, found: Named) -> Told | None:
    item, said = found.item, asked.said
    choice = chosen(item, asked.line)
    forms = having(item.forms, choice)
    facts = _facts(asked, found)
    if not (facts or asked.offered) or not _accounts_for(asked, found, facts, choice):
        return None
    if asked.asks(PRICE) and item.price is None:
        return None
    sentences: list[str] = []
    if asked.asks(OPTIONS) and item.option_names:
        sentences.append(saying.variants(item, choice, asked.line, said))
    elif asked.asks(STOCK) and (found.exact or not asks_for_any(asked.line)):
        sentences.append(saying.stock(item, choice, forms, said))
    if facts:
        sentences.append(_attributes(item, facts, asked))
    if (asked.asks(PRICE) or asked.asks(REDUCED)) and item.price is not None:
        sentences.append(saying.price(item, choice, forms, said, with_stock=not asked.asks(STOCK)))
    if not any(sentences):
        return None
    quotes = [item.line_of(fact.value, fact.name) for fact in facts] or [saying.price_line(item)]
    return Told(
        tuple(filter(None, sentences)), tuple((item, quote) for quote in quotes), attributes_only=not asked.offered
    )


def _attributes(item: Item, facts: Sequence[Fact], asked: _Asked) -> str:
    text = asked.said.fact.format(title=item.title, facts=in_words(facts, asked.language))
    holds = {fact.holds for fact in facts if fact.holds is not None}
    return (asked.said.yes if holds.pop() else asked.said.no) + text if len(holds) == 1 else text


def _facts(asked: _Asked, found: Named) -> list[Fact]:
    """The attributes asked for; where one says yes or no, only that."""
    facts: list[Fact] = []
    for clause in reversed(asked.clauses):  # what is asked comes last
        here = facts_for(found.item, asked.bare(clause), asked.line, found.own)
        facts += [fact for fact in here if _accounts_for_clause(asked, found, clause, fact)]
    facts = distinct(facts)
    return [fact for fact in facts if fact.holds is not None][:1] or facts[:FACTS]


def _accounts_for_clause(asked: _Asked, found: Named, clause: str, fact: Fact) -> bool:
    """Whether an attribute accounts for most of what its clause asks, so that it is no chance likeness."""
    known = {*found.item.named, *found.own, *fact.explained, *excluded(clause)}
    if fact.by_aspect:
        known |= found.item.told
    return asked.share(found.item, terms(plainly(clause)), known) >= EXPLAINED


def _accounts_for(asked: _Asked, found: Named, facts: Sequence[Fact], choice: Choice) -> bool:
    """Whether the product accounts for most of the words of the clauses that ask or name it."""
    known = {*found.item.told, *found.own, *excluded(asked.line)}
    known |= {term for fact in facts for term in fact.explained}
    known |= {term for values in choice.values() for value in values for term in terms(value)}
    asking: list[str] = []
    for clause in asked.clauses:
        bare = asked.bare(clause)
        if bare != plainly(clause) or set(terms(bare)) & found.own:
            asking += terms(bare)
    return asked.share(found.item, asking, known) >= EXPLAINED and _is_named_by(asked, found)


def _is_named_by(asked: _Asked, found: Named) -> bool:
    """Whether the message that names the product, where it is an earlier one, is about it for the most part."""
    naming = next((line for line in asked.lines if found.own & set(terms(plainly(line)))), asked.line)
    if naming == asked.line:
        return True
    about = terms(without_asking(naming) or plainly(naming))
    return asked.share(found.item, about, found.item.told) >= ABOUT
