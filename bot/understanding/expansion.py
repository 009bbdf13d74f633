"""Other words to search by: what shops call the places and things that a question names, in English and Chinese.

A shopper writes "postage to leeds", the page says "delivery to UK mainland"; the page may be in the other language.
The words are those of `glossary.toml`, the places those of GeoNames and `places.toml`. Recall of the right document on
half of the demo suite's cases (149; the first hit, the first six): 0.58, 0.87 without and 0.68, 0.93 with them; on 43
Chinese questions about English pages 0, 0 and 0.77, 0.98; of doc2dial's documents 0.850 and 0.851 (the first).
A question of one idea is searched as it is, and words for what the shop calls otherwise count more than synonyms of
its own: with all at full weight nDCG@10 on chorus falls from 0.929 to 0.914, as it is to 0.928.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise, zip_longest

from bot.understanding.gazetteer import called, names_of, table, terms
from bot.understanding.ideas import Idea, stretches
from bot.understanding.places import Mention, mentioned
from knowledge.chinese import simplified
from knowledge.languages import Language, detect, is_cjk
from retrieval.lexical import STOPWORDS, units, words
from retrieval.retriever import OtherWords

IN_EACH_LANGUAGE = 5  # words of an idea that are searched by
# Weights of other words beside the question's own (1.0), chosen with the figures above.
# In the question's language: where the shop has not the question's word, where it has, where nothing else is asked.
UNUSED, USED, ALONE = 1.0, 0.4, 0.0
# In the other language. A Chinese question's own characters and their pairs score about half as much again as words; an
# English question is to find what only a Chinese page says, without drowning in characters that every one of them has.
TO_ENGLISH, TO_CHINESE = 1.5, 0.4
# Where a shop may be at home, by the name that its documents have most.
HOMES = ("GB", "US", "CN", "IE", "AU", "CA", "NZ", "DE", "FR", "HK", "SG", "IN")

Known = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class Concept:
    """What a stretch of a question names: its own units, and other words for it, the most useful first.

    `weight` is what the words of the question's language count beside its own.
    """

    said: frozenset[str]
    words: tuple[str, ...]
    weight: float = UNUSED


def expansion(question: str, known: Known) -> list[str]:
    """Further terms to search by, the most useful first: of each place and idea the best, then the next best.

    `known` is like `LexicalIndex.rarity`: what no text has gets as much as "" does, and is left out.
    """
    useful = ([word for word in concept.words if _is_there(word, known)] for concept in concepts(question, known))
    return list(dict.fromkeys(word for row in zip_longest(*useful) for word in row if word is not None))


def other_words(question: str, known: Known) -> OtherWords:
    """What `Retriever.search` is to look for beside the question's own words, and what a Chinese question means."""
    language = detect(question)
    foreign = TO_ENGLISH if language == "zh" else TO_CHINESE
    alternatives = [
        {word: concept.weight if detect(word) == language else foreign for word in concept.words}
        for concept in concepts(question, known)
    ]
    return OtherWords(alternatives, translated(question, "en") if language == "zh" else "")


def concepts(question: str, known: Known) -> list[Concept]:
    """The places that a question names, then the ideas, each with the words for it that are not in the question."""
    own = units(question)
    asked, found = frozenset(own), list[Concept]()
    for concept in (*_places(mentioned(simplified(question)), known), *_ideas(own, known)):
        new = tuple(word for word in concept.words if not asked.issuperset(units(word)))
        alone = concept.weight == USED and concept.said >= asked - STOPWORDS
        found.append(replace(concept, words=new, weight=ALONE if alone else concept.weight))
    return found


def translated(question: str, language: Language) -> str:
    """The question in the words of the glossary and the gazetteer, in its order: no sentence, but what it is about.

    What they do not know is left out, but for names and numbers in Latin letters; empty where nothing is known. Line
    by line, as the first line is what is asked now.
    """
    lines = [_translated(line, language) for line in question.split("\n")]
    return "\n".join(lines) if any(lines) else ""


def _translated(line: str, language: Language) -> str:
    text = simplified(line)
    for mention in mentioned(text):
        text = text.replace(mention.said, f" {called(mention.places[0], language)} ")
    own, written = units(text), words(text)
    return " ".join(
        said
        for stretch in stretches(own)
        if (said := _said_in(language, stretch.ideas, written[stretch.start : stretch.end]))
    )


def _said_in(language: Language, ideas: Sequence[Idea], written: Sequence[str]) -> str:
    """A stretch of a question in a language: as it is written, or the plainest word for its first idea."""
    is_chinese = any(is_cjk(word[0]) for word in written)
    if is_chinese == (language == "zh"):
        return ("" if is_chinese else " ").join(written)
    plainest = list(chain.from_iterable(idea.chinese if language == "zh" else idea.english for idea in ideas))
    if plainest:
        return plainest[0]
    return "" if is_chinese or STOPWORDS.issuperset(written) else " ".join(written)


def _places(named: Sequence[Mention], known: Known) -> list[Concept]:
    home = _home(known) if named else ""
    return [Concept(frozenset(units(mention.said)), _place_words(mention, home)) for mention in named]


def _place_words(mention: Mention, home: str) -> tuple[str, ...]:
    """What documents may call the place; for one abroad, that it is."""
    abroad = table()["abroad"]["say"]
    if mention.abroad:
        return tuple(abroad)
    nearer = chain.from_iterable(terms(place) for place in mention.places)
    away = () if {place.country for place in mention.places} <= {home} else abroad
    return tuple(dict.fromkeys((mention.places[0].name, *nearer, *away)))


def _home(known: Known) -> str:
    """The country that the shop's documents name most; empty when they name none."""
    named = {code: min(_rarity(name, known) for name in names_of(code)) for code in HOMES}
    most = min(named, key=named.__getitem__)
    return most if named[most] < known("") else ""


def _ideas(asked: Sequence[str], known: Known) -> list[Concept]:
    return [
        _concept(frozenset(asked[stretch.start : stretch.end]), idea, known)
        for stretch in stretches(asked)
        for idea in stretch.ideas
        if not idea.plain
    ]


def _concept(said: frozenset[str], idea: Idea, known: Known) -> Concept:
    searched = (*idea.english[:IN_EACH_LANGUAGE], *idea.chinese[:IN_EACH_LANGUAGE])
    is_usual = any(said.issuperset(units(word)) for word in (*idea.english, *idea.chinese))
    is_used = is_usual and all(known(unit) < known("") for unit in said)
    return Concept(said, searched, USED if is_used else UNUSED)


def _is_there(word: str, known: Known) -> bool:
    return not STOPWORDS.issuperset(units(word)) and _rarity(word, known) < known("")


def _rarity(word: str, known: Known) -> float:
    """The rarity of the rarest part of a word or phrase: of an English word, a Chinese character or a pair of them."""
    own = [unit for unit in units(word) if unit not in STOPWORDS] or units(word)
    pairs = [a + b for a, b in pairwise(own) if is_cjk(a) and is_cjk(b)]
    return max(map(known, [*own, *pairs]))
