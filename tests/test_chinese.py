"""Traditional characters read as simplified ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.chinese import simplified
from retrieval.lexical import LexicalIndex


@pytest.mark.parametrize(
    ("traditional", "simple"),
    [
        ("寄去香港運費幾多", "寄去香港运费几多"),
        ("買滿多少錢免運費？", "买满多少钱免运费？"),
        ("帳號登錄不了，密碼忘記了", "帐号登录不了，密码忘记了"),
        ("顏色和圖片不同，可以換貨嗎", "颜色和图片不同，可以换货吗"),
        ("returns 退貨 30 days", "returns 退货 30 days"),
        ("睡袋保修几年", "睡袋保修几年"),
    ],
)
def test_what_shopping_needs_is_known(traditional: str, simple: str) -> None:
    assert simplified(traditional) == simple


@given(st.text())
def test_the_length_stays_and_simplified_text_is_left_alone(text: str) -> None:
    assert len(simplified(text)) == len(text)
    assert simplified(simplified(text)) == simplified(text)


@pytest.mark.parametrize(("written", "asked"), [("退货运费", "退貨運費"), ("退貨運費", "退货运费")])
def test_either_script_finds_the_other(written: str, asked: str) -> None:
    assert LexicalIndex.build([written, "尺码"]).scores(asked).argmax() == 0
    assert LexicalIndex.build([written, "尺码"]).scores(asked)[0] > 0
