"""What a message wants of the desk, read by a small linear head: it knows what no list of wordings has.

Multinomial logistic regression, fitted by `bot.learn.conduct`: for English over the unit vector of the embedder on
board, for Chinese over the characters and their neighbours, which are words as often as not. It stands beside the
patterns, and speaks up where it is sure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.languages import Language

SHIPPED = Path(__file__).parent.parent / "weights" / "conduct"
CHARACTERS = "characters"  # the name of `spelling` as an embedder
DIMENSIONS = 4096  # of `spelling`
RUN = 3  # characters in a row, at most
SURE = 0.65  # from here a kind is acted upon before anything is searched
LIKELY = 0.5  # from here it decides where the documents had no answer
NOTHING_SPECIAL = "none"  # the kind that wants an answer
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Head:
    """The weights, shape (dimensions, kinds), and offsets, shape (kinds,), for the vectors of one embedder."""

    embedder: str
    kinds: tuple[str, ...]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]

    def likely(self, vector: NDArray[np.float32]) -> dict[str, float]:
        """How likely a message of this unit vector is of each kind; they sum to 1."""
        scores = vector @ self.weights + self.offsets
        shares = np.exp(scores - scores.max())
        return dict(zip(self.kinds, (shares / shares.sum()).tolist(), strict=True))

    def save(self, path: Path) -> None:
        """Writes the head into a file, its weights in half precision."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            embedder=np.array(self.embedder),
            kinds=np.array(self.kinds),
            weights=self.weights.astype(np.float16),
            offsets=self.offsets,
        )

    @classmethod
    def load(cls, path: Path) -> Head:
        """The head that `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            weights = kept["weights"].astype(np.float32)
            return cls(str(kept["embedder"]), tuple(kept["kinds"].tolist()), weights, kept["offsets"])


@cache
def shipped(language: Language) -> Head | None:
    """The head of a language that comes with the project; None where none does."""
    path = SHIPPED / f"{language}.npz"
    return Head.load(path) if path.is_file() else None


def spelling(text: str) -> NDArray[np.float32]:
    """A unit vector of the characters of a text and their runs, hashed; numbers count as one character."""
    written = f"^{_DIGITS.sub('0', ''.join(text.lower().split()))}$"
    vector = np.zeros(DIMENSIONS, np.float32)
    for length in range(1, RUN + 1):
        for start in range(len(written) - length + 1):
            vector[_place(written[start : start + length])] += 1
    vector = np.sqrt(vector)
    return vector / np.linalg.norm(vector)


def _place(run: str) -> int:
    return int.from_bytes(blake2b(run.encode("utf-8", "replace"), digest_size=4).digest(), "little") % DIMENSIONS


def likeliest(likely: Mapping[str, float], kinds: tuple[str, ...], least: float) -> str:
    """The likeliest of some kinds if all of them together are that likely; "" where they are not, or nothing is known.

    Together, because it matters more that a person takes over than under which name.
    """
    if sum(likely.get(kind, 0.0) for kind in kinds) < least:
        return ""
    return max(kinds, key=lambda kind: likely.get(kind, 0.0))
