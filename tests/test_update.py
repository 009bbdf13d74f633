"""Updating an index: the same as building it anew, at the price of what changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import retrieval.sources
import retrieval.update
from knowledge.chunking import chunk
from knowledge.errors import KnowledgeError
from knowledge.files import ReadOptions
from retrieval.corpus import UNTIL_EVER, Corpus
from retrieval.errors import IndexBusy, RetrievalError
from retrieval.snapshots import Snapshots
from retrieval.update import UpdateReport, update
from tests.fakes import HashEmbedder


class Shop:
    """A folder of documents, its index, and what the embedder was given in the last update."""

    def __init__(self, folder: Path) -> None:
        self.documents = folder / "documents"
        self.documents.mkdir(parents=True)
        self.snapshots = Snapshots(folder / "home")
        self.embedder = HashEmbedder()

    def write(self, **texts: str) -> None:
        """Writes `name.md` for each; a text that is the same is not written."""
        for name, text in texts.items():
            path = self.documents / f"{name}.md"
            if not path.exists() or path.read_text() != text:
                path.write_text(text)

    def ingest(self, *paths: Path, options: ReadOptions | None = None) -> UpdateReport:
        self.embedder.seen.clear()
        return update(paths or [self.documents], self.snapshots, self.embedder, options)

    @property
    def corpus(self) -> Corpus:
        return Corpus.open(self.snapshots.current())

    @property
    def seen(self) -> int:
        return len(self.embedder.seen)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def page(title: str, *sections: str, audience: str = "public", until: str = "") -> str:
    dates = f"effective_until: {until}\n" if until else ""
    body = "\n\n".join(f"## Part {number}\n\n{text}" for number, text in enumerate(sections))
    return f"---\ntitle: {title}\naudience: {audience}\nlanguage: en\n{dates}---\n\n{body}\n"


def contents(corpus: Corpus) -> dict[str, tuple[object, ...]]:
    """Everything a chunk is but its vector, by its id: the passage, its columns and its document's record."""
    found = {}
    columns = corpus.columns
    for position in range(len(corpus)):
        piece = corpus.chunk(position)
        assert corpus.paths[columns.document[position]] == piece.document
        assert columns.number[position] == piece.number
        assert columns.hashes[position].tobytes().hex() == piece.content_hash
        assert columns.languages[columns.language[position]] == piece.language
        assert piece.id not in found
        found[piece.id] = (
            piece,
            bool(columns.staff[position]),
            int(columns.effective_from[position]),
            int(columns.effective_until[position]),
            json.dumps(corpus.document(piece.document), sort_keys=True),
        )
    return found


def vectors(corpus: Corpus) -> NDArray[np.float32]:
    """The vector of every chunk, in order of the chunks' ids."""
    order = sorted(range(len(corpus)), key=lambda position: corpus.chunk(position).id)
    return corpus.vectors.vectors(np.array(order, np.int64))


def search(corpus: Corpus, question: str, embedder: HashEmbedder) -> list[tuple[float, float]]:
    """Scores by vectors and by words of every chunk, in order of the chunks' ids."""
    order = sorted(range(len(corpus)), key=lambda position: corpus.chunk(position).id)
    positions, scores = corpus.vectors.search(embedder.embed([question]), max(len(corpus), 1))
    by_position = dict(zip(positions[0].tolist(), scores[0].tolist(), strict=True))
    words = corpus.lexical.scores(question)
    return [(by_position[position], float(words[position])) for position in order]


def assert_same(one: Corpus, other: Corpus) -> None:
    assert contents(one) == contents(other)
    assert np.allclose(vectors(one), vectors(other), atol=1e-5)
    assert sorted(one.paths) == sorted(other.paths)
    question = "red boots and blue hats"
    assert np.allclose(search(one, question, HashEmbedder()), search(other, question, HashEmbedder()), atol=1e-4)


texts = st.lists(
    st.sampled_from(["red boots", "blue hats", "green gloves and red hats", "cold socks"]), min_size=1, max_size=4
)
pages = st.builds(
    lambda title, sections, audience, until: page(title, *sections, audience=audience, until=until),
    st.sampled_from(["One", "Two"]),
    texts,
    st.sampled_from(["public", "staff"]),
    st.sampled_from(["", "2026-12-24"]),
)
folders = st.dictionaries(st.sampled_from(["a", "b", "sub/c", "sub/d"]), pages, min_size=1)


