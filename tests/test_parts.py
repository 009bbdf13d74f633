"""Messages cut into the questions they ask, and messages that ask one thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.understanding.parts import MOST, asked_parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "I bought the Rondo last week. can i return it and how long does the refund take?",
            [
                "can i return it\nI bought the Rondo last week.",
                "how long does the refund take?\ncan i return it\nI bought the Rondo last week.",
            ],
        ),
        (
            "how much is express, and what time do I have to order by?",
            ["how much is express", "what time do I have to order by?\nhow much is express"],
        ),
        (
            "do you ship to malta, how much, and is VAT knocked off",
            ["do you ship to malta", "how much\ndo you ship to malta", "is VAT knocked off\ndo you ship to malta"],
        ),
        (
            "wash my goretex type jacket - what temp, and can it go in the tumble dryer",
            [
                "what temp\nwash my goretex type jacket",
                "can it go in the tumble dryer\nwhat temp\nwash my goretex type jacket",
            ],
        ),
        ("do you repair zips and if so how much", ["do you repair zips", "if so how much\ndo you repair zips"]),
        (
            "Do you sell gift cards? What are your opening hours?",
            ["Do you sell gift cards?", "What are your opening hours?"],
        ),
        (
            "if it doesnt fit can i swap it and who pays the postage",
            ["if it doesnt fit can i swap it", "who pays the postage\nif it doesnt fit can i swap it"],
        ),
        (
            "do you tune pianos?\nalso do you move them",
            ["do you tune pianos?", "do you move them\ndo you tune pianos?"],
        ),
        ("这款多少钱，有黑色吗", ["这款多少钱", "有黑色吗\n这款多少钱"]),
        ("你好，寄到香港运费多少？要多久能到？", ["寄到香港运费多少？", "要多久能到？\n寄到香港运费多少？"]),
        (
            "下单时忘填公司抬头了，发票还能重开不，有期限吗",
            ["发票还能重开不\n下单时忘填公司抬头了", "有期限吗\n发票还能重开不\n下单时忘填公司抬头了"],
        ),
        ("寄去香港運費幾多呀 買滿幾錢先免運？", ["寄去香港運費幾多呀", "買滿幾錢先免運？"]),
    ],
)
def test_two_questions_are_cut_and_keep_what_they_share(text: str, parts: list[str]) -> None:
    found = asked_parts(text)
    assert [part.split("\n")[0] for part in found] == [part.split("\n")[0] for part in parts]
    assert [set(part.split("\n")) for part in found] == [set(part.split("\n")) for part in parts]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hi",
        "thanks!",
        "do you ship to france and spain",
        "can i return it and get my money back",
        "can i pay with klarna or do you only take cards",
        "what are your delivery times and costs",
        "I bought a tent last week and it leaks, can i return it?",
        "when and where can i pick it up",
        "which boots are waterproof and which are not",
        "do you know what size and what colour",
        "i want to return my boots, is that possible?",
        "if it rains, is the tent waterproof",
        "can you help? my kettle is broken",
        "my order hasnt arrived and i need it by friday what can i do",
        "what is the difference between the gale and the squall",
        "can i buy online and collect in store",
        "hello, how are you? can i return boots?",
        "i ordered the tent which is green and when i opened it it was torn, how do i claim",
        "do you have boots that are warm and are easy to clean",
        "is the tent red and is very light",
        "I want a refund. Why? Because it leaks.",
        "how often (i.e. in months, how many) should a piano be tuned",
        "你好",
        "你们卖攀岩绳和安全带不",
        "人在上海，鞋大了半号，能直接换双小的寄过来吗",
        "我买了几天了，能退吗",
        "背包背了快四年，肩带缝线自己开了，还在保吗",
        "我想退货，可以吗？",
    ],
)
def test_one_question_stays_whole(text: str) -> None:
    assert asked_parts(text) == [text]


def test_a_question_of_its_own_needs_no_context() -> None:
    first, second = asked_parts("how much is delivery to malta and how do i wash a down sleeping bag")
    assert "\n" not in first + second


def test_no_more_than_three_and_nothing_is_lost() -> None:
    text = "do you take amex? do you do klarna? is there a student discount? can i use two codes? do you ship to malta?"
    parts = asked_parts(text)
    assert len(parts) == MOST
    assert all(word in " ".join(parts) for word in ("amex", "klarna", "student", "codes", "malta"))


@pytest.mark.parametrize("text", ["and can i " * 400, ", how much" * 400, "? " * 2000, "能吗，" * 1000, "(" * 4000])
def test_a_letter_is_not_cut_for_ever(text: str) -> None:
    assert 1 <= len(asked_parts(text)) <= MOST


PIECES = [*"abc ?.,;!-\n'", " and ", "how much ", "is it ", "吗", "，", "多少"]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_what_is_asked_is_in_the_message(text: str) -> None:
    parts = asked_parts(text)
    assert 1 <= len(parts) <= MOST
    if len(parts) == 1:
        assert parts == [text]
    else:
        assert all(part.split()[0] in text for part in parts)
