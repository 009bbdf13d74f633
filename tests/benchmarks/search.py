"""Hybrid search over 10,000 and 100,000 chunks: ours, LangChain's EnsembleRetriever, txtai, and bm25s + FAISS bare.

    python -m tests.benchmarks search

Text and vectors are made up (`synthetic.py`), four chunks a document; embedding is a dictionary look-up on every side.
Each rival alternates with ours in one process over the same questions, and returns the 10 passages' texts; a figure
"... / ours" is the median quotient of the two times. The quality beside is how often the passage that a question was
made from is among the 10.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import bm25s
import faiss
import numpy as np

from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.benchmarks.measuring import Report, in_turn, options, ratio
from tests.benchmarks.synthetic import DIMENSIONS, Asked, LookupEmbedder, questions, write_documents

K, CANDIDATES, SECTIONS = 10, 100, 4
Search = Callable[[str], Sequence[str]]


def main() -> None:
    given = options(__doc__)
    report = Report("search", given.scale)
    for size in (10_000, 100_000):
        measure(int(size * given.scale), report)
    report.show()


def measure(size: int, report: Report) -> None:
    """The three rivals beside ours at one size."""
    with tempfile.TemporaryDirectory() as folder:
        embedder = LookupEmbedder()
        ours, passages = build_ours(Path(folder), size, embedder)
        asked = questions(passages, 200, embedder)
        report.add(f"{size:,} chunks: ours finds the passage", recall(ours, asked))
        beside_langchain = asked[: 10 if size > 20_000 else 40]  # it takes most of a second for each
        for name, build, some, target in (
            ("bare bm25s + FAISS", bare, asked, {"at_least": 1 / 1.5}),
            ("txtai", txtai, asked, {"at_least": 10.0}),
            ("LangChain", langchain, beside_langchain, {"at_least": 100.0}),
        ):
            rival = build(passages, embedder)
            our_times, their_times = in_turn([ours, rival], [one.question for one in some])
            report.add(f"{size:,} chunks: {name} / ours", ratio(their_times, our_times), "x", **target)
            report.add(f"{size:,} chunks: ours beside {name}", 1e3 * median(our_times), "ms")
            report.add(f"{size:,} chunks: {name}", 1e3 * median(their_times), "ms")
            report.add(f"{size:,} chunks: {name} finds the passage", recall(rival, some))


def recall(search: Search, asked: Sequence[Asked]) -> float:
    """The share of questions whose passage is found."""
    return float(np.mean([one.passage in search(one.question) for one in asked]))


def build_ours(folder: Path, size: int, embedder: LookupEmbedder) -> tuple[Search, list[str]]:
    """Our search over an index built the usual way, and the text of every chunk."""
    write_documents(folder / "shop.jsonl", size // SECTIONS, SECTIONS)
    snapshots = Snapshots(folder / "index")
    update([folder / "shop.jsonl"], snapshots, embedder)
    retriever = Retriever(snapshots=snapshots, embedder=embedder)
    corpus = retriever.corpus()
    assert len(corpus) == size // SECTIONS * SECTIONS, f"{len(corpus)} chunks, not {size}"
    passages = [corpus.chunk(position).context for position in range(len(corpus))]
    return lambda question: [hit.chunk.context for hit in retriever.search(question, K)], passages


def bare(passages: Sequence[str], embedder: LookupEmbedder) -> Search:
    """What fifteen lines over the two fastest libraries do: reciprocal rank fusion of 100 candidates each."""
    lexical = bm25s.BM25()
    lexical.index(bm25s.tokenize(passages, stopwords="en", show_progress=False), show_progress=False)
    dense = faiss.IndexFlatIP(DIMENSIONS)
    dense.add(embedder.embed(passages))

    def search(question: str) -> list[str]:
        tokens = bm25s.tokenize(question, stopwords="en", show_progress=False)
        words, _ = lexical.retrieve(tokens, k=CANDIDATES, show_progress=False)
        _, near = dense.search(embedder.embed([question]), CANDIDATES)
        score: dict[int, float] = {}
        for ranking in (words[0].tolist(), near[0].tolist()):
            for rank, position in enumerate(ranking):
                score[position] = score.get(position, 0.0) + 1 / (60 + rank)
        return [passages[position] for position in sorted(score, key=score.__getitem__, reverse=True)[:K]]

    return search


def txtai(passages: Sequence[str], embedder: LookupEmbedder) -> Search:
    """txtai's hybrid index, which keeps the texts too, with the settings it comes with."""
    from txtai import Embeddings

    def vectors(texts: list[str]) -> object:
        return embedder.embed(texts)

    index = Embeddings({"method": "external", "transform": vectors, "hybrid": True, "content": True})
    index.index((position, passage, None) for position, passage in enumerate(passages))
    return lambda question: [found["text"] for found in index.search(question, K)]


def langchain(passages: Sequence[str], embedder: LookupEmbedder) -> Search:
    """LangChain's recipe for hybrid search: BM25Retriever and FAISS, 10 candidates each, in an EnsembleRetriever."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # langchain-community announces its end
        from langchain_classic.retrievers import EnsembleRetriever
        from langchain_community.retrievers import BM25Retriever
        from langchain_community.vectorstores import FAISS

    words = BM25Retriever.from_texts(list(passages), k=K)
    pairs = zip(passages, embedder.embed(passages), strict=True)
    near = FAISS.from_embeddings(pairs, embedder).as_retriever(search_kwargs={"k": K})
    both = EnsembleRetriever(retrievers=[words, near], weights=[0.5, 0.5])
    return lambda question: [found.page_content for found in both.invoke(question)[:K]]


if __name__ == "__main__":
    main()
