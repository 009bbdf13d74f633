"""Small talk, people, what was said before, and what comes near."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.conduct.people import wants_person
from bot.conduct.small_talk import small_talk
from bot.messages import Outcome, Reply, Turn
from bot.policy import nearest, reranked
from bot.statements import Statement
from knowledge.documents import Chunk
from retrieval.retriever import Hit


def turn(question: str, text: str = "An answer.", outcome: Outcome = "answer") -> Turn:
    return Turn("t", "c", "m", question, "", Reply("t", text, outcome, 0.9))


def said(text: str, score: float = 0.5) -> Statement:
    return Statement(text, text, "Heading", 0, 0, score=score)


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


def test_what_was_just_said_is_put_back() -> None:
    old = said("Express is £12.50.", 0.60)
    new = replace(said("Orders are packed on working days.", 0.58), heading="Packing", order=1)
    assert reranked([old, new], turn("cost?", "Express is £12.50."))[0].text == new.text
    assert reranked([old, new], None)[0].text == old.text
    assert reranked([old, new], turn("cost?", "Something else."))[0].text == old.text


def test_the_nearest_page_shares_a_word_with_the_question() -> None:
    pages = [
        Hit(Chunk(f"{n}.md", 0, title, (), "text"), 0.5, 0.5) for n, title in enumerate(("Staff Ash", "Tent care"))
    ]
    assert nearest("can I wash my tent", pages) == "Tent care"
    assert nearest("do you sell surfboards", pages) == ""
    assert nearest("anything", []) == ""
