"""Which statements contradict each other, which only look as if they did, and which of two is the more specific."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import knowledge
from bot.evidence.contradictions import LOOKED_AT, Contradiction, contradictions, without_contradicted
from bot.ranking import said_in
from bot.statements import Statement
from knowledge.chunking import chunk
from knowledge.documents import Chunk
from knowledge.files import ReadOptions, find_files
from knowledge.languages import detect
from knowledge.readers import read
from retrieval.retriever import Hit

Page = tuple[str, str]  # its title and headings, joined with " > ", and its text


def pages(*given: Page, since: tuple[date | None, ...] = ()) -> tuple[list[Statement], list[Hit]]:
    hits = []
    for number, (title, text) in enumerate(given):
        top, *headings = title.split(" > ")
        day = since[number] if since else None
        piece = Chunk(f"page-{number}.md", 0, top, tuple(headings), text, detect(text), effective_from=day)
        hits.append(Hit(piece, 1.0 - number / 10, 0.5))
    return said_in(hits), hits


def found_in(*given: Page, since: tuple[date | None, ...] = ()) -> list[Contradiction]:
    return contradictions(*pages(*given, since=since))


CONTRADICT = [
    # An outdoor shop.
    (
        ("Returns", "You have 30 days from delivery to return an item."),
        ("FAQ", "You have 28 days from delivery to return an item."),
    ),
    (
        ("Returns", "Unworn boots can be returned within 30 days."),
        ("Boots", "You can return unworn boots within 14 days."),
    ),
    (("Warranty", "Tents have a warranty of 3 years."), ("Choosing a tent", "Our tents carry a guarantee of 2 years.")),
    (("Warranty", "| Goods | Years |\n|---|---|\n| Tents | 3 |"), ("Tents", "Tents have a warranty of five years.")),
    (("Delivery", "Standard delivery costs £4.50."), ("Help", "Standard delivery is £3.95.")),
    (
        ("Delivery", "Standard delivery takes 3–5 working days."),
        ("Help", "Standard delivery takes 7 to 10 working days."),
    ),
    (("Delivery", "Delivery is free from £60."), ("FAQ", "We deliver free of charge on orders over £75.")),
    (("Delivery to Ireland", "Delivery to Ireland costs €8.95."), ("Ireland", "Delivery to Ireland is €11.50.")),
    (("Gift cards", "Gift cards are valid for 24 months."), ("FAQ > Gift cards", "A gift card is valid for one year.")),
    (("Gift cards", "Gift cards cannot be returned."), ("Returns", "Gift cards can be returned.")),
    (("Cairn Club", "Members get 10% off boots."), ("FAQ > Cairn Club", "Members get 15% off boots.")),
    (
        ("Christmas", "Christmas presents can be returned until 31 January."),
        ("FAQ", "You can return Christmas presents until 15 January."),
    ),
    # A seller of electronics, and a grocer.
    (("Headphones", "Opened headphones can be returned."), ("Returns", "Opened headphones cannot be returned.")),
    (("Repairs", "A screen repair costs €89."), ("Prices", "The screen repair is €99.")),
    (
        ("Opening hours", "The Ghent workshop opens at 9:00."),
        ("Ghent workshop", "The workshop in Ghent opens at 10 am."),
    ),
    (
        ("Your basket", "You can change your basket until 23:00 the evening before."),
        ("Help", "You can change your basket until 6 pm the evening before."),
    ),
    (
        ("Deposits", "The deposit on a glass bottle is 40p."),
        ("FAQ > Deposits", "A glass bottle carries a deposit of £0.25."),
    ),
    (("Shipping", "We ship lithium batteries to Norway."), ("Norway", "We do not ship lithium batteries to Norway.")),
    # One that holds for every case, and one that names its case.
    (
        ("Delivery", "We deliver all orders free of charge within 3 days."),
        ("Delivery to Skye", "Orders to Skye are delivered free of charge within 6 days."),
    ),
    (("Warranty", "Everything we sell has a warranty of 2 years."), ("Lamps", "Lamps have a warranty of 1 year.")),
    # Chinese.
    (("退货", "收货后30天内可以退货。"), ("常见问题", "收货后14天内可以退货。")),
    (("保修", "帐篷保修3年。"), ("帐篷", "帐篷的保修期为两年。")),
    (("配送", "标准配送费用为4.50英镑。"), ("帮助", "标准配送费用是3.95英镑。")),
    (("礼品卡", "礼品卡不能退货。"), ("退货", "礼品卡可以退货。")),
]


@pytest.mark.parametrize(("one", "other"), CONTRADICT)
def test_what_says_two_things_of_one_case_contradicts(one: Page, other: Page) -> None:
    (found,) = found_in(one, other)
    assert {found.said_in, found.against_in} == {"page-0.md", "page-1.md"}
    assert {found.said.text, found.against.text} == {s.text for s in pages(one, other)[0]}
    assert found.why
    assert str(found).count("“") == 2
    assert len(found_in(other, one)) == 1, "the order of the documents makes no difference"


NEAR_MISSES = [
    # Another product, country, channel, customer, state of the goods.
    (("Warranty", "Tents have a warranty of 3 years."), ("Boots", "Boots have a warranty of 2 years.")),
    (
        ("Delivery in the UK", "Standard delivery takes 3 working days."),
        ("Delivery to Ireland", "Standard delivery takes 5 working days."),
    ),
    (("Delivery", "Delivery to Ireland costs €8.95."), ("Delivery", "Delivery to Germany costs €12.50.")),
    (("Delivery", "Delivery costs £4.50."), ("Delivery to Ireland", "Delivery costs €8.95.")),
    (("Delivery", "Standard delivery costs £4.50."), ("Delivery", "Next day delivery costs £7.50.")),
    (
        ("Returns", "You can return sale items within 14 days."),
        ("Returns", "You can return full-price items within 30 days."),
    ),
    (("Returns", "You have 30 days to return an item."), ("Sale", "You have 14 days to return a sale item.")),
    (("Returns", "Unopened headphones can be returned."), ("Returns", "Opened headphones cannot be returned.")),
    (("Returns", "Boots worn indoors can be returned."), ("Boots", "Boots worn outside cannot be returned.")),
    (("Returns", "Gift cards can be returned in the shop."), ("Gift cards", "Gift cards cannot be returned online.")),
    (
        ("Returns", "Gift cards cannot be returned, unless they are faulty."),
        ("Gift cards", "Faulty gift cards can be returned."),
    ),
    (("Club", "Members get 10% off boots."), ("Students", "Students get 15% off boots.")),
    (
        ("Trade", "Invoices are due after 30 days."),
        ("New customers", "Invoices of new customers are due after 14 days."),
    ),
    # The same value, however it is written, or a part of it.
    (("Returns", "You have 14 days to return an item."), ("FAQ", "You have two weeks to return an item.")),
    (("Returns", "You have 14 days to return an item."), ("FAQ", "Items can be returned for a fortnight.")),
    (("Gift cards", "Gift cards are valid for 24 months."), ("FAQ", "Gift cards are valid for 2 years.")),
    (("Hours", "The shop opens at 14:00."), ("FAQ", "The shop opens at 2 pm.")),
    (
        ("Delivery", "Standard delivery takes 3–5 working days."),
        ("FAQ", "Standard delivery takes up to 5 working days."),
    ),
    (("Delivery", "Delivery costs £4.50."), ("FAQ", "Delivery costs £4.50 and takes 3 working days.")),
    (("Christmas", "Return presents until 31 January."), ("FAQ", "Return presents until 31 January 2027.")),
    # Another condition.
    (("Delivery", "Orders from £60 are delivered free."), ("Delivery", "Orders below £60 are delivered for £4.50.")),
    (("Delivery", "Orders before 2 pm leave today."), ("Delivery", "Orders after 2 pm leave tomorrow.")),
    (("Delivery", "Parcels up to 2 kg cost £3.50."), ("Delivery", "Parcels up to 10 kg cost £6.50.")),
    (("Delivery", "Delivery on weekdays costs £4.50."), ("Saturday", "Delivery on Saturday costs £9.95.")),
    (("Swaps", "The first exchange is free."), ("Swaps", "The second exchange costs £3.95.")),
    # Another thing.
    (("Returns", "You have 30 days to return an item."), ("Refunds", "The refund takes 5 working days.")),
    (("Delivery", "Delivery costs £4.50."), ("Returns", "The return label costs £3.95.")),
    (("Returns", "You can return boots within 30 days."), ("Boots", "Boots are waxed every 14 days.")),
    (("Gift cards", "Gift cards are from £10."), ("Gift cards", "Gift cards go up to £250.")),
    (("Prices", "The Voltra 45 costs €24.90."), ("Prices", "The Voltra 65 costs €39.90.")),
    (("Money", "Delivery costs £8.95."), ("Money", "Delivery costs €10.50.")),
    # Chinese.
    (("保修", "帐篷保修3年。"), ("保修", "靴子保修2年。")),
    (("配送", "英国配送需要3个工作日。"), ("配送", "爱尔兰配送需要5个工作日。")),
    (("退货", "收货后14天内可以退货。"), ("常见问题", "收货后两周内可以退货。")),
    (("退货", "未拆封的耳机可以退货。"), ("退货", "已拆封的耳机不能退货。")),
    (("退货", "正价商品30天内可以退货。"), ("退货", "特价商品14天内可以退货。")),
]


@pytest.mark.parametrize(("one", "other"), NEAR_MISSES)
def test_what_only_looks_like_it_does_not_contradict(one: Page, other: Page) -> None:
    assert found_in(one, other) == []
    assert found_in(other, one) == []


def test_one_document_does_not_contradict_itself() -> None:
    said, hits = pages(("Delivery", "Standard delivery costs £4.50.\n\nStandard delivery costs £3.95."))
    assert contradictions(said, hits) == []


def test_the_facts_of_products_are_their_own() -> None:
    hits = [
        Hit(Chunk(f"products.csv#K-{n}", 0, f"Kettle {n}", (), f"The kettle holds {n} litres."), 1.0, 0.5)
        for n in (1, 2)
    ]
    assert contradictions(said_in(hits), hits) == []


def test_the_one_that_names_its_case_is_the_more_specific() -> None:
    general, specific = CONTRADICT[19]
    for order in ((general, specific), (specific, general)):
        (found,) = found_in(*order)
        assert found.said.text == "Lamps have a warranty of 1 year."
        assert "names the case" in found.why
        assert "lamp" in found.why


def test_the_newer_one_is_preferred() -> None:
    old, new = CONTRADICT[0]
    for since in ((date(2024, 1, 1), date(2026, 1, 1)), (None, date(2026, 1, 1))):
        (found,) = found_in(old, new, since=since)
        assert found.said_in == "page-1.md"
        assert "in force since 2026-01-01" in found.why


def test_without_a_reason_the_one_that_answers_better_is_used() -> None:
    one, other = CONTRADICT[0]
    (found,) = found_in(one, other)
    assert found.said_in == "page-0.md"
    assert "answers better" in found.why


def test_the_other_one_is_not_said() -> None:
    said, hits = pages(*CONTRADICT[0], ("Delivery", "Delivery costs £4.50."))
    left = without_contradicted(said, contradictions(said, hits))
    assert [statement.text for statement in left] == [said[0].text, "Delivery costs £4.50."]
    assert without_contradicted(said, []) == said


def test_only_the_best_statements_are_compared() -> None:
    filler = ("Care", "\n\n".join(f"Wash jacket number {n} by hand." for n in range(LOOKED_AT)))
    said, hits = pages(filler, *CONTRADICT[0])
    assert contradictions(said, hits) == []


def test_the_demo_shop_does_not_contradict_itself_but_for_its_planted_past() -> None:
    folder = Path(knowledge.__file__).parent / "demo"
    documents = [
        document
        for file in find_files(folder)
        if file.suffix in (".md", ".html")
        for document in read(file, ReadOptions()).documents
    ]
    pieces = [piece for document in documents for piece in chunk(document) if piece.in_force(date(2026, 6, 1))]
    hits = [Hit(piece, 1.0, 0.5) for piece in pieces]
    assert hits
    said = said_in(hits)
    for start in range(0, len(said), LOOKED_AT // 2):
        assert contradictions(said[start : start + LOOKED_AT], hits) == []
