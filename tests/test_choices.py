"""Asking back: when the documents tell cases apart and the question does not say which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.choices import MOST, underspecified
from bot.messages import Outcome, Reply, Turn
from bot.statements import Statement

REPAIRS = (
    "Resole, boots: £68, 20 working days",
    "New zip, jacket: £32, 10 working days",
    "Wash, jacket: £18, 10 working days",
    "Tent pole section: £14, 10 working days",
    "Rucksack buckle: £6, 10 working days",
    "Seam tape, tent: £28, 10 working days",
)


def said(text: str, order: int = 0, heading: str = "Repairs", score: float = 0.8, **other: object) -> Statement:
    return replace(Statement(text, text, heading, 0, order, score=score), **other)  # type: ignore[arg-type]


def table(rows: Sequence[str] = REPAIRS, heading: str = "Repairs", score: float = 0.8) -> list[Statement]:
    return [said(row, at, heading, score - at / 100, row=True) for at, row in enumerate(rows)]


def turn(outcome: Outcome) -> Turn:
    return Turn("t", "c", "m", "?", "", Reply("t", "Which one?", outcome, 0.9))


def test_a_question_for_a_table_of_prices_is_asked_back() -> None:
    choices = underspecified("how much is a repair?", table())
    assert choices == ["Resole, boots", "New zip, jacket", "Wash, jacket", "Tent pole section", "Rucksack buckle"]


def test_only_the_cases_that_it_may_mean_are_choices() -> None:
    assert underspecified("how much is it to repair my jacket", table()) is None  # two rows fit into a reply
    rows = (*REPAIRS, "Patch, jacket, up to 5 cm across: £9, 10 working days", "Hood of a jacket: £21, 10 working days")
    choices = underspecified("how much is it to repair my jacket", table(rows))
    assert choices == ["New zip, jacket", "Wash, jacket", "Patch, jacket, up to 5 cm across", "Hood of a jacket"]


@pytest.mark.parametrize(
    "question",
    [
        "how much is a rucksack repair?",  # names its case
        "how much is a repair?\nmy boots need new soles, do you resole?",  # named before
        "what are all your repair prices",
        "which repair is cheapest and how much is it",
        "how much is a helicopter repair",  # not one of them
        "how much is a repair under £20",
        "when are you open",
    ],
)
def test_what_says_its_case_or_wants_all_is_answered(question: str) -> None:
    assert underspecified(question, table()) is None


def test_few_rows_are_said() -> None:
    assert underspecified("how much is a repair?", table(REPAIRS[:3])) is None
    long = [f"{row}, {'and we send you a photograph of it by e-mail ' * 2}" for row in REPAIRS[:3]]
    assert underspecified("how much is a repair?", table(long)) is not None


def test_one_value_for_all_is_said() -> None:
    rows = [f"{thing}: 2 years" for thing in ("Boots", "Tents", "Jackets", "Stoves", "Lamps")]
    assert underspecified("how long is the warranty?", table(rows, "Warranty")) is None
    assert underspecified("how long is the warranty?", table([*rows, "Mats: 1 year"], "Warranty")) is not None


def test_once() -> None:
    assert underspecified("how much is a repair?", table(), turn("answer")) is not None
    assert underspecified("how much is a repair?", table(), turn("clarify")) is None


def test_a_sentence_that_answers_better_is_said() -> None:
    whole = said("Every repair costs £20.", 9, score=0.95)
    assert underspecified("how much is a repair?", [whole, *table(REPAIRS[:4], score=0.7)[:3]]) is None


def test_a_table_that_fills_the_hits_is_what_is_asked_about() -> None:
    aside = said("The way back is free if the repair costs £60 or more.", 9, "Sending it in", 0.95)
    assert underspecified("how much is a repair?", [aside, *table(score=0.75)]) is not None


def test_points_of_a_list_are_cases_and_a_products_are_not() -> None:
    points = ("Violins: £15 a month", "Cellos: £35 a month", "Harps: £90 a month", "Flutes: £12 a month")
    found = [said(text, at, "Renting an instrument", 0.8 - at / 100) for at, text in enumerate(points)]
    assert underspecified("how much is it to rent an instrument?", found) == ["Violins", "Cellos", "Harps", "Flutes"]
    facts = [replace(statement, subject="Rondo 1.2 Kettle") for statement in found]
    assert underspecified("how much is it to rent an instrument?", facts) is None


def test_sections_beside_one_another_are_cases() -> None:
    headings = ("Boots", "Sleeping bags", "Tents", "Stoves")
    found = [said(f"You have {at + 7} days.", 0, heading, passage=at) for at, heading in enumerate(headings)]
    question = "how long do I have to send it back?"
    assert underspecified(question, found, None, ["returns.md"] * 4) == list(headings)
    assert underspecified(question, found, None, ["a.md", "b.md", "c.md", "d.md"]) is None
    assert underspecified(question, found) is None
    questions = [replace(statement, heading=f"And {statement.heading}?") for statement in found]
    assert underspecified(question, questions, None, ["returns.md"] * 4) is None


def test_last_order_dates_are_cases() -> None:
    rows = (
        "China: Friday 4 December",
        "EU: Friday 11 December",
        "Ireland: Monday 14 December",
        "USA: Monday 14 December",
    )
    assert underspecified("last christmas order date??", table(rows, "Last orders for Christmas")) == [
        "China",
        "EU",
        "Ireland",
        "USA",
    ]


def test_chinese() -> None:
    rows = ("靴子、鞋: 2 年", "外套、裤子: 3 年", "背包: 5 年", "帐篷: 3 年", "睡袋: 5 年", "炉具: 2 年")
    assert underspecified("保修几年", table(rows, "保修")) == ["靴子、鞋", "外套、裤子", "背包", "帐篷", "睡袋"]
    assert underspecified("背包保修几年", table(rows, "保修")) is None


def test_labels_are_short() -> None:
    rows = (
        "EU zone 1: France, Germany, Netherlands, Belgium, Luxembourg, Denmark, Austria: £12.95",
        "Canada, Australia, New Zealand, Japan, Singapore, Hong Kong: £29.95",
        "Pick-up (Kendal, behind the station): £0.95, from 14:00",
        "Malta: £20",
    )
    assert underspecified("how much is delivery?", table(rows, "Delivery")) == [
        "EU zone 1",
        "Canada, Australia, New Zealand, Japan …",
        "Pick-up",
        "Malta",
    ]


TEXTS = st.sampled_from([*REPAIRS, "Wash: £9", "free", "We mend it.", "no: 2 days", ": :", "保修: 2 年"])


@given(st.text(max_size=40), st.lists(st.tuples(TEXTS, st.booleans(), st.floats(0, 1)), max_size=10))
def test_choices_are_a_few_different_things(question: str, found: list[tuple[str, bool, float]]) -> None:
    ranked = [said(text, at, score=score, row=row) for at, (text, row, score) in enumerate(found)]
    choices = underspecified(question, sorted(ranked, key=lambda s: -s.score), None, ["repairs.md"])
    assert choices is None or (2 <= len(set(choices)) == len(choices) <= MOST)
