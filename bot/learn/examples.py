"""Examples to learn from: what people rated, in every channel, and what staff wrote, in the format of TRL.

    shopdesk learn examples --out examples.jsonl

Each is `{"prompt": messages, "completion": messages, "label": bool, "rejected", "split", "origin"}`, which KTOTrainer
takes as it is. What staff corrected in the review is a pair besides: `completion` is to be preferred to `rejected`, the
messages that were said; for all others that is empty. Personal data is out of it before anything is written; what the
shop's own passages say stays. A conversation lies whole in one split, so that nothing held out is seen in training. The
same store gives the same examples.

Where the index still has the passages, `origin.statements` are those that the generator was given, or would have been,
the likeliest first, as the house generator reads them (`bot.given`); so a reply that declines has passages too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

from bot import given
from bot.approved import titled
from bot.conversations import Conversation, Conversations
from bot.desk import Desk
from bot.errors import LearningError
from bot.generation import house
from bot.given import NOTHING, Given
from bot.learn.context import ChatMessage, before, instructions
from bot.learn.redaction import redact_together
from bot.learn.shelf import Shelf
from bot.messages import OPERATOR, Rating, Reply, Source, Turn
from bot.review import Review, Reviews
from bot.settings import Settings
from knowledge.languages import detect


@dataclass(frozen=True, slots=True)
class Example:
    """One reply that was good or bad; of a correction, `rejected` is the reply that it takes the place of.

    `origin` tells where it comes from: conversation, turn, ratings, documents.
    """

    prompt: list[ChatMessage]
    completion: list[ChatMessage]
    label: bool
    rejected: list[ChatMessage]
    split: Literal["train", "held_out"]
    origin: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is taken: so many ratings of one rater, the first ones, and all of the operator; this share held out; no
    fewer examples than that."""

    per_rater: int = 50
    held_out: float = 0.2
    at_least: int = 20


@dataclass(slots=True)
class Collected:
    """The examples, and how many ratings, turns or staff replies were left out for each reason."""

    examples: list[Example]
    left_out: Counter[str]

    def report(self) -> dict[str, Any]:
        """Counts by split, label, channel, language, kind and what was redacted; and of what was left out."""
        counted: dict[str, Any] = {"examples": len(self.examples)}
        counted["split"] = dict(Counter(example.split for example in self.examples))
        counted["label"] = dict(Counter("good" if example.label else "bad" for example in self.examples))
        for key in ("kind", "channel", "language"):
            counted[key] = dict(sorted(Counter(example.origin[key] for example in self.examples).items()))
        redacted = sum((Counter(example.origin["redactions"]) for example in self.examples), Counter[str]())
        return {
            **counted,
            "redactions": dict(sorted(redacted.items())),
            "left_out": dict(sorted(self.left_out.items())),
        }


def collect(store: Conversations, settings: Settings, wanted: Wanted, shelf: Shelf, shop: str = "") -> Collected:
    """The examples of a store, those from ratings first, each kind oldest first; `shelf` has the passages.

    Raises LearningError where they are too few, or all good or all bad, to learn from.
    """
    collector = _Collector(store, settings, wanted, shelf, shop, Reviews(store, settings).latest())
    left_out = collector.left_out
    made = [*collector.rated(), *collector.corrected(), *collector.staff()]
    examples = _without_duplicates(_without_conflicts(made, left_out), left_out)
    if len(examples) < wanted.at_least:
        raise LearningError(
            f"{len(examples)} examples, and {wanted.at_least} are needed ({_told(left_out)});"
            " collect more ratings, or lower --at-least"
        )
    for label in (True, False):
        if not any(example.label is label for example in examples if example.split == "train"):
            only, other = ("bad", "good") if label else ("good", "bad")
            raise LearningError(
                f"all examples to train on are {only}; learning needs some {other} ones too: rate those"
            )
    return Collected(examples, left_out)


