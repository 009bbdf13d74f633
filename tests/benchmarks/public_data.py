"""Search quality and ingest speed on public data, through the command line as anyone would use it.

    python -m tests.benchmarks public_data --data ../shared/data

chorus: 19,406 real products, 60 queries; nDCG@10 over the judged products only (`quality.py`). doc2dial: 273 documents,
1,902 questions; whether the first (or one of the first five) documents is the right one, with the whole dialogue as the
query. Then score fusion beside plain reciprocal rank fusion (`fusion.py`) over the same indexes.

Embedding 33,000 chunks takes a quarter of an hour on two idle cores. At a smaller `--scale` chorus has only that share
of the products nobody judged, and doc2dial that share of the questions. The data stays where it is; everything made
from it is removed at the end.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from statistics import mean
from typing import Any

from adapters.wiring import open_retriever
from bot.settings import load_settings
from tests.benchmarks.desk import prepare_embedder, shopdesk
from tests.benchmarks.fusion import Ranker, rankers
from tests.benchmarks.measuring import Report, options, timed
from tests.benchmarks.quality import (
    DOCUMENTS,
    JUDGEMENTS,
    PRODUCTS,
    QUESTIONS,
    available,
    file_of,
    judged,
    ndcg,
    records,
)


def main() -> None:
    given = options(__doc__)
    if not available(given.data, PRODUCTS, JUDGEMENTS, DOCUMENTS, QUESTIONS):
        return
    report = Report("public_data", given.scale)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prepare_embedder(home)
        measure_products(given.data, given.scale, home, report)
        measure_documents(given.data, given.scale, home, report)
    report.show()


def measure_products(data: Path, scale: float, home: Path, report: Report) -> None:
    """nDCG@10 on the catalogue."""
    grades = judged(data)
    source = file_of(data, PRODUCTS)
    if scale < 1:
        source = home / f"{PRODUCTS}.jsonl"
        wanted = {product for found in grades.values() for product in found}
        write_share(records(data, PRODUCTS), wanted, scale, source)
    ingest(source, PRODUCTS, home, report)
    found = search({query: query for query in grades}, PRODUCTS, home, k=1000)
    deep = [ndcg(found[query], grades[query]) for query in grades]
    report.add(f"{PRODUCTS}: nDCG@10 over the judged products", mean(deep), at_least=0.84)
    shallow = [ndcg(found[query][:10], grades[query]) for query in grades]
    report.add(f"{PRODUCTS}: nDCG@10 over the judged among the first 10 hits", mean(shallow))
    share = mean(product in grades[query] for query in grades for product in found[query][:10])
    report.add(f"{PRODUCTS}: share of the first 10 hits that is judged", share)
    for name, rank in fused(PRODUCTS, home):
        rankings = {query: keys(rank(query)) for query in grades}
        deep = [ndcg(rankings[query], grades[query]) for query in grades]
        shallow = [ndcg(rankings[query][:10], grades[query]) for query in grades]
        report.add(f"{PRODUCTS}: {name}, nDCG@10", mean(deep))
        report.add(f"{PRODUCTS}: {name}, nDCG@10 in the first 10", mean(shallow))


def measure_documents(data: Path, scale: float, home: Path, report: Report) -> None:
    """R@1 and R@5 of the document."""
    ingest(file_of(data, DOCUMENTS), DOCUMENTS, home, report)
    asked = {record["id"]: record for record in records(data, QUESTIONS)[:: round(1 / scale)]}
    found = search({key: record["question"] for key, record in asked.items()}, DOCUMENTS, home, k=50)
    for k, target in ((1, 0.86), (5, None)):
        right = mean(record["doc_key"] in found[key][:k] for key, record in asked.items())
        report.add(f"{DOCUMENTS}: document R@{k}", right, at_least=target)
    for name, rank in fused(DOCUMENTS, home):
        right = mean(keys(rank(record["question"]))[:1] == [record["doc_key"]] for record in asked.values())
        report.add(f"{DOCUMENTS}: {name}, document R@1", right)


def fused(name: str, home: Path) -> Iterable[tuple[str, Ranker]]:
    """The ways of fusing, over the index that was made."""
    return rankers(open_retriever(load_settings(home=home, knowledge=name))).items()


def write_share(products: Sequence[dict[str, Any]], wanted: Set[str], scale: float, target: Path) -> None:
    """The wanted products, and every so many of the others."""
    step = round(1 / scale)
    with target.open("w", encoding="utf-8") as file:
        for number, product in enumerate(products):
            if product["id"] in wanted or number % step == 0:
                file.write(json.dumps(product) + "\n")


def ingest(source: Path, name: str, home: Path, report: Report) -> None:
    """Indexes a file under the name of its data set."""
    taken, done = timed(shopdesk, "ingest", source, "--knowledge", name, "--home", home)
    report.add(f"{name}: documents", done["documents_added"])
    report.add(f"{name}: left out", len(done["problems"]))
    report.add(f"{name}: ingest", done["chunks_embedded"] / taken, "chunks/s")


def search(queries: Mapping[str, str], name: str, home: Path, k: int) -> dict[str, list[str]]:
    """The keys of the documents found for each query, best first, each once."""
    batch, out = home / "queries.jsonl", home / "hits.jsonl"
    lines = [json.dumps({"id": key, "query": query}) for key, query in queries.items()]
    batch.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shopdesk("search", "--batch", batch, "--out", out, "-k", str(k), "--knowledge", name, "--home", home)
    answers = map(json.loads, out.read_text("utf-8").splitlines())
    return {answer["id"]: keys(hit["document"] for hit in answer["hits"]) for answer in answers}


def keys(documents: Iterable[str]) -> list[str]:
    """The records' own keys, each once."""
    return list(dict.fromkeys(document.rpartition("#")[2] for document in documents))


if __name__ == "__main__":
    main()
