"""Fits the weights of `bot.ranking`: whole shops of the curriculum are indexed and asked their questions.

On shops that neither the embedder nor the judge was trained on: on those both are surer than they will ever be again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.judge import Judge
from bot.learn.pairs import CALIBRATION, Record, curriculum, is_shop_held_out, states
from bot.ranking import (
    Regression,
    Table,
    dense_features,
    judge_features,
    question_features,
    said_in,
    with_best,
    word_features,
)
from bot.understanding.expansion import other_words
from knowledge.languages import detect
from retrieval.embedders import Embedder
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update

PASSAGES = 12  # as the engine looks at
Shops = Mapping[str, Sequence[Record]]
LEAST_DOCUMENTS = 5  # a shop of fewer has no near misses to choose between
DENSE, CHINESE = "words dense", "words zh"
MODELS = ("words", DENSE, "words judge", "words dense judge")
NO_MODEL = np.zeros((0, 0))
STRENGTH = 0.3  # of the regressions' data against their prior, scikit-learn's C


@dataclass(frozen=True, slots=True)
class Asking:
    """A question of a shop, with the features of what retrieval brought, and which of it answers."""

    shop: str
    answerable: bool
    words: Table
    dense: Table
    judge: Table
    right: Table

    def table(self, models: str) -> Table:
        """The features of a set of weights, by its name."""
        parts = {"words": self.words, "dense": self.dense, "judge": self.judge}
        return np.hstack([parts[name] for name in models.split()])


def fitting_shops() -> Shops:
    """The shops to fit on."""
    return curriculum(folder=CALIBRATION)


def testing_shops() -> Shops:
    """The whole shops to measure with: the curriculum's held-out ones."""
    found = curriculum().items()
    return {shop: pages for shop, pages in found if is_shop_held_out(shop) and len(pages) >= LEAST_DOCUMENTS}


def chinese_shops() -> Shops:
    """The Chinese shops. No model is trained on them."""
    return curriculum("zh")


def askings(shops: Shops, embedder: Embedder, judge: Judge, folder: Path) -> Iterator[Asking]:
    """Every question of the shops; their indexes are made in `folder`, which is empty."""
    for number, (shop, documents) in enumerate(shops.items()):
        pages = folder / str(number)
        pages.mkdir()
        for at, record in enumerate(documents):
            (pages / f"{at}.md").write_text(f"# {record['title']}\n\n{record['text']}\n", "utf-8")
        snapshots = Snapshots(folder / f"{number}-index")
        update([pages], snapshots, embedder)
        retriever = Retriever(snapshots=snapshots, embedder=embedder)
        for at, record in enumerate(documents):
            for question in record["questions"]:
                yield _asking(shop, retriever, judge, question["turns"], f"{at}.md", question["evidence"])
            for entry in record["unanswerable"]:
                yield _asking(shop, retriever, judge, [entry["question"]], "", ())


def _asking(
    shop: str, retriever: Retriever, judge: Judge, turns: Sequence[str], document: str, evidence: Sequence[str]
) -> Asking:
    question = "\n".join(turns[::-1])
    rarity = retriever.corpus().lexical.rarity
    hits = retriever.search(question, PASSAGES, other=other_words(question, rarity))
    said = said_in(hits)
    english = detect(question) == "en"
    right = [hits[s.passage].chunk.document == document and states(s, evidence) for s in said]
    return Asking(
        shop,
        bool(evidence),
        word_features(question, said, hits, rarity),
        dense_features(question, said, hits, retriever.embed) if english else NO_MODEL,
        judge_features(question, said, hits, judge) if english else NO_MODEL,
        np.array(right, float),
    )


def fit(train: Sequence[Asking], test: Sequence[Asking], chinese: Sequence[Asking], embedder: str) -> dict[str, Any]:
    """The record of the weights file: weights from the shops to fit on, figures from those to measure with.

    The Chinese shops are too few to hold any out: each in turn is measured with weights from the others.
    """
    fitted = {name: _statement(train, name) for name in MODELS}
    question = _regression(
        np.vstack([_answered(asking, fitted[DENSE]) for asking in train]),
        np.array([float(asking.answerable) for asking in train]),
    )
    sure = [float(question(_answered(asking, fitted[DENSE]))[0]) for asking in test]
    figures = {name: _figures([(asking, regression) for asking in test], name) for name, regression in fitted.items()}
    figures[DENSE] |= {"answerable, area under the curve": _area([asking.answerable for asking in test], sure)}
    fitted[CHINESE] = _statement(chinese, "words")
    shops = {asking.shop for asking in chinese}
    apart = {shop: _statement([asking for asking in chinese if asking.shop != shop], "words") for shop in shops}
    figures[CHINESE] = _figures([(asking, apart[asking.shop]) for asking in chinese], "words")
    statement = {name: _record(regression) for name, regression in fitted.items()}
    return {"embedder": embedder, "figures": figures, "statement": statement, "question": _record(question)}


def _statement(train: Sequence[Asking], name: str) -> Regression:
    tables = np.vstack([with_best(asking.table(name)) for asking in train])
    return _regression(tables, np.concatenate([asking.right for asking in train]))


def _answered(asking: Asking, statement: Regression) -> Table:
    table = asking.table(DENSE)
    return question_features(table, statement(with_best(table)))


def _area(answerable: Sequence[bool], sure: Sequence[float]) -> float:
    from sklearn.metrics import roc_auc_score

    return round(float(roc_auc_score(answerable, sure)), 4)


def _regression(features: Table, labels: Table) -> Regression:
    from sklearn.linear_model import LogisticRegression

    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    fitted = LogisticRegression(C=STRENGTH, max_iter=1000).fit((features - mean) / scale, labels)
    return Regression(mean, scale, fitted.coef_[0], float(fitted.intercept_[0]))


def _record(regression: Regression) -> dict[str, Any]:
    return {
        "mean": regression.mean.round(5).tolist(),
        "scale": regression.scale.round(5).tolist(),
        "weights": regression.weights.round(5).tolist(),
        "bias": round(regression.bias, 5),
    }


def _figures(test: Sequence[tuple[Asking, Regression]], name: str) -> dict[str, float]:
    """On shops that nothing was fitted on: whether what answers is there at all, and whether it is first."""
    found = [bool(a.right.any()) for a, _ in test if a.answerable]
    first = [a.right[int(regression(with_best(a.table(name))).argmax())] for a, regression in test if a.answerable]
    return {
        "questions": len(test),
        "right statement among the passages": round(float(np.mean(found)), 4),
        "right statement first": round(float(np.mean(first)), 4),
    }


def write(record: Mapping[str, Any], path: Path) -> None:
    """Writes the weights file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
