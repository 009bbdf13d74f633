"""The places that a question names: a name that is a word too ("cork", "bath") counts only where it is used as a place.

There is no model behind it. What decides is how the name is written, what stands before it ("to", "from", "deliver")
and behind it ("bath towels" is no town), and whether the message is about sending or being somewhere at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.understanding.gazetteer import Place, demonyms, folded, places, table
from knowledge.languages import CJK

MANY_PEOPLE = 300_000  # a name of a place as large stands for it without "to" or "from" before it
LONGEST = 4  # words of a name
LONGEST_CHINESE = 8  # characters
_WORD = re.compile(r"[^\W\d_](?:[\w'’.]*[^\W_])?")
_CHINESE = re.compile(f"[{CJK}]+")
_MOVES = re.compile(
    r"\b(?:deliver\w*|ship\w*|post(?:s|ed|ing|al|age)?|send\w*|sent|courier\w*|dispatch\w*|despatch\w*|mail\w*|parcel\w*"
    r"|import\w*|customs|duty|vat|tax|live[sd]?|living|based|mov(?:e|ed|ing)|address|postcode|abroad|overseas|reach"
    r"|holiday\w*|visit\w*|travel\w*|trip|stay\w*|hotel|flat|house|home|family|sister|brother|son|daughter|mum|mom|dad"
    r"|get (?:it|them|this|one) to|arriv\w+|collect\w*|i'?m in|mother|father|parents|nan|gran\w*|aunt|uncle|cousin"
    r"|friends?|mates?|wife|husband|shop|store|branch|driv\w+|order)\b",
    re.I,
)
# What stands before a place, between that and its name, and behind a name that is the end of what it says.
_TOWARDS_WORDS = "to in from near at outside around into via within inside towards toward across"
_SENDING_WORDS = """
deliver delivers delivered delivery delivering ship ships shipping shipped shipment post posting posted postage send
sending sent courier dispatch mail mailing
"""
_BETWEEN_WORDS = "north south east west northern southern eastern western central mainland rural upper lower"
_BEHIND_WORDS = """
a about address addresses after again airport and area are arrive as at be because been before border but by can city
cost costs could county customer customers customs delivery do does either express extra family flat for free friday
from get has have here how i if im in is island islands it its just last mainland monday my next no not now on or order
orders please pls plz post postage postcode region round same shipping shop side so soon still store than thanks that
the then there they this though thx to today tomorrow too town u uk uni university usa via was we what whats when where
which while who why will with within without wont would you your
"""
_BEFORE = frozenset(_TOWARDS_WORDS.split()) | frozenset(_SENDING_WORDS.split())
_BETWEEN, _BEHIND = frozenset(_BETWEEN_WORDS.split()), frozenset(_BEHIND_WORDS.split())
_MADE = re.compile(
    r"\b(?:made|manufactured|produced|printed|designed|grown|woven|assembled|sewn)\W+(?:\w+\W+){0,2}(?:(?:or|and)\W+)?$",
    re.I,
)
_SIZE = re.compile(r"\W*(?:\d|size|sizing|plug|adap|men|women|shoe|standard|version|keyboard)", re.I)
_OF_SOMEONE = re.compile(
    r"\W+(?:address|customers?|postcode|customs|residents?|mainland|delivery|shipping|phone)\b", re.I
)
_OUTSIDE = re.compile(r"\b(?:outside|not in|non)[\s-]+(?:of )?(?:the )?$", re.I)
_SHORT = frozenset(("us", "ni", "in", "hk", "nz", "nsw", "prc"))  # codes that are read only in capitals
_CHINESE_BEFORE = frozenset("寄到在去从来往给让回住发送自至")
_CHINESE_GOODS = frozenset("码版款产制牌货菜鞋")


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a question, and the places that it may stand for, the likeliest first; `abroad`: what lies outside."""

    said: str
    places: tuple[Place, ...]
    abroad: bool = False


def mentioned(question: str) -> list[Mention]:
    """The places that a question names, in its order. A namesake in a country that it names too is preferred."""
    found = [*_english(question), *_chinese(question)]
    countries = {mention.places[0].country for mention in found if len(mention.places) == 1}
    return [
        Mention(
            mention.said, tuple(p for p in mention.places if p.country in countries) or mention.places, mention.abroad
        )
        for mention in found
    ]


