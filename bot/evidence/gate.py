"""Whether a sentence is supported by passages, and which of their statements it rests on.

Checked exactly: values with what they count, names, promises, denials, opposites, exceptions. What is left is weighed:
how much of the sentence stands where, and whether its values stand with other words (`bot.evidence.support`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from bot.evidence.clauses import BINDING, opposed
from bot.evidence.coverage import Claim, Coverage, claim
from bot.evidence.premises import Line, premise
from bot.evidence.support import features, load_weights
from bot.evidence.values import same
from bot.statements import Statement
from retrieval.lexical import units

Objection = Literal["", "value", "name", "promise", "denial", "condition", "words"]
ALIKE = 0.6  # two clauses of which one denies what the other affirms
_MAIN = 0.8  # of the words: the rest is how it is said
_VERB = r"(?:\w+ly )?(?P<{}>(?:not )?[a-z-]+)"
_PROMISE = re.compile(
    rf"\bI(?:'ll| will| shall|'m going to| am going to) {_VERB.format('own')}"
    rf"|\bwe(?:'ll| will| shall|'re going to| are going to) {_VERB.format('ours')}"
    r"|\bI(?:'ve| have)(?: just| already| now)? (?P<done>[a-z]+(?:ed|en|nt|id|de|ne))\b"
    r"|\b(?P<vow>guarantee[ds]?|promise[ds]?|rest assured)\b"
    r"|(?P<chinese>我(?:已经?|会|马上|这就|帮您|为您|给您|替您)|已(?:经)?(?:为|帮|给|替)您|保证|承诺)",
    re.I,
)
# What a shop does in its documents whatever the words.
_ORDINARY = frozenset(
    units("send give take get let be have do make keep put need help tell check look pay not still only")
)


def supported(sentence: str, passages: Sequence[str]) -> bool:
    """Whether a sentence may be released: what it says is in the passages, or it says nothing of the shop."""
    return not objection(sentence, passages)


def objection(sentence: str, passages: Sequence[str]) -> Objection:
    """Why a sentence may not be released, as a word for the turn's record; "" where it may."""
    premises = [premise(passage) for passage in passages]
    if any(found.has(sentence) for found in premises):
        return ""
    found = Coverage(claim(sentence), premises)
    if found.said.is_empty:
        return ""
    if wrong := checked(found):
        return wrong
    weighs = load_weights()[found.said.language]
    return "" if weighs(features(found)) >= weighs.enough else "words"


def checked(found: Coverage) -> Objection:
    """What is wrong with a claim beside the passages, as far as that can be told exactly."""
    said, given = found.said, frozenset[str]().union(*(each.absolutes for each in found.premises))
    if found.values_anywhere < 1:
        return "value"
    if found.unknown_names:
        return "name"
    if _promises(found) or not said.absolutes & BINDING <= given:
        return "promise"
    limited = [line for each in found.premises for line in each.limited]
    if any(_drops(said, line) or _takes_in(said, line) for line in limited):
        return "condition"
    if found.values_beside < 1:
        return "value"
    return "denial" if found.denial >= ALIKE or any(_turns(said, line) for line in found.copied) else ""


def _turns(said: Claim, line: Line) -> bool:
    """Whether a claim has opposites of a statement's words, or "under" where it has "over"."""
    if opposed(said.text, line.raw, line.text):
        return True
    for value in said.values:
        bounds = {other.bound for other in line.values if same(other, value)}
        if value.bound and bounds and not bounds & {"", value.bound}:
            return True
    return False


def _promises(found: Coverage) -> bool:
    """Whether the desk promises something itself, or for the shop what no passage speaks of."""
    for match in _PROMISE.finditer(found.said.sentence.replace("’", "'")):
        if match["own"] or match["done"] or match["chinese"]:
            return True
        words = frozenset(units(match["vow"] or match["ours"].removeprefix("not ")))
        if words.isdisjoint(found.words) and (match["vow"] or words.isdisjoint(_ORDINARY)):
            return True
    return False


def _drops(said: Claim, line: Line) -> bool:
    """Whether a claim is what a statement says without its exception: "Returns are free" for "... unless worn"."""
    limits = frozenset[str]().union(*(clause.words for clause in line.clauses if clause.limits))
    main = frozenset[str]().union(*(clause.words for clause in line.clauses if not clause.limits))
    if not limits or len(main) < 2 or any(clause.limits for clause in said.clauses):
        return False
    whole = len(said.words & main) >= _MAIN * len(main) and len(said.words & line.own) >= _MAIN * len(said.words)
    return whole and said.words.isdisjoint(limits - main)


def _takes_in(said: Claim, line: Line) -> bool:
    """Whether a claim says of the exception what a statement says of the rest."""
    if any(clause.exception for clause in said.clauses):
        return False
    main = [clause for clause in line.clauses if not clause.exception]
    everything = frozenset[str]().union(*(clause.words for clause in main))
    denied = any(clause.denies for clause in said.clauses)
    for clause in line.clauses:
        own = clause.words - everything
        if clause.exception and own and own <= said.words and len(said.words & everything) > 1:
            return denied == any(other.denies for other in main)
    return False


def origin(sentence: str, said: Sequence[Statement]) -> Statement | None:
    """The statement that a sentence rests on: the one that shares most of its words; None when none shares any."""
    own = set(units(sentence))
    shares = [(len(own & (there := _units(s.text))) / (1 + len(there - own) / 8), s) for s in said]
    share, best = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    return best if share else None


@lru_cache(maxsize=4096)
def _units(text: str) -> frozenset[str]:
    return frozenset(units(text))
