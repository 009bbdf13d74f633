"""The choice of the lexical engine, on 20,000 and 200,000 chunks: ours, SQLite FTS5 through sqlite-utils, and bm25s.

    python -m tests.benchmarks lexical

All three get the same terms (words and neighbouring pairs, the title's three times), the same k1 and b, and give the
100 best positions. An update replaces one chunk and ends on the disk; bm25s can only be built again. The share of our
10 best that the others also have shows that they rank alike; nDCG@10 is on a real catalogue, where its files are there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Protocol

import bm25s
import numpy as np
from sqlite_utils import Database

from retrieval.lexical import STOPWORDS, TITLE_WEIGHT, LexicalIndex, units
from tests.benchmarks.measuring import Report, in_turn, options, ratio, timed
from tests.benchmarks.quality import JUDGEMENTS, PRODUCTS, available, judged, ndcg, records
from tests.benchmarks.synthetic import passages, questions

K, SECONDS_FOR_ONE = 100, 20
PAIR = "ǁ"  # a letter, so that FTS5 keeps a pair in one piece


class Engine(Protocol):
    """One lexical engine over texts known by position."""

    def search(self, question: str, k: int = K) -> list[int]: ...

    def update(self, position: int, text: str) -> None: ...


def main() -> None:
    given = options(__doc__)
    report = Report("lexical", given.scale)
    for size in (20_000, 200_000):
        compare(int(size * given.scale), report)
    if available(given.data, PRODUCTS, JUDGEMENTS):
        judge(given.data, report)
    report.show()


def compare(size: int, report: Report) -> None:
    """Build, search and update at one size."""
    texts = passages(size)
    asked = [one.question for one in questions(texts, 200)]
    with tempfile.TemporaryDirectory() as folder:
        engines: dict[str, Engine] = {}
        for name, make in ENGINES.items():
            taken, engines[name] = timed(make, texts, Path(folder))
            report.add(f"{size:,} chunks: {name} builds in", taken, "s")
        for name in ("FTS5", "bm25s"):
            beside(engines["ours"], engines[name], asked, f"{size:,} chunks: {name}", report)
        for name, engine in engines.items():
            rounds = 1 if name == "bm25s" else 3
            replaced = median(timed(engine.update, 7, texts[-1])[0] for _ in range(rounds))
            report.add(f"{size:,} chunks: {name} replaces a chunk in", replaced, "s")


def beside(ours: Engine, other: Engine, asked: Sequence[str], what: str, report: Report) -> None:
    """Searches of one engine and of ours in turn."""
    one, _ = timed(other.search, asked[0])
    few = asked[: max(10, int(SECONDS_FOR_ONE / one))]
    our_times, their_times = in_turn([ours.search, other.search], few)
    report.add(f"{what} searches in", 1e3 * median(their_times), "ms")
    report.add(f"{what}, ours beside it", 1e3 * median(our_times), "ms")
    report.add(f"{what} / ours, search", ratio(their_times, our_times), "x")
    same = mean(len({*ours.search(question, 10)} & {*other.search(question, 10)}) / 10 for question in few[:50])
    assert same > 0.8, f"{what} ranks otherwise: it has {same:.2f} of our 10 best"
    report.add(f"{what} has of our 10 best", same)


def judge(data: Path, report: Report) -> None:
    """nDCG@10 over the judged products of the real catalogue."""
    products = records(data, PRODUCTS)
    texts = [_catalogue_text(product) for product in products]
    grades = judged(data)
    with tempfile.TemporaryDirectory() as folder:
        for name, make in ENGINES.items():
            engine = make(texts, Path(folder))
            score = mean(
                ndcg([products[at]["id"] for at in engine.search(query, 2000)], found)
                for query, found in grades.items()
            )
            report.add(f"{PRODUCTS}: {name}, nDCG@10", score)


def terms(text: str) -> list[str]:
    """The words and the pairs of a text."""
    words = units(text)
    return [*words, *(PAIR.join(pair) for pair in pairwise(words))]


def chunk_terms(text: str) -> list[str]:
    """The terms of a chunk, its title's repeated."""
    title, _, body = text.partition("\n")
    return [*TITLE_WEIGHT * terms(title), *terms(body)]


def asked_terms(question: str) -> list[str]:
    """The terms of a question that are not function words only."""
    found = [term for term in terms(question) if not STOPWORDS.issuperset(term.split(PAIR))]
    return found or terms(question)


class Ours:
    """`retrieval.lexical`."""

    def __init__(self, texts: Sequence[str], folder: Path) -> None:
        self._folder = folder / "ours"
        self._index = LexicalIndex.build(texts)
        self._index.save(self._folder)

    def search(self, question: str, k: int = K) -> list[int]:
        scores = self._index.scores(question)
        top = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        top = top[scores[top] > 0]
        return [int(at) for at in top[np.lexsort((top, -scores[top]))]]

    def update(self, position: int, text: str) -> None:
        keep = np.ones(len(self._index), np.bool_)
        keep[position] = False
        self._index.update(keep, [text]).save(self._folder)


class Fts5:
    """A table of SQLite's full-text search, each chunk a row of its terms."""

    def __init__(self, texts: Sequence[str], folder: Path) -> None:
        path = folder / "fts5.db"
        path.unlink(missing_ok=True)
        self._database = Database(path)
        self._table = self._database.table("chunks", pk="id")
        self._table.insert_all({"id": at, "terms": " ".join(chunk_terms(text))} for at, text in enumerate(texts))
        self._table.enable_fts(["terms"], create_triggers=True)

    def search(self, question: str, k: int = K) -> list[int]:
        wanted = " OR ".join(f'"{term}"' for term in asked_terms(question))
        query = "SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH ? ORDER BY rank LIMIT ?"
        return [at for (at,) in self._database.execute(query, (wanted, k)).fetchall()]

    def update(self, position: int, text: str) -> None:
        self._table.upsert({"id": position, "terms": " ".join(chunk_terms(text))})


class Bm25s:
    """bm25s: scores computed when it is built."""

    def __init__(self, texts: Sequence[str], folder: Path) -> None:
        self._folder = folder / "bm25s"
        self._terms = [chunk_terms(text) for text in texts]
        self._build()

    def _build(self) -> None:
        self._index = bm25s.BM25(k1=1.2, b=0.75)
        self._index.index(self._terms, show_progress=False)
        self._index.save(self._folder)

    def search(self, question: str, k: int = K) -> list[int]:
        k = min(k, len(self._terms))
        found, scores = self._index.retrieve([asked_terms(question)], k=k, show_progress=False)
        return [int(at) for at in found[0][scores[0] > 0]]

    def update(self, position: int, text: str) -> None:
        self._terms[position] = chunk_terms(text)
        self._build()


ENGINES: dict[str, Callable[[Sequence[str], Path], Engine]] = {"ours": Ours, "FTS5": Fts5, "bm25s": Bm25s}


def _catalogue_text(product: dict[str, object]) -> str:
    attributes = [f"{name[7:]}: {value}" for name, value in product.items() if name.startswith("attr_")]
    return "\n".join([str(product["title"]), str(product.get("short_description") or ""), *attributes])


if __name__ == "__main__":
    main()
