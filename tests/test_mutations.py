"""A changed sentence says something else, and nothing else of it changes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.learn.mutations import (
    MUTATIONS,
    mutated,
    negated,
    opposite,
    other_name,
    other_number,
    other_unit,
    promising_more,
    without_condition,
)

RULE = "You can return unworn boots within 30 days, except sale items."
lots = st.integers(0, 2**32).map(random.Random)


@given(chance=lots)
def test_one_number_is_another(chance: random.Random) -> None:
    changed = other_number("Delivery is £4.50 and free from £60.", chance)
    assert changed is not None
    before, after = (re.findall(r"\d+(?:\.\d+)?", text) for text in ("Delivery is £4.50 and free from £60.", changed))
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    assert re.sub(r"[\d.]", "", changed) == re.sub(r"[\d.]", "", "Delivery is £4.50 and free from £60.")


@given(chance=lots)
def test_days_are_another_unit(chance: random.Random) -> None:
    assert other_unit("It takes 3 days.", chance) in {
        f"It takes 3 {unit}." for unit in ("minutes", "hours", "weeks", "months", "years")
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You can return them.", "You cannot return them."),
        ("You cannot return them.", "You can return them."),
        ("It is not covered, but it will be repaired.", "It is covered, but it will be repaired."),
        ("We don't ship batteries.", "We do ship batteries."),
    ],
)
def test_what_is_so_is_not(text: str, expected: str) -> None:
    assert negated(text, random.Random(0)) == expected


def test_the_exception_is_dropped() -> None:
    assert without_condition(RULE, random.Random(0)) == "You can return unworn boots within 30 days."


def test_a_name_is_another() -> None:
    assert (
        other_name("The Ember holds 1.2 l.", ["Ember", "Kettlewell"], random.Random(0)) == "The Kettlewell holds 1.2 l."
    )
    assert other_name("It holds 1.2 l.", ["Ember", "Kettlewell"], random.Random(0)) is None


@given(chance=lots)
def test_a_word_is_its_opposite(chance: random.Random) -> None:
    assert opposite("Open before use.", chance) == "Open after use."


def test_a_promise_is_added_to_a_statement_and_not_to_a_question() -> None:
    assert (
        promising_more("We deliver to Ireland on weekdays.", random.Random(0)) != "We deliver to Ireland on weekdays."
    )
    assert promising_more("Do you deliver to Ireland on weekdays?", random.Random(0)) is None


@given(text=st.text(max_size=80), chance=lots)
def test_any_text_is_changed_or_left(text: str, chance: random.Random) -> None:
    assert mutated(text, chance) != text
    for change in MUTATIONS:
        change(text, chance)


def test_what_claims_nothing_is_left() -> None:
    assert mutated("Thanks!", random.Random(0)) is None


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        (negated, "穿到室外的靴子不能退货。", {"穿到室外的靴子可以退货。"}),
        (opposite, "寄回的运费由您承担。", {"寄回的运费由我们承担。"}),
        (
            other_unit,
            "收货后15天内可以退货。",
            {f"收货后15{u}内可以退货。" for u in ("分钟", "小时", "周", "个月", "年", "个工作日", "个自然日")},
        ),
        (without_condition, "除特价商品外，都可以在15天内退货。", {"都可以在15天内退货。"}),
    ],
)
def test_chinese_sentences_are_changed_too(
    change: Callable[[str, random.Random], str | None], text: str, expected: set[str]
) -> None:
    assert change(text, random.Random(0)) in expected


@given(chance=lots)
def test_a_number_between_chinese_characters_is_changed(chance: random.Random) -> None:
    changed = other_number("收货后15天内可以退货。", chance)
    assert changed is not None
    assert re.fullmatch(r"收货后(?!15天)\d\d天内可以退货。", changed)


def test_a_promise_in_chinese_is_added_in_chinese() -> None:
    added = promising_more("未拆封的茶叶可以在7天内退货。", random.Random(0))
    assert added is not None
    assert added.startswith("未拆封的茶叶可以在7天内退货，")
    assert added.endswith("。")
