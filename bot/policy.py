"""Answer or decline: pure functions from what was said and found to what the desk does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from bot.approved import is_approved
from bot.messages import Turn
from bot.statements import Statement
from bot.understanding.questions import VALUES, answer_kinds, asked_words
from retrieval.retriever import Hit

# Below these the desk declines; chosen on the demo suite's cases to develop with. The Chinese one is a share of words.
ENOUGH_CONFIDENCE: Final = {"en": 0.6, "zh": 0.3}
ENOUGH_BESIDE = 0.35  # for a part of a message of which another part is answered
# Below this the documents in the asker's language are given up for those in another, which answer only if as sure.
NOTHING_NEAR: Final = {"en": 0.15, "zh": 0.3}
ENOUGH_ELSEWHERE = 0.5
# Odds that a question is answered, out of those of the ranking and of the house generator's doubt: chosen on 250
# questions of the curriculum's held-out shops and on two suites (`bot/learn/LOG.md`, run 5).
DOUBT_BIAS, DOUBT_OWN, DOUBT_WEIGHT = -0.9, 0.6, 0.8
LEAST_CHANCE = 1e-3  # a probability that is nearer to 0 or 1 says no more
SURE_OUTSIDE, SURE_STEERED = 0.95, 0.85  # what answers a message outside the desk's business, or one that steers
POINTED, POINTED_AMONG = 0.4, 8  # of the best score, and among so many: a statement with the amount that is asked for
POINTED_BESIDE = 16  # among so many, one of the best statement's own passage
REPEATED = 0.002  # a statement that the last reply already made counts this much
SAME_SECTION = 0.9  # one that stands beside it, this much


def with_doubt(confidence: float, doubt: float) -> float:
    """How sure the desk is, in [0, 1], where a generator takes it that nothing answers with the probability `doubt`."""
    own = min(max(confidence, LEAST_CHANCE), 1 - LEAST_CHANCE)
    odds = DOUBT_BIAS + DOUBT_OWN * math.log(own / (1 - own)) - DOUBT_WEIGHT * math.log(max(doubt, LEAST_CHANCE))
    return 1 / (1 + math.exp(-odds))


def reranked(ranked: Sequence[Statement], last: Turn | None) -> list[Statement]:
    """The statements with those that the last reply made put back, and a little those of its sections."""
    said = last.reply.text if last is not None and last.reply is not None else ""
    repeated = {(s.passage, s.order) for s in ranked if s.text.rstrip(".。") in said}
    sections = {(s.passage, s.heading) for s in ranked if (s.passage, s.order) in repeated}
    scored = [
        s.scored(s.score * REPEATED) if (s.passage, s.order) in repeated
        else s.scored(s.score * SAME_SECTION) if (s.passage, s.heading) in sections
        else s
        for s in ranked
    ]  # fmt: skip
    return sorted(scored, key=lambda s: -s.score)


def to_the_point(question: str, ranked: Sequence[Statement]) -> list[Statement]:
    """The statements, in front the best one that has what is asked for, an amount or a time, if it is near the best.

    "Saturday delivery is charged at any order value" is near "what does Saturday delivery cost", and does not say.
    """
    asked = [kind for kind in answer_kinds(question.partition("\n")[0]) if kind in VALUES]
    if not ranked or not asked:
        return list(ranked)
    for statement in ranked[:POINTED_AMONG]:
        if statement.score < POINTED * ranked[0].score:
            break
        if all(kind.search(statement.whole) for kind in asked):
            return _with_first(statement, ranked)
    beside = (s for s in ranked[:POINTED_BESIDE] if s.passage == ranked[0].passage)
    return _with_first(next((s for s in beside if all(k.search(s.whole) for k in asked)), ranked[0]), ranked)


def _with_first(first: Statement, ranked: Sequence[Statement]) -> list[Statement]:
    return [first, *(other for other in ranked if other is not first)]


def nearest(question: str, hits: Sequence[Hit]) -> str:
    """The title of the first passage whose title or headings have a word of the question; "" where none has. That of
    an answer which staff approved is its question.

    A decline names it: what merely ranked first for want of better would look like a joke.
    """
    asked = set(asked_words(question))
    near = (hit for hit in hits if asked & set(asked_words(" ".join((hit.chunk.title, *hit.chunk.heading)))))
    return next((h.chunk.heading[-1] if is_approved(h.chunk) else h.chunk.title for h in near), "")
