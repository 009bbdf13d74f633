"""The numbers in a reply: which sentences rest on which source, and where the numbers stand."""

from __future__ import annotations

import pytest
from bike_shop import Shop

from bot.citing import cited, sources_of_products
from bot.messages import Source


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


def source(*spans: tuple[int, int]) -> Source:
    return Source("returns.md", "Returns", "returns.md@0", 1.0, "30 days", spans=spans)


@pytest.mark.parametrize(
    ("text", "sources", "shown"),
    [
        ("Within 30 days.", [source((0, 15))], "Within 30 days.[1]"),
        ("One. Two. Three.", [source((0, 4), (10, 16)), source((5, 9))], "One.[1] Two.[2] Three.[1]"),
        ("Both.", [source((0, 5)), source((0, 5))], "Both.[1][2]"),
        ("👍🏽 可以。", [source((0, 6))], "👍🏽 可以。[1]"),
        ("Within 30 days.", [source()], "Within 30 days."),
    ],
)
def test_numbers_stand_behind_what_rests_on_them(text: str, sources: list[Source], shown: str) -> None:
    assert cited(text, sources) == shown


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("how heavy is the volta cargo", "Volta Cargo: weight 38 kg.[1]"),
        (
            "how much is the beam",
            "Beam 800 Front Light is €59.00 and in stock.[1] Beam 400 Front Light is €39.00 and in stock.[2]",
        ),
    ],
)
def test_a_sentence_about_products_rests_on_those_it_names(shop: Shop, question: str, shown: str) -> None:
    found = shop.answer(question)
    first, *others = found.sentences
    said = ["Hello. ", first, *(f" {sentence}" for sentence in others)]
    assert cited("".join(said), sources_of_products(said, found.sources, before=1)) == f"Hello. {shown}"


def test_a_sentence_that_names_no_product_goes_on_about_those_before_it(shop: Shop) -> None:
    found = shop.answer("how much is the beam")
    said = ["These are two. ", "Beam 800 Front Light is €59.00.", " It is bright.", " Beam 400 Front Light is €39.00."]
    assert cited("".join(said), sources_of_products(said, found.sources)) == (
        "These are two. Beam 800 Front Light is €59.00. It is bright.[1] Beam 400 Front Light is €39.00.[2]"
    )
    assert cited("Two lights.", sources_of_products(["Two lights."], found.sources)) == "Two lights.[1][2]"
