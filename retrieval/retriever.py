"""A question to ranked chunks: lexical and dense candidates, one fused score. What `bot` needs of this room.

Fusion: each ranking's scores are divided by its best and added with weights. Reciprocal ranks find as much, but throw
away how much better a hit is, which the engine needs to tell an answer from a near miss. There are three rankings:
passages by words, passages by meaning, and whole documents by words. A keyword is a word; a shopper's question in her
own words is a meaning; a long dialogue speaks about a document: so the weights go with the number of words. On 792
questions of eight invented shops that avoid the page's words (`bot/learn/curriculum/calibration`) the passage that
answers is among the first 12 in 0.926 with the same weights for all, and in 0.962 so; document R@1 on a third of
doc2dial, the whole dialogue as the query, is 0.809 and 0.824. `make bench ARGS=public_data` measures it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from numpy.typing import NDArray
from pydantic import ConfigDict, PrivateAttr, SkipValidation

from knowledge.documents import Audience, Chunk
from knowledge.languages import detect
from retrieval.corpus import Corpus
from retrieval.embedders import Embedder
from retrieval.errors import DamagedSnapshot, RetrievalError
from retrieval.impacts import Alternatives
from retrieval.index import Allowed
from retrieval.lexical import units
from retrieval.remembered import Remembered
from retrieval.snapshots import Snapshots

REMEMBERED = 4096  # vectors of texts, about 6 MB: the same passages answer most questions
CANDIDATES = 100  # per ranking; a wanted k above half of it asks for more
# Weights beside the passages' words, 1: of their meaning at least, and for a question of some words, but not for many;
# of whole documents for a very long one; and the units of a question at which they are half there.
LEAST_DENSE, MOST_DENSE, DENSE_FROM, DENSE_TO = 0.5, 5.0, 5, 15
DOCUMENT_WEIGHT, DOCUMENT_HALF = 5.0, 30


@dataclass(frozen=True, slots=True)
class Filters:
    """Who asks, and when: a staff document never reaches the public, one that is not in force on `day` reaches nobody.

    `day` None means today.
    """

    audience: Audience = "public"
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found. `score` in [0, 1] ranks within one search (1: best in every ranking).

    `cosine` is the embedding's similarity to the question, comparable between searches.
    """

    chunk: Chunk
    score: float
    cosine: float


@dataclass(frozen=True, slots=True)
class OtherWords:
    """What else a question is searched by: `alternatives` for the things it names, added to its own words.

    `meaning` says it in a language that the embedder was trained for; it is embedded where the question is in none.
    """

    alternatives: Sequence[Alternatives] = ()
    meaning: str = ""


NO_OTHER_WORDS = OtherWords()


