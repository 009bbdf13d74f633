"""A made-up corpus for measuring: Zipf-distributed English-like text, and clustered vectors without a model.

Word frequencies follow Zipf and Mandelbrot's law, 1 / (rank + 2.7); the most frequent words are real function words, as
in English, so that stop-word lists do their work. Vectors mix a topic, a subtopic and noise within a space of 48
dimensions, which is turned into 384: like sentence embeddings, they are clustered and fill few of their dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

DIMENSIONS, INNER = 384, 48
SEED = 2027
FUNCTION_WORDS = (  # noqa: SIM905
    "the of and to a in is that it for was on as with be by at this have from or not are but you which an they we your"
    " all can if will what there when so up out about into than them would do no its"
).split()
_SYLLABLES = ["".join(parts) for parts in product("bdfgklmnprstvz", "aeiou", ("", "n", "r", "st", "l"))]

Vectors = NDArray[np.float32]


def vocabulary(size: int = 50_000) -> list[str]:
    """Words by falling frequency."""
    random = np.random.default_rng(SEED)
    made = dict.fromkeys(FUNCTION_WORDS)
    while len(made) < size:
        made["".join(random.choice(_SYLLABLES, random.integers(1, 4)))] = None
    return list(made)


def sentences(random: np.random.Generator, words: NDArray[np.str_], count: int) -> list[str]:
    """So many sentences of 8 to 19 words."""
    weights = 1 / (np.arange(len(words)) + 2.7)
    lengths = random.integers(8, 20, count)
    drawn = words[random.choice(len(words), int(lengths.sum()), p=weights / weights.sum())]
    return [" ".join(part).capitalize() + "." for part in np.split(drawn, np.cumsum(lengths)[:-1])]


def passages(count: int) -> list[str]:
    """Texts of a title line and about 55 words."""
    random = np.random.default_rng(SEED)
    said = iter(sentences(random, np.array(vocabulary()), count * 5))
    return [f"{' '.join(next(said).split()[1:6])}\n{' '.join(next(said) for _ in range(4))}" for _ in range(count)]


def write_documents(path: Path, count: int, sections: int) -> None:
    """A JSON Lines file of documents with a title and, a chunk each, `sections` sections of about 55 words."""
    random = np.random.default_rng(SEED)
    words = np.array(vocabulary())
    said = iter(sentences(random, words, count * sections * 5))
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            title = next(said).split()[1:6]
            parts = [" ".join(next(said) for _ in range(4)) for _ in range(sections)]
            text = "\n\n".join(f"## Part {part}\n\n{body}" for part, body in enumerate(parts))
            file.write(json.dumps({"id": str(number), "title": " ".join(title), "text": text}) + "\n")


class LookupEmbedder(Embeddings):
    """Gives each new text the next clustered vector and remembers it: embedding costs every side a dictionary look-up.

    `place` puts a question's vector near that of the passage it was made from.
    """

    name = "lookup"
    languages: frozenset[str] | None = None
    dimensions = DIMENSIONS

    def __init__(self, topics: int = 400) -> None:
        self._random = np.random.default_rng(SEED)
        self._topics = self._random.standard_normal((topics, INNER))
        self._turn = self._random.standard_normal((INNER, DIMENSIONS)) / np.sqrt(INNER)
        self.known: dict[str, Vectors] = {}

    def embed(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Unit vectors, shape (len(texts), 384)."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known.update(zip(new, self._drawn(len(new)), strict=True))
        if progress is not None:
            progress(len(texts))
        return np.stack([self.known[text] for text in texts]) if texts else np.empty((0, DIMENSIONS), np.float32)

    def place(self, question: str, passage: str, noise: float) -> None:
        """The question's vector: the passage's and `noise` times another text's."""
        mixed = self.known[passage] + np.float32(noise) * self._drawn(1)[0]
        self.known[question] = mixed / np.linalg.norm(mixed)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def _drawn(self, count: int) -> Vectors:
        random = self._random
        topic = self._topics[random.integers(len(self._topics), size=count)]
        inner = topic + 0.9 * random.standard_normal((count, INNER))
        rows = (inner @ self._turn + 0.15 * random.standard_normal((count, DIMENSIONS))).astype(np.float32)
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the text of the passage that it was made from."""

    question: str
    passage: str


def questions(
    passages: Sequence[str], count: int, embedder: LookupEmbedder | None = None, noise: float = 1.4
) -> list[Asked]:
    """Questions of 3 to 6 words of a passage, in its order, and 3 of none, each from another passage."""
    random = np.random.default_rng(SEED + 1)
    chosen = random.choice(len(passages), min(count, len(passages)), replace=False).tolist()
    others = sentences(random, np.array(vocabulary()), len(chosen))
    made = []
    for passage, other in zip(chosen, others, strict=True):
        words = passages[passage].replace(".", "").lower().split()
        picked = np.sort(random.choice(len(words), int(random.integers(3, 7)), replace=False))
        question = " ".join([*(words[at] for at in picked), *other.split()[1:4]])
        made.append(Asked(question, passages[passage]))
        if embedder is not None:
            embedder.place(question, passages[passage], noise)
    return made
