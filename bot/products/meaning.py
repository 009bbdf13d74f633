"""Attributes that are asked for in other words than the catalogue's, by an embedding model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Unit rows of texts, of the model on board."""
# A cosine from which on an attribute is what is asked for. Measured on 150 questions for two shops, without the words
# that name the product: those that it answers have 0.43 and more, others 0.40 and less.
MEANT: Final = 0.55
AS_NEAR: Final = 0.06  # values that are this much less near may be meant as well


def alike(embed: Embed, text: str, facts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """The attributes and values that are as near in meaning to a text as the nearest, with their cosines; none where
    that is not near enough."""
    lines = list(dict.fromkeys(facts))
    if not lines or not text.strip():
        return {}
    rows = embed([text, *(f"{name}: {value}" for name, value in lines)])
    near = dict(zip(lines, (rows[1:] @ rows[0]).tolist(), strict=True))
    best = max(near.values())
    return {line: cosine for line, cosine in near.items() if cosine >= max(MEANT, best - AS_NEAR)}
