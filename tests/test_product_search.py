"""Products found by what a shopper says they must be."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from bike_shop import Shop
from hypothesis import given
from hypothesis import strategies as st

from bot.products.asking import Asking
from bot.products.limits import MONEY, UNDECIDED, Limit, in_units, limits
from bot.products.narrowing import narrowed
from bot.products.offers import searched
from bot.products.reply import ProductReply
from bot.products.untold import Untold
from bot.products.wishes import wish
from bot.products.words import terms


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


def said(text: str) -> list[tuple[str, float, float]]:
    return [(one.limit.dimension, one.limit.low, one.limit.high) for one in limits(in_units(text))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a kettle under £40", [(MONEY, -inf, 40)]),
        ("no more than 150 quid", [(MONEY, -inf, 150)]),
        ("for less than 250", [(UNDECIDED, -inf, 250)]),
        ("between £30 and £50", [(MONEY, 30, 50)]),
        ("£30-£50", [(MONEY, 30, 50)]),
        ("around £50", [(MONEY, 40, 60)]),
        ("my budget is 80 euros", [(MONEY, -inf, 80)]),
        ("under 2 kilos", [("mass", -inf, 2000)]),
        ("at least 1.5 l", [("volume", 1500, inf)]),
        ("400 lumens plus", [("light", 400, inf)]),
        ("60 litres or more, under 100 euros", [("volume", 60_000, inf), (MONEY, -inf, 100)]),
        ("40cm or higher", [("length", 400, inf)]),
        ("good to -9 or colder", [("temperature", -inf, -9)]),
        ("no wider than 2 metres", [("length", -inf, 2000)]),
        ("at least 150 x 200", [("length", 2000, inf)]),
        ("for a 130 kg rider", [("mass", 130_000, inf)]),
        ("200英镑以下", [(MONEY, -inf, 200)]),
        ("500毫升以上", [("volume", 500, inf)]),
        ("size 9", []),
        ("uk 6.5", []),
        ("£50 please", []),
    ],
)
def test_limits_are_understood(text: str, found: list[tuple[str, float, float]]) -> None:
    assert [dimension for dimension, _, _ in said(text)] == [dimension for dimension, _, _ in found]
    for (_, low, high), (_, least, most) in zip(said(text), found, strict=True):
        assert low == pytest.approx(least)
        assert high == pytest.approx(most)


def test_people_who_are_counted_are_not_what_a_bare_bound_is_about() -> None:
    count, bound = (one.limit for one in limits(in_units("which tent for 2 people under 200")))
    assert terms("people")[0] in count.hints
    assert (bound.dimension, bound.high, bound.hints) == (UNDECIDED, 200, frozenset())


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_an_amount_is_missed_exactly_when_it_is_outside(low: float, high: float, amount: float, width: float) -> None:
    limit = Limit("mass", min(low, high), max(low, high))
    outside = amount + width < limit.low or amount > limit.high
    assert (limit.missed_by(amount, amount + width) > 0) == outside
    assert Limit("mass").missed_by(amount, amount + width) == 0


def test_the_thing_itself_is_told_from_what_it_is_for() -> None:
    found = wish(["a rain cover for a 65 litre rucksack, please"])
    assert found.core == terms("rain cover")
    assert set(terms("rain cover rucksack")) <= set(found.words)
    assert wish(["boots without leather"]).refused >= {*terms("leather suede")}
    assert wish(["a gluten-free one"]).refused == {*terms("gluten")}
    assert wish(["a light in stock"]).in_stock
    assert not wish(["can i send back a light"]).looking
    assert not wish(["which size of helmet should i get"]).looking


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("a helmet under €100", "Ridgeline Helmet is €84.00 and in stock."),
        ("cheapest lock", "Loop Lock 90 is €29.00 and in stock."),
        ("the brightest light", "Beam 800 Front Light is €59.00 and in stock: output 800 lumens."),
        ("lightest front light", "Beam 400 Front Light is €39.00 and in stock: weight 98 g"),
        ("electric bikes with a range of at least 100 km", "Volta Cargo is €4,499.00 and in stock: range: up to"),
        ("a lock under 1.2 kg", "Loop Lock 90 is €29.00 and in stock: weight 1.1 kg."),
        ("a bike for a 150 kg person", "Volta Cargo is €4,499.00 and in stock: max load 200 kg."),
        ("helmet for a 5 year old", "Pebl Kids Helmet is €39.00 and in stock"),
        ("do you have helmets with mips", "Ridgeline MIPS Helmet is €119.00 and in stock"),
        ("a jacket for women, size M, under €200", "Drift Rain Jacket Women's is €110.00 and in stock: M."),
        ("any city bikes cheaper than the orrin city 7?", "Orrin City 3 is €449.00 and in stock"),
        ("lights that mount on the handlebar", "Beam"),
    ],
)  # fmt: skip
def test_what_fits_is_offered_with_the_reason(shop: Shop, question: str, begins: str) -> None:
    assert shop.text(question).startswith(begins)


def test_when_nothing_fits_the_nearest_is_offered_with_what_misses(shop: Shop) -> None:
    assert (
        shop.text("a helmet under €20")
        == "I found nothing that fits all of that. The nearest: Ridgeline Helmet is €84.00 and in stock."
    )
    assert shop.text("a lock of at most 500 g") == (
        "I found nothing that fits all of that. The nearest: Loop Lock 90 is €29.00, but weight 1.1 kg."
    )
    assert "but sold out at the moment" in shop.text("a rear light in stock")


def test_an_accessory_is_no_light(shop: Shop) -> None:
    assert "Strap" not in shop.text("a light under €100")
    assert shop.text("a spare strap under €10").startswith("Glow Spare Strap is €4.00")


def test_a_follow_up_narrows_what_was_looked_for(shop: Shop) -> None:
    assert shop.text("any front lights?", "under 50 euros").startswith("Beam 400 Front Light is €39.00")
    assert shop.text("show me locks", "which one is the cheapest").startswith("Loop Lock 90 is €29.00")
    assert shop.text("how much is the fortress u-lock", "anything cheaper?").startswith("Loop Lock 90 is €29.00")


@pytest.mark.parametrize(
    "question",
    [
        "fridges under €300",
        "do you sell skateboards",
        "do you deliver helmets to Austria",
        "can i return a light under €50",
        "is it cheaper to order over 150 euros",
        "brightest saddle",
        "how should i lock a bike",
    ],
)
def test_what_is_no_search_for_these_products_is_left_alone(shop: Shop, question: str) -> None:
    assert not isinstance(shop.reply(question), ProductReply)


def test_the_price_of_something_else_is_no_answer_to_what_was_looked_for(shop: Shop) -> None:
    assert shop.reply("fridges under €300") == Untold((), is_fact=False)


def test_the_last_word_of_a_compound_is_its_type(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        sold = [("A", "Aloe", "Houseplant"), ("B", "Sundew", "Carnivorous plant"), ("C", "Clay Pot", "Pot")]
        records = [
            {"id": key, "title": title, "category": kind, "price": 5 + at, "description": "Green.", "stock": 1}
            for at, (key, title, kind) in enumerate(sold)
        ]
        (folder / "plants.jsonl").write_text("\n".join(map(json.dumps, records)) + "\n")

    text = Shop(tmp_path / "shop", write).text("a plant under €10")
    assert "Aloe" in text
    assert "Sundew" in text
    assert "Pot" not in text


def test_a_question_about_the_shop_is_not_even_searched_for(shop: Shop) -> None:
    shop.searches.clear()
    assert shop.reply("what does delivery cost") is None
    assert shop.searches == []


def test_chinese_finds_in_an_english_catalogue_and_in_its_own(shop: Shop) -> None:
    assert "Drift Rain Jacket" in shop.text("有没有150欧元以下的女款夹克", language="zh")
    assert "折叠头盔" in shop.text("有没有100欧元以下的头盔", language="zh")


@given(
    st.sampled_from(["helmet", "light", "lock", "city bike", "electric bike"]),
    st.integers(1, 5000),
    st.integers(0, 5000),
    st.booleans(),
)
def test_every_offer_that_fits_is_within_the_limits(shop: Shop, kind: str, most: int, least: int, stock: bool) -> None:
    question = f"a {kind} under €{most} and over €{least}" + (" in stock" if stock else "")
    found = wish([question])
    pool = narrowed(found, shop.retriever.search(kind, 50), shop.shelf)
    told = searched(Asking((question,), shop.shelf, "en", lambda words, k: shop.retriever.search(kind, k)), found)
    fits = [item for item in pool.items if least <= (item.price or 0) <= most and (item.in_stock or not stock)]
    assert told is not None
    if len(told.sentences) and "nothing that fits" not in told.sentences[0]:
        assert {item.document for item, _ in told.quotes} <= {item.document for item in fits}
        assert all(item.line_of(item.money(item.price or 0)) == quote for item, quote in told.quotes)
    else:
        assert len(told.quotes) == 1


def test_words_that_no_product_affirms_are_no_requirement(shop: Shop) -> None:
    pool = narrowed(replace(wish(["a wonderful lock"]), looking=True), shop.retriever.search("lock", 50), shop.shelf)
    assert {item.title for item in pool.items} == {"Loop Lock 90", "Fortress U-Lock"}
