"""The values that a text names, however they are written, in English and Chinese."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.evidence.digits import in_digits
from bot.evidence.values import Value, same, says, values

# Each line is one value in several spellings; no two lines are the same.
SPELLINGS = [
    ["14 days", "two weeks", "a fortnight", "fourteen days", "2 weeks", "14-day", "十四天", "两周", "14天", "14日"],
    ["30 days", "thirty days", "30-day", "三十天", "30天"],
    ["3 working days", "three business days", "3 weekdays", "3个工作日", "三个工作日"],
    ["3 days", "72 hours", "three days", "3天", "72小时"],
    ["24 months", "two years", "2 years", "24个月", "两年", "2年"],
    ["18 months", "1½ years", "1.5 years", "18-month", "一年半"],
    ["half an hour", "30 minutes", "0.5 hours", "半小时", "30分钟", "半个小时"],
    ["3–5 working days", "3 to 5 working days", "three to five business days", "3-5个工作日", "3至5个工作日"],
    ["£4.50", "4.50 pounds", "GBP 4.50", "£4.5", "4.50 GBP", "4.50英镑", "4.5镑"],
    ["£1,299", "1,299 pounds", "£1299.00"],
    ["€24.90", "24,90 €", "€24,90", "24.90 euros", "24.9欧元"],
    ["$5", "5 dollars", "five bucks"],
    ["50p", "£0.50", "50 pence"],
    ["¥199", "199元", "199 yuan", "￥199"],
    ["20%", "20 per cent", "20 percent", "twenty percent", "20％", "百分之二十", "八折"],
    ["half price", "50%", "半价"],
    ["20 January", "Jan 20th", "January 20", "the 20th of January", "20 Jan.", "1月20日", "1月20号"],
    ["20 January 2026", "2026-01-20", "20.01.2026", "Jan 20, 2026", "2026年1月20日", "20/1/2026"],
    ["1 to 24 December", "1–24 December", "December 1–24", "12月1日至24日"],
    ["14:00", "2 pm", "2pm", "2 p.m.", "2:00 pm", "下午2点", "下午两点", "14点"],
    ["9:30 am", "9.30am", "上午9点半", "上午九点三十分"],
    ["noon", "12 pm", "midday"],
    ["Monday to Friday", "Mon–Fri", "Mondays to Fridays", "weekdays", "周一至周五", "星期一到星期五"],
    ["Saturday", "Saturdays", "Sat", "周六", "星期六"],
    ["weekends", "the weekend", "周末"],
    ["1.5 kg", "1500 g", "1.5 kilos", "1.5公斤", "1500克"],
    ["100 ml", "0.1 litres", "10 cl", "100毫升"],
    ["2 m", "200 cm", "2 metres", "2米"],
    ["65 W", "65W", "65 watts", "65瓦"],
    ["TC-14", "tc14", "TC14"],
    ["April to October", "from April to October", "4月至10月"],
]  # fmt: skip
NOTHING = [
    "one of them", "an hour of need", "in the sun", "you may return it", "the next working day", "一般不能退",
    "十分满意", "统一处理", "second-hand", "the first parcel", "运输时间",
]  # fmt: skip


@pytest.mark.parametrize("spellings", SPELLINGS, ids=[line[0] for line in SPELLINGS])
def test_a_value_is_the_same_however_it_is_written(spellings: list[str]) -> None:
    for one, other in combinations(spellings, 2):
        (a,), (b,) = values(one), values(other)
        assert same(a, b), (one, other)
        assert same(b, a), (other, one)


def test_values_that_are_not_the_same_are_told_apart() -> None:
    compatible = {("20 January", "20 January 2026")}
    for one, other in combinations(SPELLINGS, 2):
        for a in one:
            for b in other:
                assert (one[0], other[0]) in compatible or not same(values(a)[0], values(b)[0]), (a, b)


@pytest.mark.parametrize("text", NOTHING)
def test_words_that_only_look_like_values_are_none(text: str) -> None:
    assert values(text) == ()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Delivery is £4.50 and free from £60, 3–5 working days", ["money", "money", "length"]),
        ("Orders placed by Friday 1 pm arrive on Saturday", ["clock", "weekday", "weekday"]),
        ("between 1 November and 24 December 2026", ["date", "date"]),
        ("8 pm two days before", ["clock", "length"]),
        ("The Voltra 65 has 65 W, the TC-14 weighs 2.5 kg", ["code", "count", "measure", "measure"]),
        ("55 in stock", ["count"]),
        ("the 2 and 4 Ah packs", ["measure", "measure"]),
        ("200 x 200", ["count", "count"]),
        ("买满99元包邮,3天内发货", ["money", "length"]),
        ("周一至周五 9:00-18:00", ["clock", "clock", "weekday"]),
    ],
)
def test_every_value_of_a_sentence_is_found(text: str, kinds: list[str]) -> None:
    assert sorted(value.kind for value in values(text)) == sorted(kinds)


@pytest.mark.parametrize(
    ("there", "said", "expected"),
    [
        ("3–5 working days", "up to 5 working days", True),
        ("3–5 working days", "5 days", False),
        ("Monday to Friday", "Wednesday", True),
        ("Monday to Friday", "Saturday", False),
        ("Saturday to Tuesday", "Monday", True),
        ("between June and August", "from June to August", True),
        ("20 January 2026", "20 January", True),
        ("20 January 2026", "20 January 2027", False),
        ("20 January", "in January", True),
        ("Tents: 3", "3 years", True),
        ("3 tents", "3 years", False),
        ("$5", "A$5", True),
        ("£5", "€5", False),
        ("9 to 5 pm", "9 am", True),
        ("9 to 5 pm", "9 pm", False),
        ("half past nine", "9:30 pm", True),
        ("30 days", "", True),
    ],
)
def test_whether_a_text_says_what_another_says(there: str, said: str, expected: bool) -> None:
    assert all(says(values(there), value) for value in values(said)) is expected


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("up to £60", "most"), ("from £60", "least"), ("orders over £60", "least"), ("orders under £60", "most"),
        ("no more than £60", "most"), ("£60 or more", "least"), ("within 30 days", "most"), ("£60", ""),
        ("满60元", "least"), ("60元以内", "most"), ("最多60元", "most"),
    ],
)  # fmt: skip
def test_what_is_the_most_or_the_least_is_known_as_such(text: str, bound: str) -> None:
    (value,) = values(text)
    assert value.bound == bound


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("thirty-one", "31"), ("two hundred", "200"), ("a dozen eggs", "12 eggs"), ("half past nine", "9:30"),
        ("quarter to six", "5:45"), ("7 1/2 inches", "7.5 inches"), ("两千五百元", "2500元"), ("2.5万元", "25000元"),
        ("one of the two", "one of the 2"),
    ],
)  # fmt: skip
def test_numbers_in_words_are_put_in_digits(text: str, plain: str) -> None:
    assert in_digits(text) == plain


@given(st.text(max_size=120))
def test_any_text_has_values_or_none(text: str) -> None:
    for value in values(text):
        assert isinstance(value, Value)
        assert same(value, value)


@given(st.integers(1, 9999), st.sampled_from(["days", "weeks", "kg", "£", "%"]))
def test_a_number_is_said_by_itself_and_by_no_other(number: int, unit: str) -> None:
    written = f"£{number}" if unit == "£" else f"{number} {unit}"
    other = f"£{number + 1}" if unit == "£" else f"{number + 1} {unit}"
    (value,) = values(written)
    assert says(values(f"It is {written}."), value)
    assert not says(values(f"It is {other}."), value)
