"""epqa, hetpqa, semipqa: which of a product's sentences answers a shopper's question, and whether any does.

P@1 is over the questions that have a good candidate. Whether a judge knows that there is none, its best score says: the
area under its curve (`abstain_auc`), and the share of the questions without a good candidate that are declined where a
threshold on it refuses 4 % of the others (`declined`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from bot.evaluation.figures import Figure, Item, Value, auc, declined_at, rate
from bot.evaluation.public.bench import Bench, Record, split_of
from bot.evaluation.runs import Board
from bot.judge import Judge, placed

REFUSED = 0.04
_ATTRIBUTE = re.compile(r"\s*(\w+):\s*\{(.*)\}\s*", re.S)
_VALUE = re.compile(r'\w+:\s*("(?:[^"]*)"|[\w.]+)')


def epqa(bench: Bench) -> Board:
    """Label 2 answers fully; `p1_fair` counts label 1 too."""
    return _ranked(
        bench, "epqa", "epqa_dev", lambda row: placed(row["title"], (), row["candidate"]), "ASIN", good=2, fair=1
    )


def hetpqa(bench: Bench) -> Board:
    """The same over attributes, bullets, descriptions and reviews."""
    return _ranked(bench, "hetpqa", "hetpqa_evidence_dev", lambda row: attribute(row["candidate"]), "ASIN", good=1)


def semipqa(bench: Bench) -> Board:
    """The same over attributes alone."""
    return _ranked(bench, "semipqa", "semipqa", lambda row: attribute(row["candidate"]), "", good=1)


def attribute(text: str) -> str:
    """`item_weight:  { value:"2" unit:"kg" }` as a product page has it: item weight: 2 kg."""
    match = _ATTRIBUTE.fullmatch(text)
    if match is None:
        return text
    values = (value.strip('"') for value in _VALUE.findall(match[2]))
    return f"{match[1].replace('_', ' ')}: {' '.join(values)}"


def _ranked(
    bench: Bench,
    name: str,
    file: str,
    text: Callable[[Record], str],
    group: str,
    *,
    good: int,
    fair: int | None = None,
) -> Board:
    questions: dict[str, list[Record]] = defaultdict(list)
    for row in bench.records(file):
        questions[row["qid"]].append(row)

    def kind(rows: Sequence[Record]) -> str:
        return split_of(rows[0][group] if group else f"{name} {rows[0]['question']}")

    items = []
    for rows in bench.each(bench.chosen(list(questions.values()), kind)):
        texts = [text(row) for row in rows]
        labels = [int(row["label"]) for row in rows]
        items.append(_item(rows[0]["qid"], kind(rows), rows[0]["question"], texts, labels, bench, good, fair))
    by_kind = tuple(f"{judge}_{figure}" for figure in ("p1", "abstain_auc") for judge in bench.judges)
    return Board(name, bench.facts(file), items, _figures(bench, fair), (by_kind,))


def _item(
    key: str,
    kind: str,
    question: str,
    texts: Sequence[str],
    labels: Sequence[int],
    bench: Bench,
    good: int,
    fair: int | None,
) -> Item:
    answerable = max(labels) >= good
    values: dict[str, Value] = {"answerable": answerable}
    chosen, failures = "", []
    for name, judge in bench.judges.items():
        at, best = _first(judge, question, texts)
        chosen = texts[at]
        values[f"{name}_best"] = round(best, 4)
        if answerable:
            values[f"{name}_p1"] = labels[at] >= good
            if labels[at] < good:
                failures.append(f"{name}: label {labels[at]}, {best:.2f}")
        if fair is not None and max(labels) >= fair:
            values[f"{name}_p1_fair"] = labels[at] >= fair
    return Item(key, kind, values, "", {"turns": [question], "reply": chosen, "failures": failures})


def _first(judge: Judge, question: str, texts: Sequence[str]) -> tuple[int, float]:
    scores = judge.answers(question, texts)
    at = int(np.argmax(scores))
    return at, float(scores[at])


def _figures(bench: Bench, fair: int | None) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name in bench.judges:
        figures[f"{name}_p1"] = rate(f"{name}_p1")
        if fair is not None:
            figures[f"{name}_p1_fair"] = rate(f"{name}_p1_fair")
        figures[f"{name}_abstain_auc"] = auc(f"{name}_best", "answerable")
        figures[f"{name}_declined"] = declined_at(REFUSED, f"{name}_best", "answerable")
    return figures