def _told(left_out: Counter[str]) -> str:
    return ", ".join(f"{reason}: {count}" for reason, count in sorted(left_out.items()) if count) or "none left out"


@dataclass(frozen=True, slots=True)
class _Collector:
    """What a store has to learn from, and what of it is left out for which reason."""

    store: Conversations
    settings: Settings
    wanted: Wanted
    shelf: Shelf
    shop: str
    reviews: Mapping[str, Review]
    left_out: Counter[str] = field(default_factory=Counter)

    def rated(self) -> Iterator[Example]:
        """Replies that were rated, as they were said."""
        by_turn: dict[str, list[Rating]] = {}
        given: Counter[str] = Counter()
        for rating in self.store.all_ratings():
            given[rating.rater] += 1
            if given[rating.rater] > self.wanted.per_rater and rating.rater != OPERATOR:
                self.left_out["flood"] += 1
            else:
                by_turn.setdefault(rating.turn, []).append(rating)
        for identity, ratings in by_turn.items():
            turn = self.store.turn(identity)
            if reason := _left_out_by(self.reviews.get(identity), ratings) or _unfit(turn, ratings):
                self.left_out[reason] += 1
            elif turn.reply is not None:
                said = {"kind": "rating", "ratings": [_bare(rating) for rating in ratings]}
                label = ratings[0].label == "up"
                yield self._example(turn, turn.reply.text, label, said, written_from=self._given(turn))

    def corrected(self) -> Iterator[Example]:
        """The replies as staff corrected them, each over its passages and the approved answer that it is one of now."""
        for review in self.reviews.values():
            if review.decision == "correct":
                turn = self.store.turn(review.turn)
                origin: dict[str, Any] = {"kind": "correction", "ratings": []}
                source = Source(review.document, titled(review.question), review.document, 1.0, "", review.correction)
                said = ""
                if turn.reply is not None:
                    said = turn.reply.text if _is_whole(turn.reply) else ""
                    turn = replace(turn, reply=replace(turn.reply, sources=(source, *turn.reply.sources)))
                yield self._example(turn, review.correction, True, origin, said)

    def staff(self) -> Iterator[Example]:
        """What staff wrote to a question, its messages as one reply."""
        written: dict[str, list[str]] = {}
        for said in Desk(self.store, self.settings).examples():
            written.setdefault(said["turn"], []).append(said["text"])
        for identity, texts in written.items():
            if identity in self.reviews and self.reviews[identity].decision == "drop":
                self.left_out["dropped_in_review"] += 1
                continue
            origin: dict[str, Any] = {"kind": "staff", "ratings": []}
            yield self._example(self.store.turn(identity), "\n".join(texts), True, origin)

    def _given(self, turn: Turn) -> Given:
        place = self.store.conversation(turn.conversation)
        snapshot = turn.explanation.get("snapshot")
        return given.read(turn.explanation, lambda *chunk: self.shelf.find(place.knowledge, snapshot, *chunk))

    def _example(
        self,
        turn: Turn,
        reply: str,
        label: bool,
        origin: dict[str, Any],
        rejected: str = "",
        written_from: Given = NOTHING,
    ) -> Example:
        place, lines = self.store.conversation(turn.conversation), house.lines(written_from.statements)
        system = instructions(turn, written_from.passages, self.shop)
        history = before(self.store.turns(turn.conversation), turn)
        comments = [rating["reason"] for rating in origin["ratings"]]
        said = [*(message["content"] for message in history), turn.question, reply, rejected, *comments]
        # Contact details of the shop stand in its documents, and in its settings.
        public = "\n".join([system, *lines, self.settings.contact, self.settings.shop_name])
        redacted = redact_together(said, public)
        texts = [one.text for one in redacted]
        marked = Counter(span.kind for one in redacted for span in one.spans)
        asked = [{**message, "content": text} for message, text in zip(history, texts, strict=False)]
        question, answer, other, *reasons = texts[len(history) :]
        ratings = [{**rating, "reason": text} for rating, text in zip(origin["ratings"], reasons, strict=True)]
        return Example(
            prompt=[{"role": "system", "content": system}, *asked, {"role": "user", "content": question}],
            completion=[{"role": "assistant", "content": answer}],
            label=label,
            rejected=[{"role": "assistant", "content": other}] if other else [],
            split="held_out" if _share(turn.conversation) < self.wanted.held_out else "train",
            origin={
                **origin,
                "ratings": ratings,
                **_whence(turn, place),
                **({"statements": lines} if lines else {}),
                "redactions": dict(sorted(marked.items())),
            },
        )


