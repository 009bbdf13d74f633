"""How far passages say what a sentence says, and what that is fitted and measured with."""

from __future__ import annotations

import json
import random
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.evidence.coverage import Coverage, claim
from bot.evidence.gate import supported
from bot.evidence.premises import premise
from bot.evidence.support import FEATURES, WEIGHTS, Regression, features, load_weights, support
from bot.learn.claims import Example, changed_statements, misplaced_replies, replied, sentences_of_replies
from bot.learn.support import WAYS, fit, release_figures, with_threshold

PASSAGE = """Returns
Unworn boots can be returned within 30 days of delivery. Sale items can be returned within 14 days.

Refunds are paid to the card within 5 working days."""


def found(sentence: str, *passages: str) -> dict[str, float]:
    row = features(Coverage(claim(sentence), [premise(passage) for passage in passages]))
    return dict(zip(FEATURES, row, strict=True))


def test_what_is_said_scores_above_what_is_said_in_part_and_that_above_what_is_not() -> None:
    scores = [
        support(text, [PASSAGE])
        for text in (
            "Unworn boots can be returned within 30 days of delivery.",
            "Unworn boots can be returned within 14 days of delivery.",
            "Unworn boots and muddy tents can be exchanged within 30 days.",
            "Our kettles boil water in four minutes.",
            "Happy to help!",
        )
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1.0
    assert scores[-1] == 0.0
    assert support("Unworn boots can be returned.", []) == 0.0


@settings(max_examples=50)
@given(st.text(max_size=100), st.lists(st.text(max_size=100), max_size=3))
def test_any_text_has_a_score_from_none_to_all(text: str, passages: list[str]) -> None:
    assert 0.0 <= support(text, passages) <= 1.0
    assert len(features(Coverage(claim(text), [premise(passage) for passage in passages]))) == len(FEATURES)


@given(st.permutations([PASSAGE, "Boot care\nWash boots by hand.", "Tents\nTents have a warranty of 3 years."]))
def test_the_order_of_the_passages_makes_no_difference(passages: list[str]) -> None:
    sentence = "Unworn boots can be returned within 30 days."
    assert support(sentence, passages) == support(sentence, [PASSAGE, *sorted(set(passages) - {PASSAGE})])


def test_a_value_of_another_subject_has_a_rival() -> None:
    assert found("Sale items can be returned within 30 days.", PASSAGE)["rival"] > 0
    assert found("Sale items can be returned within 14 days.", PASSAGE)["rival"] == 0


def test_a_blend_of_two_passages_covers_more_in_all_than_in_one_place() -> None:
    row = found("Tents can be washed by hand within 30 days.", PASSAGE, "Boot care\nWash boots by hand.")
    assert row["anywhere"] > row["line"]


def test_the_shipped_weights_are_over_known_features_and_in_their_sense() -> None:
    record = json.loads(WEIGHTS.read_text("utf-8"))
    assert set(record["regressions"]) == {"en", "zh"}
    for regression in record["regressions"].values():
        assert set(regression["weights"]) <= set(FEATURES)
        assert all(weight * WAYS.get(name, 0) >= 0 for name, weight in regression["weights"].items())
        assert 0 < regression["enough"] < 1
    assert load_weights()["en"] == Regression.of(record["regressions"]["en"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_of_a_sample_of_the_curriculum_most_right_replies_are_released_and_many_wrong_ones_held_back(
    language: str,
) -> None:
    cases = [case for case in islice(replied("zh" if language == "zh" else "en"), 150) if case.wrong]
    assert len(cases) > 30
    figures = release_figures([(load_weights()[language], cases, [])])
    assert figures["right released"] > 0.75
    assert figures["wrong held back"] > 0.4


def test_a_right_reply_has_its_passages_and_a_wrong_one_says_something_else() -> None:
    for case in islice(replied("en"), 20):
        assert case.passages
        assert case.right
        assert case.right != case.wrong


def test_only_what_differs_in_a_wrong_reply_is_wrong() -> None:
    examples = list(islice(sentences_of_replies("en"), 200))
    right = {(example.text, example.group) for example in examples if example.right}
    assert {example.right for example in examples} == {True, False}
    assert not right & {(example.text, example.group) for example in examples if not example.right}


def test_misplaced_replies_and_changed_statements_are_wrong_and_statements_are_right() -> None:
    assert not any(example.right for example in islice(misplaced_replies("en"), 50))
    changed = list(islice(changed_statements("zh", random.Random(0)), 200))
    assert {example.source for example in changed if example.right} == {"statements"}
    for example in changed:
        if example.right:
            assert supported(example.text, example.passages), example.text


def toy(right: bool, number: int) -> Example:
    days = 30 if right else 45
    return Example(f"Boots number {number} can be returned within {days} days.", (PASSAGE,), right, "toy", "toy")


def test_a_regression_learns_what_tells_right_from_wrong_and_weighs_nothing_against_its_sense() -> None:
    weighs = fit([toy(right, number) for number in range(20) for right in (True, False)])
    rows = [features(Coverage(claim(toy(right, 3).text), [premise(PASSAGE)])) for right in (True, False)]
    assert weighs(rows[0]) > 0.5 > weighs(rows[1])
    assert all(weight * WAYS.get(name, 0) >= 0 for name, weight in zip(FEATURES, weighs.weights, strict=True))


def test_the_threshold_releases_the_share_that_it_is_set_for() -> None:
    cases = [case for case in islice(replied("en"), 200) if case.wrong]
    weighs = with_threshold(load_weights()["en"], cases)
    figures = release_figures([(weighs, cases, [])])
    assert figures["right released"] == pytest.approx(0.87, abs=0.03)
