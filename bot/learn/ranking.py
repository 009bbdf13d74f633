"""Fits the weights of `bot.ranking` on the curriculum: each of its whole shops is indexed and asked its questions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.judge import Judge
from bot.learn.pairs import curriculum, is_held_out, states
from bot.ranking import (
    Regression,
    Table,
    dense_features,
    judge_features,
    said_in,
    with_best,
    word_features,
)
from retrieval.embedders import Embedder
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update

PASSAGES = 6
LEAST_DOCUMENTS = 5  # a shop of fewer has no near misses to choose between
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


def askings(embedder: Embedder, judge: Judge, folder: Path) -> Iterator[Asking]:
    """Every question of the curriculum's whole shops; the indexes are made in `folder`."""
    for number, (shop, documents) in enumerate(curriculum().items()):
        if len(documents) < LEAST_DOCUMENTS:
            continue
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
    hits = retriever.search(question, PASSAGES)
    said = said_in(hits)
    right = [hits[s.passage].chunk.document == document and states(s, evidence) for s in said]
    return Asking(
        shop,
        bool(evidence),
        word_features(question, said, hits, retriever.corpus().lexical.rarity),
        dense_features(question, said, hits, retriever.embed),
        judge_features(question, said, hits, judge),
        np.array(right, float),
    )


def fit(found: Sequence[Asking], embedder: str) -> dict[str, Any]:
    """The record of the weights file: weights from the shops that are not held out, figures from those that are."""
    train = [asking for asking in found if not is_held_out(asking.shop)]
    test = [asking for asking in found if is_held_out(asking.shop)]
    weights, figures = {}, {}
    for name in ("words", "words dense", "words judge", "words dense judge"):
        statement = _regression(
            np.vstack([with_best(asking.table(name)) for asking in train]), np.concatenate([a.right for a in train])
        )
        question = _regression(
            np.vstack([_answered(asking, name, statement) for asking in train]),
            np.array([float(asking.answerable) for asking in train]),
        )
        weights[name] = {"statement": _record(statement), "question": _record(question)}
        figures[name] = _figures(test, name, statement, question)
    return {"embedder": embedder, "figures": figures, "weights": weights}


def _answered(asking: Asking, name: str, statement: Regression) -> Table:
    return np.asarray(statement(with_best(asking.table(name))).max(keepdims=True)[None])


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


def _figures(test: Sequence[Asking], name: str, statement: Regression, question: Regression) -> Mapping[str, float]:
    """On shops that nothing was fitted on: whether the first statement answers, and whether declining is told apart."""
    from sklearn.metrics import roc_auc_score

    first = [a.right[int(statement(with_best(a.table(name))).argmax())] for a in test if a.answerable]
    sure = [float(question(_answered(asking, name, statement))[0]) for asking in test]
    return {
        "questions": len(test),
        "right statement first": round(float(np.mean(first)), 4),
        "answerable, area under the curve": round(float(roc_auc_score([a.answerable for a in test], sure)), 4),
    }


def write(record: Mapping[str, Any], path: Path) -> None:
    """Writes the weights file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
