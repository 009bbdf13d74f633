"""Score fusion beside plain reciprocal rank fusion, of the same rankings, on the public data sets.

    python -m tests.benchmarks fusion --data ../shared/data

The figures behind `retrieval.retriever`'s docstring. Both fuse the BM25 ranking of chunks, that of whole documents (where
a document has several chunks) and the dense one, 100 candidates each; ours is `Retriever.search`, the other is Cormack,
Clarke and Büttcher, "Reciprocal Rank Fusion" (2009) with their constant of 60. "BM25" and "dense" stand alone.
Embeds both data sets with the on-board model: about ten minutes on two cores. `--scale` takes a share of the questions
only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from knowledge.files import load_options
from retrieval.corpus import Corpus
from retrieval.embedders import SentenceEmbedder
from retrieval.retriever import CANDIDATES, Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.benchmarks.measuring import Report, options
from tests.benchmarks.quality import (
    DOCUMENTS,
    JUDGEMENTS,
    PRODUCTS,
    QUESTIONS,
    available,
    file_of,
    judged,
    ndcg,
    records,
)

CONSTANT, DEPTH = 60, 1000
Ranker = Callable[[str], list[str]]


def main() -> None:
    given = options(__doc__)
    if not available(given.data, PRODUCTS, JUDGEMENTS, DOCUMENTS, QUESTIONS):
        return
    report = Report("fusion", given.scale)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        grades = judged(given.data)
        for name, rank in rankers(home, file_of(given.data, PRODUCTS)).items():
            score = mean(ndcg([_key(found) for found in rank(query)], found) for query, found in grades.items())
            report.add(f"{PRODUCTS}: {name}, nDCG@10", score)
        asked = records(given.data, QUESTIONS)
        asked = asked[:: max(1, round(1 / given.scale))]
        for name, rank in rankers(home, file_of(given.data, DOCUMENTS)).items():
            score = mean(_key(rank(one["question"])[0]) == one["doc_key"] for one in asked)
            report.add(f"{DOCUMENTS}: {name}, document R@1", score)
    report.show()


def rankers(home: Path, source: Path) -> dict[str, Ranker]:
    """Question to the chunks' documents, best first, in each of the ways."""
    snapshots, embedder = Snapshots(home / source.name), SentenceEmbedder("minilm", home / "models")
    update([source], snapshots, embedder, load_options(source))
    retriever = Retriever(snapshots=snapshots, embedder=embedder)
    corpus = retriever.corpus()

    def documents(positions: Sequence[int]) -> list[str]:
        return [corpus.paths[corpus.columns.document[at]] for at in positions]

    def rankings(question: str) -> list[list[int]]:
        found = [best(corpus.lexical.scores(question)), dense(corpus, embedder, question)]
        if len(corpus.paths) < len(corpus):
            whole = corpus.lexical.document_scores(question, corpus.columns.document)[corpus.columns.document]
            found.append(best(np.where(corpus.lexical.scores(question) > 0, whole, 0)))
        return found

    return {
        "BM25": lambda question: documents(best(corpus.lexical.scores(question), DEPTH)),
        "dense": lambda question: documents(dense(corpus, embedder, question, DEPTH)),
        "reciprocal ranks": lambda question: documents(reciprocal(rankings(question))),
        "reciprocal ranks without the document ranking": lambda question: documents(reciprocal(rankings(question)[:2])),
        "ours": lambda question: [hit.chunk.document for hit in retriever.search(question, DEPTH)],
    }


def best(scores: NDArray[np.float32], depth: int = CANDIDATES) -> list[int]:
    """Positions of the highest scores above 0, best first."""
    order = np.argsort(-scores, kind="stable")[:depth]
    return [int(at) for at in order if scores[at] > 0]


def dense(corpus: Corpus, embedder: SentenceEmbedder, question: str, depth: int = CANDIDATES) -> list[int]:
    """Positions of the nearest vectors, best first."""
    ids, _ = corpus.vectors.search(embedder.embed([question]), min(depth, len(corpus)))
    return [int(at) for at in corpus.position_of(ids[0])]


def reciprocal(rankings: Sequence[Sequence[int]]) -> list[int]:
    """The fused ranking: the sum of 1 / (60 + rank)."""
    score: dict[int, float] = {}
    for ranking in rankings:
        for rank, position in enumerate(ranking, 1):
            score[position] = score.get(position, 0.0) + 1 / (CONSTANT + rank)
    return sorted(score, key=score.__getitem__, reverse=True)


def _key(document: str) -> str:
    return document.rpartition("#")[2]


if __name__ == "__main__":
    main()
