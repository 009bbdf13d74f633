"""What a model is given to read, and what leaves first when there is too much of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from bot.generation.composer import STATEMENTS
from bot.generation.prompts import build
from bot.messages import Message
from bot.statements import Statement
from knowledge.documents import Chunk
from retrieval.retriever import Hit

QUESTION = "Can I return boots I wore once?"


def passage(number: int, text: str) -> Hit:
    return Hit(Chunk(f"doc{number}.md", 0, f"Title {number}", ("Part",), text), 1.0 - number / 10, 0.5)


HITS = [passage(number, f"Passage number {number} says this.") for number in range(4)]
HISTORY = [Message("user" if n % 2 == 0 else "assistant", f"said {n}") for n in range(6)]


def prompt(fits: Callable[[list[BaseMessage]], bool] = lambda messages: True, **changes: Any) -> list[BaseMessage]:
    given: dict[str, Any] = {
        "question": QUESTION,
        "hits": HITS,
        "history": HISTORY,
        "ranked": [],
        "shop": "Tarnbeck",
        "day": date(2026, 11, 21),
        "language": "en",
        "not_found": "I could not find that.",
    }
    given.update(changes)
    positional = [given.pop(name) for name in ("question", "hits", "history", "ranked")]
    return build(*positional, **given, fits=fits)


def kept(messages: list[BaseMessage]) -> tuple[int, int]:
    """How many passages and how many earlier messages are in the prompt."""
    return sum(f"Passage number {n}" in messages[0].text for n in range(4)), len(messages) - 2


def test_instructions_then_the_talk_so_far_then_the_question() -> None:
    messages = prompt()
    assert isinstance(messages[0], SystemMessage)
    assert [type(message) for message in messages[1:]] == [HumanMessage, AIMessage] * 3 + [HumanMessage]
    assert [message.text for message in messages[1:-1]] == [message.text for message in HISTORY]
    assert messages[-1].text == QUESTION


def test_the_instructions_name_the_shop_the_day_the_language_and_what_to_say_when_nothing_is_found() -> None:
    system = prompt(language="zh", not_found="没有找到")[0].text
    for part in ("Tarnbeck", "2026-11-21", "Simplified Chinese", "没有找到"):
        assert part in system
    assert "the shop" in prompt(shop="")[0].text


def test_passages_are_numbered_best_first_under_their_headings() -> None:
    system = prompt()[0].text
    assert system.index("[1] Title 0 > Part") < system.index("[2] Title 1 > Part") < system.index("[4] Title 3 > Part")


def test_a_passage_is_given_word_for_word_without_markdown() -> None:
    text = "You have **30 days**, see [the page](a.md).\n- Boots\n\n| a | b |\n|---|---|\n| x_y | {z} |"
    system = prompt(hits=[passage(0, text)])[0].text
    assert "You have 30 days, see the page.\n- Boots\n\n| a | b |\n|---|---|\n| x_y | {z} |" in system


def test_braces_in_a_document_are_only_braces() -> None:
    assert "{shop} {0} {passages}" in prompt(hits=[passage(0, "{shop} {0} {passages}")])[0].text


def test_the_statements_travel_with_the_question() -> None:
    statement = Statement("Boots are fine.", "Boots are fine.", "Part", 0, 0)
    assert prompt(ranked=[statement])[-1].additional_kwargs[STATEMENTS] == (statement,)


@pytest.mark.parametrize(
    ("room", "left"),
    [
        (100, (4, 6)),
        (10, (4, 6)),
        (9, (4, 4)),
        (8, (4, 4)),
        (6, (4, 2)),
        (4, (4, 0)),
        (3, (3, 0)),
        (1, (1, 0)),
        (0, (1, 0)),
    ],
)
def test_the_oldest_turns_leave_first_then_the_weakest_passages(room: int, left: tuple[int, int]) -> None:
    messages = prompt(lambda m: sum(kept(m)) <= room)
    assert kept(messages) == left
    if left[1]:
        assert messages[-2].text == HISTORY[-1].text
    assert "Passage number 0" in messages[0].text
    assert messages[-1].text == QUESTION


@given(st.integers(0, 4), st.integers(0, 3), st.text(min_size=1, max_size=50))
def test_the_question_never_leaves(passages: int, turns: int, question: str) -> None:
    messages = prompt(lambda m: False, question=question, hits=HITS[:passages], history=HISTORY[: 2 * turns])
    assert len(messages) == 2
    assert messages[-1].content == question


def test_no_passages_are_said_to_be_none() -> None:
    assert "(no passages)" in prompt(hits=[])[0].text
