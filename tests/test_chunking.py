"""Chunks: nothing lost, order kept, within the limit, the same every time."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.chunking import chunk
from knowledge.documents import Chunk, Document
from knowledge.sentences import split


def texts(text: str, limit: int = 900, title: str = "Returns") -> list[str]:
    return [passage.text for passage in chunk(Document("returns.md", title, text), limit)]


def headings(text: str, title: str = "Returns") -> list[tuple[str, ...]]:
    return [passage.heading for passage in chunk(Document("returns.md", title, text))]


def test_chunks_carry_the_path_of_headings_without_the_repeated_title() -> None:
    text = "# Returns\n\nThirty days.\n\n## Boots\n\nUnworn.\n\n### Worn once\n\nNo.\n\n## Socks\n\nSealed."
    assert headings(text) == [(), ("Boots",), ("Boots", "Worn once"), ("Socks",)]
    assert texts(text) == ["Thirty days.", "Unworn.", "No.", "Sealed."]


def test_a_first_heading_other_than_the_title_is_kept() -> None:
    assert headings("# Sending back\n\nText.\n\n## Boots\n\nText.") == [("Sending back",), ("Sending back", "Boots")]


def test_a_heading_with_nothing_under_it_is_its_own_text() -> None:
    text = "## Do you ship to France? Yes.\n\n## Boots\n\n### Worn\n\nNo.\n\n## Last"
    found = [(passage.heading, passage.text) for passage in chunk(Document("a.md", "T", text))]
    assert found == [((), "Do you ship to France? Yes."), (("Boots", "Worn"), "No."), ((), "Last")]


def test_facts_of_the_document_go_with_each_chunk() -> None:
    document = Document(
        "zh/tuihuo.md", "退货", "一。\n\n# 二\n\n三。", "zh", "staff", date(2026, 1, 1), date(2026, 12, 31)
    )
    found = chunk(document)
    assert [passage.id for passage in found] == ["zh/tuihuo.md@0", "zh/tuihuo.md@1"]
    for passage in found:
        assert (passage.document, passage.title, passage.language, passage.audience) == (
            "zh/tuihuo.md", "退货", "zh", "staff",
        )  # fmt: skip
        assert passage.in_force(date(2026, 6, 1))
        assert not passage.in_force(date(2027, 1, 1))


def test_neighbouring_paragraphs_share_a_chunk_up_to_the_limit() -> None:
    assert texts("One two.\n\nThree.\n\nFour five six.", 20) == ["One two.\n\nThree.", "Four five six."]


def test_a_long_paragraph_is_cut_at_sentence_ends() -> None:
    assert texts("One two three. Four five six. Seven.", 30) == ["One two three. Four five six.", "Seven."]
    assert texts("退货要在三十天内。运费四元。靴子不行。", 14) == ["退货要在三十天内。运费四元。", "靴子不行。"]


def test_a_run_without_sentence_end_is_cut_at_a_comma_or_space_else_anywhere() -> None:
    assert texts("one two, three four five", 12) == ["one two,", "three four", "five"]
    assert texts("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]


def test_each_part_of_a_table_has_its_header() -> None:
    header = "| Item | Days |\n|---|---|"
    rows = [f"| Boots {number} | {number} |" for number in range(10)]
    found = texts("\n".join([header, *rows]), 80)
    assert len(found) > 2
    assert all(text.startswith(header) and len(text) <= 80 for text in found)
    assert [row for text in found for row in text.split("\n")[2:]] == rows


def test_a_list_stays_with_its_lead_in_where_it_fits() -> None:
    before = "Something else that fills the chunk up a bit."
    listed = "We take back:\n- boots\n- socks"
    assert texts(f"{before}\n\nWe take back:\n\n- boots\n- socks", 60) == [before, listed]
    long = texts("We take back:\n\n" + "\n".join(f"- boots of sort {number}" for number in range(9)), 60)
    assert long[0].startswith("We take back:\n- boots of sort 0")


def test_a_document_without_text_gives_no_chunks() -> None:
    assert chunk(Document("a.md", "A", " \n\n ")) == []
    assert chunk(Document("a.md", "A", "# A\n")) == []


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit 0"):
        chunk(Document("a.md", "A", "text"), 0)


WORDS = st.sampled_from(
    ["boots", "£4.99", "days.", "returned!", "e.g.", "we:", "退货。", "三十天内", "x" * 70, "（靴子）；"]
)
LINE = st.lists(WORDS, min_size=1, max_size=25).map(" ".join)
TABLE = st.lists(LINE.map(lambda line: f"| {line} |"), min_size=1, max_size=6).map(
    lambda rows: "\n".join(["| Head |", "| --- |", *rows])
)
BLOCK = st.one_of(
    LINE,
    LINE.map(lambda line: f"{line}:"),
    st.lists(LINE.map(lambda line: f"- {line}"), min_size=1, max_size=6).map("\n".join),
    TABLE,
    st.tuples(st.integers(1, 4), LINE).map(lambda heading: f"{'#' * heading[0]} {heading[1][:60]}"),
)
TEXT = st.lists(BLOCK, max_size=12).map("\n\n".join)


def without_headings(text: str) -> str:
    """The body's characters: no white space, no headings, no table headers."""
    lines = (line for line in text.split("\n") if not line.startswith("#") and line not in ("| Head |", "| --- |"))
    return "".join("".join(lines).split())


@given(TEXT, st.integers(40, 300))
def test_nothing_is_lost_order_is_kept_and_the_limit_holds(text: str, limit: int) -> None:
    body_headings = [line.lstrip("# ").strip() for line in text.split("\n") if line.startswith("#")]
    found = chunk(Document("a.md", "A title of its own", text), limit)
    assert [passage.number for passage in found] == list(range(len(found)))
    assert all(0 < len(passage.text) <= limit for passage in found)
    # A heading with nothing under it is text, so it is taken out of the chunks before comparing.
    joined = "".join(
        without_headings(passage.text) for passage in found if " ".join(passage.text.split()) not in body_headings
    )
    if all(len(heading) <= limit and heading not in text.replace(f"# {heading}", "") for heading in body_headings):
        assert joined == without_headings(text)


@given(st.lists(st.one_of(LINE, TABLE), min_size=1, max_size=8).map("\n\n".join), st.integers(40, 300))
def test_every_character_of_a_text_without_headings_is_kept(text: str, limit: int) -> None:
    found = chunk(Document("a.md", "A title of its own", text), limit)
    assert without_headings("\n".join(passage.text for passage in found)) == without_headings(text)


@given(st.text(max_size=400), st.integers(1, 60))
def test_any_text_is_cut_within_the_limit_and_keeps_its_letters(text: str, limit: int) -> None:
    found = chunk(Document("a.md", "A title of its own", text), limit)
    assert all(0 < len(passage.text) <= limit for passage in found)
    letters = [char for char in text if char.isalpha() and "`" not in text and "~" not in text]
    seen = [char for passage in found for part in (*passage.heading, passage.text) for char in part if char.isalpha()]
    assert set(letters) <= set(seen)


@given(TEXT)
def test_the_same_document_gives_the_same_chunks(text: str) -> None:
    def stamped() -> list[tuple[str, str, Chunk]]:
        found = chunk(Document("a.md", "A", text))
        return [(passage.id, passage.content_hash, passage) for passage in found]

    assert stamped() == stamped()


@given(TEXT)
def test_a_quoted_sentence_is_found_in_its_chunk(text: str) -> None:
    for passage in chunk(Document("a.md", "A", text)):
        assert all(sentence in passage.text for sentence in split(passage.text))
