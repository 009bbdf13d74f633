"""What the catalogue does not say of a product is not answered with something else that it does say."""

from __future__ import annotations

from collections.abc import Sequence

import music_shop
import numpy as np
import pytest
from bike_shop import TODAY, Shop
from fakes import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bot.products.reply import ProductReply
from bot.products.untold import Untold, pages
from retrieval.retriever import Filters


@pytest.fixture(scope="module")
def bikes(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("bikes"))


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("music"), music_shop.write)


@pytest.mark.parametrize(
    ("question", "product"),
    [
        ("does the beam 800 have bluetooth", "Beam 800 Front Light"),
        ("how loud is the volta cargo", "Volta Cargo"),
        ("does the orrin city 3 come with a bell", "Orrin City 3"),
        ("what warranty does the fortress u-lock have?", "Fortress U-Lock"),
        ("how long does the fortress u-lock last", "Fortress U-Lock"),
        ("where is the volta commuter made", "Volta Commuter"),
        ("is the loop lock 90 rustproof", "Loop Lock 90"),
    ],
)
def test_a_fact_that_the_catalogue_lacks_is_untold(bikes: Shop, question: str, product: str) -> None:
    assert bikes.reply(question) == Untold((product,), is_fact=True)


@pytest.mark.parametrize(
    ("question", "product"),
    [
        ("does the corda 88 have bluetooth", "Corda 88 Stage Piano"),
        ("which country is the dore clarinet made in", "Doré Clarinet in B flat"),
        ("how long is the strap of the alba parlour guitar", "Alba Parlour Guitar (nylon strings)"),
        ("what wood is the back of the alba concert guitar", "Alba Concert Guitar"),
        ("how old is the dore clarinet?", "Doré Clarinet in B flat"),
        ("is the pulse metronome waterproof", "Pulse Metronome"),
        ("do i get a tuner with the alba concert guitar", "Alba Concert Guitar"),
    ],
)
def test_so_it_is_in_a_shop_of_another_trade(music: Shop, question: str, product: str) -> None:
    assert music.reply(question) == Untold((product,), is_fact=True)


@pytest.mark.parametrize(
    "question",
    [
        "can i return the volta cargo after riding it",
        "how much is it to ship a volta cargo to Norway",
        "do you repair the fortress u-lock",
        "does the volta commuter get cheaper with a student discount",
        "which helmet size should i get for the ridgeline",
    ],
)
def test_what_the_shop_does_and_advises_is_for_its_pages(bikes: Shop, question: str) -> None:
    found = bikes.reply(question)
    assert isinstance(found, Untold)
    assert not found.is_fact


def test_a_price_asked_for_earlier_is_no_answer_to_what_the_shop_does(bikes: Shop) -> None:
    found = bikes.reply("volta cargo sounds good how much", "hmm what would it cost to send there")
    assert found == Untold(("Volta Cargo",), is_fact=False)


@pytest.mark.parametrize(
    "question",
    [
        "are the reeds of the dore clarinet dried",  # its description says so
        "is the alba parlour guitar for sofas",
        "how do i oil the dore clarinet",  # how to use it
        "can i put the pulse metronome on a shelf",
        "i love the corda 88",  # asks nothing
        "which one of the corda pianos do teachers like",  # chooses
        "is the case of my clarinet still under guarantee",  # is about one's own
        "do strings sound brighter on a concert guitar",  # names no product
        "does the lark violin set fit a piano",  # names another type of thing
    ],
)
def test_what_a_text_or_a_guide_may_tell_is_left_to_them(music: Shop, question: str) -> None:
    assert music.reply(question) is None


def test_a_product_must_be_meant_now(music: Shop) -> None:
    said = ("how much is the alba concert guitar", "does it have a pickup")
    assert music.reply(*said) is None
    assert music.reply(*said, mentioned=["export.jsonl#G2"]) == Untold(("Alba Concert Guitar",), is_fact=True)


def test_a_question_of_its_own_is_not_answered_with_the_one_before(music: Shop) -> None:
    said = ("how heavy is the alba concert guitar", "is it a problem for beginners")
    assert music.text(*said) == ""
    assert music.text("how heavy is the corda 88", "and the 61?") == "Corda 61 Stage Piano: weight 5.2 kg."


def test_the_passages_that_may_answer_are_no_products(music: Shop) -> None:
    hits = music.retriever.search("violin strings come back", 10, Filters("public", TODAY))
    left = pages(hits, music.retriever.corpus())
    assert {hit.chunk.document for hit in left} == {"returns.md"}
    assert len(left) < len(hits)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), st.sampled_from(music_shop.PRODUCTS))
def test_any_question_with_a_title_is_answered_left_or_untold(music: Shop, words: str, product: dict[str, str]) -> None:
    found = music.reply(f"{words} {product['title']}?")
    if isinstance(found, Untold):
        assert set(found.products) <= {record["title"] for record in music_shop.PRODUCTS}
        assert found.products
    else:
        assert found is None or isinstance(found, ProductReply)


CONCEPTS = ("neighbours night", "timber wood spruce cedar")


def concepts(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit rows: words of one of the concepts are alike, and others hardly."""
    named = [[any(word in text.lower() for word in concept.split()) for concept in CONCEPTS] for text in texts]
    rows = np.hstack([np.array(named, np.float32), 0.3 * HashEmbedder().embed(texts)])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("does the corda 88 annoy the neighbours", "Corda 88 Stage Piano: night mode: yes."),
        ("what timber is the alba concert guitar", "Alba Concert Guitar: top: solid spruce."),
        ("can i play the corda 61 without the neighbours hearing", ""),  # it has no such attribute
        ("can i return the corda 88 if the neighbours complain", ""),  # the shop's doing
    ],
)
def test_an_attribute_is_known_by_its_meaning(music: Shop, question: str, reply: str) -> None:
    assert music.text(question, embed=concepts) == reply
    assert music.text(question) == "", "without an embedding model nothing is guessed"


def test_products_are_found_by_what_is_meant(music: Shop) -> None:
    wanted = "a piano for a flat with thin walls and neighbours"
    assert music.text(wanted, embed=concepts) == "Corda 88 Stage Piano is €899.00 and in stock: night mode: yes."
    assert music.text(wanted) == ""


def test_what_denies_a_wish_is_not_offered(music: Shop) -> None:
    assert music.text("a left handed guitar") == ""
    assert "Guitar" in music.text("a guitar under €300")
