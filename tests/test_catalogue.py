"""Finding products by the limits a shopper names."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue import Wish, offers, present, wish
from knowledge.documents import Chunk
from retrieval.retriever import Hit


@pytest.mark.parametrize(
    ("question", "words", "at_most", "at_least", "in_stock"),
    [
        ("an electric kettle under £40 that's in stock?", {"electr", "kettl"}, 40.0, 0.0, True),
        ("Which tents below 250.50?", {"tent"}, 250.5, 0.0, False),
        ("do you have rucksacks over £100", {"rucksack"}, float("inf"), 100.0, False),
        ("200英镑以下的睡袋", set("睡袋"), 200.0, 0.0, False),
    ],
)
def test_limits_are_understood(question: str, words: set[str], at_most: float, at_least: float, in_stock: bool) -> None:
    found = wish(question)
    assert found is not None
    assert (found.at_most, found.at_least, found.in_stock) == (at_most, at_least, in_stock)
    assert words <= found.words


@pytest.mark.parametrize(
    "question",
    [
        "Can I send back boots I wore once?",
        "Is there a surcharge under 10 kg?",
        "How long is delivery, is it under 3 days?",
        "Is the Ember kettle in stock?",
        "",
    ],
)
def test_other_questions_are_no_product_search(question: str) -> None:
    assert wish(question) is None


def product(number: int, kind: str, price: float, in_stock: bool | None = True) -> tuple[Hit, Mapping[str, Any]]:
    chunk = Chunk(f"products.csv#{number}", 0, f"Model {number}", (), f"Good. Price: £{price:.2f}.")
    facts = {"kind": kind, "price": price, "currency": "GBP", "in_stock": in_stock, "tags": []}
    return Hit(chunk, 1 - number / 100, 0.5), facts


def looked_up(products: list[tuple[Hit, Mapping[str, Any]]]) -> tuple[list[Hit], dict[str, Mapping[str, Any]]]:
    return [hit for hit, _ in products], {hit.chunk.document: facts for hit, facts in products}


@given(
    st.lists(st.tuples(st.sampled_from(["Kettles", "Boots"]), st.integers(1, 99), st.booleans()), max_size=30),
    st.integers(0, 60),
    st.integers(1, 99),
    st.booleans(),
)
def test_every_offer_that_fits_is_of_the_kind_and_within_the_limits(
    shelf: list[tuple[str, int, bool]], at_least: int, at_most: int, in_stock: bool
) -> None:
    hits, facts = looked_up([product(n, kind, float(price), stock) for n, (kind, price, stock) in enumerate(shelf)])
    found = offers(hits, facts, Wish(frozenset({"kettl"}), at_least, at_most, in_stock))
    kettles = [about for about in facts.values() if about["kind"] == "Kettles"]
    fitting = [k for k in kettles if at_least <= k["price"] <= at_most and (k["in_stock"] or not in_stock)]
    assert all(facts[offer.hit.chunk.document]["kind"] == "Kettles" for offer in found)
    assert [offer.fits for offer in found] == [True] * min(3, len(fitting)) or (not fitting and len(found) <= 1)
    assert bool(found) == bool(kettles)
    for offer in found:
        if offer.fits:
            assert facts[offer.hit.chunk.document] in fitting


def test_when_nothing_fits_the_nearest_price_is_offered_and_said_to_be_only_near() -> None:
    hits, facts = looked_up([product(1, "Boots", 150.0), product(2, "Boots", 89.95), product(3, "Boot wax", 5.0)])
    found = offers(hits, facts, Wish(frozenset({"boot"}), at_most=80.0))
    assert [offer.title for offer in found] == ["Model 3"]  # a kind with every word asked for, and it fits
    found = offers(hits[:2], facts, Wish(frozenset({"boot"}), at_most=80.0))
    assert [(offer.title, offer.fits) for offer in found] == [("Model 2", False)]
    said = " ".join(present(found, "en"))
    assert "nothing that fits" in said
    assert "£89.95" in said


def test_the_offer_names_price_and_stock_and_quotes_the_line_it_rests_on() -> None:
    hits, facts = looked_up([product(1, "Kettles", 34.95), product(2, "Kettles", 29.5, in_stock=False)])
    found = offers(hits, facts, Wish(frozenset({"kettl"}), at_most=40.0))
    assert found[0].quote in found[0].hit.chunk.text
    assert present(found, "en") == ["Model 1 is £34.95 and in stock.", "There is also Model 2 (£29.50)."]
    assert "有货" in present(found, "zh")[0]
