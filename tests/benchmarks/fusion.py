"""Score fusion beside reciprocal rank fusion of the same rankings; behind the docstring of `retrieval.retriever`.

    python -m tests.benchmarks public_data --data ../shared/data

Both fuse the BM25 ranking of chunks, that of whole documents (where a document has several chunks) and the dense one,
200 candidates each, and give 100 hits. Ours is `Retriever.search`; the other is Cormack, Clarke and Büttcher,
"Reciprocal Rank Fusion" (2009), with its constant of 60.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from retrieval.retriever import Retriever

CONSTANT = 60
HITS = 100
CANDIDATES = 200  # what `Retriever.search` takes of each ranking for 100 hits
Ranker = Callable[[str], list[str]]


def rankers(retriever: Retriever) -> dict[str, Ranker]:
    """Question to the documents of 100 hits, best first, in each of the ways."""
    corpus = retriever.corpus()
    owner = corpus.columns.document

    def documents(positions: Sequence[int]) -> list[str]:
        return [corpus.paths[owner[at]] for at in positions[:HITS]]

    def lexical(question: str) -> list[int]:
        return best(corpus.lexical.scores(question))

    def whole(question: str) -> list[int]:
        if len(corpus.paths) == len(corpus):  # a document a chunk: it would be the lexical ranking again
            return []
        scores = corpus.whole_documents.scores(question)[owner]
        return best(np.where(corpus.lexical.scores(question) > 0, scores, 0))

    @cache
    def dense(question: str) -> tuple[int, ...]:
        found, _ = corpus.vectors.search(retriever.embedder.embed([question]), min(CANDIDATES, len(corpus)))
        return tuple(int(at) for at in found[0])

    return {
        "BM25 of chunks": lambda asked: documents(lexical(asked)),
        "dense": lambda asked: documents(dense(asked)),
        "reciprocal ranks of these two": lambda asked: documents(reciprocal([lexical(asked), dense(asked)])),
        "reciprocal ranks of all": lambda asked: documents(reciprocal([lexical(asked), dense(asked), whole(asked)])),
        "ours": lambda asked: [hit.chunk.document for hit in retriever.search(asked, HITS)],
    }


def best(scores: NDArray[np.float32]) -> list[int]:
    """Positions of the highest scores above 0, best first."""
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    return [int(at) for at in order if scores[at] > 0]


def reciprocal(rankings: Sequence[Sequence[int]]) -> list[int]:
    """The fused ranking: by the sum of 1 / (60 + rank)."""
    score: dict[int, float] = {}
    for ranking in rankings:
        for rank, position in enumerate(ranking, 1):
            score[position] = score.get(position, 0.0) + 1 / (CONSTANT + rank)
    return sorted(score, key=score.__getitem__, reverse=True)
