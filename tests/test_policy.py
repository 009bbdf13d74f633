"""Small talk, people, follow-ups, and how sure is sure enough."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Outcome, Reply, Turn
from bot.policy import ENOUGH_CONFIDENCE, confidence, reranked, small_talk, standalone, wants_person
from bot.statements import Statement


def turn(question: str, text: str = "An answer.", outcome: Outcome = "answer") -> Turn:
    return Turn("t", "c", "m", question, "", Reply("t", text, outcome, 0.9))


def said(text: str, score: float = 0.5, coverage: float = 0.5) -> Statement:
    return Statement(text, text, "Heading", 0, 0, score=score, coverage=coverage)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hi", "greeting"),
        ("hello there!", "greeting"),
        ("Good morning.", "greeting"),
        ("你好！", "greeting"),
        ("您好", "greeting"),
        ("Thanks!", "thanks"),
        ("thank you so much", "thanks"),
        ("great, thanks", "thanks"),
        ("谢谢您", "thanks"),
        ("好的，谢谢", "thanks"),
        ("bye", "goodbye"),
        ("再见", "goodbye"),
    ],
)
def test_small_talk_is_the_whole_message(text: str, kind: str) -> None:
    assert small_talk(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "Hi, can I return boots?",
        "thanks, and how much is delivery?",
        "How do I say goodbye to my old boots?",
        "你好，怎么退货？",
        "What time do you say good morning?",
        "highlands delivery",
        "",
    ],
)
def test_a_question_with_manners_is_a_question(text: str) -> None:
    assert small_talk(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Can I talk to a person?",
        "please connect me to a human",
        "I want to speak with someone",
        "put me through to your team",
        "I need a human",
        "is there a real person here?",
        "customer service please",
        "转人工",
        "我要真人",
    ],
)
def test_a_person_is_asked_for_in_many_ways(text: str) -> None:
    assert wants_person(text, None)


@pytest.mark.parametrize(
    "text",
    [
        "How tall is a person in this tent?",
        "Who made my boots?",
        "Can I return boots?",
        "客服几点上班？",
        "yes",
        "好的",
    ],
)
def test_other_questions_ask_for_no_person(text: str) -> None:
    assert not wants_person(text, None)


@pytest.mark.parametrize("text", ["yes", "Yes!", "sure", "ok", "yes please", "please do", "好的", "要", "可以。"])
def test_yes_accepts_the_person_that_was_offered(text: str) -> None:
    assert wants_person(text, turn("penguins?", outcome="decline"))
    assert not wants_person(text, turn("boots?", outcome="answer"))
    assert not wants_person(text, Turn("t", "c", "m", "q", ""))


@pytest.mark.parametrize("text", ["no", "no thanks", "不用", "yes but how much is delivery?"])
def test_anything_else_does_not(text: str) -> None:
    assert not wants_person(text, turn("penguins?", outcome="decline"))


@pytest.mark.parametrize(
    "text",
    [
        "and how long does it take?",
        "what about Ireland?",
        "How much does it cost?",
        "why?",
        "那要多久？",
        "它保修几年？",
    ],
)
def test_a_follow_up_gets_the_question_before_it(text: str) -> None:
    before = "Can I return a tent bought in the sale?"
    assert standalone(text, [turn("Where is your shop?"), turn(before)]) == f"{text}\n{before}"


@pytest.mark.parametrize(
    "text",
    ["Can I return boots I wore once?", "How much is delivery to the Highlands?", "睡袋的保修期是多长时间？"],
)
def test_a_question_that_stands_by_itself_is_left_alone(text: str) -> None:
    assert standalone(text, [turn("What does delivery to Ireland cost?")]) == text


def test_a_chain_of_follow_ups_reaches_its_beginning() -> None:
    chain = [turn("What does delivery to Ireland cost?"), turn("and how long does it take?")]
    assert "Ireland cost" in standalone("and at Christmas?", chain)


def test_thanks_and_unanswered_turns_are_no_context() -> None:
    earlier = [turn("What does delivery to Ireland cost?"), turn("thanks!"), Turn("t", "c", "m", "penguins?", "")]
    found = standalone("and how long does it take?", earlier)
    assert "Ireland" in found
    assert "thanks" not in found
    assert "penguins" not in found


@given(st.text(max_size=80), st.lists(st.text(max_size=40).map(turn), max_size=4))
def test_what_was_asked_always_comes_first(text: str, earlier: list[Turn]) -> None:
    assert standalone(text, earlier).startswith(text)
    assert standalone(text, []) == text


def test_what_was_just_said_is_put_back() -> None:
    old = said("Express is £12.50.", 0.60)
    new = replace(said("Orders are packed on working days.", 0.58), heading="Packing", order=1)
    assert reranked([old, new], turn("cost?", "Express is £12.50."))[0].text == new.text
    assert reranked([old, new], None)[0].text == old.text
    assert reranked([old, new], turn("cost?", "Something else."))[0].text == old.text


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1)), max_size=6))
def test_confidence_is_a_share_and_of_the_best(scores: list[tuple[float, float]]) -> None:
    found = [said("x", score, coverage) for score, coverage in scores]
    assert 0.0 <= confidence(found) <= 1.0
    if found:
        assert confidence(found) == confidence(found[:1])
        better = replace(found[0], score=found[0].score + 0.1)
        assert confidence([better]) >= confidence(found)


def test_nothing_found_is_not_enough_and_everything_is() -> None:
    assert confidence([]) < ENOUGH_CONFIDENCE
    assert confidence([said("x", 0.0, 0.0)]) < ENOUGH_CONFIDENCE
    assert confidence([said("x", 1.0, 1.0)]) >= ENOUGH_CONFIDENCE
