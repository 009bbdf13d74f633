"""What a trained judge has to beat: judges that only count words, or only compare embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bot.judge import Probabilities
from bot.understanding.questions import content_words
from retrieval.lexical import LexicalIndex

Embed = Callable[[Sequence[str]], NDArray[np.float32]]


class LexicalJudge:
    """BM25 over the passages given, and the share of a claim's words there; in [0, 1], but no probabilities."""

    def answers(self, question: str, passages: Sequence[str]) -> Probabilities:
        """BM25 of each passage, idf from these passages, over that of a passage that is all of the question."""
        if not passages:
            return np.empty(0, np.float32)
        texts = [f"\n{' '.join(text.split())}" for text in (*passages, question)]  # the first line would be a title
        scores = LexicalIndex.build(texts).scores(question)
        most = float(scores.max())
        return scores[:-1] / np.float32(most) if most > 0 else np.zeros(len(passages), np.float32)

    def supports(self, claim: str, passages: Sequence[str]) -> float:
        """The share of the claim's content words that the passages have."""
        there = frozenset[str]().union(*map(content_words, passages))
        own = set(content_words(claim))
        return len(own & there) / len(own) if own and passages else 0.0


class CosineJudge:
    """The cosine between the embeddings; what is below 0 counts as 0."""

    def __init__(self, embed: Embed) -> None:
        self.embed = embed

    def answers(self, question: str, passages: Sequence[str]) -> Probabilities:
        """The cosine of each passage and the question."""
        rows = self.embed([question, *passages])
        cosines: Probabilities = np.clip(np.einsum("ij,j->i", rows[1:], rows[0]), 0.0, 1.0)
        return cosines

    def supports(self, claim: str, passages: Sequence[str]) -> float:
        """The cosine of the claim and the nearest passage."""
        return float(self.answers(claim, passages).max(initial=0.0))
