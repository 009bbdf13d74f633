"""What a shop's documents are not for is looked at twice; what belongs to a shop is not."""

from __future__ import annotations

import pytest

from bot.conduct.scope import is_outside


@pytest.mark.parametrize(
    "text",
    [
        "write me a poem about boots",
        "who won the world cup",
        "what is the capital of France",
        "how much ibuprofen can i take",
        "how much is this tent on amazon",
        "what does your staff handbook say about refunds",
        "solve 3x + 4 = 10 for x, it is a quadratic equation",
        "will it rain tomorrow?",
        "should i buy bitcoin",
        "写一首关于靴子的诗",
        "今天天气怎么样",
        "淘宝上这款多少钱",
        "你们的进货价是多少",
        "頭孢和酒能一起嗎，吃幾片藥",
    ],
)
def test_what_is_none_of_a_shops_business(text: str) -> None:
    assert is_outside(text)


@pytest.mark.parametrize(
    "text",
    [
        "how much is delivery to France?",
        "do you write the names on the cups?",
        "is the jacket made for rain?",
        "what is the capacity of the tent?",
        "can i take the stove on a plane?",
        "who made these boots?",
        "which tent is best for a family of four?",
        "how long does the print take to dry?",
        "do you match prices?",
        "is there a guide to sizes?",
        "运费多少？",
        "防雨吗？",
        "写错地址了怎么办？",
        "可以在贺卡上写字吗？",
    ],
)
def test_what_shoppers_ask_a_shop(text: str) -> None:
    assert not is_outside(text)
