"""Fits what `bot.evidence.support` weighs, and measures the check of evidence; some minutes on one core, no torch.

`python -m bot.learn.support --out bot/weights/support.json [--data DIR]`

What decides learns from the curriculum, language by language: the sentences of right replies and of those that are
wrong in one thing, replies beside another document, and statements of the documents, opened like a reply or changed by
`bot.learn.mutations`. Held-out shops are for the figures only. A feature whose weight comes out against its meaning is
left out. What grades (`bot.evidence.support.support`) is not fitted; it is measured on the public sets in DIR.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from bot.evaluation.judges import LexicalJudge
from bot.evidence import gate
from bot.evidence.coverage import Coverage, claim
from bot.evidence.premises import premise
from bot.evidence.support import FEATURES, Regression, features, support
from bot.learn.claims import (
    Example,
    Replied,
    changed_statements,
    misplaced_replies,
    product_answers,
    replied,
    sentences_of_replies,
    service_replies,
    venue_replies,
)
from bot.learn.pairs import is_held_out
from knowledge.languages import Language
from knowledge.sentences import split

STRENGTH = 0.3  # of the regressions' data against their prior, scikit-learn's C
RELEASED = 0.87  # of the right replies of shops: where the threshold is set
# The way a feature may weigh; those that are not here, either way.
WAYS = dict.fromkeys(
    ("line", "own", "near", "anywhere", "pairs", "weakest clause", "values of line", "values beside", "values near",
     "values anywhere", "denies"), 1,
) | dict.fromkeys(
    ("missing", "missing stems", "rival", "denial", "denial of line", "opposites", "absolutes", "agrees", "names"), -1
)  # fmt: skip
Table = NDArray[np.float64]


def fit(examples: Sequence[Example]) -> Regression:
    """The regression over the examples, without the features whose weights come out against their meaning."""
    from sklearn.linear_model import LogisticRegression

    table, right = _table(examples), np.array([example.right for example in examples])
    weights = np.array([example.weight for example in examples])
    names = list(FEATURES)
    while True:
        chosen = table[:, [FEATURES.index(name) for name in names]]
        mean, spread = chosen.mean(axis=0), chosen.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        fitted = LogisticRegression(C=STRENGTH, max_iter=3000).fit((chosen - mean) / scale, right, weights)
        against = [(abs(w), name) for name, w in zip(names, fitted.coef_[0], strict=True) if w * WAYS.get(name, 0) < 0]
        if not against:
            break
        names.remove(max(against)[1])
    found = dict(zip(names, (fitted.coef_[0] / scale).round(4).tolist(), strict=True))
    bias = float(fitted.intercept_[0] - (fitted.coef_[0] / scale) @ mean)
    return Regression(tuple(found.get(name, 0.0) for name in FEATURES), round(bias, 4))


def _table(examples: Sequence[Example]) -> Table:
    return np.array([features(Coverage(claim(e.text), [premise(passage) for passage in e.passages])) for e in examples])


def with_threshold(weighs: Regression, cases: Sequence[Replied]) -> Regression:
    """The regression with what is enough, so that RELEASED of the right replies are released if they can be at all."""
    sure = sorted((_least(weighs, case.right, case.passages) for case in cases), reverse=True)
    return replace(weighs, enough=round(max(sure[int(RELEASED * len(sure))], 0.01), 3))


def _least(weighs: Regression, reply: str, passages: Sequence[str]) -> float:
    """The probability of the reply's least likely sentence, 0 where one is wrong for certain."""
    premises = [premise(passage) for passage in passages]
    least = 1.0
    for sentence in split(reply):
        found = Coverage(claim(sentence), premises)
        if not found.said.is_empty and not any(each.has(sentence) for each in premises):
            least = min(least, 0.0 if gate.checked(found) else weighs(features(found)))
    return least


