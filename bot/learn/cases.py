"""A case that the house generator learns from, and the examples that are drawn from it, each time another one.

Which statements stand in the prompt, in what order, and with which numbers is new in every epoch. What stays is that
the reply goes by them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.generation.house import declined, numbered, wanted
from bot.messages import Message
from bot.understanding.questions import content_words

NEAR = 12  # statements that are kept beside the right ones, nearest first
FEWEST, MOST = 4, 7  # statements of a prompt
LED = 0.75  # the share of prompts whose likeliest statement is the first, where they are in the desk's own order
HIDDEN = 0.04  # the share of questions whose answer is left out of the prompt
FAITHFUL = 0.8  # the share of a reply's content words that its statements or the question have to have
QUOTED = 2  # statements of a quoted reply, at most
LONGEST = 55  # words of a reply
RENUMBERED = 0.6  # the share of questions, of those that can be, whose numbers are made new
_NUMBER = re.compile(r"(?<![\d:])\d+(?:[.,]\d+)*(?![\d:])")  # but for times of day
_STANCE = re.compile(r"\W*(yes|no|sorry|i[’']m sorry|i[’']m afraid|unfortunately|of course)\b", re.I)
_COUNTED = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|hundred|thousand|couple|few"
    r"|dozen|half|double|twice|ago|already|still|enough|late|over|under|yesterday|last|since|grand|k)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation that ends with the shopper's question; the reply, empty where nothing answers; the lines that it
    rests on, the most important first; others, the nearest first; and where it is from."""

    talk: tuple[Message, ...]
    reply: str
    right: tuple[str, ...]
    near: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Example:
    """What is read and what is to be written, as texts for the chat template."""

    turns: tuple[dict[str, str], ...]
    wanted: str


def example(case: Case, chance: random.Random, verbatim: float = 0.0, led: float = 0.0) -> Example:
    """A case with so many of its statements, in an order by lot, and sometimes with other numbers.

    For the share `verbatim` the reply is quoted, and so it is wherever the hand-written one says what its statements do
    not: a model that learns such replies learns to make things up. For the share `led` the likeliest statement is the
    first, as it mostly is where the desk has ranked them.
    """
    if chance.random() < RENUMBERED:
        case = renumbered(case, chance)
    right = list(case.right) if chance.random() >= HIDDEN else []
    said = _drawn(case, right, chance, led)
    turns = [{"role": "system", "content": numbered(said)}]
    turns += [{"role": message.role, "content": message.text} for message in case.talk]
    if not right:
        return Example(tuple(turns), declined())
    reply = case.reply
    if chance.random() < verbatim or not is_faithful(reply, right, case.talk[-1].text):
        reply, right = quoted(reply, right)
    return Example(tuple(turns), wanted(reply, [said.index(text) for text in right]))


def _drawn(case: Case, right: Sequence[str], chance: random.Random, led: float) -> list[str]:
    """The right statements among near ones."""
    size = max(chance.randint(FEWEST, MOST), len(right) + 1)
    pool = case.near[: chance.choice((size, NEAR))]
    said = [*right, *chance.sample(pool, min(len(pool), size - len(right)))]
    likeliest = right[0] if right else min(said, key=case.near.index)
    chance.shuffle(said)  # so that nothing but reading tells the right one
    if led and chance.random() < led:
        said.remove(likeliest)
        said.insert(0, likeliest)
    return said


def is_faithful(reply: str, right: Sequence[str], asked: str) -> bool:
    """Whether nearly all that the reply says is in its statements or the question."""
    words = content_words(reply)
    known = set(content_words("\n".join((*right, asked))))
    return sum(word in known for word in words) >= FAITHFUL * len(words)


def quoted(reply: str, right: Sequence[str]) -> tuple[str, list[str]]:
    """The first statements in their own words behind the reply's yes, no or sorry; and which they are."""
    stance, first = _STANCE.match(reply), list(right[:QUOTED])
    if sum(len(bare(text).split()) for text in first) > LONGEST:
        first = first[:1]
    said = " ".join(map(bare, first))
    return (f"{stance[1].capitalize()}, {said}" if stance else said), first


def renumbered(case: Case, chance: random.Random) -> Case:
    """The case with new numbers in its statements and reply, where the question leans on none: then the same words are
    right with any, and have to be copied. Years stay, and so does the whole where the reply has a number of its own."""
    if not case.reply or _COUNTED.search(case.talk[-1].text):
        return case
    stated = {number for text in case.right for number in _NUMBER.findall(text)}
    if not stated or not stated.issuperset(_NUMBER.findall(case.reply)):
        return case
    new = {number: _like(number, chance) for number in sorted(stated)}
    if len(set(new.values())) < len(new):
        return case

    def changed(text: str) -> str:
        return _NUMBER.sub(lambda found: new.get(found[0], found[0]), text)

    return replace(
        case,
        reply=changed(case.reply),
        right=tuple(map(changed, case.right)),
        near=tuple(map(changed, case.near)),
    )


def _like(number: str, chance: random.Random) -> str:
    """Another number of the same form; a year as it is."""
    if re.fullmatch(r"(?:19|20)\d\d", number):
        return number
    first = str(chance.randint(1, 9)) if number[0] != "0" else "0"
    return first + re.sub(r"\d", lambda _: str(chance.randint(0, 9)), number[1:])


def bare(text: str) -> str:
    """A line without its heading."""
    return text.partition(": ")[2] or text