@settings(max_examples=25)
@given(states=st.lists(folders, min_size=1, max_size=4))
def test_an_update_equals_a_fresh_build(states: list[dict[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        shop, fresh = Shop(Path(folder) / "shop"), Shop(Path(folder) / "fresh")
        (shop.documents / "sub").mkdir()
        for state in states:
            for path in shop.documents.rglob("*.md"):
                if path.relative_to(shop.documents).with_suffix("").as_posix() not in state:
                    path.unlink()
            shop.write(**state)
            shop.ingest()
        shutil.copytree(shop.documents, fresh.documents, dirs_exist_ok=True)
        fresh.ingest()
        assert bool(shop.snapshots.list()) >= bool(fresh.snapshots.list())
        if fresh.snapshots.list():
            assert_same(shop.corpus, fresh.corpus)


def test_only_what_changed_is_embedded(shop: Shop) -> None:
    shop.write(a=page("A", "red boots", "blue hats", "cold socks"), b=page("B", "green gloves"))
    first = shop.ingest()
    assert (first.documents_added, first.chunks_embedded, shop.seen) == (2, 4, 4)
    before = vectors(shop.corpus)

    shop.write(a=page("A", "red boots", "yellow hats", "cold socks"))
    second = shop.ingest()
    assert shop.embedder.seen == ["A > Part 1\nyellow hats"]
    assert (second.documents_changed, second.documents_unchanged) == (1, 1)
    assert (second.chunks_embedded, second.chunks_kept, second.chunks_removed) == (1, 3, 1)
    same = [np.allclose(one, other) for one, other in zip(before, vectors(shop.corpus), strict=True)]
    assert same == [True, False, True, True]


def test_chunks_that_move_within_a_document_keep_their_vectors(shop: Shop) -> None:
    shop.write(a="# A\n\n## X\n\nred\n\n## Y\n\nblue\n\n## Z\n\ngreen")
    shop.ingest()
    shop.write(a="# A\n\n## New\n\nfirst\n\n## Z\n\ngreen\n\n## X\n\nred\n\n## Y\n\nblue")
    report = shop.ingest()
    assert shop.embedder.seen == ["A > New\nfirst"]
    assert report.chunks_removed == 0
    assert [piece.text for piece in shop.corpus.chunks_of("a.md")] == ["first", "green", "red", "blue"]


def test_a_renamed_document_is_not_embedded_again(shop: Shop) -> None:
    shop.write(a=page("A", "red boots", "blue hats"))
    shop.ingest()
    (shop.documents / "a.md").rename(shop.documents / "b.md")
    report = shop.ingest()
    assert (report.documents_added, report.documents_removed, shop.seen) == (1, 1, 0)
    assert (report.chunks_embedded, report.chunks_kept, report.chunks_removed) == (0, 2, 2)
    assert shop.corpus.paths == ("b.md",)
    found, scores = shop.corpus.vectors.search(shop.embedder.embed(["A > Part 1\nblue hats"]), 1)
    assert shop.corpus.chunk(int(found[0, 0])).text == "blue hats"
    assert scores[0, 0] == pytest.approx(1)


def test_the_same_passage_in_two_documents_is_embedded_once(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"), b=page("A", "red boots"))
    report = shop.ingest()
    assert (shop.seen, report.chunks_embedded, len(shop.corpus)) == (1, 2, 2)


def test_an_audience_or_a_date_takes_effect_without_embedding(shop: Shop) -> None:
    shop.write(a=page("A", "red boots", "blue hats"), b=page("B", "green gloves"))
    shop.ingest()
    shop.write(a=page("A", "red boots", "blue hats", audience="staff", until="2026-12-24"))
    report = shop.ingest()
    assert (shop.seen, report.documents_changed, report.chunks_kept, report.chunks_removed) == (0, 1, 3, 0)
    corpus = shop.corpus
    assert corpus.columns.staff.tolist() == [True, True, False]
    assert corpus.columns.effective_until.tolist() == [date(2026, 12, 24).toordinal()] * 2 + [UNTIL_EVER]
    assert corpus.columns.effective_from.tolist() == [0, 0, 0]
    assert corpus.chunk(0).audience == corpus.document("a.md")["audience"] == "staff"
    assert corpus.chunk(0).effective_until == date(2026, 12, 24)


def test_a_deleted_document_is_gone(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"), b=page("B", "blue hats"))
    shop.ingest()
    (shop.documents / "a.md").unlink()
    report = shop.ingest()
    assert (report.documents_removed, report.documents_unchanged, report.chunks_removed) == (1, 1, 1)
    corpus = shop.corpus
    assert (corpus.paths, len(corpus), len(corpus.vectors), len(corpus.lexical)) == (("b.md",), 1, 1, 1)
    assert list(contents(corpus)) == ["b.md@0"]
    assert not np.any(corpus.lexical.scores("red boots"))
    for ask in (corpus.document, corpus.chunks_of):
        with pytest.raises(RetrievalError, match=r"a\.md"):
            ask("a.md")


def test_nothing_changed_makes_no_snapshot_and_opens_no_file(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"))
    shop.ingest()
    path = shop.documents / "a.md"
    stamp = path.stat()
    path.write_text(path.read_text().replace("red", "RED"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # same size and time: not looked into
    report = shop.ingest()
    assert (report.published, report.snapshot, report.documents_unchanged, report.chunks_kept) == (False, 1, 1, 1)
    assert shop.corpus.chunk(0).text == "red boots"
    os.utime(path)
    assert shop.ingest().published
    os.utime(path)  # touched, but as it was
    assert not shop.ingest().published


def test_folders_are_remembered_and_updated_one_by_one(shop: Shop, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.md").write_text(page("X", "cold socks"))
    shop.write(a=page("A", "red boots"))
    shop.ingest()
    shop.ingest(other)
    assert shop.corpus.paths == ("a.md", "x.md")
    assert shop.snapshots.current().info["roots"] == [str(shop.documents), str(other)]
    shop.write(a=page("A", "blue hats"))
    (other / "x.md").write_text(page("X", "green gloves"))
    shop.ingest(other)
    assert [shop.corpus.chunks_of(path)[0].text for path in ("a.md", "x.md")] == ["red boots", "green gloves"]
    shop.ingest(shop.documents, other)
    assert shop.corpus.chunks_of("a.md")[0].text == "blue hats"


def test_a_file_inside_a_known_folder_stands_for_the_folder(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"), b=page("B", "blue hats"))
    shop.ingest()
    shop.write(a=page("A", "green gloves"))
    (shop.documents / "b.md").unlink()
    shop.ingest(shop.documents / "a.md")
    assert shop.corpus.paths == ("a.md",)
    shop.write(a=page("A", "cold socks"))
    shop.ingest(shop.documents / "b.md", shop.documents)
    assert shop.corpus.chunks_of("a.md")[0].text == "cold socks"


def test_a_folder_takes_the_place_of_a_known_one_inside_it(shop: Shop) -> None:
    (shop.documents / "sub").mkdir()
    shop.write(**{"sub/a": page("A", "red boots"), "b": page("B", "blue hats")})
    shop.ingest(shop.documents / "sub")
    assert shop.corpus.paths == ("a.md",)
    shop.ingest()
    assert sorted(shop.corpus.paths) == ["b.md", "sub/a.md"]
    assert shop.embedder.seen == ["B > Part 0\nblue hats"]
    assert shop.snapshots.current().info["roots"] == [str(shop.documents)]


def test_a_single_file_can_be_ingested(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"), b=page("B", "blue hats"))
    shop.ingest(shop.documents / "a.md")
    assert shop.corpus.paths == ("a.md",)


def test_a_folder_that_does_not_exist_is_an_error_or_a_problem_among_others(shop: Shop, tmp_path: Path) -> None:
    shop.write(a=page("A", "red boots"))
    nowhere = tmp_path / "nowhere"
    with pytest.raises(KnowledgeError, match="nowhere"):
        shop.ingest(nowhere)
    report = shop.ingest(nowhere, shop.documents)
    assert [problem.path for problem in report.problems] == [str(nowhere)]
    assert shop.corpus.paths == ("a.md",)
    with pytest.raises(KnowledgeError, match=r"nowhere.*nothing there"):
        shop.ingest(nowhere, tmp_path / "nothing")
    shutil.rmtree(shop.documents)
    with pytest.raises(KnowledgeError, match="documents"):
        shop.ingest()
    assert shop.corpus.paths == ("a.md",), "a folder that is away for a moment loses nothing"


def records(*lines: object) -> str:
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)


def record(key: str, text: str) -> dict[str, str]:
    return {"id": key, "title": key, "text": text}


def test_one_line_of_a_catalogue_changes_one_chunk(shop: Shop) -> None:
    lines = [record(str(number), f"product number {number} is fine") for number in range(30)]
    path = shop.documents / "all.jsonl"
    path.write_text(records(*lines))
    shop.ingest()
    assert (shop.seen, len(shop.corpus)) == (30, 30)
    lines[7]["text"] = "another text for this one"
    del lines[9]
    path.write_text(records(*lines, record("x", "a new one")))
    report = shop.ingest()
    counts = (report.documents_added, report.documents_changed, report.documents_removed, report.documents_unchanged)
    assert (*counts, shop.seen) == (1, 1, 1, 28, 2)


def test_a_broken_line_is_reported_each_time_and_the_rest_goes_on(shop: Shop) -> None:
    path = shop.documents / "all.jsonl"
    path.write_text(records(record("1", "red boots"), "{broken", record("3", "blue hats")))
    for published in (True, False):
        report = shop.ingest()
        assert report.published == published
        assert len(report.problems) == 1
        assert "all.jsonl" in str(report.problems[0])
    assert len(shop.corpus) == 2
    path.write_text(records(record("1", "red boots"), record("2", "cold socks"), record("3", "blue hats")))
    report = shop.ingest()
    assert (report.problems, shop.seen, len(shop.corpus)) == ((), 1, 3)


def test_a_file_that_breaks_keeps_what_it_had_until_it_can_be_read(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"), b=page("B", "blue hats"))
    shop.ingest()
    shop.write(a="", b=page("B", "green gloves"))
    report = shop.ingest()
    assert [problem.path for problem in report.problems] == ["a.md", "a.md"]
    assert "kept" in str(report.problems[1])
    assert shop.corpus.chunks_of("a.md")[0].text == "red boots"
    assert shop.corpus.chunks_of("b.md")[0].text == "green gloves"
    again = shop.ingest()
    assert (again.published, len(again.problems)) == (False, 2)
    shop.write(a=page("A", "cold socks"))
    assert shop.ingest().problems == ()
    assert shop.corpus.chunks_of("a.md")[0].text == "cold socks"


def test_of_two_documents_with_one_path_the_first_is_kept_and_both_are_named(shop: Shop, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.md").write_text(page("A", "from the other folder"))
    shop.write(a=page("A", "red boots"))
    shop.ingest()
    report = shop.ingest(other)
    (problem,) = report.problems
    assert problem.path == "a.md"
    assert str(other / "a.md") in problem.message
    assert str(shop.documents) in problem.message
    assert shop.corpus.chunks_of("a.md")[0].text == "red boots"

    (shop.documents / "a.md").rename(shop.documents / "b.md")
    shop.ingest()
    assert shop.corpus.paths == ("b.md",)
    assert shop.ingest(other).problems == (), "once the path is free the other folder's is taken"
    assert shop.corpus.chunks_of("a.md")[0].text == "from the other folder"


def test_other_options_read_the_same_file_again(shop: Shop) -> None:
    path = shop.documents / "all.jsonl"
    path.write_text(records({"id": "1", "title": "One", "text": "red boots", "note": "blue hats"}))
    shop.ingest()
    report = shop.ingest(options=ReadOptions().with_fields(["text=note"]))
    assert report.documents_changed == 1
    assert "blue hats" in shop.corpus.chunk(0).text
    assert "red boots" not in shop.corpus.chunk(0).text


def test_after_an_upgrade_that_cuts_differently_all_is_cut_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write(a=page("A", "red boots. blue hats."), b=page("B", "cold socks"))
    shop.ingest()
    with monkeypatch.context() as upgrade:
        upgrade.setattr(retrieval.update, "chunk", lambda document: chunk(document, limit=12))
        assert not shop.ingest().published
        upgrade.setattr(retrieval.sources, "_code", lambda: "another version")
        report = shop.ingest()
        assert (report.published, report.documents_unchanged, report.chunks_kept) == (True, 2, 1)
        assert not shop.ingest().published
    assert [piece.text for piece in shop.corpus.chunks_of("a.md")] == ["red boots.", "blue hats."]


def test_another_embedder_embeds_everything_again(shop: Shop) -> None:
    shop.write(a=page("A", "red boots", "blue hats"), b=page("B", "green gloves"))
    shop.ingest()
    shop.embedder = HashEmbedder(name="other")
    report = shop.ingest()
    assert (report.published, report.chunks_embedded, report.documents_unchanged, shop.seen) == (True, 3, 2, 3)
    shop.embedder = HashEmbedder(dimensions=16, name="other")
    assert not shop.ingest().published
    shop.write(b=page("B", "cold socks"))
    assert shop.ingest().chunks_embedded == 3
    assert shop.corpus.vectors.dimensions == 16
    assert shop.snapshots.current().info["embedder"] == {"name": "other", "dimensions": 16}
    fresh = Shop(shop.documents.parent / "fresh")
    fresh.embedder = shop.embedder
    fresh.ingest(shop.documents)
    assert contents(fresh.corpus) == contents(shop.corpus)


def test_progress_counts_up_to_all_texts(shop: Shop) -> None:
    shop.write(**{f"p{number}": page(f"P{number}", "red boots") for number in range(5)})
    calls: list[tuple[int, int]] = []
    update([shop.documents], shop.snapshots, shop.embedder, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (5, 5)
    assert calls == sorted(calls)


def test_a_model_that_fails_leaves_the_old_snapshot(shop: Shop) -> None:
    class Broken(HashEmbedder):
        def embed(self, texts: object, progress: Callable[[int], None] | None = None) -> object:  # type: ignore[override]
            raise RetrievalError("embedding model 'x' cannot be loaded")

    shop.write(a=page("A", "red boots"))
    shop.ingest()
    shop.write(a=page("A", "blue hats"))
    with pytest.raises(RetrievalError, match="cannot be loaded"):
        update([shop.documents], shop.snapshots, Broken())  # type: ignore[arg-type]
    assert shop.corpus.chunk(0).text == "red boots"
    assert shop.ingest().snapshot == 2


def test_a_full_disk_leaves_the_old_snapshot(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write(a=page("A", "red boots"))
    shop.ingest()
    shop.write(a=page("A", "blue hats"))

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RetrievalError, match="No space left on device"):
            shop.ingest()
    assert shop.corpus.chunk(0).text == "red boots"
    assert shop.ingest().snapshot == 2


def test_two_updates_at_once_are_one_too_many(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"))
    other = Snapshots(shop.snapshots.folder)
    with other.lock(), pytest.raises(IndexBusy):
        shop.ingest()


def test_a_damaged_snapshot_is_mended_by_the_next_update(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"))
    shop.ingest()
    shop.write(a=page("A", "blue hats"))
    shop.ingest()
    (shop.snapshots.current().folder / "vectors.faiss").write_bytes(b"")
    assert shop.corpus.chunk(0).text == "red boots"
    assert shop.ingest().snapshot == 3
    assert shop.corpus.chunk(0).text == "blue hats"


def test_an_open_corpus_outlives_its_snapshot(shop: Shop) -> None:
    shop.write(a=page("A", "red boots"))
    shop.ingest()
    corpus = shop.corpus
    for number in range(3):
        shop.write(a=page("A", f"text {number}"))
        shop.ingest()
    assert 1 in shop.snapshots.prune(keep=1)
    assert corpus.chunk(0).text == "red boots"
    assert len(corpus.vectors.search(shop.embedder.embed(["boots"]), 1)[0]) == 1
    with pytest.raises(IndexError):
        corpus.chunk(1)
    with pytest.raises(IndexError):
        corpus.chunk(-1)


def test_facts_and_other_languages_come_through(shop: Shop) -> None:
    path = shop.documents / "all.jsonl"
    path.write_text(
        records(
            {
                "id": "靴子",
                "title": "登山靴",
                "text": "防水登山靴，三十天内可以退货。",
                "price": "49.90",
                "currency": "GBP",
            }
        ),
        encoding="utf-8",
    )
    shop.write(a=page("A", "red boots"))
    shop.ingest()
    corpus = shop.corpus
    assert corpus.document("all.jsonl#靴子")["facts"]["price"] == 49.9
    assert sorted(corpus.columns.languages) == ["en", "zh"]
    assert shop.snapshots.current().info["languages"] == {"en": 1, "zh": 1}


def test_nothing_to_index_makes_no_snapshot(shop: Shop) -> None:
    shop.write(a="")
    report = shop.ingest()
    assert (report.snapshot, report.published, len(report.problems)) == (None, False, 1)


def test_every_file_can_be_replaced_at_once(shop: Shop) -> None:
    path = shop.documents / "all.jsonl"
    path.write_text(records(record("1", "red boots")))
    shop.write(b=page("B", "blue hats"))
    shop.ingest()
    path.unlink()
    (shop.documents / "b.md").unlink()
    shop.write(c=page("C", "cold socks"))
    report = shop.ingest()
    assert (report.documents_removed, report.documents_added, report.chunks_removed) == (2, 1, 2)
    assert [shop.corpus.chunk(0).text, len(shop.corpus), len(shop.corpus.vectors)] == ["cold socks", 1, 1]
