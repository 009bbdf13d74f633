"""The looks of a reply: its capitals, accents and spaces come back, and not a letter changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.generation.surface import bare, restored

STATEMENTS = [
    "Returns: You have 45 days from the day the parcel reached you. A label costs £3.50.",
    "Shops: Café Müller in Köln is open 9:30–18:00, Monday to Friday; write to returns@harrowgrind.example.",
    "Delivery: Next-day delivery to Northern Ireland is $1,249.00, by UPS (not on Sundays).",
    "Washing: Wash at 30 °C, inside out. iPhone cases by hand.",
]


@pytest.mark.parametrize(
    ("written", "looks"),
    [
        (
            "you have 45 days , and a label costs £3 . 50 .",
            "You have 45 days, and a label costs £3.50.",
        ),
        (
            "yes , cafe muller in koln is open 9 : 30 – 18 : 00 .",
            "Yes, Café Müller in Köln is open 9:30–18:00.",
        ),
        (
            "it ' s $ 1 , 249 . 00 by ups ( not on sundays ) .",
            "It's $1,249.00 by UPS (not on Sundays).",
        ),
        (
            "sure ! next - day delivery to northern ireland is possible .",
            "Sure! Next-day delivery to Northern Ireland is possible.",
        ),
        (
            "please write to returns @ harrowgrind . example – we answer .",
            "Please write to returns@harrowgrind.example – we answer.",
        ),
        ("iphone cases by hand , at 30 °c .", "iPhone cases by hand, at 30 °C."),
        ("so i ' d wash it inside out .", "So I'd wash it inside out."),
        ('press " next " and wait .', 'Press "next" and wait.'),
        ("that ' s 12 . 50 or 3 , 5 % .", "That's 12.50 or 3,5%."),
    ],
)
def test_looks_come_back(written: str, looks: str) -> None:
    assert restored(written, STATEMENTS) == looks


def test_a_capital_that_only_began_a_sentence_is_not_taken_into_another() -> None:
    assert restored("yes , wash at 30 °c", STATEMENTS) == "Yes, wash at 30 °C"


def test_what_no_source_has_keeps_its_own_words() -> None:
    assert restored("we mend umbrellas .", STATEMENTS) == "We mend umbrellas."


@given(st.sampled_from(STATEMENTS))
def test_a_statement_that_lost_its_looks_gets_all_of_them_back(statement: str) -> None:
    said = statement.partition(": ")[2]
    lost = " ".join(bare(said[at]) for at in range(len(said)) if not said[at].isspace())
    words = " ".join(bare(word) for word in said.split())
    assert bare(lost) == bare(said)
    assert restored(words, STATEMENTS) == said


@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_letter_is_added_dropped_or_moved(written: str, sources: list[str]) -> None:
    assert bare(restored(written, sources)) == bare(written)


@given(st.data())
def test_no_letter_changes_where_the_sources_are_what_was_written(data: st.DataObject) -> None:
    sources = data.draw(st.lists(st.text(min_size=1), min_size=1, max_size=3))
    written = data.draw(st.sampled_from(sources)).lower()
    assert bare(restored(written, sources)) == bare(written)
    assert restored("", sources) == ""
