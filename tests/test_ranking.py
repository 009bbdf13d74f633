"""Which of what the passages say answers, and whether anything does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ranking import (
    DENSE,
    DENSE_TOO,
    WORDED,
    WORDS,
    Ranking,
    asks_the_same,
    best_passages,
    load_weights,
    question_features,
    rank,
    with_best,
)
from knowledge.documents import Chunk
from retrieval.embedders import Likeness
from retrieval.retriever import Hit
from tests.fakes import HashEmbedder

RETURNS = Chunk(
    "policies/returns.md",
    0,
    "Returns policy",
    ("Returns", "What does it cost?"),
    "You have **30 days** from delivery. See [exceptions](return-exceptions.md).\n\n"
    "- Gift cards cannot be returned\n- Boots worn outside cannot be returned\n\n"
    "| You are returning | Label |\n|---|---|\n| for a refund | £3.95 |\n| something faulty | free |",
)
FAQ = Chunk(
    "help/faq.md",
    0,
    "FAQ",
    (),
    "**Do you deliver to Ireland?** Yes, £8.95, free from £120.\n\n"
    "**Do you sell gift cards?** We do, from £10 to £250.",
)
CHINESE = Chunk(
    "zh/tuihuo.md",
    0,
    "退货政策",
    ("时限",),
    "未使用的商品可在收货后30天内退货。穿到室外的靴子不能退货！\n\n- 礼品卡不能退",
    "zh",
)


def hit(piece: Chunk, score: float = 0.5) -> Hit:
    return Hit(piece, score, 0.5)


def ranked(question: str, *chunks: Chunk, embed: bool = True) -> Ranking:
    return rank(question, [hit(c) for c in chunks], lambda word: 1.0, HashEmbedder().compared if embed else None)


@pytest.mark.parametrize("embed", [True, False])
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Do you deliver to Ireland?", "Yes, £8.95"),
        ("Can I return boots worn outside?", "Boots worn outside"),
        ("How much is the label for a refund?", "£3.95"),
        ("穿到室外的靴子能退货吗？", "靴子不能退货"),
        ("收货后几天内可以退货？", "30天内"),
    ],
)
def test_the_statement_that_answers_comes_first(question: str, answer: str, embed: bool) -> None:
    assert answer in ranked(question, RETURNS, FAQ, CHINESE, embed=embed).statements[0].text


def test_every_statement_is_ranked_once_best_first() -> None:
    found = ranked("Do you deliver to Ireland?", RETURNS, FAQ).statements
    assert len({(statement.passage, statement.order) for statement in found}) == len(found) == 8
    assert [statement.score for statement in found] == sorted((s.score for s in found), reverse=True)


def test_a_better_passage_lifts_what_it_says() -> None:
    twin = Chunk("twin.md", 0, FAQ.title, (), FAQ.text)
    found = rank("Do you deliver to Ireland?", [hit(FAQ, 0.2), hit(twin, 0.9)], lambda word: 1.0).statements
    assert found[0].passage == 1


def test_what_a_question_is_about_counts_more_than_its_common_words() -> None:
    common = Chunk("a.md", 0, "A", (), "You can send a parcel with a label.")
    rare = Chunk("b.md", 0, "B", (), "Crampons travel in their own bag.")
    rarity = {"crampon": 5.0}
    found = rank("Can I send crampons in a parcel?", [hit(common), hit(rare)], lambda w: rarity.get(w, 0.5))
    assert found.statements[0].text.startswith("Crampons")


@pytest.mark.parametrize("question", ["", "???", "the a of", "吗"])
def test_a_question_without_content_is_ranked_without_failing(question: str) -> None:
    found = ranked(question, RETURNS, CHINESE)
    assert all(0 <= score <= 1 for score in (found.confidence, *(s.score for s in found.statements)))


def test_no_hits_and_empty_passages_say_nothing() -> None:
    assert ranked("Do you deliver to Ireland?") == ([], 0.0)
    assert ranked("Do you deliver to Ireland?", Chunk("a.md", 0, "A", (), " . ")) == ([], 0.0)


def test_weights_fit_their_features() -> None:
    fitted = load_weights()
    assert set(fitted.statement) == {
        f"{language} {features}" for language in ("en", "zh") for features in (WORDED, DENSE_TOO)
    }
    for name, regression in fitted.statement.items():
        width = len(WORDS) + (len(DENSE) if name.endswith(DENSE_TOO) else 0)
        assert np.isfinite(regression(with_best(np.zeros((4, width))))).all()
    table = np.zeros((4, len(WORDS) + len(DENSE)))
    assert np.isfinite(fitted.question(question_features(table, np.zeros(4)))).all()


RATES = Chunk(
    "delivery.md",
    0,
    "Delivery",
    ("Rates",),
    "| Country | Price |\n|---|---|\n| Belgium | £8 |\n| Germany, Luxembourg | £9 |\n| Netherlands | £7 |",
)


@pytest.mark.parametrize(
    ("question", "price"),
    [
        ("How much is postage to Cologne?", "£9"),
        ("How much is postage to Antwerp?", "£8"),
        ("and to Rotterdam?\nHow much is postage to Cologne?", "£7"),
    ],
)
def test_a_town_goes_with_the_row_of_its_country(question: str, price: str) -> None:
    assert price in ranked(question, RATES).statements[0].text


PEN = Chunk("shop.jsonl#P", 0, "Heron fountain pen", (), "Green or slate.\n\nPrice: £64.00. In stock.")
BLOTTER = Chunk("shop.jsonl#B", 0, "Rocker blotter", (), "Stands on the desk.\n\nPrice: £14.40. In stock.")


def test_the_price_of_another_product_is_put_back() -> None:
    for question, price in (("price of the heron?", "£64.00"), ("price of the blotter?", "£14.40")):
        first, second = (s for s in ranked(question, BLOTTER, PEN).statements if s.text.startswith("Price"))
        assert price in first.text
        assert second.score < 0.5 * first.score


def test_a_question_without_its_mark_is_read_as_with_it() -> None:
    read: list[str] = []

    def compare(questions: Sequence[str], texts: Sequence[str]) -> Likeness:
        read.extend(questions)
        return HashEmbedder().compared(questions, texts)

    marked, bare = (rank(f"Price of gift cards{end}", [hit(FAQ)], lambda word: 1.0, compare) for end in ("?", ""))
    assert bare == marked
    assert set(read) == {"Price of gift cards?"}


def test_what_a_product_is_does_not_make_a_question_answered() -> None:
    tent = Chunk("p.csv#A", 0, "Mardale 2", (), "Type: Tents and tarps.\n\nPrice: £189.00.")

    def compare(questions: Sequence[str], texts: Sequence[str]) -> Likeness:
        near = np.array([[0.9 if "Tents" in text else 0.2 for text in texts]] * len(questions))
        return Likeness(near, near)

    def confidence(*pieces: Chunk) -> float:
        return rank("Do you rent out tents?", [hit(piece) for piece in pieces], lambda word: 1.0, compare).confidence

    assert confidence(tent, FAQ) < 0.1 * confidence(tent)


def test_the_models_read_where_a_town_is_and_chinese_in_the_words_of_the_glossary() -> None:
    read: list[str] = []

    def compare(questions: Sequence[str], texts: Sequence[str]) -> Likeness:
        read.extend(questions)
        return HashEmbedder().compared(questions, texts)

    rank("Do you ship to Cologne?", [hit(RATES)], lambda word: 1.0, compare)
    assert read[0] == "Do you ship to Cologne (Germany)?"
    read.clear()
    rank("礼品卡能退吗？", [hit(CHINESE)], lambda word: 1.0, compare)
    assert "gift card" in read[0]


def test_the_best_passages_come_first_and_keep_what_they_say() -> None:
    twin = Chunk("twin.md", 0, FAQ.title, (), FAQ.text)
    hits = [hit(RETURNS, 0.2), hit(FAQ, 0.2), hit(twin, 0.9)]
    ranking = rank("Do you deliver to Ireland?", hits, lambda word: 1.0).statements
    passages, said = best_passages(hits, ranking, 2)
    assert passages[0].chunk.document == "twin.md"
    assert passages == [hits[number] for number in dict.fromkeys(statement.passage for statement in ranking)][:2]
    assert {statement.passage for statement in said} == {0, 1}
    assert all(statement.quote in passages[statement.passage].chunk.text for statement in said)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6))
def test_the_best_column_is_nought_below_itself(column: list[float]) -> None:
    table = with_best(np.array(column)[:, None])
    assert table[:, 1].max() == 0
    np.testing.assert_allclose(table[:, 0] - table[:, 1], max(column), atol=1e-9)


@pytest.mark.parametrize(
    ("question", "heading", "same"),
    [
        ("how long do refunds take", "How long do refunds take?", True),
        ("Do you deliver to Ireland", "Do you deliver to Ireland?", True),
        ("how much is a refund", "How long do refunds take?", False),
        ("Do you deliver to Iceland", "Do you deliver to Ireland?", False),
        ("how long do refunds take", "Refunds", False),
        ("", "", False),
    ],
)
def test_a_heading_that_asks_just_this_is_known(question: str, heading: str, same: bool) -> None:
    assert asks_the_same(question, heading) is same


def test_what_stands_under_a_heading_that_asks_just_this_is_a_sure_answer() -> None:
    page = Chunk("refunds.md", 0, "Money", ("How long do refunds take?",), "Five working days after it is with us.")
    assert ranked("how long do refunds take", page, embed=True).confidence >= 0.9
