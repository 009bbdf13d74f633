"""The proof of the house generator: figures that tell a right reply from a wrong one, over the desk's own ranking."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.generation.house import NOT_FOUND
from bot.learn.prove import Question, Said, behind, better, composer, figures, questions, remembered
from bot.ranking import Ranking
from bot.statements import Statement
from retrieval.embedders import SentenceEmbedder

LABEL = Statement("A label costs £3.50.", "A label costs £3.50.", "Returns", 0, 0, score=0.9)
DAYS = Statement("You have 30 days.", "You have 30 days.", "Returns", 0, 1, score=0.4)
PASSAGES = ("Returns\nA label costs £3.50. You have 30 days.",)
SURE, UNSURE = Ranking([LABEL, DAYS], 0.9), Ranking([LABEL, DAYS], 0.1)
ASKED = Question(("price of a label",), "A label is £3.50.", SURE, (LABEL, DAYS), frozenset({0}), PASSAGES)
LATER = Question(("how long?",), "You have 30 days.", SURE, (LABEL, DAYS), frozenset({1}), PASSAGES)
NOWHERE = Question(("do you rent tents",), "", UNSURE, (LABEL, DAYS), frozenset(), PASSAGES)
ALL = [ASKED, LATER, NOWHERE]
DECLINED = Said(NOT_FOUND, (), declines=True)


def perfect(question: Question) -> Said:
    return Said(question.reply, tuple(question.right), declines=False) if question.reply else DECLINED


def invents(question: Question) -> Said:
    return Said("A label is free for 99 years.", (0,), declines=False)


def test_a_perfect_writer_has_every_figure() -> None:
    found = {name: share.figure for name, share in figures(ALL, perfect).items()}
    good = ("F1", "F1 where the statement was given", "numbers right", "right statement chosen", "rightly declined")
    assert [found[name] for name in good] == [1.0] * 5
    assert {found[name] for name in found if name not in good} == {0.0}


def test_one_that_invents_is_found_out() -> None:
    found = {name: share.figure for name, share in figures(ALL, invents).items()}
    assert found["numbers right"] == found["rightly declined"] == found["over-refusal"] == 0.0
    assert found["numbers from nowhere"] == found["unsupported sentences"] == 1.0
    assert found["right statement chosen"] == 0.5


def test_one_that_always_declines_has_no_answers_to_be_wrong() -> None:
    found = {name: share.figure for name, share in figures(ALL, lambda _: DECLINED).items()}
    assert found["over-refusal"] == found["rightly declined"] == 1.0
    assert found["F1"] == found["numbers right"] == 0.0


def test_the_composer_says_the_best_statement_where_the_ranking_is_sure() -> None:
    assert composer(ASKED).text.startswith("A label costs £3.50.")
    assert composer(NOWHERE).declines
    assert behind(invents)(NOWHERE).declines
    assert not behind(invents)(ASKED).declines


def test_better_is_the_mean_gain_over_what_can_be_answered() -> None:
    gain = better(ALL, perfect, invents)
    assert gain.of == 2
    assert 0.5 < gain.low <= gain.figure <= gain.high


def test_a_remembered_writer_is_asked_once() -> None:
    asked: list[Question] = []

    def count(question: Question) -> Said:
        asked.append(question)
        return DECLINED

    write = remembered(count)
    figures(ALL, write), figures(ALL, write)
    assert asked == ALL


@pytest.fixture(scope="module")
def house(exported_models: Path) -> SentenceEmbedder:
    return SentenceEmbedder("house", exported_models)


def test_the_questions_go_through_the_desks_own_search(house: SentenceEmbedder, tmp_path: Path) -> None:
    pages = [
        {
            "title": "Returns",
            "text": "A return label costs £3.50 and is taken off your refund.\n\nYou have 45 days to send goods back.",
            "questions": [
                {
                    "turns": ["how much is the label for sending it back?"],
                    "evidence": ["A return label costs £3.50 and is taken off your refund."],
                    "reply": "The label is £3.50.",
                }
            ],
            "unanswerable": [{"question": "do you lease pianos by the year?"}],
        }
    ]
    answerable, unanswerable = sorted(questions({"Tarn": pages}, house, tmp_path, None), key=lambda q: not q.reply)
    assert [answerable.given[at].text for at in answerable.right] == [pages[0]["questions"][0]["evidence"][0]]  # type: ignore[index]
    assert answerable.ranked.confidence > unanswerable.ranked.confidence
    assert not unanswerable.right
