"""A changed sentence says something else, and nothing else of it changes."""

from __future__ import annotations

import random
import re

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