def _left_out_by(review: Review | None, ratings: Sequence[Rating]) -> str:
    """Why the review leaves a rated turn out; empty where it does not."""
    if review is None or review.decision == "keep":
        return ""
    if review.decision == "drop":
        return "dropped_in_review"
    if review.decision == "gap":  # the documents are to blame, not the reply
        return "knowledge_gap"
    return "corrected" if any(rating.label == "up" for rating in ratings) else ""


def _unfit(turn: Turn, ratings: Sequence[Rating]) -> str:
    """Why a rated turn is no example; empty where it is one."""
    if turn.reply is None:
        return "unfinished"
    if turn.reply.outcome == "handover":
        return "handed_over"
    if turn.reply.stopped:
        return "stopped"
    if not turn.reply.text.strip():
        return "empty"
    if len({rating.label for rating in ratings}) > 1:
        return "conflict"
    unasked = turn.reply.reason == "not_found" and not turn.explanation.get("prompt")
    # The desk found nothing to ask a generator with: who is cross about that teaches none to make something up.
    return "knowledge_gap" if unasked and ratings[0].label == "down" else ""


def _bare(rating: Rating) -> dict[str, str]:
    """A rating without its rater: who it was is of no use to a model."""
    return {"label": rating.label, "reason": rating.reason, "created_at": rating.created_at}


def _is_whole(reply: Reply) -> bool:
    return reply.outcome != "handover" and not reply.stopped


def _whence(turn: Turn, place: Conversation) -> dict[str, Any]:
    kept = turn.explanation
    return {
        "conversation": turn.conversation,
        "turn": turn.id,
        "channel": place.channel,
        "audience": place.audience,
        "language": detect(turn.question),
        "created_at": turn.created_at,
        "snapshot": kept.get("snapshot"),
        "chunks": [list(chunk[:2]) for chunk in kept.get("chunks", [])],
        "model": kept.get("model"),
        "lora": kept.get("lora"),
    }


def _share(conversation: str) -> float:
    """Where a conversation lies in [0, 1), by its name alone."""
    return int.from_bytes(sha256(conversation.encode()).digest()[:8]) / 2**64


def _key(example: Example) -> tuple[str, str]:
    asked, said = example.prompt[-1]["content"], example.completion[0]["content"]
    return " ".join(asked.casefold().split()), " ".join(said.casefold().split())


def _without_conflicts(examples: Sequence[Example], left_out: Counter[str]) -> list[Example]:
    """Those whose question and reply were not called good in one place and bad in another."""
    labels: dict[tuple[str, str], set[bool]] = {}
    for example in examples:
        labels.setdefault(_key(example), set()).add(example.label)
    kept = [example for example in examples if len(labels[_key(example)]) == 1]
    left_out["conflict"] += len(examples) - len(kept)
    return kept


def _without_duplicates(examples: Sequence[Example], left_out: Counter[str]) -> list[Example]:
    """The first of each question and reply; so none is in both splits."""
    first: dict[tuple[str, str], Example] = {}
    for example in examples:
        first.setdefault(_key(example), example)
    left_out["duplicate"] += len(examples) - len(first)
    return list(first.values())


def as_records(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """The examples as JSON values, one a line of the file."""
    return [asdict(example) for example in examples]
