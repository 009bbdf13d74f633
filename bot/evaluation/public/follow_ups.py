"""cast_rewrites: what does a follow-up ask, by itself?"""

from __future__ import annotations

from collections import defaultdict

from bot.evaluation.answers import token_f1, token_recall
from bot.evaluation.figures import Figure, Item, Value, mean
from bot.evaluation.public.bench import Bench, Record
from bot.evaluation.runs import Board
from bot.messages import Reply, Turn
from bot.understanding.questions import content_words
from bot.understanding.standalone import standalone

_WAYS = ("standalone", "alone", "whole")


def cast_rewrites(bench: Bench) -> Board:
    """Follow-ups as `standalone` has them, held against people's rewrites; first questions are left out.

    `f1` of the words, `recall` of the content words: of `standalone`, of the message `alone`, and of the `whole`
    conversation.
    """
    topics: dict[int, list[Record]] = defaultdict(list)
    for row in bench.records("cast_rewrites"):
        topics[row["topic"]].append(row)
    follow_ups = [
        (row, earlier)
        for rows in topics.values()
        for row, earlier in ((row, [r for r in rows if r["number"] < row["number"]]) for row in rows)
        if earlier
    ]
    rows = bench.chosen(follow_ups, lambda _: "follow_up")
    items = [_follow_up(row, [r["raw_utterance"] for r in earlier]) for row, earlier in bench.each(rows)]
    figures: dict[str, Figure] = {
        f"{measure}_{way}": mean(f"{measure}_{way}") for measure in ("f1", "recall") for way in _WAYS
    }
    return Board("cast_rewrites", bench.facts("cast_rewrites"), items, figures)


def _follow_up(row: Record, earlier: list[str]) -> Item:
    message, right = row["raw_utterance"], row["manual_rewritten_utterance"]
    turns = [Turn("", "", "", text, "", Reply("", "", "answer", 1.0)) for text in earlier]
    understood = standalone(message, turns)
    said = dict(zip(_WAYS, (understood, message, "\n".join((message, *reversed(earlier)))), strict=True))
    values: dict[str, Value] = {f"f1_{way}": round(token_f1(text, [right]), 4) for way, text in said.items()}
    for way, text in said.items():
        values[f"recall_{way}"] = round(token_recall(set(content_words(text)), set(content_words(right))), 4)
    lost = values["recall_standalone"] < 1
    record = {"turns": [message], "reply": understood, "failures": [right] if lost else []}
    return Item(f"cast-{row['topic']}-{row['number']}", "follow_up", values, "", record)