def release_figures(measured: Sequence[tuple[Regression, Sequence[Replied], Sequence[Example]]]) -> dict[str, float]:
    """The share of right replies released and of wrong ones held back; of changed statements by what was changed."""
    shares: dict[str, list[bool]] = defaultdict(list)
    for weighs, cases, examples in measured:
        for case in cases:
            shares["right released"].append(_least(weighs, case.right, case.passages) >= weighs.enough)
            if case.wrong:
                shares["wrong held back"].append(_least(weighs, case.wrong, case.passages) < weighs.enough)
        for example in examples:
            released = _least(weighs, example.text, example.passages) >= weighs.enough
            if example.source != "replies":
                name = f"{example.source} {'released' if example.right else 'held back'}"
                shares[name].append(released == example.right)
    figures: dict[str, float] = {name: round(float(np.mean(found)), 4) for name, found in sorted(shares.items())}
    return figures | {"right replies": len(shares["right released"]), "wrong replies": len(shares["wrong held back"])}


def graded_figures(data: Path, chance: random.Random) -> dict[str, Any]:
    """The area under the curve of `bot.evidence.support.support` on each public set, beside that of the share of words.

    Raises FileNotFoundError for a data set that is not there.
    """
    from sklearn.metrics import roc_auc_score

    sources = (product_answers, venue_replies, service_replies)
    examples = [*(example for source in sources for example in source(data, chance)), *sentences_of_replies("en")]
    figures = {}
    for source in sorted({example.source for example in examples}):
        rows = [example for example in examples if example.source == source]
        right = [row.right for row in rows]
        scores = {
            "graded": [support(row.text, row.passages) for row in rows],
            "words": [LexicalJudge().supports(row.text, row.passages) for row in rows],
        }
        figures[source] = {name: round(float(roc_auc_score(right, score)), 4) for name, score in scores.items()}
    return figures


def learn_release(language: Language, chance: random.Random) -> tuple[Regression, dict[str, float]]:
    """What decides on a sentence of a language, and its figures on the held-out shops.

    Where there are too few shops to hold any out, each is measured with what was learnt from the others.
    """
    cases = list(replied(language))
    examples = [
        *sentences_of_replies(language),
        *misplaced_replies(language),
        *changed_statements(language, chance),
    ]
    held_out = {case.shop for case in cases if is_held_out(case.shop)}
    if held_out:
        weighs = _learnt(cases, examples, held_out)
        return weighs, release_figures([(weighs, *_of(cases, examples, held_out))])
    parts = [{shop} for shop in sorted({case.shop for case in cases})]
    crossed = [(_learnt(cases, examples, part), *_of(cases, examples, part)) for part in parts]
    return _learnt(cases, examples, set()), release_figures(crossed)


def _of(cases: Sequence[Replied], examples: Sequence[Example], shops: Set[str]) -> tuple[list[Replied], list[Example]]:
    return [case for case in cases if case.shop in shops], [e for e in examples if e.group in shops]


def _learnt(cases: Sequence[Replied], examples: Sequence[Example], without: Set[str]) -> Regression:
    weighs = fit([example for example in examples if example.group not in without])
    return with_threshold(weighs, [case for case in cases if case.shop not in without])


def learn(seed: int = 0) -> dict[str, Any]:
    """The record of the weights file."""
    found: dict[str, Any] = {"figures": {}, "regressions": {}}
    for language in get_args(Language):
        weighs, figures = learn_release(language, random.Random(seed))
        named = {feature: w for feature, w in zip(FEATURES, weighs.weights, strict=True) if w}
        found["regressions"][language] = {"weights": named, "bias": weighs.bias, "enough": weighs.enough}
        found["figures"][language] = figures
    return found


def main() -> None:
    """Writes the weights file, and says how good they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the weights file to write")
    parser.add_argument("--data", type=Path, help="the folder of the public data sets, to measure what grades")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    record = learn(wanted.seed)
    if wanted.data:
        record["figures"]["graded"] = graded_figures(wanted.data, random.Random(wanted.seed))
    wanted.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps(record["figures"], indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
