"""Personal data out of text: what goes, what stays, and that nothing else changes."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn

from bot.learn.redaction import redact, redact_together

ENGLISH = [
    ("write to Jane.Doe+shop@mail.example.co.uk please", "write to <email> please"),
    ("jane (at) example (dot) com", "<email>"),
    ("Call me on 07700 900461 after six", "Call me on <phone> after six"),
    ("my number is +44 20 7946 0018.", "my number is <phone>."),
    ("text 0489 25 37 29", "text <phone>"),
    ("I paid with 4111 1111 1111 1111 yesterday", "I paid with <card> yesterday"),
    ("refund to GB82 WEST 1234 5698 7654 32 and tell me", "refund to <iban> and tell me"),
    ("sort code 20-00-00, 55779911", "sort code <account>"),
    ("my account number is 55779911", "my account number is <account>"),
    ("SSN 460-89-9847", "SSN <id>"),
    ("my NI number is AB 12 34 56 C", "my NI number is <id>"),
    ("blocked from 195.206.132.199 and 2001:db8::8a2e:370:7334", "blocked from <ip> and <ip>"),
    ("https://shop.example/reset?token=abc123 does nothing", "<url> does nothing"),
    ("My name is Zoë O'Neill-Smith and I ordered", "My name is <name> and I ordered"),
    ("my name is jane smith and i ordered boots", "my name is <name> and i ordered boots"),
    ("Thanks, Dr. Berta Szöllössy", "Thanks, Dr. <name>"),
    ("Hi Jane, your boots are on the way.", "Hi <name>, your boots are on the way."),
    ("Deliver it to 14 Marlpit Lane, Bristol BS1 4DJ please", "Deliver it to <address> please"),
    ("I moved to Flat 3, 21 Acacia Road.", "I moved to <address>."),
    ("Is LA9 9ZZ in your area?", "Is <postcode> in your area?"),
    ("ZIP: 94107", "ZIP: <postcode>"),
]
CHINESE = [
    ("我的手机13812345678，下午打", "我的手机<phone>，下午打"),
    ("请打 +86 138 1234 5678", "请打 <phone>"),
    ("身份证11010519491231002X", "身份证<id>"),
    ("我叫王小明，想退货", "我叫<name>，想退货"),
    ("我叫王芳想退货", "我叫<name>想退货"),
    ("收件人：欧阳娜", "收件人：<name>"),
    ("请找李经纬先生", "请找<name>先生"),
    ("寄到北京市朝阳区建国路88号3栋501室", "寄到<address>"),
    ("邮编：100022", "邮编：<postcode>"),
    ("邮箱是zhang.wei@qq.com吗", "邮箱是<email>吗"),
    ("电话：１３８１２３４５６７８", "电话：<phone>"),
]
STAYS = [
    "Where is order TB-20431? Tracking number 4111111111111111, and order 10234567.",
    "订单号 13812345678 还没发货，运单号110105194912310021",
    "Is the Trail Runner 2 in stock in 41 EU, and is £120.00 its price since 2026-11-28?",
    "Open Monday to Friday 09:00-17:00, 30 November 2026 excepted.",
    "https://shop.example/help/returns says 30 days",
    "This is ridiculous. I am sorry. Thanks again, all.",
    "Card 1234 5678 9012 3456 has no valid check digit, nor has GB00 WEST 1234 5698 7654 32.",
    "身份证 110105194912310021 的校验码不对",
    "我是会员，我叫了快递，请问多少钱？",
    "版本 2.1.0，重量 1.5 kg",
    "Hello there, is the 30 litre rucksack waterproof?",
]


@pytest.mark.parametrize(("text", "wanted"), ENGLISH + CHINESE)
def test_personal_data_goes_and_the_words_around_it_stay(text: str, wanted: str) -> None:
    assert redact(text).text == wanted


@pytest.mark.parametrize("text", STAYS)
def test_what_is_nobodys_stays(text: str) -> None:
    assert redact(text).text == text


def test_the_places_are_those_of_the_text_as_it_was() -> None:
    text = "My name is Jane; write to jane@example.com."
    redacted = redact(text)
    assert [(span.kind, text[span.start : span.end]) for span in redacted.spans] == [
        ("name", "Jane"),
        ("email", "jane@example.com"),
    ]


def test_a_name_told_once_goes_from_the_whole_conversation() -> None:
    asked, answered = redact_together(["My name is Jane Smith.", "Hello! Mrs Smith, or Jane: the smithy is shut."])
    assert asked.text == "My name is <name>."
    assert answered.text == "Hello! Mrs <name>, or <name>: the smithy is shut."


WORDS = [text for text, _ in ENGLISH + CHINESE] + STAYS


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=30)), max_size=5).map(" ".join))
@example("")
@example("\U0001f600 My name is \U0001f600")
def test_nothing_else_changes(text: str) -> None:
    assert_only_marks_differ(text)


def assert_only_marks_differ(text: str) -> None:
    redacted = redact(text)
    ends = [0, *(place for span in redacted.spans for place in (span.start, span.end)), len(text)]
    assert ends == sorted(ends)
    assert all(span.start < span.end for span in redacted.spans)
    kept = [text[start:end] for start, end in zip(ends[::2], ends[1::2], strict=True)]
    marks = [f"<{span.kind}>" for span in redacted.spans]
    assert redacted.text == "".join(piece for pair in zip(kept, [*marks, ""], strict=True) for piece in pair)


@given(st.integers(10**14, 10**15 - 1), st.sampled_from(["", " ", "-"]), st.sampled_from(["paid with {}", "卡号{}。"]))
def test_a_card_goes_by_its_check_digit_however_it_is_written(number: int, gap: str, sentence: str) -> None:
    digits = "4" + str(number)[1:]
    whole = digits + luhn.calc_check_digit(digits)
    spoiled = whole[:-1] + str((int(whole[-1]) + 1) % 10)

    def written(card: str) -> str:
        return sentence.format(gap.join(card[at : at + 4] for at in range(0, len(card), 4)))

    assert "<card>" in redact(written(whole)).text
    assert "<card>" not in redact(written(spoiled)).text


@pytest.mark.timeout(60)
def test_a_long_text_of_few_letters_is_read_to_its_end() -> None:
    """A rule that tried again from each letter would not come to its end within the limit, far above what it takes."""
    letters = random.Random(7)
    for alphabet in ("a", "1", "a ", "1 ", "A b", "1-", ".a", "@a", "Aa 1", "王", "http://a?", "\n> 1"):
        assert_only_marks_differ("".join(letters.choice(alphabet) for _ in range(4000)))
