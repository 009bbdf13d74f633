"""What a message asks in its conversation: follow-ups, topic changes, and answers to what the desk asked back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Outcome, Reply, Source, Turn
from bot.understanding.leaning import LETTER
from bot.understanding.standalone import standalone
from bot.understanding.topics import names


def turn(
    question: str, text: str = "An answer.", outcome: Outcome = "answer", sources: tuple[Source, ...] = ()
) -> Turn:
    return Turn("t", "c", "m", question, "", Reply("t", text, outcome, 0.9, sources))


def about(document: str, title: str) -> tuple[Source, ...]:
    return (Source(document, title, "c1", 1.0, "quote"),)


DELIVERY = "How much is express delivery?"
KETTLE = "Do you have the Rondo kettle?"
SALE = "Can I return a tent bought in the sale?"
PIANO = "how often should a piano be tuned"


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (SALE, "and how long does it take?"),
        (SALE, "what about Ireland?"),
        (SALE, "How much does it cost?"),
        (SALE, "why?"),
        (SALE, "那要多久？"),
        (SALE, "它保修几年？"),
        (DELIVERY, "for ireland?"),
        (DELIVERY, "Ireland?"),
        (DELIVERY, "and if i live in jersey"),
        (DELIVERY, "how come"),
        (DELIVERY, "same if i paid with klarna?"),
        (DELIVERY, "is there a cheaper one"),
        (DELIVERY, "any other options?"),
        (DELIVERY, "does that include saturdays"),
        (DELIVERY, "yes but for norway"),
        (DELIVERY, "what if its late"),
        (DELIVERY, "even for big items?"),
        (DELIVERY, "are you sure?"),
        (KETTLE, "in black?"),
        (KETTLE, "size 9?"),
        (KETTLE, "what colours"),
        (KETTLE, "is the 1.2 one quieter?"),
        (KETTLE, "whats the price"),
        (KETTLE, "can i get a spare lid for it"),
        (KETTLE, "which is better"),
        (KETTLE, "would that work in america"),
        (SALE, "only had it on in the living room"),
        (SALE, "who pays the postage?"),
        (SALE, "without a receipt?"),
        (SALE, "im giving it to my brother who lives abroad, does that matter"),
        (SALE, "can i swap it instead"),
        (PIANO, "and an upright?"),
        (PIANO, "what does that cost"),
        (PIANO, "do you do that at my house too"),
        ("寄到爱尔兰多少钱？", "那英国呢"),
        ("寄到爱尔兰多少钱？", "是吗"),
        ("寄到爱尔兰多少钱？", "买满多少可以免掉"),
        ("寄到爱尔兰多少钱？", "还有别的方式吗"),
        ("Plover 睡袋的重量是多少克？", "有黑色吗"),
        ("Plover 睡袋的重量是多少克？", "这个能机洗吗"),
    ],
)
def test_a_follow_up_gets_the_question_before_it(before: str, text: str) -> None:
    assert standalone(text, [turn("Where is your shop?"), turn(before)]) == f"{text}\n{before}"


@pytest.mark.parametrize(
    "text",
    [
        "Can I return boots I wore once?",
        "How much is delivery to the Highlands?",
        "and do you sell gift cards?",
        "and how long is the warranty on tents?",
        "moving on, do you take back old kettles",
        "different question - how do i wash a down jacket",
        "hi, can i cancel an order i made yesterday",
        "is it possible to return sale items?",
        "is it ok to wash merino wool at 40?",
        "how long does it take to repair a zip",
        "can i return boots if they are muddy",
        "i bought a tent last week and it leaks, can i return it",
        "do the boots that i bought need waxing",
        "is there a student discount",
        "my parcel is late",
        "what are your opening hours",
        "do you rent out cellos for school concerts",
        "睡袋的保修期是多长时间？",
        "请问怎么修改收货地址",
        "顺便问一下，门店几点关门",
    ],
)
def test_a_message_with_a_topic_of_its_own_is_left_alone(text: str) -> None:
    assert standalone(text, [turn("What does delivery to Ireland cost?")]) == text


def test_a_chain_of_follow_ups_reaches_its_beginning() -> None:
    chain = [turn("What does delivery to Ireland cost?"), turn("and how long does it take?"), turn("and by express?")]
    assert standalone("and at Christmas?", chain).split("\n") == [
        "and at Christmas?",
        "and by express?",
        "What does delivery to Ireland cost?",
    ]


def test_what_names_nothing_is_passed_over() -> None:
    chain = [turn("What does delivery to Ireland cost?"), turn("why?"), turn("how long does it take?")]
    assert standalone("really?", chain) == "really?\nWhat does delivery to Ireland cost?"


def test_a_chain_ends_where_the_topic_changed() -> None:
    turns = [
        turn("Do you repair tent poles?"),
        turn("How much is delivery to Ireland?"),
        turn("how long does it take?"),
    ]
    assert "poles" not in standalone("and on Saturdays?", turns)


def test_a_place_is_looked_for_further_back() -> None:
    turns = [turn("need a tent for cycling in norway"), turn("the Linde 3 sounds good, how much is the Linde 3")]
    assert "norway" in standalone("what would it cost to send there", turns)
    assert "norway" not in standalone("what would it cost in green", turns)


def test_thanks_and_unanswered_turns_are_no_context() -> None:
    earlier = [turn("What does delivery to Ireland cost?"), turn("thanks!"), Turn("t", "c", "m", "penguins?", "")]
    found = standalone("and how long does it take?", earlier)
    assert "Ireland" in found
    assert "thanks" not in found
    assert "penguins" not in found


def test_a_turn_that_was_declined_counts() -> None:
    assert standalone("and for cats?", [turn("Do you insure dogs?", outcome="decline")]).endswith("Do you insure dogs?")


@pytest.mark.parametrize(
    "choice", ["boots", "the walking boots please", "Boots, bought last year", "靴子", "外套拉链修理"]
)
def test_an_answer_to_what_was_asked_back_is_joined_with_the_question(choice: str) -> None:
    asked = turn("How much is a repair?", "Which one: boots, tents or jackets?", "clarify")
    assert standalone(choice, [asked]) == f"{choice}\nHow much is a repair?"


def test_a_new_question_after_asking_back_is_a_new_question() -> None:
    asked = turn("How much is a repair?", "Which one: boots, tents or jackets?", "clarify")
    text = "do you sell gift vouchers online?"
    assert standalone(text, [asked]) == text


def test_the_product_that_a_reply_named_is_what_it_means() -> None:
    sources = about("products.csv#RO-12", "Rondo 1.2 Kettle")
    offered = turn("a kettle under 40", "Rondo 1.2 Kettle is £34.00 and in stock.", sources=sources)
    assert standalone("how heavy is it?", [offered]).split("\n")[1] == "Rondo 1.2 Kettle"
    assert "Rondo" not in standalone("and the Presto?", [offered])
    assert "Rondo" not in standalone("do you sell gift cards?", [offered])
    assert "Rondo" not in standalone("how heavy is it?", [turn("a kettle under 40", "It is £34.00.", sources=sources)])


def test_a_policy_is_no_product() -> None:
    reply = turn("What does delivery to Ireland cost?", "UK delivery: £9.", sources=about("delivery.md", "UK delivery"))
    assert "UK" not in standalone("how long does it take?", [reply])


def test_a_part_of_a_message_leans_on_its_own_context_first() -> None:
    earlier = [turn("Where is your shop?")]
    part = "how long does it take?\nHow do I return a tent?"
    assert standalone(part, earlier) == part
    assert standalone("how much is it\nis it warm", [turn(KETTLE)]) == f"how much is it\nis it warm\n{KETTLE}"


@pytest.mark.parametrize("text", ["it " * 1300, "and " * 1000, "a boot, " * 500, "if " * 1300, "!" * 4000, "它" * 4000])
def test_a_letter_is_taken_as_it_is(text: str) -> None:
    assert len(text) > LETTER
    assert standalone(text, [turn(DELIVERY)]) in (text, f"{text}\n{DELIVERY}")


@given(st.text(max_size=80), st.lists(st.text(max_size=40).map(turn), max_size=4))
def test_what_was_asked_always_comes_first(text: str, earlier: list[Turn]) -> None:
    assert standalone(text, earlier).startswith(text)
    assert standalone(text, []) == text


@given(st.text(max_size=80), st.lists(st.text(max_size=40), max_size=4))
def test_nothing_is_made_up(text: str, questions: list[str]) -> None:
    added = standalone(text, [turn(question) for question in questions])[len(text) :]
    assert not added or any(question in added for question in questions)


def test_what_asks_for_a_property_names_nothing() -> None:
    assert not names("how much does it cost and which colours are there?")
    assert not names("这个多少钱？")
    assert names("is the kettle in stock?") == {"kettl"}
    assert "睡袋" in names("睡袋多少钱？")
