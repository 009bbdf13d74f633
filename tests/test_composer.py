"""The reply without a model: the shop's own sentences, few of them, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, HumanMessage

from bot.generation.composer import LENGTH, STATEMENTS, ExtractiveChatModel, chosen, compose
from bot.phrases import phrases
from bot.ranking import rank
from bot.statements import Statement, statements
from knowledge.chunking import chunk
from knowledge.documents import Chunk, Document
from retrieval.retriever import Hit

BOOTS = Chunk(
    "returns.md",
    0,
    "Returns",
    ("Can I send back boots I wore once?",),
    "It depends where. Boots worn outside, even once, cannot be returned. "
    "But indoors on a clean floor is fine. If they are faulty you can always send them back. "
    "Our desk in Kendal looks at every pair by hand and writes to you within two working days of its arrival there.",
)


def ask(question: str, *chunks: Chunk) -> list[Statement]:
    return rank(question, [Hit(piece, 0.6, 0.6) for piece in chunks], lambda word: 1.0).statements


def best_first(said: Sequence[Statement], best: int) -> list[Statement]:
    """The statements as if that one answered the question, and no other did."""
    scored = [replace(s, score=0.9 if s.order == best else 0.1) for s in said]
    return sorted(scored, key=lambda s: -s.score)


@st.composite
def rankings(draw: st.DrawFn) -> list[Statement]:
    words = st.sampled_from(
        ["boots", "delivery", "It", "But", "indoors", "30", "days", "£4.50", "clean", "never", "parcel", "Ireland"]
    )
    sentence = st.builds(lambda said: " ".join(said).capitalize() + ".", st.lists(words, min_size=1, max_size=45))
    text = " ".join(draw(st.lists(sentence, min_size=1, max_size=8)))
    said = statements(chunk(Document("a.md", "A", text), limit=10_000)[0])
    scores = draw(st.lists(st.floats(0, 1), min_size=len(said), max_size=len(said)))
    return sorted((replace(s, score=score) for s, score in zip(said, scores, strict=True)), key=lambda s: -s.score)


@given(rankings())
def test_a_reply_is_short_unless_one_statement_alone_is_long(ranked: list[Statement]) -> None:
    assume(ranked)
    picked = chosen(ranked)
    assert ranked[0] in picked
    length = sum(len(statement.text) + 1 for statement in picked)
    assert len(picked) == 1 or length <= LENGTH + 1


@given(rankings())
def test_statements_are_said_in_the_order_of_their_document_without_gaps(ranked: list[Statement]) -> None:
    assume(ranked)
    orders = [statement.order for statement in chosen(ranked)]
    assert orders == list(range(orders[0], orders[0] + len(orders)))


@given(rankings())
def test_every_sentence_of_a_reply_is_a_statement_with_a_capital_and_an_end(ranked: list[Statement]) -> None:
    assume(ranked)
    known = {statement.text.rstrip(".").lower() for statement in ranked}
    for sentence in compose(ranked):
        assert sentence[0] == sentence[0].upper()
        assert sentence.endswith((".", "!", "?"))
        assert sentence.rstrip(".").lower() in known


def test_the_best_statement_is_in_the_reply() -> None:
    assert "Boots worn outside, even once, cannot be returned." in compose(ask("boots worn outside returned", BOOTS))


def test_what_leans_on_the_sentence_before_it_brings_it_along() -> None:
    reply = compose(best_first(statements(BOOTS), 2))
    assert reply[0] == "Boots worn outside, even once, cannot be returned."
    assert reply[1] == "But indoors on a clean floor is fine."


def test_a_qualification_right_after_the_answer_is_said_with_it() -> None:
    reply = compose(best_first(statements(BOOTS), 1))
    assert reply[:2] == ["Boots worn outside, even once, cannot be returned.", "But indoors on a clean floor is fine."]


def scored(piece: Chunk, *scores: float) -> list[Statement]:
    said = [replace(s, score=score) for s, score in zip(statements(piece), scores, strict=True)]
    return sorted(said, key=lambda s: -s.score)


def test_what_answers_nearly_as_well_elsewhere_is_said_too() -> None:
    piece = Chunk("a.md", 0, "A", (), "**Price?** Yes, £8.95.\n\n**Time?** Parcels take three days.")
    assert compose(scored(piece, 0.9, 0.6)) == ["Yes, £8.95.", "Parcels take three days."]
    assert compose(scored(piece, 0.9, 0.2)) == ["Yes, £8.95."]


def test_nothing_is_said_twice() -> None:
    piece = Chunk("a.md", 0, "A", (), "**Price?** Delivery is £8.95.\n\n**Ireland?** Delivery is £8.95.")
    assert compose(scored(piece, 0.9, 0.8)) == ["Delivery is £8.95."]


def test_nothing_is_taken_from_under_another_heading() -> None:
    piece = Chunk("a.md", 0, "A", (), "**Ireland?** Yes, £8.95.\n\n**Gift cards?** But only from £10.")
    assert compose(best_first(statements(piece), 0)) == ["Yes, £8.95."]


def test_a_row_of_a_table_stands_alone() -> None:
    piece = Chunk("a.md", 0, "Warranty", (), "| Goods | Years |\n|---|---|\n| Tents | 3 |\n| Kettles | 2 |")
    assert compose(best_first(statements(piece), 0)) == ["Tents: 3 years."]


def test_a_products_fact_names_the_product_once() -> None:
    piece = Chunk("products.csv#K-1", 0, "Ember Kettle", (), "Boils a litre in three minutes.")
    assert compose(statements(piece)) == ["Ember Kettle: boils a litre in three minutes."]
    named = Chunk("products.csv#K-1", 0, "Ember Kettle", (), "The Ember Kettle boils a litre in three minutes.")
    assert compose(statements(named)) == ["The Ember Kettle boils a litre in three minutes."]


def test_chinese_gets_chinese_stops() -> None:
    piece = Chunk("zh/a.md", 0, "保修", (), "| 商品 | 年限 |\n|---|---|\n| 睡袋 | 5 年 |", "zh")
    (sentence,) = compose(statements(piece), "zh")
    assert sentence.endswith("年。")
    assert "睡袋" in sentence


LISTS = Chunk(
    "payment.md",
    0,
    "Payment",
    ("We don't accept",),
    "Cheques, postal orders and other shops' vouchers.\n\nFor Northern Ireland and the islands:\n\n"
    "- Standard costs the same £4.50.\n- Express is £12.50.\n\nThree ways to send it back:\n\n"
    "- Drop it at a post office with our label.\n- Hand it to a driver",
)


@pytest.mark.parametrize(
    ("best", "reply"),
    [
        ("Cheques", "We don't accept: cheques, postal orders and other shops' vouchers."),
        ("Express", "For Northern Ireland and the islands: Express is £12.50."),
        ("Drop it", "Drop it at a post office with our label."),  # a sentence, and no condition leads into it
    ],
)
def test_what_cannot_be_understood_alone_is_said_behind_its_lead_or_heading(best: str, reply: str) -> None:
    said = statements(LISTS)
    (at,) = (s.order for s in said if s.text.startswith(best))
    assert compose(best_first(said, at))[0] == reply


def test_what_leads_into_a_list_brings_its_items_along_as_one_sentence() -> None:
    said = statements(LISTS)
    (at,) = (s.order for s in said if s.text.startswith("For Northern"))
    assert compose(best_first(said, at))[0] == (
        "For Northern Ireland and the islands: standard costs the same £4.50; express is £12.50."
    )


def test_nothing_ranked_composes_nothing() -> None:
    assert compose([]) == []


# As a chat model


def asked(question: str, ranked: Sequence[Statement] = ()) -> list[HumanMessage]:
    return [HumanMessage(question, additional_kwargs={STATEMENTS: tuple(ranked)})]


def test_the_stream_is_a_sentence_a_piece_and_joins_to_the_answer() -> None:
    messages = asked("boots?", best_first(statements(BOOTS), 1))
    pieces = [str(piece.text) for piece in ExtractiveChatModel().stream(messages)]
    composed = compose(best_first(statements(BOOTS), 1))
    assert len([piece for piece in pieces if piece]) == len(composed) > 1
    assert "".join(pieces) == " ".join(composed) == ExtractiveChatModel().invoke(messages).text


def test_chinese_sentences_join_without_a_space() -> None:
    piece = Chunk("zh/a.md", 0, "退货", (), "三十天内可以退货。但穿到室外的靴子不能退货。", "zh")
    reply = ExtractiveChatModel().invoke(asked("多少天内可以退货？", best_first(statements(piece), 0)))
    assert reply.text == "三十天内可以退货。但穿到室外的靴子不能退货。"


@pytest.mark.parametrize("question", ["Do you sell penguins?", "你们卖企鹅吗？"])
def test_without_statements_it_declines_in_the_askers_language(question: str) -> None:
    own = phrases("zh" if "企" in question else "en")
    assert ExtractiveChatModel().invoke(asked(question)).text == own.not_found


def test_a_stop_sequence_ends_the_answer() -> None:
    messages = asked("boots?", best_first(statements(BOOTS), 1))
    whole = ExtractiveChatModel().invoke(messages).text
    assert ExtractiveChatModel().invoke(messages, stop=["cannot"]).text == whole[: whole.index("cannot")]


def test_usage_comes_once_with_the_last_piece() -> None:
    pieces = list(ExtractiveChatModel().stream(asked("boots?", best_first(statements(BOOTS), 1))))
    with_usage = [piece for piece in pieces if isinstance(piece, AIMessageChunk) and piece.usage_metadata]
    assert len(with_usage) == 1


BEST = Statement("Returns cost £3.95.", "Returns cost £3.95.", "Who pays?", 0, 0, score=0.6)


@pytest.mark.parametrize(
    ("text", "heading", "said"),
    [
        ("DHL Express, £29.95, 4–8 working days.", "Canada", "Canada: DHL Express, £29.95, 4–8 working days."),
        ("All of it, label free.", "Size sold out?", "Size sold out? All of it, label free."),
        ("We pay for the label of faulty goods.", "Faulty", "We pay for the label of faulty goods."),
        ("全额退款，运费我们出。", "要的尺码没货了？", "要的尺码没货了？全额退款，运费我们出。"),
    ],
)
def test_what_another_section_explains_is_said_with_its_heading(text: str, heading: str, said: str) -> None:
    also = Statement(text, text, heading, 1, 0, score=0.5)
    assert compose([BEST, also])[1:] == [said]
    assert compose([BEST, replace(also, passage=0, heading=BEST.heading, order=2)])[1:] == [text]
