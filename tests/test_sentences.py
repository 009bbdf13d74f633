"""Languages, blocks and sentences."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.languages import detect, is_cjk
from knowledge.markdown import blocks, unwrap, with_headers
from knowledge.sentences import split, split_paragraph


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Can I send back boots I wore once?", "en"),
        ("穿过一次的靴子可以退吗？", "zh"),
        ("Ridge Mid GTX 登山靴有货吗", "zh"),
        ("Do you sell 普洱 tea?", "en"),
        ("£4.99 ✓ 12", "en"),
        ("退货", "zh"),
        ("", "en"),
    ],
)
def test_language_is_that_of_most_of_the_text(text: str, language: str) -> None:
    assert detect(text) == language


def test_cjk_covers_the_scripts_without_spaces_and_no_other() -> None:
    assert all(is_cjk(char) for char in "退貨〇のカ𠀀")
    assert not any(is_cjk(char) for char in "aé1。 한£")


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It costs £4.99. You pay once.", ["It costs £4.99.", "You pay once."]),
        ("Ask Mr. Smith, e.g. by phone. He knows!", ["Ask Mr. Smith, e.g. by phone.", "He knows!"]),
        ("See No. 5 on the list. Is it? No. It is not.", ["See No. 5 on the list.", "Is it?", "No.", "It is not."]),
        ("Boots, socks, etc. are fine. Tents, etc. Not gas.", None),
        ("Open from 9 a.m. to 5 p.m. daily.", ["Open from 9 a.m. to 5 p.m. daily."]),
        ('She said "No." Then she left (really!). Done', ['She said "No."', "Then she left (really!).", "Done"]),
        ("Wait... what? Yes… no.", ["Wait... what?", "Yes… no."]),
        ("Go to shop.example/returns. Print it.", ["Go to shop.example/returns.", "Print it."]),
        ("**Worn boots.** We cannot take them.", ["**Worn boots.**", "We cannot take them."]),
        ("可以退货吗？可以；运费由我们付。谢谢！", ["可以退货吗？", "可以；", "运费由我们付。", "谢谢！"]),
        ("鞋类（如：靴子；凉鞋）可退。其他不可以", ["鞋类（如：靴子；凉鞋）可退。", "其他不可以"]),
        ("他说“可以。”然后走了。价格是4.99元。", ["他说“可以。”", "然后走了。", "价格是4.99元。"]),
        ("可以退吗?可以!", ["可以退吗?", "可以!"]),
        ("", []),
        ("  \n\n ", []),
    ],
)
def test_sentences_of_prose(text: str, sentences: list[str] | None) -> None:
    expected = sentences or ["Boots, socks, etc. are fine.", "Tents, etc.", "Not gas."]
    assert split(text) == (expected if text.strip() else [])


def test_headings_items_and_rows_stand_alone() -> None:
    text = """# Returns
We take back:
- boots. Unworn only
* socks
2) tents
| Item | Days |
|---|:---:|
| Boots | 30 |

Last
line
"""
    assert split(text) == [
        "Returns", "We take back:", "boots.", "Unworn only", "socks", "tents", "Item | Days", "Boots | 30",
        "Last line",
    ]  # fmt: skip


def test_wrapped_lines_are_joined_and_meant_breaks_are_kept() -> None:
    wrapped = ["A long line of prose that was wrapped at the right margin by an editor", "goes on here"]
    assert unwrap(wrapped) == " ".join(wrapped)
    assert unwrap(["这一行中文写得很长所以在编辑器里面被自动换到了下一行继续写", "下去"]).endswith("继续写下去")
    assert unwrap(["Monday 9 to 5", "Tuesday 9 to 6"]) == "Monday 9 to 5\nTuesday 9 to 6"
    assert unwrap([wrapped[0], "Price: £5"]) == f"{wrapped[0]}\nPrice: £5"
    assert unwrap([wrapped[0] + "  ", "After a hard break"]) == f"{wrapped[0]}\nAfter a hard break"


def test_signs_inside_a_line_are_no_marks() -> None:
    assert split("Go to Account > Orders. Width > 30 cm - or 5 * 6 | 7 # 8.") == [
        "Go to Account > Orders.",
        "Width > 30 cm - or 5 * 6 | 7 # 8.",
    ]


@pytest.mark.parametrize("unit", [".", "[a](", "<!--", " ", "（；", "|-", "a\n", "- ", "# "])
def test_a_hundred_thousand_of_anything_is_read_in_time(unit: str) -> None:
    # Quadratic behaviour shows as the time limit of the test run, not as a figure here.
    text = unit * (100_000 // len(unit)) + "x"
    assert "x" in "".join(split(text))


def test_a_number_at_the_start_of_a_wrapped_line_is_no_list() -> None:
    text = "You may send it back to us without giving any reason at all within\n30. After that we look at it."
    assert [block.kind for block in blocks(text)] == ["paragraph"]


def test_underlined_headings_code_and_rules() -> None:
    found = blocks("Title\n=====\nText\n\nPart\n---\n\n***\n```\n# not a heading\n```\n> quoted")
    assert [(block.kind, block.text, block.level) for block in found] == [
        ("heading", "Title", 1),
        ("paragraph", "Text", 0),
        ("heading", "Part", 2),
        ("code", "# not a heading", 0),
        ("paragraph", "quoted", 0),
    ]


def test_a_table_without_header_gets_its_first_row_as_one() -> None:
    assert with_headers("|  |  |\n| --- | --- |\n| Day | Hours |\n| Mon | 9-5 |") == (
        "| Day | Hours |\n| --- | --- |\n| Mon | 9-5 |"
    )


PROSE = st.text(alphabet="abcAB 12.,!?。！？；;:：退货的£()“”（）…\n", max_size=300)
MARKUP = st.text(alphabet="ab. #-|*1)\n>`退。=", max_size=200)


@given(PROSE)
def test_nothing_of_a_paragraph_is_lost(text: str) -> None:
    assert "".join("".join(split_paragraph(text)).split()) == "".join(text.split())


@given(PROSE)
def test_nothing_but_white_space_is_lost_from_prose(text: str) -> None:
    lost_marks = r"[\s\-=()（）]"  # a list number's bracket, a line under a heading
    kept = re.sub(lost_marks, "", "".join(split(text)))
    whole = re.sub(lost_marks, "", text)
    assert re.sub(r"\d|[.、]", "", kept) == re.sub(r"\d|[.、]", "", whole)


@given(MARKUP)
def test_letters_survive_any_markup(text: str) -> None:
    letters = re.sub(r"[^a-z退]", "", re.sub(r"(?m)^\s*(```|~~~).*$", "", text))
    assert re.sub(r"[^a-z退]", "", "".join(split(text))) == letters


@given(MARKUP)
def test_sentences_are_clean_and_stable(text: str) -> None:
    for sentence in split(text):
        assert sentence
        assert sentence == sentence.strip()
