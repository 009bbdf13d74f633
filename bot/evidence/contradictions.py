"""Whether two of the shop's documents contradict each other, and which of the two statements is the more specific.

Two statements contradict each other when they say different values (an amount, a length of time, a deadline), or yes
and no, of the same thing for the same case. Whatever may name a case of its own (another product, country, channel,
day) makes them two cases: what is found is for the staff to mend, so a miss costs less than a false alarm. A pure
function over words, for English and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import combinations

from bot.evidence.amounts import Value
from bot.evidence.clauses import Clause, absolutes, clauses, opposed
from bot.evidence.digits import in_digits
from bot.evidence.values import says, values
from bot.statements import Statement
from bot.understanding.ideas import stretches
from knowledge.documents import Chunk
from retrieval.lexical import STOPWORDS, units, words
from retrieval.retriever import Hit

LOOKED_AT = 6  # of the best statements: the others are not what was asked about
_EARLIEST = date.min
_COVERED = 0.6  # of the shorter statement's things, that the longer one names too
_SAME_TEXT = 3  # things that two texts share, so that it matters less what they stand under
_PROPER = re.compile(r"(?<=[\w,:] )[A-Z][\w'’-]*")
_ELSEWHERE = frozenset(("international", "international_return", "remote", "sale_item", "return_in_store", "collect"))
_WHOLE = frozenset(("all", "any", "anywhere", "always", "never"))  # says it of every case
_CONDITIONS = frozenset(("clock", "date", "weekday", "month", "measure", "count", "percent", "code"))
_LIGHT_SECTIONS = frozenset(("plain", "rules", "money"))
# Words that name no case: what every rule of a shop is made of, and its titles.
_LIGHT = frozenset(
    units(
        """
        about after all also am and answer any anything applies apply approximately arrive asked available
        back before begin begins both bought business buy calendar can cannot carries carry charge choose
        choosing come comes condition costs count courier current customer customers date day deadline detail
        details each either every everything faq fee frequently from general get give go goes goods guide have
        help hold hour hours how info information item items keep last lasts latest least long may more most
        much must need needs new normal normally now of offer offers only or order ordered orders our over
        overview own package page parcel pay period place placed please pm policy possible price prices
        product products purchase question questions receive receives rule run send shop shopper shows simply
        since standard start starts still store take takes term terms than thing things time today under until
        up usual usually valid very want whole will within working you
        """
    )
) | frozenset(
    "为是在请可以个您我们收后内起日天小时元的了需要须能会前到达于自之从每月年周期限间工作不无均都即用常见问题帮助说明须知货"
)


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a text names: the units of a word or phrase that tell it apart, and the ideas it stands for."""

    units: frozenset[str]
    ideas: frozenset[str]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two statements of different documents that cannot both hold; `said` is the more specific, `why` says how."""

    said: Statement
    against: Statement
    said_in: str
    against_in: str
    why: str

    def __str__(self) -> str:
        """A line for the staff."""
        return f"{self.said_in} says “{self.said.text}”, {self.against_in} says “{self.against.text}”: {self.why}"


@dataclass(frozen=True, slots=True)
class _Told:
    """A statement with its place: the things that it names itself, and those that its title and headings name.

    `proper` are the units of words with a capital in the middle of those: "Delivery to Ireland".
    """

    statement: Statement
    chunk: Chunk
    own: tuple[Thing, ...]
    above: tuple[Thing, ...]
    proper: frozenset[str]
    values: tuple[Value, ...]
    clauses: tuple[Clause, ...]
    units: frozenset[str]
    ideas: frozenset[str]

    def has(self, thing: Thing) -> bool:
        """Whether it names a thing too, itself or above it, by the same words or by others."""
        return not thing.ideas.isdisjoint(self.ideas) or thing.units <= self.units


def contradictions(ranked: Sequence[Statement], hits: Sequence[Hit]) -> list[Contradiction]:
    """The contradictions among the best statements; `ranked` best first, each of the passage `hits[passage]`."""
    among = [(statement, hits[statement.passage].chunk) for statement in ranked[:LOOKED_AT]]
    if len({chunk.document for _, chunk in among}) < 2:
        return []
    told = [_told(statement, chunk) for statement, chunk in among]
    return [found for one, other in combinations(told, 2) if (found := _contradiction(one, other))]


def without_contradicted(ranked: Sequence[Statement], found: Sequence[Contradiction]) -> list[Statement]:
    """The statements without those that a more specific one stands against."""
    against = {(each.against.passage, each.against.order) for each in found}
    return [statement for statement in ranked if (statement.passage, statement.order) not in against]


def _contradiction(one: _Told, other: _Told) -> Contradiction | None:
    if one.chunk.document == other.chunk.document or one.chunk.language != other.chunk.language:
        return None
    if one.statement.subject or other.statement.subject or not _is_one_case(one, other):
        return None
    if not (_values_differ(one.values, other.values) or _denied(one, other)):
        return None
    said, against, why = _more_specific(one, other)
    return Contradiction(said.statement, against.statement, said.chunk.document, against.chunk.document, why)


def _told(statement: Statement, chunk: Chunk) -> _Told:
    above = "\n".join(dict.fromkeys((chunk.title, *chunk.heading, statement.heading, statement.lead)))
    proper = frozenset(unit for word in _PROPER.findall(above) for unit in units(word))
    own, around = _things(statement.text), _things(above)
    named = frozenset[str]().union(*(thing.units for thing in (*own, *around)))
    ideas = frozenset[str]().union(*(thing.ideas for thing in (*own, *around)))
    said = values(statement.text), clauses(statement.text, statement.lead)
    return _Told(statement, chunk, own, around, proper, *said, named, ideas)


@lru_cache(maxsize=2048)
def _things(text: str) -> tuple[Thing, ...]:
    """What a text names: each word or phrase, but those that name no case."""
    found = units(in_digits(text))
    things = []
    for stretch in stretches(found):
        telling = frozenset(
            unit
            for unit in found[stretch.start : stretch.end]
            if unit not in STOPWORDS and unit not in _LIGHT and not unit[0].isdigit()
        )
        if telling and not {idea.section for idea in stretch.ideas} & _LIGHT_SECTIONS:
            things.append(Thing(telling, frozenset(idea.name for idea in stretch.ideas)))
    return tuple(things)


def _is_one_case(one: _Told, other: _Told) -> bool:
    """Whether both speak of the same thing, and neither names a case that the other does not hold for."""
    mine, theirs = _extra(one, other), _extra(other, one)
    if (mine and theirs) or opposed(one.statement.text, frozenset(words(other.statement.text)), other.statement.text):
        return False
    if (mine and not _is_general(other)) or (theirs and not _is_general(one)):
        return False
    shorter, longer = sorted((one, other), key=lambda told: len(told.own))
    shared = sum(longer.has(thing) for thing in shorter.own)
    return shared > 0 and shared >= _COVERED * len(shorter.own)


def _extra(one: _Told, other: _Told) -> list[str]:
    """What one names and the other does not.

    Where the texts themselves name the same, what stands above one tells it apart only by names and known ideas, and
    only by names of places if nothing stands above the other: an answer among many claims to hold everywhere.
    """
    above = one.above
    if len(one.own) >= _SAME_TEXT and all(map(other.has, one.own)) and all(map(one.has, other.own)):
        above = tuple(
            thing
            for thing in above
            if thing.units & one.proper or (thing.ideas if other.above else thing.ideas & _ELSEWHERE)
        )
    return [" ".join(sorted(thing.units)) for thing in (*one.own, *above) if not other.has(thing)]


def _is_general(told: _Told) -> bool:
    """Whether a statement holds for every case, by what it says: "all orders", "always"."""
    return not absolutes(told.statement.text).isdisjoint(_WHOLE)


def _values_differ(one: Sequence[Value], other: Sequence[Value]) -> bool:
    """Whether there is one value of a kind in each that the other does not say, and nothing else sets them apart."""
    mine = [value for value in one if not says(other, value)]
    theirs = [value for value in other if not says(one, value)]
    mine = [value for value in mine if not any(says([value], there) for there in other)]
    theirs = [value for value in theirs if not any(says([value], there) for there in one)]
    if _bounds_apart(one, other) or not mine or not theirs:
        return False
    kinds = {value.kind for value in mine} & {value.kind for value in theirs}
    apart = {value.kind for value in (*mine, *theirs)} - kinds
    if len(kinds) != 1 or apart & _CONDITIONS or "code" in kinds:
        return False
    (a, *more), (b, *others) = ([v for v in left if v.kind in kinds] for left in (mine, theirs))
    same_unit = a.unit == b.unit or a.kind == "clock"
    return not more and not others and same_unit and not (a.bound and b.bound and a.bound != b.bound)


def _bounds_apart(one: Sequence[Value], other: Sequence[Value]) -> bool:
    """Whether a value that both name is the most in one and the least in the other: below £60, and from £60."""
    return any(
        a.bound and b.bound and a.bound != b.bound for a in one for b in other if (a.kind, a.high) == (b.kind, b.high)
    )


def _denied(one: _Told, other: _Told) -> bool:
    """Whether one denies what the other affirms, in the same words, without an exception in either."""
    if any(clause.limits or clause.supposes for told in (one, other) for clause in told.clauses):
        return False
    apart = {v.kind for v in one.values if not says(other.values, v)} | {
        v.kind for v in other.values if not says(one.values, v)
    }
    if apart & _CONDITIONS:
        return False
    if len(one.clauses) == len(other.clauses) == 1:
        alike = all(map(other.has, one.own)) and all(map(one.has, other.own)) and len(one.own) > 1
        return alike and one.clauses[0].denies != other.clauses[0].denies
    return any(a.denies != b.denies and _alike(a.words, b.words) for a in one.clauses for b in other.clauses)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two clauses have the same words but for those that name nothing, two of them at least."""
    shared = {word for word in one & other if word not in _LIGHT}
    apart = {word for word in one ^ other if word not in _LIGHT and not word[0].isdigit()}
    return len(shared) > 1 and not apart


def _more_specific(one: _Told, other: _Told) -> tuple[_Told, _Told, str]:
    """The two, the more specific first, and why it is; `one` answers better."""
    for said, against in ((one, other), (other, one)):
        if extra := _extra(said, against):
            return said, against, f"it names the case ({', '.join(sorted(set(extra)))})"
    dates = one.chunk.effective_from, other.chunk.effective_from
    if dates[0] != dates[1]:
        said, against = (one, other) if (dates[0] or _EARLIEST) > (dates[1] or _EARLIEST) else (other, one)
        since = against.chunk.effective_from
        return said, against, f"it is in force since {said.chunk.effective_from}, the other {_since(since)}"
    return one, other, "neither is narrower or newer, so the one that answers better was used"


def _since(day: date | None) -> str:
    return f"since {day}" if day else "names no date"
