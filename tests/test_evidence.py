"""What passages say, and what may be released."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import knowledge
from bot.evidence.gate import origin, supported
from bot.statements import plain, statements
from knowledge.chunking import chunk
from knowledge.documents import Chunk, Document
from knowledge.files import ReadOptions, find_files
from knowledge.readers import read

RETURNS = Chunk(
    "policies/returns.md",
    0,
    "Returns policy",
    ("Returns", "What does it cost?"),
    "You have **30 days** from delivery. See [exceptions](return-exceptions.md).\n\n"
    "- Gift cards cannot be returned\n- Boots worn outside cannot be returned\n\n"
    "| You are returning | Label |\n|---|---|\n| for a refund | £3.95 |\n| something faulty | free |",
)
FAQ = Chunk(
    "help/faq.md",
    0,
    "FAQ",
    (),
    "**Do you deliver to Ireland?** Yes, £8.95, free from £120.\n\n"
    "**Do you sell gift cards?** We do, from £10 to £250.",
)
CHINESE = Chunk(
    "zh/tuihuo.md",
    0,
    "退货政策",
    ("时限",),
    "未使用的商品可在收货后30天内退货。穿到室外的靴子不能退货！\n\n- 礼品卡不能退",
    "zh",
)
WORDS = [
    "boots",
    "free",
    "£4.50",
    "30",
    "days.",
    "*may*",
    "**worn**",
    "`TB-1`",
    "[link](a.md)",
    "|",
    "-",
    "退货",
    "。",
    "？",
    "\n",
]


# Statements


def test_a_passage_is_its_sentences_items_and_rows_in_order() -> None:
    assert [statement.text for statement in statements(RETURNS)] == [
        "You have 30 days from delivery.",
        "See exceptions.",
        "Gift cards cannot be returned",
        "Boots worn outside cannot be returned",
        "for a refund: £3.95",
        "something faulty: free",
    ]


def test_a_statement_stands_under_its_nearest_heading() -> None:
    assert {statement.heading for statement in statements(RETURNS)} == {"What does it cost?"}
    assert statements(Chunk("a.md", 0, "Only a title", (), "Words."))[0].heading == "Only a title"


def test_a_question_in_bold_is_the_heading_of_its_answer() -> None:
    said = [(statement.heading, statement.text) for statement in statements(FAQ)]
    assert said == [
        ("Do you deliver to Ireland?", "Yes, £8.95, free from £120."),
        ("Do you sell gift cards?", "We do, from £10 to £250."),
    ]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("| Goods | Years |\n|---|---|\n| Tents | 3 |", "Tents: 3 years"),
        ("| What | Carrier | Price |\n|---|---|---|\n| Standard | Royal Mail | £4.50 |", "Standard: Royal Mail, £4.50"),
        ("| What | Weekday | Price |\n|---|---|---|\n| Standard | – | £4.50 |", "Standard: £4.50"),
        ("| Size | EU | Chest |\n|---|---|---|\n| M | 50 | 96 |", "M: EU 50, chest 96"),
    ],
)
def test_a_row_is_put_into_words(table: str, said: str) -> None:
    (statement,) = statements(Chunk("a.md", 0, "A", (), table))
    assert statement.text == said
    assert statement.row
    assert statement.quote in table


def test_a_product_is_the_subject_of_its_facts() -> None:
    assert statements(Chunk("products.csv#K-1", 0, "Ember Kettle", (), "2200 W."))[0].subject == "Ember Kettle"
    assert statements(Chunk("a.md", 0, "Ember Kettle", (), "2200 W."))[0].subject == ""


def test_a_line_that_is_only_a_link_says_nothing() -> None:
    assert statements(Chunk("a.md", 0, "A", (), "[Back to the top](#top)")) == []


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_every_quote_can_be_found_in_the_passage(words: list[str]) -> None:
    for piece in chunk(Document("a.md", "A title", " ".join(words))):
        said = statements(piece, 7)
        assert [statement.order for statement in said] == list(range(len(said)))
        for statement in said:
            # Not "in" as it stands: a line break that chunking kept may be read as a wrap the second time.
            assert "".join(statement.quote.split()) in "".join(piece.text.split())
            assert statement.passage == 7
            assert statement.text.strip()


def test_every_quote_of_the_demo_shop_can_be_found_and_reads_without_marks() -> None:
    folder = Path(knowledge.__file__).parent / "demo"
    readings = [read(file, ReadOptions()) for file in find_files(folder) if file.suffix == ".md"]
    pieces = [piece for reading in readings for document in reading.documents for piece in chunk(document)]
    assert pieces
    for piece in pieces:
        for statement in statements(piece):
            assert statement.quote in piece.text
            assert "**" not in statement.text
            assert "](" not in statement.text
            assert "|" not in statement.text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("**30 days** from *delivery*", "30 days from delivery"),
        ("see [the page](a.md) and ![a boot](b.png)", "see the page and a boot"),
        ("order `TB-1` under my_account", "order TB-1 under my_account"),
        ("  two\n lines ", "two lines"),
    ],
)
def test_markdown_as_it_is_read(text: str, read: str) -> None:
    assert plain(text) == read


# What may be released


def contexts(*chunks: Chunk) -> Sequence[str]:
    return [piece.context for piece in chunks]


@pytest.mark.parametrize(
    "sentence",
    [
        "You have 30 days from delivery.",
        "Boots that were worn outside cannot be returned.",
        "The label for a refund is £3.95.",
        "Happy to help!",
        "Yes.",
        "未使用的商品可在收货后30天内退货。",
    ],
)
def test_what_the_passages_say_may_be_released(sentence: str) -> None:
    assert supported(sentence, contexts(RETURNS, CHINESE))


@pytest.mark.parametrize(
    "sentence",
    [
        "You have 45 days from delivery.",
        "The label for a refund is £3.99.",
        "The label is £3.",
        "Our penguins happily swim across frozen Antarctic oceans every winter.",
        "未使用的商品可在收货后60天内退货。",
        "我们的企鹅每年冬天都会游过南极冰冷的海洋去看望朋友。",
    ],
)
def test_what_they_do_not_say_may_not(sentence: str) -> None:
    assert not supported(sentence, contexts(RETURNS, CHINESE))


@given(st.sampled_from([RETURNS, FAQ, CHINESE]), st.data())
def test_every_statement_of_a_passage_is_supported_by_it(piece: Chunk, data: st.DataObject) -> None:
    statement = data.draw(st.sampled_from(statements(piece)))
    assert supported(statement.text, [piece.context])


@given(st.sampled_from([RETURNS, FAQ]), st.integers(300, 10_000))
def test_a_number_that_is_not_there_is_never_supported(piece: Chunk, number: int) -> None:
    for statement in statements(piece):
        assert not supported(f"{statement.text} {number}", [piece.context])


@given(st.sampled_from([RETURNS, FAQ, CHINESE]), st.data())
def test_a_statement_said_as_it_stands_is_its_own_origin(piece: Chunk, data: st.DataObject) -> None:
    said = statements(piece)
    statement = data.draw(st.sampled_from(said))
    assert origin(statement.text, said) == statement


def test_words_that_no_statement_has_come_from_nowhere() -> None:
    assert origin("Hurrah!", statements(FAQ)) is None
    assert origin("Anything.", []) is None
