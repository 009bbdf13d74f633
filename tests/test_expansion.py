"""Other words to search by: which, in what order, how heavy, and only those that the shop's documents have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.understanding.expansion import (
    ALONE,
    TO_CHINESE,
    TO_ENGLISH,
    UNUSED,
    USED,
    concepts,
    expansion,
    other_words,
    translated,
)
from knowledge.languages import detect
from retrieval.lexical import LexicalIndex

UK_SHOP = [
    "Delivery to UK mainland\nStandard delivery to UK mainland addresses costs £4.95.",
    "Delivery to Ireland and the EU\nParcels to Ireland take four working days.",
    "Refunds\nA refund is paid within 5 days of the return of the boots.",
    "UK returns\nReturn it from the UK.",
    "国际配送\n寄到中国大陆的运费为25英镑。退款需要五天。",
]


def known(*texts: str) -> Callable[[str], float]:
    return LexicalIndex.build(texts or UK_SHOP).rarity


def test_a_place_finds_what_the_shop_calls_it() -> None:
    found = expansion("postage to leeds", known())
    assert found[0] == "UK mainland"
    assert "delivery" in found
    assert {"international", "overseas"}.isdisjoint(found)


def test_a_place_abroad_is_abroad() -> None:
    found = expansion("how much to post to cork?", known(*UK_SHOP, "Overseas orders\nOverseas parcels are insured."))
    assert found[0] == "Ireland"
    assert {"EU", "delivery", "overseas"} <= set(found)
    assert found.index("Ireland") < found.index("EU") < found.index("overseas")


def test_home_is_the_country_that_the_documents_name_most() -> None:
    irish = known("Delivery in Ireland", "Ireland: free delivery", "Overseas delivery", "Irish returns in Ireland")
    assert "overseas" in expansion("delivery to leeds", irish)
    assert "overseas" not in expansion("delivery to cork", irish)


@pytest.mark.parametrize(
    ("question", "first"),
    [("can i get my money back", "refund"), ("退钱", "refund"), ("是多少镑", "英镑"), ("refund", "退款")],
)
def test_an_idea_finds_its_other_words(question: str, first: str) -> None:
    assert first in expansion(question, known())


def test_words_that_no_text_has_are_left_out() -> None:
    found = expansion("refund my postage", known())
    assert {"reimburse", "邮费"}.isdisjoint(found)
    assert {"delivery", "退款", "运费"} <= set(found)
    assert expansion("refund my postage", known("nothing of it")) == []


def test_a_chinese_word_needs_its_pair_not_its_characters_alone() -> None:
    assert "退款" not in expansion("refund", known("退货\n付款", "Refund"))


def test_the_best_of_each_comes_before_the_second_of_any() -> None:
    texts = [*UK_SHOP, "shipping dispatch Republic Irish reimburse refunded money back"]
    first, second, *_ = expansion("shipping a refund to cork", known(*texts))
    assert {first, second} == {"Ireland", "delivery"}


@pytest.mark.parametrize("question", ["", "?!", "🥾", "xyzzy plugh", "\n"])
def test_nothing_known_expands_to_nothing(question: str) -> None:
    assert expansion(question, known()) == []
    assert other_words(question, known()).alternatives == []


@given(st.text())
def test_any_question_is_expanded_into_words_that_are_there(question: str) -> None:
    rarity = known()
    assert all(rarity(word.split()[-1].lower()) <= rarity("") for word in expansion(question, rarity))
    assert "\x00" not in translated(question, "en")


def weights(question: str, *texts: str) -> dict[str, float]:
    return {
        word: weight for group in other_words(question, known(*texts)).alternatives for word, weight in group.items()
    }


def test_words_for_what_the_shop_calls_otherwise_count_most() -> None:
    found = weights("is a quid refund possible", *UK_SHOP, "Prices\nAll prices are in pounds.")
    assert found["pounds"] == UNUSED
    assert found["reimburse"] == USED
    assert found["退款"] == TO_CHINESE


def test_a_question_of_one_word_that_the_shop_uses_has_only_the_other_languages() -> None:
    found = weights("refund?")
    assert found["reimburse"] == ALONE == 0
    assert found["退款"] == TO_CHINESE


def test_a_chinese_question_is_looked_for_in_english_and_means_something() -> None:
    found = other_words("退款和发票", known())
    assert found.alternatives[0]["refund"] == TO_ENGLISH
    assert found.meaning == "refund invoice"
    assert other_words("how long does a refund take", known()).meaning == ""


@pytest.mark.parametrize(
    ("question", "english"),
    [
        ("忘记密码了，重设链接多久失效", "password reset link how long expire"),
        ("Langdale 55 背包多重", "langdale 55 rucksack weight"),
        ("寄去香港運費幾多", "delivery hong kong delivery charge"),
        ("从都柏林退货", "dublin return"),
        ("龘靐", ""),
        ("退款\n运费", "refund\ndelivery charge"),
    ],
)
def test_a_chinese_question_is_put_into_english(question: str, english: str) -> None:
    assert translated(question, "en") == english


def test_an_english_question_is_put_into_chinese_with_its_names() -> None:
    assert translated("postage for the Swift to China", "zh").split() == ["配送", "swift", *"中国"]


def test_a_concept_does_not_repeat_what_is_asked() -> None:
    for concept in concepts("delivery and shipping charge to Ireland", known()):
        assert {"delivery", "shipping", "Ireland"}.isdisjoint(concept.words)
        assert {detect(word) for word in concept.words} == {"en", "zh"}
