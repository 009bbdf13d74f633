"""Questions about products that are named."""

from pathlib import Path

import music_shop
import pytest
from bike_shop import Shop
from fakes import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st

from bot.products.reply import ProductReply, about_products
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("how much is the volta cargo", "Volta Cargo is €4,499.00 and in stock."),
        ("price of the orrin city 3?", "Orrin City 3 is €449.00 (was €499.00) and in stock."),
        ("what does the pebl kids helmet cost, its for my niece", "Pebl Kids Helmet is €39.00 and in stock."),
        ("how heavy is the city 7", "Orrin City 7: weight 15.2 kg."),
        ("beam 800 run time", "Beam 800 Front Light: run time 1.5 h on high, 12 h on low."),
        ("how far does the volta commuter go", "Volta Commuter: range: up to 90 km."),
        ("what's the security of the fortress u-lock", "Fortress U-Lock: security 13 of 15."),
        ("how many lumens has the beam 400", "Beam 400 Front Light: output 400 lumens."),
        ("is the volta commuter in stock", "Volta Commuter is not in stock yet, but can be ordered ahead."),
        ("is the glow rear light available?", "No, Glow Rear Light is sold out at the moment."),
        ("is the orrin city 3 on sale", "Orrin City 3 is €449.00 (was €499.00) and in stock."),
    ],
)
def test_a_fact_is_told_alone_and_first(shop: Shop, question: str, reply: str) -> None:
    assert shop.text(question) == reply


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("does the ridgeline mips helmet have mips?", "Yes."),
        ("does the ridgeline helmet have mips?", "No."),
        ("do lights come with the orrin city 7?", "Yes."),
        ("are the lights included with the orrin city 3?", "No."),
        ("is the saddle cover waterproof?", "No."),
        ("can a 110 kg rider use the orrin city 7? will it carry 110 kg", "Yes."),
        ("will the orrin city 7 carry 130 kg?", "No."),
    ],
)
def test_yes_and_no_come_from_what_the_attribute_affirms(shop: Shop, question: str, begins: str) -> None:
    assert shop.text(question).startswith(begins)


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("drift jacket womens medium teal in stock?", "No, Drift Rain Jacket Women's (Teal, M) is sold out"),
        ("have you got the drift jacket in XL", "Yes, Drift Rain Jacket Women's (XL) is in stock."),
        ("which colours does the drift rain jacket come in", "Drift Rain Jacket Women's comes in colour Teal, Navy."),
        ("how much is the glide tyre in 42 mm", "Glide Tyre (42 mm) is €38.00 and in stock."),
        ("glide tyre price", "Glide Tyre is €32.00 (28 mm, 32 mm), €38.00 (42 mm)."),
        ("glide tyre 32mm available?", "No, Glide Tyre (32 mm) is sold out at the moment. In stock: 28 mm, 42 mm."),
        ("have you got the drift jacket in pink", "Drift Rain Jacket Women's comes in colour Teal, Navy."),
        ("drift jacket in XXL in stock?", "Drift Rain Jacket Women's comes in size S, M, L, XL."),
        ("glide tyre in 50 mm, have you got it", "Glide Tyre comes in width 28 mm, 42 mm; sold out: 32 mm."),
    ],
)  # fmt: skip
def test_the_variant_asked_for_is_the_one_answered(shop: Shop, question: str, reply: str) -> None:
    assert shop.text(question).startswith(reply)


def test_two_products_side_by_side(shop: Shop) -> None:
    assert shop.text("which is lighter, beam 800 or beam 400") == (
        "Weight: Beam 800 Front Light 126 g, Beam 400 Front Light 98 g (28 g apart)."
    )
    assert "€35.00 apart" in shop.text("price difference between ridgeline mips and ridgeline?")
    assert "€35.00 apart" in shop.text(
        "tell me about the ridgeline helmet", "how much more is the ridgeline mips than it"
    )
    assert "MIPS: yes against no." in shop.text("what more do i get with the ridgeline mips")
    assert "Gears: 7 against 3." in shop.text("what's the difference between the orrin city 7 and the orrin city 3")


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("which is brighter, the beam 800 or the 400", "Output: Beam 800 Front Light 800 lumens, Beam 400"),
        ("is the orrin city 3 or the 7 heavier", "Weight: Orrin City 3 14.1 kg, Orrin City 7 15.2 kg (1.1 kg apart)."),
        ("difference between the beam 800 and the 400", "Beam 800 Front Light is €59.00, Beam 400 Front Light is"),
        ("which makes less noise, beam 800 or beam 400", ""),  # nothing says so
    ],
)
def test_two_products_are_compared_by_what_is_asked(shop: Shop, question: str, reply: str) -> None:
    assert shop.text(question)[: len(reply) or None] == reply


def test_what_goes_with_a_product_is_what_says_so(shop: Shop) -> None:
    assert shop.text("what else do you have for the glow rear light") == (
        "For Glow Rear Light there is Glow Spare Strap (€4.00)."
    )


def test_near_duplicates_are_told_apart_or_asked_about(shop: Shop) -> None:
    assert shop.text("how much is the beam") == (
        "Beam 800 Front Light is €59.00 and in stock. Beam 400 Front Light is €39.00 and in stock."
    )
    found = shop.answer("is the volta in stock?")
    assert (found.outcome, found.sources) == ("clarify", ())
    assert "Commuter" in found.sentences[0]
    assert "Cargo" in found.sentences[0]
    assert shop.answer("is the volta in stock?", may_ask=False).outcome == "answer"


