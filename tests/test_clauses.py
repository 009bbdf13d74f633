"""What sentences affirm and deny, clause by clause, and the words that matter when two are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.clauses import absolutes, body, clauses, denies, opposed


@pytest.mark.parametrize(
    ("sentence", "rest"),
    [
        ("Yes, you can return them.", "you can return them."),
        ("Sorry, no - we don't.", "we don't."),
        ("I'm afraid not - opened ones cannot.", "opened ones cannot."),
        ("Not this year, sorry - you must be a member.", "you must be a member."),
        ("No worries! It is covered.", "It is covered."),
        ("No drilling is needed.", "No drilling is needed."),
        ("Right boots cost £80.", "Right boots cost £80."),
        ("Yes.", ""),
        ("抱歉，礼品卡不能退。", "礼品卡不能退。"),
        ("可以的亲,7天内都能退。", "7天内都能退。"),
    ],
)
def test_what_answers_before_anything_is_said_is_left_out(sentence: str, rest: str) -> None:
    assert body(sentence) == rest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Gift cards cannot be returned", True),
        ("We don't ship batteries", True),
        ("We never close", True),
        ("Returns without a receipt", True),
        ("Gift cards can be returned", False),
        ("No more than 3 kg fit in", False),
        ("It must not hold more than 3 kg", False),
        ("Not only boots are waxed", False),
        ("礼品卡不能退货", True),
        ("没有收据", True),
        ("无需收据", True),
        ("不超过3公斤", False),
        ("没问题", False),
        ("未使用的商品可以退货", False),
    ],
)
def test_what_denies_is_told_from_what_affirms(text: str, expected: bool) -> None:
    assert denies(text) is expected


def test_each_clause_denies_for_itself() -> None:
    one, other = clauses("Boots can be returned, but gift cards cannot be returned.")
    assert (one.denies, other.denies) == (False, True)
    assert "boot" in one.words
    assert "gift" in other.words


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Everything can be returned, except sale items", "exception"),
        ("Boots cannot be returned unless they are faulty", "exception"),
        ("除特价商品外,都可以退货", "exception"),
        ("特价商品除外", "exception"),
        ("Boots can be returned only if they are unworn", "proviso"),
        ("Lamps can be returned as long as they are boxed", "proviso"),
        ("If the parcel is late we refund the delivery", "supposes"),
    ],
)
def test_exceptions_provisos_and_suppositions_are_known(text: str, kind: str) -> None:
    assert any(getattr(clause, kind) for clause in clauses(text))


def test_what_leads_into_a_list_denies_for_its_items() -> None:
    assert clauses("Lenses with fungus", "What we do not take")[0].denies
    assert not clauses("Lenses with fungus", "What we take")[0].denies


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("free for everyone", "at no charge, anywhere"),
        ("all orders", "every order"),
        ("right away", "immediately"),
        ("终身保修", "永久保修"),
        ("免费配送", "包邮"),
    ],
)
def test_other_words_for_no_exception_are_the_same(one: str, other: str) -> None:
    assert absolutes(one) == absolutes(other) != frozenset()


@pytest.mark.parametrize(
    ("claim", "text", "expected"),
    [
        ("before use", "after use", 1),
        ("worn boots", "unworn boots", 1),
        ("unopened boxes", "opened boxes", 1),
        ("before use", "before and after use", 0),
        ("red boots", "blue boots", 0),
        ("7天之前", "7天之后", 1),
        ("未拆封", "已拆封", 1),
    ],
)
def test_opposites_count_where_the_text_has_the_other_one(claim: str, text: str, expected: int) -> None:
    assert (opposed(claim, frozenset(text.split()), text) > 0) == (expected > 0)


@given(st.text(max_size=80))
def test_any_text_has_clauses_or_none(text: str) -> None:
    assert all(clause.words for clause in clauses(text))
    assert body(text) in text
