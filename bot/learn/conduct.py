"""Fits the heads that read off a message what it wants of the desk; minutes on two cores, no GPU.

`shopdesk learn conduct --data DIR --out FOLDER`: from the messages in `curriculum/conduct.txt`, the public intents in
DIR (banking77, clinc150, bitext), and questions that want an answer: those of the judge's curriculum, of epqa, semipqa,
doc2dial and, in Chinese, CrossWOZ.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.conduct.handover import SAID
from bot.conduct.head import CHARACTERS, NOTHING_SPECIAL, SURE, Head, likeliest, spelling
from bot.learn.pairs import CURRICULUM, curriculum, records
from knowledge.languages import Language, detect
from retrieval.embedders import Embedder

Vectors = NDArray[np.float32]
Sample = tuple[str, str]  # a message and its kind
FOLDS = 5
STEPS = 200
_BANKING = {
    "payment_dispute": (
        "transaction_charged_twice", "compromised_card", "card_payment_not_recognised",
        "direct_debit_payment_not_recognised", "cash_withdrawal_not_recognised",
    ),
    # Between the two: a fee, a rate, a missing refund may be looked up or be disputed.
    "": (
        "extra_charge_on_statement", "lost_or_stolen_card", "card_payment_fee_charged", "wrong_amount_of_cash_received",
        "lost_or_stolen_phone", "transfer_fee_charged", "request_refund", "Refund_not_showing_up",
        "cash_withdrawal_charge", "wrong_exchange_rate_for_cash_withdrawal", "card_payment_wrong_exchange_rate",
        "reverted_card_payment?",
    ),
}  # fmt: skip
_BITEXT = {
    "asked_for_person": ("contact_human_agent",),
    "": ("complaint", "contact_customer_service", "payment_issue"),
}
_CLINC = {
    "payment_dispute": ("report_fraud",),
    "greeting": ("greeting",),
    "thanks": ("thank_you",),
    "goodbye": ("goodbye",),
    "abilities": ("what_can_i_ask_you",),
    "about_bot": (
        "are_you_a_bot", "who_made_you", "what_is_your_name", "how_old_are_you", "where_are_you_from",
        "what_are_your_hobbies", "do_you_have_pets",
    ),
    "outside": (
        "oos", "weather", "recipe", "tell_joke", "fun_fact", "meaning_of_life", "translate", "flip_coin", "roll_dice",
        "play_music", "next_song", "what_song", "alarm", "timer", "reminder", "calendar", "traffic", "directions",
        "distance", "restaurant_suggestion", "restaurant_reviews", "book_flight", "flight_status", "travel_suggestion",
        "definition", "spelling", "calculator", "timezone", "uber", "book_hotel", "car_rental",
    ),
    # Asked in some shops, too, or no more than a word.
    "": (
        "report_lost_card", "account_blocked", "damaged_card", "lost_luggage", "yes", "no", "maybe", "repeat",
        "calories", "nutrition_info", "cook_time", "time", "date", "exchange_rate", "vaccines",
    ),
}  # fmt: skip
_HOW_ARE_YOU = re.compile(r"\bhow|what'?s up|you (?:ok|good|well)|going|feel|doing|up$|day\b")
_SPECIAL, _ORDINARY = 60, 20  # examples of a public intent, at most


def written(path: Path = CURRICULUM / "conduct.txt") -> list[Sample]:
    """The messages written for this purpose, with their kinds."""
    kind, found = "", []
    for line in path.read_text("utf-8").split("\n"):
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("# "):
            found.append((line, kind))
    return found


def public(data: Path, seed: int) -> list[Sample]:
    """Messages of the public data sets, with the kinds that their intents stand for."""
    chance = random.Random(seed)
    sources = (
        ("banking77", "text", "category", _BANKING),
        ("bitext", "instruction", "intent", _BITEXT),
        ("clinc150", "text", "intent", _CLINC),
    )
    found: list[Sample] = []
    for name, text, intent, kinds in sources:
        by_intent: dict[str, list[str]] = defaultdict(list)
        for record in records(data, name):
            if record.get("split", "train") == "train":
                by_intent[record[intent]].append(record[text])
        known = {one: kind for kind, intents in kinds.items() for one in intents}
        for one, texts in sorted(by_intent.items()):
            if kind := known.get(one, NOTHING_SPECIAL):
                count = _ORDINARY if kind in (NOTHING_SPECIAL, "outside") else _SPECIAL
                found += [(line, _finer(kind, line)) for line in chance.sample(texts, min(count, len(texts)))]
    for questions in _questions(data):
        found += [(question, NOTHING_SPECIAL) for question in chance.sample(questions, min(900, len(questions)))]
    return found


def shop_questions(language: Language) -> list[Sample]:
    """What the shoppers of the curriculum ask, whether its shops have the answer or not."""
    found: list[str] = []
    for pages in curriculum(language).values():
        for page in pages:
            found += [turn for question in page["questions"] for turn in question["turns"]]
            found += [question["question"] for question in page["unanswerable"]]
    return [(question, NOTHING_SPECIAL) for question in found]


def _finer(kind: str, text: str) -> str:
    return "how_are_you" if kind == "greeting" and _HOW_ARE_YOU.search(text) else kind


def _questions(data: Path) -> Iterator[list[str]]:
    for name in ("epqa_dev", "semipqa"):
        yield sorted({str(record["question"]) for record in records(data, name)})
    yield sorted({str(record["question"]).split("[SEP]")[0][:200] for record in records(data, "doc2dial_questions")})


def chinese(data: Path, seed: int) -> list[Sample]:
    """What travellers ask in CrossWOZ, as Chinese messages that want an answer."""
    talks = (talk for talk in records(data, "pretrain/chinese.jsonl.xz") if talk["source"] == "thu-coai/CrossWOZ")
    said = {turn["text"] for talk in talks for turn in talk["turns"] if turn["speaker"] == "user"}
    short = sorted(text for text in said if 4 < len(text) < 60)
    return [(text, NOTHING_SPECIAL) for text in random.Random(seed).sample(short, min(1500, len(short)))]


def train(language: Language, data: Path, embedder: Embedder, seed: int = 0) -> tuple[Head, dict[str, Any]]:
    """The head of a language, and what it reached on messages of the curriculum that it was not fitted to."""
    own = [sample for sample in written() if detect(sample[0]) == language]
    if language == "en":
        other = [*public(data, seed), *shop_questions(language)]
        name, vectors = embedder.name, embedder.embed([text for text, _ in (*own, *other)])
    else:
        other = [*chinese(data, seed), *shop_questions(language)]
        name, vectors = CHARACTERS, np.stack([spelling(text) for text, _ in (*own, *other)])
    kinds = tuple(dict.fromkeys(kind for _, kind in own))
    labels = np.array([kinds.index(kind) for _, kind in (*own, *other)])
    fold = np.array([number % FOLDS for number in range(len(own))] + [FOLDS] * len(other))
    np.random.default_rng(seed).shuffle(fold[: len(own)])
    right: list[tuple[str, str]] = []
    for held in range(FOLDS):
        head = fit(vectors[fold != held], labels[fold != held], name, kinds)
        for at in np.flatnonzero(fold == held):
            right.append((kinds[labels[at]], likeliest(head.likely(vectors[at]), SAID, SURE)))
    figures = {"messages": len(labels), "written for it": len(own), **_figures(right)}
    return fit(vectors, labels, name, kinds), figures


def _figures(right: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Of pairs of what a message is and what it was handed over as, "" for not at all."""
    due = [(kind, found) for kind, found in right if kind in SAID]
    found_due = [(kind, found) for kind, found in due if found]
    not_due = [found for kind, found in right if kind not in SAID]
    return {
        "handed over when due": round(len(found_due) / len(due), 4),
        "under the right name": round(sum(kind == found for kind, found in found_due) / max(len(found_due), 1), 4),
        "handed over when not due": round(sum(map(bool, not_due)) / len(not_due), 4),
    }


