"""How much of an answer is right, word by word.

Normalisation, exact match and token F1 are SQuAD's (Rajpurkar et al., "Know What You Don't Know", ACL 2018, and its
evaluation script): lower case, no punctuation, no articles; the best of several right answers counts.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Sequence

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def tokens(text: str) -> list[str]:
    """The words that are compared."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def token_f1(said: str, right: Sequence[str]) -> float:
    """The best F1 over the right answers, in [0, 1]; none of them, or an empty one, is met by saying nothing."""
    return max((_f1(tokens(said), tokens(answer)) for answer in right or [""]), default=0.0)


def exact_match(said: str, right: Sequence[str]) -> bool:
    """Whether it is one of the right answers."""
    return any(tokens(said) == tokens(answer) for answer in right or [""])


def contains(said: str, right: Sequence[str]) -> bool:
    """Whether one of the right answers is in it, word for word."""
    whole = f" {' '.join(tokens(said))} "
    return any(f" {' '.join(tokens(answer))} " in whole for answer in right if tokens(answer))


def token_recall(said: Collection[str], right: Collection[str]) -> float:
    """The share of the right words that were said, in [0, 1]; 1 where there are none."""
    common = Counter(said) & Counter(right)
    return common.total() / len(right) if right else 1.0


def _f1(said: Sequence[str], right: Sequence[str]) -> float:
    if not said or not right:
        return float(said == right)
    common = (Counter(said) & Counter(right)).total()
    return 2 * common / (len(said) + len(right))
