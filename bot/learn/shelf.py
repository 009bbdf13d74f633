"""The passages that turns were written from, out of the indexes of a home: of the turn's snapshot, or of the one that
serves now. A passage counts only with the content hash that the turn has."""

from __future__ import annotations

from collections.abc import Callable

from bot.conduct.planted import disarmed
from knowledge.documents import Chunk
from retrieval.corpus import Corpus
from retrieval.errors import RetrievalError
from retrieval.snapshots import Snapshots


class Shelf:
    """Looks passages up; `snapshots` are those of the index of a name. An index that is gone or damaged has none."""

    def __init__(self, snapshots: Callable[[str], Snapshots]) -> None:
        self._snapshots = snapshots
        self._opened: dict[tuple[str, int | None], Corpus | None] = {}

    def find(self, knowledge: str, snapshot: int | None, identity: str, content_hash: str) -> Chunk | None:
        """The passage as the desk reads it, without what was planted in it; None where no index has it any more."""
        document = identity.rpartition("@")[0]
        for number in (snapshot, None):
            corpus = self._corpus(knowledge, number)
            if corpus is None or document not in corpus.numbers:
                continue
            for chunk in map(disarmed, corpus.chunks_of(document)):
                if (chunk.id, chunk.content_hash) == (identity, content_hash):
                    return chunk
        return None

    def _corpus(self, knowledge: str, number: int | None) -> Corpus | None:
        """The snapshot of that number, or the one that serves for None."""
        key = (knowledge, number)
        if key not in self._opened:
            snapshots = self._snapshots(knowledge)
            try:
                self._opened[key] = Corpus.open(snapshots.current() if number is None else snapshots.get(number))
            except RetrievalError:
                self._opened[key] = None
        return self._opened[key]