def _english(question: str) -> Iterator[Mention]:
    words = list(_WORD.finditer(question))
    read = _Reading(question, words)
    at = 0
    while at < len(words):
        mention, after = read.name_at(at)
        if mention is not None:
            yield mention
        at = after


@dataclass(frozen=True, slots=True)
class _Reading:
    """An English question as words."""

    question: str
    words: Sequence[re.Match[str]]

    def name_at(self, at: int) -> tuple[Mention | None, int]:
        """The longest name that begins with this word and is used as a place, and the word to go on with."""
        for end in range(min(at + LONGEST, len(self.words)), at, -1):
            if not self._joined(at, end):
                continue
            said = self.question[self.words[at].start() : self.words[end - 1].end()]
            meant = self._meant(folded(said), at, end)
            if meant:
                abroad = _OUTSIDE.search(self.question, 0, self.words[at].start()) is not None
                return Mention(said, meant, abroad), end
        return None, at + 1

    def _meant(self, name: str, at: int, end: int) -> tuple[Place, ...]:
        if end == at + 1 and name in demonyms() and _OF_SOMEONE.match(self.question, self.words[at].end()):
            return (Place(name, demonyms()[name]),)
        known = places().get(name, ())
        return known if known and self._is_place(name, known[0], at, end) else ()

    def _is_place(self, name: str, place: Place, at: int, end: int) -> bool:
        before, behind = self.question[: self.words[at].start()], self.question[self.words[end - 1].end() :]
        if _MADE.search(before) or (len(name) <= 3 and _SIZE.match(behind)):
            return False
        if self._qualified(place, end):
            return True
        ambiguous = table()["ambiguous"]
        if name in ambiguous["never"] or (name in _SHORT and not self.words[at].group().isupper()):
            return False
        towards, ends = self._towards(at), self._ends(end)
        moves, capital = _MOVES.search(self.question) is not None, self._capital(at)
        if name in ambiguous["words"]:
            return towards and ends and (moves or capital)
        return towards or (ends and (moves or capital or place.people >= MANY_PEOPLE))

    def _towards(self, at: int) -> bool:
        """Whether a word of direction or of sending stands right before."""
        while at > 0 and self._joined(at - 1, at + 1) and self._word(at - 1) in _BETWEEN:
            at -= 1
        if at > 0 and self._joined(at - 1, at + 1) and self._word(at - 1) == "the":
            at -= 1 if self._word(at).endswith("s") or self._word(at) in ("uk", "eu", "us", "usa", "hague") else 0
        return at > 0 and self._joined(at - 1, at + 1) and self._word(at - 1) in _BEFORE

    def _ends(self, end: int) -> bool:
        """Whether nothing stands behind that the name could be a part of."""
        return end == len(self.words) or not self._joined(end - 1, end + 1) or self._word(end) in _BEHIND

    def _qualified(self, place: Place, end: int) -> bool:
        """Whether the country comes right behind: "Mobile, Alabama", "perth australia"."""
        for last in range(min(end + LONGEST - 1, len(self.words)), end, -1):
            behind = self.question[self.words[end].start() : self.words[last - 1].end()]
            around = places().get(folded(behind), ())
            if around and around[0].country == place.country and around[0].people > place.people:
                return True
        return False

    def _capital(self, at: int) -> bool:
        """Whether the word has a capital that says something: not the first, nor in a message that is full of them."""
        capitals = sum(word.group()[0].isupper() for word in self.words)
        return at > 0 and self.words[at].group()[0].isupper() and 2 * capitals <= len(self.words) + 1

    def _word(self, at: int) -> str:
        return folded(self.words[at].group())

    def _joined(self, start: int, end: int) -> bool:
        """Whether only blanks and hyphens stand between these words."""
        gaps = (
            self.question[a.end() : b.start()]
            for a, b in zip(self.words[start : end - 1], self.words[start + 1 : end], strict=True)
        )
        return all(not gap.strip(" -") for gap in gaps)


def _chinese(question: str) -> Iterator[Mention]:
    ambiguous = frozenset(table()["ambiguous"]["chinese"])
    for run in _CHINESE.finditer(question):
        text, at = run.group(), 0
        while at < len(text):
            name = next((n for k in range(LONGEST_CHINESE, 1, -1) if (n := text[at : at + k]) in places()), "")
            before, behind = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
            sure = name not in ambiguous or (before in _CHINESE_BEFORE and before)
            if name and sure and behind not in _CHINESE_GOODS:
                yield Mention(name, places()[name])
            at += max(len(name), 1)
