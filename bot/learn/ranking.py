"""Fits the weights of `bot.ranking`: whole shops of the curriculum are indexed and asked their questions.

On shops that the embedder was not trained on: on those it is surer than it will ever be again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bot.learn.pairs import CALIBRATION, Record, curriculum, is_shop_held_out, states
from bot.ranking import (
    DENSE_TOO,
    WORDED,
    Regression,
    Table,
    compare_in,
    dense_features,
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
STRENGTH = 0.3  # of the regressions' data against their prior, scikit-learn's C


@dataclass(frozen=True, slots=True)
class Asking:
    """A question of a shop, with the features of what retrieval brought, and which of it answers."""

    shop: str
    answerable: bool
    words: Table
    dense: Table
    right: Table

    def table(self, features: str) -> Table:
        """The features, WORDED or DENSE_TOO."""
        return self.words if features == WORDED else np.hstack([self.words, self.dense])


class Trial(NamedTuple):
    """A question that was tried: whether it has an answer, whether that was found, was first; how sure of it."""

    answerable: bool
    found: bool
    first: bool
    sure: float | None


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


def opened(shops: Shops, embedder: Embedder, folder: Path) -> Iterator[tuple[str, Sequence[Record], Retriever]]:
    """Each shop with its documents, as pages `0.md`, `1.md` and so on, indexed in `folder`, which is empty."""
    for number, (shop, documents) in enumerate(shops.items()):
        pages = folder / str(number)
        pages.mkdir()
        for at, record in enumerate(documents):
            (pages / f"{at}.md").write_text(f"# {record['title']}\n\n{record['text']}\n", "utf-8")
        snapshots = Snapshots(folder / f"{number}-index")
        update([pages], snapshots, embedder)
        yield shop, documents, Retriever(snapshots=snapshots, embedder=embedder)


def askings(shops: Shops, embedder: Embedder, folder: Path) -> Iterator[Asking]:
    """Every question of the shops; their indexes are made in `folder`, which is empty."""
    for shop, documents, retriever in opened(shops, embedder, folder):
        for at, record in enumerate(documents):
            for question in record["questions"]:
                yield _asking(shop, retriever, question["turns"], f"{at}.md", question["evidence"])
            for entry in record["unanswerable"]:
                yield _asking(shop, retriever, [entry["question"]], "", ())


def _asking(shop: str, retriever: Retriever, turns: Sequence[str], document: str, evidence: Sequence[str]) -> Asking:
    question = "\n".join(turns[::-1])
    rarity = retriever.corpus().lexical.rarity
    hits = retriever.search(question, PASSAGES, other=other_words(question, rarity))
    said = said_in(hits)
    compare = compare_in(detect(question), retriever.embedder.compared)
    right = [hits[s.passage].chunk.document == document and states(s, evidence) for s in said]
    return Asking(
        shop,
        bool(evidence),
        word_features(question, said, hits, rarity),
        dense_features(question, said, hits, compare),
        np.array(right, float),
    )


def fit(train: Sequence[Asking], test: Sequence[Asking], chinese: Sequence[Asking], embedder: str) -> dict[str, Any]:
    """The record of the weights file: weights from the shops to fit on, figures from those to measure with.

    The Chinese shops are too few to hold any out: each in turn is measured with weights from the others.
    """
    shops = {asking.shop for asking in chinese}
    folds = [
        ([asking for asking in chinese if asking.shop != shop], [asking for asking in chinese if asking.shop == shop])
        for shop in shops
    ]
    record: dict[str, Any] = {"embedder": embedder, "figures": {}, "statement": {}}
    for language, learnt, measured in (("en", train, [(train, test)]), ("zh", chinese, folds)):
        for features in (WORDED, DENSE_TOO):
            name = f"{language} {features}"
            statement = _statement(learnt, features)
            record["statement"][name] = _record(statement)
            record["figures"][name] = _figures([_tried(*fold, features) for fold in measured])
        if language == "en":
            record["question"] = _record(_question(learnt, statement))
    return record


def _statement(train: Sequence[Asking], features: str) -> Regression:
    tables = np.vstack([with_best(asking.table(features)) for asking in train])
    return _regression(tables, np.concatenate([asking.right for asking in train]))


def _question(train: Sequence[Asking], statement: Regression) -> Regression:
    tables = np.vstack([_answered(asking, statement) for asking in train])
    return _regression(tables, np.array([float(asking.answerable) for asking in train]))


def _answered(asking: Asking, statement: Regression) -> Table:
    table = asking.table(DENSE_TOO)
    return question_features(table, statement(with_best(table)))


def _tried(train: Sequence[Asking], test: Sequence[Asking], features: str) -> list[Trial]:
    """How questions fare that nothing was fitted on."""
    statement = _statement(train, features)
    question = _question(train, statement) if features == DENSE_TOO else None
    return [
        Trial(
            asking.answerable,
            bool(asking.right.any()),
            bool(asking.right[int(statement(with_best(asking.table(features))).argmax())]),
            None if question is None else float(question(_answered(asking, statement))[0]),
        )
        for asking in test
    ]


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


def _figures(trials: Sequence[Sequence[Trial]]) -> dict[str, float]:
    """Whether what answers is there at all, whether it is first, and whether it is known that there is something."""
    every = [trial for fold in trials for trial in fold]
    answerable = [trial for trial in every if trial.answerable]
    figures = {
        "questions": len(every),
        "right statement among the passages": round(float(np.mean([trial.found for trial in answerable])), 4),
        "right statement first": round(float(np.mean([trial.first for trial in answerable])), 4),
    }
    sure = [trial.sure for trial in every if trial.sure is not None]
    if sure:
        figures["answerable, area under the curve"] = _area([trial.answerable for trial in every], sure)
    return figures


def write(record: Mapping[str, Any], path: Path) -> None:
    """Writes the weights file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
