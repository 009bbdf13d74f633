"""What shoppers asked and did not get: declined and badly rated questions, and those that staff answered, by meaning.

Average-linkage clustering over the cosines of the embedder on board (Sokal and Michener, 1958; the update of distances
is that of Lance and Williams, 1967). The same questions in the same order give the same gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray

from bot.conversations import Conversations
from bot.desk import Desk
from bot.errors import LearningError
from bot.learn.redaction import redact, redact_together
from bot.messages import Turn
from bot.review import Review, Reviews
from bot.settings import Settings
from bot.understanding.expansion import translated
from knowledge.languages import detect
from retrieval.retriever import Filters, Retriever

Why = Literal["declined", "rated_down", "answered_by_staff", "marked_in_review"]
ALIKE = (
    0.43  # mean cosine at which two groups are one question; of 12 paraphrases on 5 matters, others had at most 0.42
)
MOST = 2000  # questions looked at, the latest ones: the time to cluster them grows with their square and more
FEW, FEW_IN_GAP = 20, 5  # under which a figure, and a trend, mean little
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was not answered well. `reply` is what staff wrote to it, or corrected. Both are without personal
    data."""

    turn: str
    question: str
    why: Why
    created_at: str
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions of one meaning, the most typical one first; `count` in the period, `before` in the one before it."""

    questions: tuple[Asked, ...]
    count: int
    before: int
    nearest: tuple[dict[str, Any], ...] = ()

    @property
    def trend(self) -> str:
        """More, fewer or as many as before; "too few data" where chance alone would do it."""
        if self.count + self.before < FEW_IN_GAP:
            return "too few data"
        return "as before" if self.count == self.before else "more" if self.count > self.before else "fewer"


def asked_in_vain(store: Conversations, settings: Settings, since: datetime) -> list[Asked]:
    """Such questions since a time, oldest first. What was out of the shop's business, or an attack, is no gap."""
    down = _rated_down(store)
    replies: dict[str, list[str]] = {}
    for said in Desk(store, settings).examples():
        replies.setdefault(said["turn"], []).append(said["text"])
    reviews = Reviews(store, settings).latest()
    for review in reviews.values():
        if review.correction:
            replies[review.turn] = [review.correction]
    found = []
    for turn in store.turns_since(since.isoformat(timespec="milliseconds")):
        if why := _why(turn, down, replies, reviews.get(turn.id)):
            question, reply = redact_together(
                [turn.explanation.get("question") or turn.question, "\n".join(replies.get(turn.id, ()))],
                public=settings.contact,
            )
            found.append(Asked(turn.id, question.text, why, turn.created_at, reply.text))
    return found


def _rated_down(store: Conversations) -> set[str]:
    """The turns that more people found bad than good."""
    votes: dict[str, int] = {}
    for rating in store.all_ratings():
        votes[rating.turn] = votes.get(rating.turn, 0) + (1 if rating.label == "down" else -1)
    return {turn for turn, balance in votes.items() if balance > 0}


def _why(turn: Turn, down: set[str], replies: dict[str, list[str]], review: Review | None) -> Why | None:
    if review is not None and review.decision == "drop":
        return None
    if review is not None and review.decision == "gap":
        return "marked_in_review"
    if turn.id in replies:
        return "answered_by_staff"
    if turn.reply is None or turn.reply.stopped:
        return None
    if turn.reply.outcome == "decline" and turn.reply.reason in ("", "not_found"):
        return "declined"
    return "rated_down" if turn.id in down and turn.reply.outcome != "handover" else None


def find_gaps(store: Conversations, settings: Settings, retriever: Retriever, days: int, now: datetime) -> list[Gap]:
    """The gaps of the last `days` up to `now`, the largest first, each with the documents nearest to it.

    Questions of the period before take part in the clustering, and are counted as `before`.
    """
    starts = (now - timedelta(days=days)).isoformat(timespec="milliseconds")
    questions = asked_in_vain(store, settings, now - timedelta(days=2 * days))[-MOST:]
    if not questions:
        return []
    vectors = retriever.embed([_meaning(retriever, one.question) for one in questions])
    gaps = []
    for members in clusters(vectors @ vectors.T, ALIKE):
        recent = [at for at in members if questions[at].created_at >= starts]
        if recent:
            centre = vectors[members].sum(axis=0)
            typical = sorted(recent, key=lambda at: (-round(float(vectors[at] @ centre), 5), at))
            chosen = tuple(questions[at] for at in typical)
            gaps.append(Gap(chosen, len(recent), len(members) - len(recent), _nearest(retriever, chosen[0].question)))
    return sorted(gaps, key=lambda gap: (-gap.count, min((one.created_at, one.turn) for one in gap.questions)))


