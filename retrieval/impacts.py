"""What each term adds to the score of each text that has it: its impact, worked out once, so that a search only adds.

The scoring is Okapi BM25 with Lucene's idf (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009):
the sum over the question's terms of `idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length))`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
REMEMBERED = 512  # the other words of a question are much the same from one to the next

Scores = NDArray[np.float32]
Positions = NDArray[np.int32]
Alternatives = Mapping[str, float]  # other words for one thing in a question, each with its weight


class Asked(NamedTuple):
    """The terms of a text that an index knows: their numbers there, and how often the text has each of them.

    `counts` is None where that is once; `size` counts all of the text's terms, known or not.
    """

    terms: NDArray[np.int64]
    counts: Scores | None
    size: int


class Impacts:
    """The impacts of terms on texts known by their position: those of term t are `starts[t]:starts[t + 1]`.

    A term has each position once. `lengths` are the texts', in units; `known` gives a question's terms.
    Safe to use from several threads.
    """

    def __init__(
        self,
        known: Callable[[str], Asked],
        starts: NDArray[np.int64],
        positions: Positions,
        frequencies: NDArray[Any],
        lengths: NDArray[Any],
        b: float,
    ) -> None:
        mean = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
        norm = (K1 * (1 - b + b * np.maximum(lengths, 1) / mean)).astype(np.float32)  # 0 / 0 for no words otherwise
        having, weights = np.diff(starts), (K1 + 1) * idf(len(lengths), np.arange(len(lengths) + 1))
        tf, values = frequencies.astype(np.float32), norm[positions]
        values += tf
        np.divide(tf, values, out=values)
        values *= np.repeat(weights.astype(np.float32)[having], having)
        self._postings = _Postings(known, starts, positions, values, len(lengths))
        self._best = lru_cache(REMEMBERED)(partial(_best, self._postings))

    def __len__(self) -> int:
        """The number of texts."""
        return self._postings.size

    def scores(self, question: str, others: Sequence[Alternatives] = ()) -> Scores:
        """The score of every position, shape (n,), and for each thing that has other words, the best of theirs.

        Not their sum: a text that has "delivery", "shipping" and "postage" is not three times about it. The score of
        words of n terms is divided by the root of n, or "保修" (two characters and their pair) would outweigh
        "warranty".
        """
        total = np.zeros(len(self), np.float32)
        positions, impacts = self._postings.of(self._postings.known(question))
        np.add.at(total, positions, impacts)
        for alternatives in others:
            positions, impacts = self._best(tuple(alternatives.items()))
            total[positions] += impacts
        return total


class _Postings(NamedTuple):
    """The texts' positions by term, what the term adds to each, and the number of texts."""

    known: Callable[[str], Asked]
    starts: NDArray[np.int64]
    positions: Positions
    values: Scores
    size: int

    def of(self, asked: Asked) -> tuple[Positions, Scores]:
        """Positions, one with several of the terms as often, and what each term adds there."""
        starts, ends = self.starts[asked.terms].tolist(), self.starts[asked.terms + 1].tolist()
        spans = [slice(*span) for span in zip(starts, ends, strict=True)]
        positions = np.concatenate([self.positions[:0], *map(self.positions.__getitem__, spans)])
        values = np.concatenate([self.values[:0], *map(self.values.__getitem__, spans)])
        if asked.counts is not None:
            values *= np.repeat(asked.counts, np.subtract(ends, starts))
        return positions, values


def _best(postings: _Postings, alternatives: tuple[tuple[str, float], ...]) -> tuple[Positions, Scores]:
    """Where one of these words is, each position once, and the best of their scores there."""
    best, touched = np.zeros(postings.size, np.float32), [postings.positions[:0]]
    for text, weight in alternatives:
        if weight > 0 and (asked := postings.known(text)).size:
            own = np.zeros(postings.size, np.float32)
            positions, impacts = postings.of(asked)
            np.add.at(own, positions, impacts * np.float32(weight / asked.size**0.5))
            np.maximum(best, own, out=best)
            touched.append(positions)
    positions = np.unique(np.concatenate(touched))
    return positions, best[positions]


def idf(texts: int, having: Any) -> Any:
    """What a term weighs that so many of the texts have, an array or one number: the rarer, the more."""
    return np.log1p((texts - having + 0.5) / (having + 0.5))
