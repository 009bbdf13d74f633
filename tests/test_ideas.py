"""The glossary: what each line may hold, and how a question is cut into the phrases it knows."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.understanding.ideas import FILE, Stretch, stretches
from knowledge.chinese import simplified
from knowledge.languages import detect
from retrieval.lexical import STOPWORDS, units

SECTIONS = tomllib.loads(files("bot.understanding").joinpath(FILE).read_text(encoding="utf-8"))
LINES = [(section, name, words) for section, lines in SECTIONS.items() for name, words in lines.items()]


def names(question: str) -> list[str]:
    return [idea.name for stretch in stretches(units(question)) for idea in stretch.ideas]


def test_no_idea_has_two_lines() -> None:
    every = [name for _, name, _ in LINES]
    assert len(every) == len(set(every))


def faults(section: str, words: list[str]) -> Iterator[str]:
    """What is wrong with a line."""
    plain = [word.lstrip("?+") for word in words]
    if not all(units(word) for word in plain):
        yield "a word that says nothing"
    if len(plain) != len(set(plain)):
        yield "a word twice"
    if any(simplified(word) != word for word in plain):
        yield "traditional characters"
    searched = [word for word in words if not word.startswith("?")]
    if section != "plain" and {detect(word) for word in searched} != {"en", "zh"}:
        yield "no word to search by in one of the languages"
    if section != "plain" and any(STOPWORDS.issuperset(units(word)) for word in searched):
        yield "function words find everything"


def test_a_line_says_one_idea_in_both_languages() -> None:
    assert len(LINES) > 500
    assert [(name, fault) for section, name, words in LINES for fault in faults(section, words)] == []


@pytest.mark.parametrize(
    ("section", "words", "fault"),
    [
        ("things", ["boot", "靴子", "?"], "a word that says nothing"),
        ("things", ["boot", "靴子", "?boot"], "a word twice"),
        ("things", ["boot", "靴子", "運費"], "traditional characters"),
        ("things", ["boot", "?靴子"], "no word to search by in one of the languages"),
        ("things", ["boot", "靴子", "what is"], "function words find everything"),
    ],
)
def test_a_line_that_is_wrong_is_found(section: str, words: list[str], fault: str) -> None:
    assert fault in faults(section, words)
    assert list(faults("plain", ["boot"])) == []


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("can i get my money back", "refund"),
        ("is it a quid", "pound"),
        ("how much is a cafetiere", "cafetiere"),
        ("my kettle has packed in", "faulty"),
        ("the jumper shrank, it shrunk", "shrink"),
        ("烘干机里行不行", "tumble_dry"),
        ("运费多少", "delivery_price"),
        ("能分期付款吗", "instalments"),
        ("T恤会起球吗", "t_shirt"),
        ("T恤会起球吗", "pilling"),
    ],
)
def test_what_shoppers_say_names_the_idea(question: str, named: str) -> None:
    assert named in names(question)


@pytest.mark.parametrize(
    ("question", "not_named"),
    [
        ("can you send it back", "delivery"),  # "send back" is one phrase
        ("洗衣机能放厨房吗", "wash"),  # 洗衣机 is longer than 洗
        ("do you offer engraving", "discount"),  # searched for as "offer", but not named by it
        ("a box of 12", "packaging"),
        ("sandals", "waterproof"),
    ],
)
def test_a_longer_phrase_or_another_sense_does_not_name_it(question: str, not_named: str) -> None:
    assert not_named not in names(question)


def test_words_that_are_only_understood_are_not_searched_for() -> None:
    refund = next(idea for stretch in stretches(units("refund")) for idea in stretch.ideas if idea.name == "refund")
    assert "money back" in refund.english
    assert "退款" in refund.chinese
    assert "dosh back" not in refund.english
    assert not [word for word in (*refund.english, *refund.chinese) if word[0] in "?+"]


@given(
    st.lists(st.sampled_from(["send", "back", "it", "运", "费", "退", "款", "tent", "xyzzy", "the", "12"]), max_size=12)
)
def test_the_stretches_are_the_question(question: list[str]) -> None:
    found = stretches(question)
    assert [at for stretch in found for at in range(stretch.start, stretch.end)] == list(range(len(question)))
    assert all(stretch.ideas or stretch.end == stretch.start + 1 for stretch in found)


def test_nothing_asked_names_nothing() -> None:
    assert stretches([]) == []
    assert stretches(["xyzzy"]) == [Stretch(0, 1)]
