"""Which of the two languages of the house a text is written in: Chinese or English."""

from __future__ import annotations

import re
from typing import Literal

Language = Literal["zh", "en"]

# Han (with extensions and compatibility forms) and kana: the scripts written without spaces between words.
CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

_CJK = re.compile(f"[{CJK}]")
_LETTER = re.compile(r"[^\W\d_]")
# A Chinese question full of Latin model names is Chinese; an English one with a Chinese word in it is not.
_SHARE = 0.25


def is_cjk(char: str) -> bool:
    """Whether the character belongs to a script written without spaces (Han or kana)."""
    return _CJK.match(char) is not None


def detect(text: str) -> Language:
    """The language of the text: "zh" when more than a quarter of its letters are CJK, else "en"."""
    if text.isascii():
        return "en"
    cjk = len(_CJK.findall(text))
    if not cjk:
        return "en"
    return "zh" if cjk > _SHARE * len(_LETTER.findall(text)) else "en"
