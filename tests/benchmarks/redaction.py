"""How much personal data is found in presidio.jsonl.gz, by the word, whatever its kind.

    python -m tests.benchmarks redaction --data DIR

A word of a marked span counts as found where a mark covers any of it; F2 counts recall four times as much as precision
(van Rijsbergen, "Information Retrieval", 1979). "Ours" are the kinds that the rules look for: the set also marks towns,
companies, ages, dates, job titles and nationalities, which stay in a shop's texts. "All" counts these as missed.
"""

from __future__ import annotations

import re
import sys
from collections import Counter

from bot.learn.redaction import redact
from tests.benchmarks.measuring import Report, options, timed
from tests.benchmarks.quality import available, records

NAME = "presidio"
OURS = frozenset(
    {"PERSON", "STREET_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "EMAIL_ADDRESS", "ZIP_CODE", "US_SSN", "IP_ADDRESS"}
    | {"US_DRIVER_LICENSE"}
)
LABELS = (*sorted(OURS), "DOMAIN_NAME")
WORD = re.compile(r"\w+")


def main() -> None:
    given = options(__doc__)
    if not available(given.data, NAME):
        sys.exit(1)
    report = Report("redaction", given.scale)
    found_of, all_of = Counter[str](), Counter[str]()
    marked = missed = wrong = others = 0
    seconds = 0.0
    rows = records(given.data, NAME)
    for row in rows:
        taken, redacted = timed(redact, row["full_text"])
        seconds += taken
        for word in WORD.finditer(row["full_text"]):
            labels = {s["entity_type"] for s in row["spans"] if _meet(word, s["start_position"], s["end_position"])}
            is_found = any(_meet(word, span.start, span.end) for span in redacted.spans)
            for label in labels:
                all_of[label] += 1
                found_of[label] += is_found
            marked += bool(labels & OURS) and is_found
            missed += bool(labels & OURS) and not is_found
            others += bool(labels - OURS) and not labels & OURS and is_found
            wrong += not labels and is_found
    every = sum(1 for _ in _labelled(rows))
    precision = (marked + others) / (marked + others + wrong)
    recall = marked / (marked + missed)
    report.add("ours: recall", recall)
    report.add("ours: precision", precision)
    report.add("ours: F2", _f2(precision, recall), at_least=0.85)
    report.add("all: recall", (marked + others) / every)
    report.add("all: F2", _f2(precision, (marked + others) / every), at_least=0.62)
    for label in LABELS:
        report.add(f"recall of {label}", found_of[label] / max(all_of[label], 1))
    report.add("time for a text", 1000 * seconds / len(rows), "ms")
    report.show()


def _labelled(rows: list[dict[str, object]]) -> list[str]:
    return [
        word[0]
        for row in rows
        for word in WORD.finditer(str(row["full_text"]))
        if any(_meet(word, span["start_position"], span["end_position"]) for span in _spans(row))
    ]


def _spans(row: dict[str, object]) -> list[dict[str, int]]:
    spans = row["spans"]
    assert isinstance(spans, list)
    return spans


def _meet(word: re.Match[str], start: int, end: int) -> bool:
    return word.start() < end and start < word.end()


def _f2(precision: float, recall: float) -> float:
    return 5 * precision * recall / (4 * precision + recall)


if __name__ == "__main__":
    main()
