"""What a question asks about, and for what kind of thing, by its words."""

from __future__ import annotations

import re
from itertools import pairwise

from knowledge.languages import is_cjk
from retrieval.lexical import STOPWORDS, units

# Words that ask, without saying about what.
_ASKING = frozenset(("much", "many", "long", "take", "takes", "need", "want", "know", "tell", "got", "use"))
_ABOUT_SHOP = re.compile(
    r"^\W*(?:how (?:do|can|should)|can i|could i|may i|am i|do you (?!have|sell|stock|do)|who|when|what if"
    r"|what happens)\b",
    re.I,
)
_MONEY = re.compile(r"[£$€¥]|\b(?:GBP|EUR|USD|free|pounds?)\b|免费|英镑|元", re.I)
_DURATION = re.compile(
    r"\b(?:minutes?|hours?|days?|weeks?|months?|years?|24 h|\d+\s*h)\b"
    r"|\d\s*(?:分钟|小时|天|日|周|个月|年|个工作日)",
    re.I,
)
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2}\s?[ap]m\b", re.I)
_WEEKDAY = re.compile(r"\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\b|周[一二三四五六日]", re.I)
_RULE = re.compile(
    r"\b(?:can|cannot|can't|may|must|not|never|no|yes|only|unless|except|always|fine|don't|doesn't|do|does|won't|will)\b"
    r"|不能|可以|不可|必须|只|除|不",
    re.I,
)
_STOCK = re.compile(r"\b(?:in stock|sold out)\b|有货|缺货", re.I)
# How a kind of thing is asked for, and what a statement that has it looks like.
_KINDS = tuple(
    (re.compile(ask, re.I), answer)
    for ask, answer in (
        (r"\bhow much\b|\b(?:cost|costs|price|fee|charge|spend)\b|多少钱|运费|价格|费用", _MONEY),
        (r"\bhow (?:long|soon|fast|quickly)\b|\bwhen (?:will|does|do)\b|多久|多长时间|几天|几年|有效期", _DURATION),
        (r"\b(?:opening|open|close|hours|what time)\b|几点", _CLOCK),
        (r"\b(?:which|what) days?\b|周几|星期几", _WEEKDAY),
        (r"\bhow (?:many|big|heavy|warm|tall)\b|\bwhat (?:size|temperature)\b|多少|多大|几", re.compile(r"\d")),
        (r"\b(?:in stock|available|sold out)\b|有货|缺货", _STOCK),
        (r"^\W*(?:can|could|may|do|does|is|are|will|would|am)\b|吗|能不能|可不可以", _RULE),
    )
)

VALUES = (_MONEY, _DURATION, _CLOCK)  # the kinds that are a value, which an answer must give


def answer_kinds(question: str) -> list[re.Pattern[str]]:
    """A pattern for each kind of thing asked for (an amount, a length of time, a rule, ...) that an answer has."""
    return [answer for ask, answer in _KINDS if ask.search(question)]


def is_about_shop(question: str) -> bool:
    """Whether the question is how the shop does things ("can I ...", "how do you ..."), rather than about a product."""
    return _ABOUT_SHOP.match(question) is not None


def content_words(text: str) -> list[str]:
    """Content words; for Chinese, characters and pairs of neighbouring ones, since either may be a word."""
    found = units(text)
    pairs = [a + b for a, b in pairwise(found) if is_cjk(a) and is_cjk(b) and not {a, b} & STOPWORDS]
    return [word for word in found if word not in STOPWORDS] + pairs


def asked_words(question: str) -> list[str]:
    """The words that say what a question is about, each once; none for "and how long does it take?"."""
    return [word for word in dict.fromkeys(content_words(question)) if word not in _ASKING]
