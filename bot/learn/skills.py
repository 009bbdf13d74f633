"""What a base knew before it learnt from ratings: examples of the curriculum, to replay, and to measure by.

The shops that were trained on are replayed, those that were held out measure: a few of them the gate's figures, a few
others how strong a LoRA may be. Near statements are found by their words alone, so that no embedding model is needed.
All are the same for the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bot.learn.cases import LED, Example, example
from bot.learn.pairs import curriculum, is_shop_held_out
from bot.learn.replies import is_usable, shop_cases
from bot.understanding.questions import content_words

FROZEN = 96  # examples that measure
SHOPS = 6  # of the curriculum, to draw them from
PLACES = 2048  # dimensions of a bag of words


def replayed(number: int, seed: int) -> list[Example]:
    """So many examples of shops that a base was trained on, or as many as there are."""
    return _drawn(lambda shop: not is_shop_held_out(shop), number, random.Random(f"replay {seed}"))


def frozen(number: int = FROZEN) -> list[Example]:
    """So many examples of shops that nothing is trained on: always the same ones."""
    return _drawn(is_shop_held_out, number, random.Random("frozen"))


def calibrating(number: int) -> list[Example]:
    """So many examples of other such shops: always the same ones, none of them frozen."""
    return _drawn(is_shop_held_out, number, random.Random("frozen"), slice(SHOPS, 3 * SHOPS))


def _drawn(of: Callable[[str], bool], number: int, chance: random.Random, which: slice = slice(SHOPS)) -> list[Example]:
    """Examples of a few shops, `which` of them in an order by lot."""
    if number < 1:
        return []
    shops = {shop: pages for shop, pages in curriculum().items() if of(shop)}
    names = chance.sample(sorted(shops), len(shops))[which]
    cases = [case for case in shop_cases({name: shops[name] for name in names}, by_words, chance) if is_usable(case)]
    return [example(case, chance, led=LED) for case in chance.sample(cases, min(number, len(cases)))]


def by_words(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors, shape (len(texts), PLACES): texts that share words are near."""
    rows = np.zeros((len(texts), PLACES), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in content_words(text):
            row[crc32(word.encode()) % PLACES] += 1
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length == 0, 1, length), np.float32)
