"""Points of anger: single words leave a question a question, and praise is none."""

from __future__ import annotations

import pytest

from bot.conduct.mood import UPSET, anger


@pytest.mark.parametrize(
    "text",
    [
        "How long does delivery take?",
        "love it, bloody brilliant!!!",
        "thank you so much!!!",
        "do you ship to Ireland",
        "the weather was terrible but the tent was great",
        "怎么退货？",
        "谢谢！",
    ],
)
def test_a_calm_message_has_none(text: str) -> None:
    assert anger(text) == 0


@pytest.mark.parametrize(
    "text",
    [
        "WHERE IS MY PARCEL",
        "where the hell is my order",
        "this is so frustrating",
        "still waiting for a reply",
        "damn, it broke again, no answer from you",
        "都等了两个星期了",
        "太让人失望了",
    ],
)
def test_an_annoyed_message_has_some(text: str) -> None:
    assert 0 < anger(text) < UPSET


@pytest.mark.parametrize(
    "text",
    [
        "YOU ARE A BUNCH OF CROOKS!!!",
        "you people are useless liars",
        "absolutely disgusting service, i am livid",
        "😡😡😡",
        "fuck you",
        "垃圾客服，骗子！！！",
        "再也不来了，太恶心",
    ],
)
def test_an_upset_one_has_enough(text: str) -> None:
    assert anger(text) >= UPSET


def test_anger_only_adds_up() -> None:
    calm, annoyed = "my parcel is late", "my parcel is late, this is unacceptable"
    assert anger(calm) <= anger(annoyed) <= anger(f"{annoyed}!!!") <= anger(f"{annoyed}!!! 😡")


def test_waiting_however_long_is_no_abuse() -> None:
    assert anger("still waiting, been waiting weeks, no reply, no answer, still nothing, weeks late now") < UPSET
