"""The parts of a snapshot: lines by number, columns by position. What is in them is tested with `retrieval.update`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.documents import Chunk, Document
from retrieval.corpus import (
    UNTIL_EVER,
    Columns,
    Corpus,
    Lines,
    NoLines,
    decoded_chunk,
    encoded_chunk,
    encoded_document,
)
from retrieval.errors import RetrievalError

DAY = date(2026, 11, 21)
words = st.text(max_size=20)
days = st.none() | st.dates()
chunks = st.builds(
    Chunk,
    document=words,
    number=st.integers(0, 2**31 - 1),
    title=words,
    heading=st.lists(words, max_size=3).map(tuple),
    text=words,
    language=st.sampled_from(["en", "zh", "fr"]),
    audience=st.sampled_from(["public", "staff"]),
    effective_from=days,
    effective_until=days,
)
line = st.binary(max_size=6).map(lambda content: content.replace(b"\n", b"") + b"\n")
edits = st.lists(st.tuples(st.sampled_from(["keep", "drop", "replace"]), line), max_size=8)


@given(chunk=chunks)
def test_a_chunk_survives_its_line(chunk: Chunk) -> None:
    encoded = encoded_chunk(chunk)
    assert decoded_chunk(encoded) == chunk
    assert encoded.count(b"\n") == 1
    assert encoded.endswith(b"\n")


@given(first=st.lists(line, max_size=8), rounds=st.lists(st.tuples(edits, st.lists(line, max_size=3)), max_size=3))
def test_lines_are_kept_dropped_replaced_and_added(
    first: list[bytes], rounds: list[tuple[list[tuple[str, bytes]], list[bytes]]]
) -> None:
    with TemporaryDirectory() as folder:
        NoLines().write(Path(folder), "x0", np.empty(0, np.bool_), {}, first)
        model = first
        for number, (changes, new) in enumerate(rounds):
            fates = (changes + [("keep", b"")] * len(model))[: len(model)]
            keep = np.array([fate != "drop" for fate, _ in fates], np.bool_)
            replaced = {at: other for at, (fate, other) in enumerate(fates) if fate == "replace"}
            Lines(Path(folder), f"x{number}").write(Path(folder), f"x{number + 1}", keep, replaced, new)
            model = [replaced.get(at, old) for at, old in enumerate(model) if keep[at]] + new
        lines = Lines(Path(folder), f"x{len(rounds)}")
        assert [lines[at] for at in range(len(lines))] == model
        for outside in (-1, len(lines)):
            with pytest.raises(IndexError, match=str(outside)):
                lines[outside]


def some(number: int, **facts: object) -> Chunk:
    return Chunk("a.md", number, "A", (), f"text {number}", **facts)  # type: ignore[arg-type]


def test_columns_say_what_the_chunks_say(tmp_path: Path) -> None:
    pieces = [some(0), some(1, language="zh", audience="staff"), some(2, effective_from=DAY, effective_until=DAY)]
    Columns.of(pieces, [0, 0, 1]).save(tmp_path)
    columns = Columns.load(tmp_path)
    assert columns.document.tolist() == [0, 0, 1]
    assert columns.number.tolist() == [0, 1, 2]
    assert columns.staff.tolist() == [False, True, False]
    assert columns.effective_from.tolist() == [0, 0, DAY.toordinal()]
    assert columns.effective_until.tolist() == [UNTIL_EVER, UNTIL_EVER, DAY.toordinal()]
    assert [columns.languages[code] for code in columns.language] == ["en", "zh", "en"]
    assert [row.tobytes().hex() for row in columns.hashes] == [piece.content_hash for piece in pieces]


def test_updated_columns_equal_those_built_anew() -> None:
    before = Columns.of([some(number) for number in range(4)], [0, 0, 1, 1])
    moved = Columns.of([some(9, language="zh", audience="staff")], [1], before.languages)
    new = Columns.of([some(5, language="fr")], [2], moved.languages)
    after = before.updated(np.array([True, False, True, True]), np.array([2]), moved, new)
    expected = Columns.of(
        [some(0), some(9, language="zh", audience="staff"), some(3), some(5, language="fr")], [0, 1, 1, 2]
    )
    assert after.languages == expected.languages
    for name in ("document", "number", "staff", "language", "hashes", "effective_from", "effective_until"):
        assert np.array_equal(getattr(after, name), getattr(expected, name)), name


def test_a_document_keeps_its_facts() -> None:
    document = Document("p.csv#1", "Boot", "text", facts={"price": 49.9, "sizes": [40, 41], "since": DAY})
    record = encoded_document(document, document.content_hash, 3)
    assert b'"facts": {"price": 49.9, "sizes": [40, 41], "since": "2026-11-21"}' in record
    assert b'"chunks": 3' in record


def test_before_the_first_snapshot_there_is_nothing() -> None:
    corpus = Corpus.empty(8)
    assert (len(corpus), corpus.paths, corpus.vectors.dimensions) == (0, (), 8)
    with pytest.raises(RetrievalError, match=r"'a\.md'"):
        corpus.document("a.md")
