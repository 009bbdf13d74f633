"""The public data sets that are measured on, and the two measures: nDCG over what was judged, and recall of documents.

Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002), with gains 2^rating - 1; removing
what nobody judged: Sakai, "Alternatives to bpref" (2007).
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from math import log2
from pathlib import Path
from typing import Any

PRODUCTS, JUDGEMENTS = "chorus_products", "chorus_judgements"
DOCUMENTS, QUESTIONS = "doc2dial_documents", "doc2dial_questions"


def file_of(data: Path, name: str) -> Path:
    """Where a data set lies."""
    return data / f"{name}.jsonl.gz"


def records(data: Path, name: str) -> list[dict[str, Any]]:
    """The records of a data set."""
    with gzip.open(file_of(data, name), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def available(data: Path, *names: str) -> bool:
    """Whether the data sets are there; says on standard error when they are not."""
    missing = [name for name in names if not file_of(data, name).is_file()]
    if missing:
        print(f"skipped: no {', '.join(missing)} in {data}; name their folder with --data", file=sys.stderr)
    return not missing


def judged(data: Path) -> dict[str, dict[str, int]]:
    """Product id to rating (0 to 3) for each query that has a product rated above 0."""
    grades: dict[str, dict[str, int]] = {}
    for record in records(data, JUDGEMENTS):
        grades.setdefault(record["query"], {})[record["docid"]] = int(record["rating"])
    return {query: found for query, found in grades.items() if any(found.values())}


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """nDCG@k of a ranking from which everything without a judgement was taken out."""
    gains = [2 ** grades[found] - 1 for found in ranking if found in grades][:k]
    best = sorted((2**grade - 1 for grade in grades.values()), reverse=True)[:k]
    return _discounted(gains) / _discounted(best)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 2) for rank, gain in enumerate(gains))
