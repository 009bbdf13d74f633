"""A question to ranked chunks: lexical and dense candidates, one fused score. What `bot` needs of this room.

Fusion: each ranking's scores are divided by its best and added with weights. Reciprocal ranks find as much (document
R@1 on doc2dial with the whole dialogue as the query: 0.847 against 0.849; nDCG@10 on a tenth of chorus: 0.938 against
0.927), but throw away how much better a hit is, which the engine needs to tell an answer from a near miss.
What does gain is a third ranking, of whole documents (0.78 without it): a long question speaks about a document, a
short one about a passage, so its weight grows with the question's length. The weights were chosen on these
same questions. `make bench ARGS=public_data` measures it.
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
from retrieval.lexical import Alternatives, units
from retrieval.snapshots import Snapshots

REMEMBERED = 4096  # vectors of texts, about 6 MB: the same passages answer most questions
CANDIDATES = 100  # per ranking; a wanted k above half of it asks for more
DENSE_WEIGHT = 1.0
DOCUMENT_WEIGHT, DOCUMENT_HALF = 2.0, 10  # the weight a very long question gives, and the units at which it is half


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
    _vectors: dict[str, NDArray[np.float32]] = PrivateAttr(default_factory=dict)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimensions); those of recent texts are remembered."""
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, self.embedder.embed(new), strict=True))
        with self._lock:
            for text in texts:
                self._vectors.pop(text, None)  # put back at the end: the front is what was not asked for longest
                self._vectors[text] = known[text]
            while len(self._vectors) > REMEMBERED:
                del self._vectors[next(iter(self._vectors))]
        return np.stack([known[text] for text in texts]) if texts else self.embedder.embed([])

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
        self, question: str, k: int = 10, filters: Filters | None = None, other: OtherWords = NO_OTHER_WORDS
    ) -> list[Hit]:
        """The k best chunks that the asker may see, best first; fewer when there are not as many, none for no words."""
        if k < 1:
            raise RetrievalError(f"k = {k}: at least 1 hit must be asked for")
        corpus = self.corpus()
        if not any(map(str.isalnum, question)) or not len(corpus):
            return []
        allowed = _visible(corpus, filters or self.filters)
        depth = min(max(CANDIDATES, 2 * k), len(corpus))
        lexical, found, most = _lexical_scores(corpus, question, other.alternatives, allowed)
        meant = question if self._speaks(question) else other.meaning
        vector = self.embed([meant or question])[0]
        dense_weight = DENSE_WEIGHT if meant else 0.0
        near = _near(corpus, vector, depth, allowed) if dense_weight else np.empty(0, np.int64)
        candidates = np.union1d(near, found[_best(lexical[found], depth)])
        if not len(candidates):
            return []
        # Not `@`: its threads cost more than so few rows are worth, most of all beside another busy process.
        cosine = np.einsum("ij,j->i", corpus.vectors.vectors(corpus.ids[candidates]), vector)
        fused = (lexical[candidates] + dense_weight * np.maximum(_relative(cosine), 0.0)) / (most + dense_weight)
        order = np.lexsort((candidates, -fused))[:k]
        return [
            Hit(corpus.chunk(int(candidates[i])), min(float(fused[i]), 1.0), float(np.clip(cosine[i], -1.0, 1.0)))
            for i in order
        ]

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


def _visible(corpus: Corpus, filters: Filters) -> NDArray[np.bool_]:
    """Which positions the asker may see, shape (n,)."""
    day = (filters.day or date.today()).toordinal()
    columns = corpus.columns
    in_force = (columns.effective_from <= day) & (day <= columns.effective_until)
    return in_force if filters.audience == "staff" else in_force & ~columns.staff


def _near(corpus: Corpus, vector: NDArray[np.float32], depth: int, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Positions of the `depth` allowed chunks nearest to the vector, fewer when there are not as many."""
    ids, _ = corpus.vectors.search(vector[None], depth, None if allowed.all() else corpus.ids[allowed])
    return corpus.position_of(ids[0][ids[0] >= 0])


def _lexical_scores(
    corpus: Corpus, question: str, others: Sequence[Alternatives], allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
    """The fused lexical score of every position, the allowed positions that have one, and the most it could be."""
    scores = corpus.lexical.scores(question, others) * allowed
    found = np.flatnonzero(scores)
    passages = _relative(scores[found])
    most = 1.0
    if len(corpus.paths) < len(corpus):  # with a document a chunk the second ranking would be the first
        length = len(set(units(question)))
        weight = DOCUMENT_WEIGHT * length / (length + DOCUMENT_HALF)
        # Only a passage that has something of the question itself is lifted by its document.
        whole = corpus.whole_documents.scores(question, others)[corpus.columns.document[found]]
        passages += np.float32(weight) * _relative(whole)
        most += weight
    scores[found] = passages
    return scores, found, most


def _relative(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    best = float(scores.max()) if scores.size else 0.0
    return scores / np.float32(best) if best > 0 else np.zeros_like(scores)


def _best(scores: NDArray[np.float32], depth: int) -> NDArray[np.int64]:
    """Where the `depth` highest scores are, in no order; all of them when there are not as many."""
    return np.argpartition(-scores, depth - 1)[:depth] if depth < len(scores) else np.arange(len(scores))
