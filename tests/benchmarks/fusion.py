"""Score fusion beside reciprocal rank fusion of the same rankings; behind the docstring of `retrieval.retriever`.

    python -m tests.benchmarks public_data --data ../shared/data

Both fuse the BM25 ranking of chunks, that of whole documents (where a document has several chunks) and the dense one,
100 candidates each. Ours is `Retriever.search`; the other is Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion"
(2009), with its constant of 60.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.retriever import CANDIDATES, Retriever

CONSTANT = 60
DEPTH = 1000  # how far down a ranking is read
Ranker = Callable[[str], list[str]]


def rankers(retriever: Retriever) -> dict[str, Ranker]:
    """Question to the hits' documents, best first, in each of the ways."""
    corpus = retriever.corpus()
    owner = corpus.columns.document

    def documents(positions: Sequence[int]) -> list[str]:
        return [corpus.paths[owner[at]] for at in positions]

    def lexical(question: str, depth: int = CANDIDATES) -> list[int]:
        return best(corpus.lexical.scores(question), depth)

    def whole(question: str) -> list[int]:
        if len(corpus.paths) == len(corpus):  # a document a chunk: it would be the lexical ranking again
            return []
        scores = corpus.lexical.document_scores(question, owner)[owner]
        return best(np.where(corpus.lexical.scores(question) > 0, scores, 0))

    def dense(question: str, depth: int = CANDIDATES) -> list[int]:
        ids, _ = corpus.vectors.search(retriever.embedder.embed([question]), min(depth, len(corpus)))
        return [int(at) for at in corpus.position_of(ids[0])]

    return {
        "BM25 of chunks": lambda question: documents(lexical(question, DEPTH)),
        "dense": lambda question: documents(dense(question, DEPTH)),
        "reciprocal ranks of these two": lambda asked: documents(reciprocal([lexical(asked), dense(asked)])),
        "reciprocal ranks of all three": lambda asked: documents(
            reciprocal([lexical(asked), dense(asked), whole(asked)])
        ),
        "ours": lambda question: [hit.chunk.document for hit in retriever.search(question, DEPTH)],
        "ours, 100 hits": lambda question: [hit.chunk.document for hit in retriever.search(question, CANDIDATES)],
    }


def best(scores: NDArray[np.float32], depth: int = CANDIDATES) -> list[int]:
    """Positions of the highest scores above 0, best first."""
    order = np.argsort(-scores, kind="stable")[:depth]
    return [int(at) for at in order if scores[at] > 0]


def reciprocal(rankings: Sequence[Sequence[int]]) -> list[int]:
    """The fused ranking: by the sum of 1 / (60 + rank)."""
    score: dict[int, float] = {}
    for ranking in rankings:
        for rank, position in enumerate(ranking, 1):
            score[position] = score.get(position, 0.0) + 1 / (CONSTANT + rank)
    return sorted(score, key=score.__getitem__, reverse=True)