class Retriever(BaseRetriever):
    """Searches the current snapshot, and notices a new one by itself. Thread-safe."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    snapshots: Snapshots
    embedder: SkipValidation[Embedder]
    k: int = 10
    filters: Filters = Filters()
    _serving: tuple[int, Corpus] | None = PrivateAttr(None)  # what the pointer said, and what was opened for it
    _lock: Any = PrivateAttr(default_factory=threading.Lock)
    _vectors: Remembered[NDArray[np.float32]] = PrivateAttr()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimensions); those of recent texts are remembered."""
        return np.array(self._vectors.of(texts)) if texts else self.embedder.embed([])

    def model_post_init(self, context: Any) -> None:
        """Sets up the memory."""
        self._vectors = Remembered(REMEMBERED, lambda texts: list(self.embedder.embed(texts)))

    def corpus(self) -> Corpus:
        """The snapshot that serves now, opened.

        Raises NoSnapshot, DamagedSnapshot, or RetrievalError when another embedder made it.
        """
        serving = self._serving
        if serving is None or serving[0] != self.snapshots.pointer():
            with self._lock:
                serving = self._newest()
        return serving[1]

    def _newest(self) -> tuple[int, Corpus]:
        pointer = self.snapshots.pointer()  # asked again: another thread may have opened it while this one waited
        if self._serving is not None and self._serving[0] == pointer:
            return self._serving
        snapshot = self.snapshots.current()
        made_with = snapshot.info["embedder"]["name"]
        if made_with != self.embedder.name:
            raise RetrievalError(
                f"the index was made with the embedder {made_with!r}, not {self.embedder.name!r}; "
                "run `shopdesk ingest` again, or set SHOPDESK_EMBEDDER back"
            )
        try:
            corpus = Corpus.open(snapshot)
        except (FileNotFoundError, DamagedSnapshot):  # it was whole: now it is pruned, and another one serves
            if self.snapshots.pointer() == pointer:
                raise
            return self._newest()
        # A newer one may have been published since; an older one serves where the newest is damaged.
        self._serving = max(pointer, snapshot.number), corpus
        return self._serving

    def search(
        self,
        question: str,
        k: int = 10,
        filters: Filters | None = None,
        other: OtherWords = NO_OTHER_WORDS,
        corpus: Corpus | None = None,
    ) -> list[Hit]:
        """The k best chunks that the asker may see, best first; fewer when there are not as many, none for no words.

        They are of the snapshot that serves now, or of a `corpus` that served a moment ago.
        """
        if k < 1:
            raise RetrievalError(f"k = {k}: at least 1 hit must be asked for")
        if corpus is None:
            corpus = self.corpus()
        if not any(map(str.isalnum, question)) or not len(corpus):
            return []
        asker = filters or self.filters
        allowed = corpus.visible(asker.audience, asker.day or date.today())
        depth = min(max(CANDIDATES, 2 * k), len(corpus))
        length = len(set(units(question)))
        lexical, worded, most = _by_words(corpus, question, length, other.alternatives, allowed, depth)
        meant = question if self._speaks(question) else other.meaning
        (vector,) = self._vectors.of([meant or question])
        dense_weight = _dense_weight(length) if meant else 0.0
        near = corpus.vectors.near(vector, depth, allowed) if dense_weight else worded[:0]
        candidates = _distinct(worded, near)
        if not len(candidates):
            return []
        words, cosine = lexical[candidates], corpus.vectors.cosines(candidates, vector)
        fused = (words + dense_weight * np.maximum(_relative(cosine), 0.0)) / (most + dense_weight)
        in_either = (words >= lexical[worded].min(initial=np.inf)) | (cosine >= _least(cosine, depth))
        order = np.argsort(np.where(in_either, -fused, 1.0), kind="stable")[: min(k, int(in_either.sum()))]
        found = zip(candidates[order].tolist(), fused[order].tolist(), cosine[order].tolist(), strict=True)
        return [Hit(corpus.chunk(at), min(score, 1.0), min(max(near, -1.0), 1.0)) for at, score, near in found]

    def _speaks(self, question: str) -> bool:
        known = self.embedder.languages
        return known is None or detect(question) in known

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[LangChainDocument]:
        return [
            LangChainDocument(
                id=hit.chunk.id,
                page_content=hit.chunk.text,
                metadata={
                    "document": hit.chunk.document,
                    "title": hit.chunk.title,
                    "heading": list(hit.chunk.heading),
                    "language": hit.chunk.language,
                    "score": hit.score,
                },
            )
            for hit in self.search(query, self.k if k is None else k)
        ]


def _dense_weight(length: int) -> float:
    """What meaning counts beside words, for a question of so many different units."""
    enough = length**4 / (length**4 + DENSE_FROM**4)
    few = DENSE_TO**2 / (length**2 + DENSE_TO**2)
    return LEAST_DENSE + MOST_DENSE * enough * few


def _by_words(
    corpus: Corpus, question: str, length: int, others: Sequence[Alternatives], allowed: Allowed | None, depth: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
    """The fused lexical score of every position, the `depth` best allowed ones, in no order, and the most it can be."""
    scores = corpus.lexical.scores(question, others)
    if allowed is not None:
        scores *= allowed.mask
    (found,) = (scores > 0).nonzero()
    passages = _relative(scores[found])
    most = 1.0
    if len(corpus.paths) < len(corpus):  # with a document a chunk the second ranking would be the first
        weight = DOCUMENT_WEIGHT * length**2 / (length**2 + DOCUMENT_HALF**2)
        # Only a passage that has something of the question itself is lifted by its document.
        whole = corpus.whole_documents.scores(question, others)[corpus.columns.document[found]]
        passages += np.float32(weight) * _relative(whole)
        most += weight
    scores[found] = passages
    best = found[np.argpartition(passages, -depth)[-depth:]] if depth < len(found) else found
    return scores, best, most


def _distinct(these: NDArray[np.int64], those: NDArray[np.int64]) -> NDArray[np.int64]:
    """What is in either, ascending. numpy's `union1d` takes four times as long for so few."""
    both = np.concatenate([these, those])
    both.sort()
    new = np.ones(len(both), np.bool_)
    np.not_equal(both[1:], both[:-1], out=new[1:])
    return both[new]


def _relative(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    best = float(scores.max()) if scores.size else 0.0
    return scores / np.float32(best) if best > 0 else np.zeros_like(scores)


def _least(scores: NDArray[np.float32], depth: int) -> float:
    """The lowest of the `depth` highest scores."""
    return float(np.partition(scores, -depth)[-depth]) if depth < len(scores) else -np.inf