def fit(vectors: Vectors, labels: NDArray[Any], embedder: str, kinds: tuple[str, ...], steps: int = STEPS) -> Head:
    """Logistic regression with a small penalty on the weights, by Adam on all samples at once.

    A sample weighs the root of how rare its kind is: kinds of thirty messages stand beside one of thousands.
    """
    scale, penalty, rate = 8.0, 1e-3, 0.05
    inputs = np.concatenate([vectors * scale, np.ones((len(vectors), 1), np.float32)], axis=1)
    wanted = np.eye(len(kinds), dtype=np.float32)[labels]
    weight = np.sqrt(1 / np.maximum(np.bincount(labels, minlength=len(kinds)), 1))[labels]
    weight = (weight / weight.sum())[:, None].astype(np.float32)
    values = np.zeros((inputs.shape[1], len(kinds)), np.float32)
    mean, square = np.zeros_like(values), np.zeros_like(values)
    decayed = np.append(np.full(vectors.shape[1], penalty, np.float32), np.float32(0))[:, None]
    for step in range(1, steps + 1):
        scores = inputs @ values
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        slope = inputs.T @ ((shares - wanted) * weight) + decayed * values
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        values -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return Head(embedder, kinds, (values[:-1] * scale).astype(np.float32), values[-1].astype(np.float32))


def learn(data: Path, out: Path, embedder: Embedder, seed: int = 0) -> dict[str, Any]:
    """Fits the heads and writes them into the folder, with what they reached beside them; returns that."""
    figures = {}
    for language in ("en", "zh"):
        head, figures[language] = train(language, data, embedder, seed)
        head.save(out / f"{language}.npz")
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
