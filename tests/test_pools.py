"""What the embedder learns from: the texts that answer are the right ones, and what is held out stays out."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from bot.learn.pairs import CALIBRATION, curriculum, is_shop_held_out
from bot.learn.pools import (
    Asked,
    Pool,
    articles,
    candidates,
    dialogues,
    passage_pool,
    statement_pool,
    whole_shops,
)
from knowledge.languages import detect
from tests.test_pairs import write

PAGE: dict[str, Any] = {
    "shop": "Kettle & Co",
    "trade": "kettles",
    "title": "Returns",
    "text": "You have 30 days.\n\nWe do not take back:\n\n- gift cards\n- opened coffee\n\n"
    "## Post\n\nThe label costs £3.95.",
    "questions": [
        {"turns": ["how long have i got"], "evidence": ["You have 30 days."], "reply": "30 days."},
        {"turns": ["a gift card", "can it go back", "and opened beans"], "evidence": ["opened coffee"], "reply": "No."},
        {"turns": ["who pays the post"], "evidence": ["The label costs £3.95."], "reply": "You do."},
    ],
    "unanswerable": [{"question": "do you collect", "near": "The label costs £3.95."}],
}


def right_texts(pool: Pool) -> dict[str, set[str]]:
    return {one.question: {pool.texts[at] for at in one.right} for one in pool.asked}


def test_statements_answer_in_their_place_and_nothing_answers_the_unanswerable() -> None:
    assert right_texts(statement_pool([PAGE])) == {
        "how long have i got": {"Returns: You have 30 days."},
        "and opened beans\ncan it go back\na gift card": {"Returns: We do not take back: opened coffee"},
        "who pays the post": {"Returns > Post: The label costs £3.95."},
        "do you collect": set(),
    }


def test_the_passage_with_the_evidence_answers() -> None:
    always = random.Random()
    always.random = lambda: 0.0  # type: ignore[method-assign]
    found = right_texts(passage_pool([PAGE], always))
    assert found["who pays the post"] == {"Returns > Post\nThe label costs £3.95."}
    assert all(len(texts) == 1 for texts in found.values())


def test_joined_pools_keep_what_answers_what() -> None:
    one = Pool(["a", "b"], [Asked("first", frozenset({1}))])
    one.join(Pool(["c", "d"], [Asked("second", frozenset({0}), frozenset({1})), Asked("third", frozenset())]))
    assert right_texts(one) == {"first": {"b"}, "second": {"c"}, "third": set()}
    assert one.asked[1].wrong == frozenset({3})


def test_nearly_every_question_of_the_curriculum_has_a_statement_that_answers_it() -> None:
    for shop, pages in [*curriculum().items(), *curriculum("zh").items(), *curriculum(folder=CALIBRATION).items()]:
        asked = sum(len(page["questions"]) for page in pages)
        assert sum(bool(one.right) for one in statement_pool(pages).asked) >= 0.98 * asked, shop


def test_whole_shops_are_pools_of_their_own_and_small_ones_share() -> None:
    shops = {"big": [PAGE] * 5, **{f"small {number}": [PAGE] for number in range(9)}}
    pools = list(whole_shops(shops, random.Random(0)))
    statements = [pool for pool in pools if any("who pays" in one.question and one.right for one in pool.asked)]
    assert sorted(len(pool.texts) for pool in statements if "Returns: You have 30 days." in pool.texts) == [5, 25, 40]


def test_held_out_shops_are_a_sixth_and_the_calibration_is_apart() -> None:
    held = [is_shop_held_out(f"shop {n}") for n in range(3000)]
    assert 0.13 < sum(held) / len(held) < 0.20
    assert not set(curriculum()) & set(curriculum(folder=CALIBRATION))
    assert {detect(page["text"]) for pages in curriculum("zh").values() for page in pages} == {"zh"}


def test_candidates_of_one_question_are_not_wrong_for_another(tmp_path: Path) -> None:
    row = {"ASIN": "product 1", "title": "Fan"}
    rows = [
        {**row, "qid": qid, "question": f"is it {qid}?", "candidate": f"It is {word}.", "label": label}
        for qid, word, label in (("loud", "loud", "2"), ("loud", "blue", "0"), ("big", "big", "1"), ("big", "red", "0"))
    ]
    write(tmp_path, "epqa_dev", rows)
    write(tmp_path, "semipqa", [])
    (pool,) = candidates(tmp_path)
    loud, big = pool.asked
    assert (loud.wrong, big.wrong) == (frozenset({1}), frozenset({3}))
    assert right_texts(pool) == {"is it loud?": {"Fan: It is loud."}, "is it big?": {"Fan: It is big."}}


def test_the_sentence_with_the_answer_is_right_and_an_impossible_question_has_none(tmp_path: Path) -> None:
    context = "The mill was built in 1820. It burned down in 1901."
    built = {"answer_start": context.index("1820"), "text": "1820"}
    row = {"title": "A_mill", "context": context}
    write(
        tmp_path,
        "squad2",
        [{**row, "question": "When?", "answers": [built]}, {**row, "question": "Who?", "answers": []}],
    )
    (pool,) = articles(tmp_path)
    assert right_texts(pool) == {"When?": {"A mill: The mill was built in 1820."}, "Who?": set()}


def test_a_dialogue_is_answered_by_the_passage_it_rests_on(tmp_path: Path) -> None:
    text = "# Cars\n\nYou must insure it.\n\n# Boats\n\nNo licence is needed."
    document = {"doc_key": "doc 1", "title": "Rules#1", "context": text}
    asked = {
        "doc_key": "doc 1",
        "question": "user:and a boat \tagent:Yes. \tuser:must i insure a car",
        "answers": {"text": ["No licence is needed."], "answer_start": [text.index("No licence")]},
    }
    write(tmp_path, "doc2dial_documents", [document])
    write(tmp_path, "doc2dial_questions", [asked])
    (pool,) = dialogues(tmp_path)
    (question,) = pool.asked
    assert "user:" not in question.question
    assert [pool.texts[at].split("\n")[-1] for at in question.right] == ["No licence is needed."]