def _meaning(retriever: Retriever, question: str) -> str:
    """The question in a language that the embedder knows."""
    known = retriever.embedder.languages
    return question if known is None or detect(question) in known else translated(question, "en") or question


def _nearest(retriever: Retriever, question: str) -> tuple[dict[str, Any], ...]:
    """The documents nearest to a question, those for staff too, with the cosine of their best chunk."""
    best: dict[str, dict[str, Any]] = {}
    for hit in retriever.search(question, 10, Filters("staff")):
        record = {"document": hit.chunk.document, "title": hit.chunk.title, "cosine": round(hit.cosine, 3)}
        best.setdefault(hit.chunk.document, record)
    return tuple(list(best.values())[:SHOWN])


def clusters(likeness: NDArray[np.float32], at_least: float) -> list[list[int]]:
    """Groups of positions, shape of `likeness` (n, n): the two likest groups are joined while their mean is enough.

    Every position is in one group; groups come in the order of their first positions. Of equal pairs the first joins.
    """
    mean = np.array(likeness, dtype=np.float64)
    np.fill_diagonal(mean, -np.inf)
    groups = {at: [at] for at in range(len(mean))}
    while len(groups) > 1:
        one, other = sorted(divmod(int(mean.argmax()), len(mean)))
        if mean[one, other] < at_least:
            break
        sizes = len(groups[one]), len(groups[other])
        joined = np.average(mean[[one, other]], axis=0, weights=sizes)
        mean[one, :] = mean[:, one] = joined
        mean[other, :] = mean[:, other] = mean[one, one] = -np.inf
        groups[one] += groups.pop(other)
    return [sorted(groups[at]) for at in sorted(groups)]


def report(gaps: Sequence[Gap], days: int) -> dict[str, Any]:
    """The gaps as JSON values; `note` says so where there are too few questions to go by."""
    total = sum(gap.count for gap in gaps)
    few = f"too few data: {total} questions in {days} days; the counts may be chance" if total < FEW else ""
    return {"days": days, "questions": total, "note": few, "gaps": [_record(n, gap) for n, gap in enumerate(gaps, 1)]}


def _record(number: int, gap: Gap) -> dict[str, Any]:
    why = [one.why for one in gap.questions]
    return {
        "gap": number,
        "count": gap.count,
        "before": gap.before,
        "trend": gap.trend,
        "why": {kind: why.count(kind) for kind in sorted(set(why))},
        "examples": list(dict.fromkeys(one.question for one in gap.questions))[:SHOWN],
        "staff_replies": sum(bool(one.reply) for one in gap.questions),
        "nearest": list(gap.nearest),
    }


def draft(gaps: Sequence[Gap], number: int) -> str:
    """A document in Markdown out of what staff replied to a gap, for staff only until the merchant says otherwise.

    Raises LearningError where there is no such gap, or no reply of staff to it.
    """
    if not 1 <= number <= len(gaps):
        raise LearningError(f"there is no gap {number}; `shopdesk gaps` lists {len(gaps)} of them")
    questions = gaps[number - 1].questions
    replies = list(dict.fromkeys(one.reply for one in questions if one.reply))
    title = " ".join(questions[0].question.split())[:120]
    if not replies:
        raise LearningError(f"gap {number} ({title!r}) has no reply of staff to draft from; write the document by hand")
    asked = list(dict.fromkeys(" ".join(one.question.split()) for one in questions))
    # For whoever reads the draft: what shoppers wrote is not for others, so it is no part of the text.
    head = {"title": redact(title).text, "language": detect(title), "audience": "staff", "asked_as": asked}
    front = yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=1000)
    answers = "\n\n".join(replies)
    return f"---\n{front}---\n\n# {head['title']}\n\n{answers}\n"