def test_mistyped_names_are_understood(shop: Shop) -> None:
    assert shop.text("how much is the ridgelne mips helmet") == "Ridgeline MIPS Helmet is €119.00 and in stock."
    assert shop.text("price of the fortres u-lock") == "Fortress U-Lock is €79.00 and in stock."


def test_a_follow_up_is_about_the_product_of_before(shop: Shop) -> None:
    assert shop.text("how much is the beam 800", "is it in stock?").startswith("Yes, Beam 800 Front Light")
    assert shop.text("how much is the beam 800", "and the 400?") == "Beam 400 Front Light is €39.00 and in stock."
    assert shop.text("how heavy is it", mentioned=["bikes.jsonl#E2"]) == "Volta Cargo: weight 38 kg."
    assert shop.text("do you have helmets in stock", mentioned=["bikes.jsonl#E2"]).count("Volta") == 0


def test_the_reply_rests_on_the_line_it_quotes(shop: Shop) -> None:
    found = shop.answer("how heavy is the volta cargo")
    [(hit, quote)] = found.sources
    assert hit.chunk.document == "bikes.jsonl#E2"
    assert quote == "- Weight: 38 kg"
    assert quote in hit.chunk.text


@pytest.mark.parametrize(
    "question",
    [
        "how long is delivery",
        "my volta commuter makes a noise, how much is a check",
        "do you have a shop in Berlin",
        "hello",
        "?",
        "",
    ],
)
def test_other_questions_are_left_alone(shop: Shop, question: str) -> None:
    assert shop.reply(question) is None


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("Beam 800 多少钱", "€59.00"),
        ("Volta Cargo 的电池多大，多重", "38 kg"),
        ("Ridgeline MIPS 头盔有货吗", "有货"),
        ("折叠头盔多重", "390 g"),
        ("折叠头盔卖多少钱", "€66.00"),
    ],
)
def test_chinese_is_answered_in_chinese(shop: Shop, question: str, part: str) -> None:
    text = shop.text(question, language="zh")
    assert part in text
    assert "：" in text or "有货" in text


def test_what_only_staff_may_see_is_not_named_to_others(shop: Shop) -> None:
    assert shop.text("how much is the zephyr prototype") == ""
    assert "€1.00" in shop.text("how much is the zephyr prototype", audience="staff")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_any_message_is_answered_or_left_alone(shop: Shop, question: str) -> None:
    found = shop.reply(question)
    assert not isinstance(found, ProductReply) or all(sentence.strip() for sentence in found.sentences)


def test_every_price_told_is_the_products(shop: Shop) -> None:
    shelf = shop.shelf
    for path in shop.retriever.corpus().paths:
        if (item := shelf.item(path)) and item.price is not None and item.title.isascii():
            assert item.money(item.price) in shop.text(f"how much is the {item.title.lower()}?"), item.title


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("music"), music_shop.write)


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("how long is the scale of the alba concert guitar", "Alba Concert Guitar: scale length 650 mm."),
        ("how heavy is the corda 88", "Corda 88 Stage Piano: weight 11.5 kg."),
        ("what power does the corda 88 need", "Corda 88 Stage Piano: power 24 W."),
        ("how loud is the pulse metronome", "Pulse Metronome: loudness 85 dB."),
        ("how long is the cable of the alba parlour guitar", "Alba Parlour Guitar (nylon strings): cable 3 m."),
    ],
)
def test_a_unit_in_an_attributes_name_stands_by_its_value(music: Shop, question: str, reply: str) -> None:
    assert music.text(question) == reply


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("how many keys has the dore clarinet", "Doré Clarinet in B flat: keys 17."),  # without its accent
        ("what brand is the dore clarinet", "Doré Clarinet in B flat: brand: Doré."),
        ("is the alba concert guitar left handed", "No. Alba Concert Guitar: left handed: no."),
        (
            "does the alba parlour come with a gig bag",
            "No. Alba Parlour Guitar (nylon strings): gig bag: not included.",
        ),
        ("does the corda 88 come with a stand", "No. Corda 88 Stage Piano: stand: sold separately."),
        ("does the corda 61 come with a pedal", "Yes. Corda 61 Stage Piano: pedal: included."),
        ("does the lark violin set contain gut", "No. Lark Violin Strings, medium: contains: no gut."),
        ("does the lark violin set contain nickel", ""),  # it denies gut, not nickel
        ("does the dore clarinet come with a barrel", ""),  # its case is of no interest
        ("does the stage waistcoat run small", "Stage Waistcoat: It comes up small: take one size more than usual."),
        (
            "which size stage waistcoat should i get",
            "Stage Waistcoat: It comes up small: take one size more than usual.",
        ),
    ],
)
def test_facts_are_found_however_a_catalogue_writes_them(music: Shop, question: str, reply: str) -> None:
    assert music.text(question)[: len(reply) or None] == reply


def test_words_in_brackets_do_not_tell_products_apart(music: Shop) -> None:
    assert music.text("how much is the alba guitar").count("€") == 2
    assert music.text("how much is the alba parlour guitar").startswith(
        "Alba Parlour Guitar (nylon strings) is €249.00"
    )


def test_a_shop_without_products_has_no_answer(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# Prices\n\nThe volta cargo is dear.\n")
    snapshots = Snapshots(tmp_path / "index")
    update([tmp_path / "page.md"], snapshots, HashEmbedder())
    corpus = Retriever(snapshots=snapshots, embedder=HashEmbedder()).corpus()
    assert about_products("how much is the volta cargo", corpus, lambda question, k: [], "en") is None
