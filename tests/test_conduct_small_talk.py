"""A message that is nothing but small talk, and the questions that only begin or end like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conduct.small_talk import KINDS, LONGEST, Kind, small_talk
from bot.phrases import phrases

SAID: dict[Kind, tuple[str, ...]] = {
    "about_bot": ("are you a bot?", "Am I talking to a real person or a machine", "what's your name", "你是机器人吗"),
    "abilities": ("what can you do?", "can you help me", "I have a question", "你能做什么", "有个问题想问"),
    "how_are_you": ("how are you today?", "what's up", "你好吗", "吃了吗"),
    "wrong_window": ("oops wrong chat, sorry", "never mind", "just looking", "发错了", "随便看看"),
    "goodbye": ("bye for now", "have a nice day", "that's all, thanks", "再见", "拜拜"),
    "thanks": ("thanks a lot!", "cheers mate", "thank you for your help", "谢谢你的帮助", "多謝"),
    "greeting": ("hi there", "good morning", "Hi, anyone around?", "您好", "在吗", "妳好"),
    "compliment": ("you are so helpful", "great service", "I love your shop", "你真棒", "服务很好"),
    "okay": ("ok", "got it", "sounds good", "好的", "明白了"),
}
QUESTIONS = """\
hi, how much is delivery?
thanks, and how do I return it?
ok what about size 42
good morning, are you open on Sunday
are you a bot friendly site?
can you help me return my boots
i have a question about my order
what can you do about a torn strap?
thank you card prices?
great, does it come in green?
is hello kitty in stock
bye bye bunny bag price
never mind the colour, what sizes are there?
你好，运费多少？
谢谢，怎么退货？
好的，那多久能到？
你们的机器人吸尘器有货吗
在吗？这款还有吗
""".splitlines()


@pytest.mark.parametrize(("text", "kind"), [(text, kind) for kind, texts in SAID.items() for text in texts])
def test_small_talk_has_its_kind(text: str, kind: Kind) -> None:
    assert small_talk(text) == kind


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_with_manners_is_a_question(text: str) -> None:
    assert small_talk(text) is None


@pytest.mark.parametrize("text", [text for texts in SAID.values() for text in texts if text.isascii()])
def test_how_it_is_typed_changes_nothing(text: str) -> None:
    kind = small_talk(text)
    for typed in (text.upper(), f"  {text} !!!", f"{text} 🙂", text.replace("'", "’")):
        assert small_talk(typed) == kind


def test_of_several_the_first_kind_is_answered() -> None:
    assert small_talk("hi, thanks, are you a robot? bye") == "about_bot"
    assert small_talk("ok thanks bye") == "goodbye"


def test_the_name_of_the_shop_may_stand_in_it() -> None:
    assert small_talk("hello Fell & Ford", ["Fell & Ford"]) == "greeting"
    assert small_talk("thanks fell", ["Fell & Ford"]) == "thanks"
    assert small_talk("thanks gizmo", ["Fell & Ford"]) is None


def test_pictures_alone() -> None:
    assert [small_talk(text) for text in ("👋", "👍👍", "😡", "")] == ["greeting", "okay", None, None]


def test_what_is_long_is_no_small_talk() -> None:
    assert small_talk("thanks " * 20) == "thanks"
    assert small_talk("thanks " * (LONGEST // 7 + 1)) is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_desk_has_words_for_every_kind(language: str) -> None:
    said = [getattr(phrases(language), kind) for kind in KINDS]
    assert all(said)
    assert len(set(said)) == len(KINDS)


@given(st.text(max_size=LONGEST))
def test_any_text_is_read(text: str) -> None:
    assert small_talk(text) in (None, *KINDS)
