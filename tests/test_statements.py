"""What a passage says, statement by statement, with what each takes to be understood alone."""

from __future__ import annotations

import pytest

from bot.statements import Statement, statements
from knowledge.documents import Chunk


def said(text: str, *heading: str, document: str = "page.md") -> list[Statement]:
    return statements(Chunk(document, 0, "Page", heading, text))


def test_an_item_knows_what_leads_into_its_list() -> None:
    found = said(
        "For the islands:\n\n- Standard costs £4.50.\n- There is no Saturday service.\n\nAnything else is free."
    )
    assert [(s.text, s.lead) for s in found] == [
        ("For the islands:", ""),
        ("Standard costs £4.50.", "For the islands"),
        ("There is no Saturday service.", "For the islands"),
        ("Anything else is free.", ""),
    ]
    assert found[1].whole == "For the islands: Standard costs £4.50."


def test_a_row_knows_what_leads_into_its_table_and_a_heading_ends_it() -> None:
    text = "Prices to Ireland:\n\n| Service | Price |\n|---|---|\n| Standard | €9 |\n\n## Abroad\n\n- Ask us"
    row, item = said(text)[1:]
    assert (row.whole, row.row) == ("Prices to Ireland: Standard: €9", True)
    assert (item.text, item.lead, item.heading) == ("Ask us", "", "Abroad")


def test_a_chinese_lead_goes_on_in_chinese() -> None:
    assert said("以下商品不能退货：\n\n- 礼品卡\n- 食品")[1].whole == "以下商品不能退货：礼品卡"


@pytest.mark.parametrize("label", ["**Where we bring it:** ", "**Where we bring it**: ", "**Where we bring it.** "])
def test_a_bold_label_heads_its_paragraph_and_no_other(label: str) -> None:
    found = said(f"{label}All of Austria. Not to islands.\n\nOrders leave at noon.", "Delivery")
    assert [(s.text, s.heading) for s in found] == [
        ("All of Austria.", "Where we bring it"),
        ("Not to islands.", "Where we bring it"),
        ("Orders leave at noon.", "Delivery"),
    ]


def test_a_bold_label_heads_an_item() -> None:
    found = said("- **Boots:** two years\n- **Tents:** three years", "Warranty")
    assert [(s.text, s.heading) for s in found] == [("two years", "Boots"), ("three years", "Tents")]


def test_a_bold_question_heads_what_follows_until_the_next_one() -> None:
    found = said("**Do you deliver to Ireland?**\n\nYes, for £8.95.\n\nIt takes a week.\n\n**To Malta?** No.")
    assert [s.heading for s in found if s.text in ("It takes a week.", "No.")][-1] == "To Malta?"


def test_emphasis_alone_is_no_label() -> None:
    found = said("We **never** ask for card numbers.", "Payment")
    assert [(s.text, s.heading) for s in found] == [("We never ask for card numbers.", "Payment")]


@pytest.mark.parametrize("text", ["**Where:** all of Austria. Not to islands.", "For you:\n\n- **Cash** only\n- Card"])
def test_every_quote_stands_in_the_passage(text: str) -> None:
    assert all(s.quote in text for s in said(text))


def test_a_question_of_the_pages_own_is_a_heading_and_says_nothing_itself() -> None:
    parts = ["Nothing after 15 days? Write to us with the number.", "Do you take cheques?", "No, only cards."]
    found = [(s.heading, s.text) for s in said("\n\n".join([*parts, "PAYING", "By card."]))]
    assert found == [
        ("Nothing after 15 days?", "Write to us with the number."),
        ("Do you take cheques?", "No, only cards."),
        ("PAYING", "By card."),
    ]


@pytest.mark.parametrize("line", ["[The returns policy](returns.md).", "Christmas: [last order dates](christmas.md)."])
def test_a_line_that_only_points_to_another_page_says_nothing(line: str) -> None:
    assert said(f"- {line}\n") == []
