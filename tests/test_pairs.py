"""What the judge learns from: the right side of every split, the right label on every pair."""

from __future__ import annotations

import gzip
import json
import lzma
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.judge import answer_input, asked, claim_input
from bot.learn.pairs import (
    CURRICULUM,
    Pair,
    articles,
    curriculum,
    dialogues,
    handbooks,
    is_held_out,
    is_shop_held_out,
    product_questions,
    shops,
    venues,
)
from tests.fakes import HashEmbedder

GROUPS = [name for name in (f"group {n}" for n in range(40)) if not is_held_out(name)]


def write(data: Path, name: str, rows: Sequence[dict[str, Any]]) -> None:
    with gzip.open(data / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def labels(pairs: Sequence[Pair], first: str) -> dict[str, float]:
    return {pair.second: pair.label for pair in pairs if pair.first == first}


def test_a_third_of_the_groups_is_held_out_the_same_every_time() -> None:
    held = [is_held_out(f"product {n}") for n in range(3000)]
    assert 0.28 < sum(held) / len(held) < 0.39
    assert held == [is_held_out(f"product {n}") for n in range(3000)]


def test_reviews_and_attributes_answer_as_they_are_graded(tmp_path: Path) -> None:
    row = {"qid": "1", "question": "is it loud?", "ASIN": "A", "title": "Fan", "answer": "Yes. It is loud at night."}
    write(
        tmp_path,
        "epqa_dev",
        [
            {**row, "candidate": "It is very loud at night.", "label": "2"},
            {**row, "candidate": "I sleep badly.", "label": "1"},
            {**row, "candidate": "It is blue.", "label": "0"},
        ],
    )
    attribute = {"qid": "7", "ASIN": "B", "question": "how heavy?", "label": "1", "source": "attribute"}
    write(tmp_path, "hetpqa_evidence_dev", [{**attribute, "candidate": 'item_weight:  { value:"2" unit:"kg" }'}])
    write(tmp_path, "hetpqa_answers", [])
    write(tmp_path, "semipqa", [{**attribute, "candidate": "is_electric:  { value:false }", "label": "0"}])
    pairs = list(product_questions(tmp_path, random.Random(0)))
    assert labels(pairs, answer_input("is it loud?")) == {
        "Fan: It is very loud at night.": 1.0,
        "Fan: I sleep badly.": 0.4,
        "Fan: It is blue.": 0.0,
    }
    assert labels(pairs, answer_input("how heavy?")) == {"item weight: 2 kg": 1.0, "is electric: false": 0.0}
    supported = labels(pairs, claim_input("Yes. It is loud at night."))
    assert supported == {"It is very loud at night.": 1.0, "It is blue.": 0.0}
    changed = [p for p in pairs if p.first.startswith("claim: ") and p.second == "It is very loud at night."]
    assert sorted(p.label for p in changed) == [0.0, 1.0]


def test_the_sentence_with_the_answer_is_the_right_one(tmp_path: Path) -> None:
    context = "The mill was built in 1820. It burned down in 1901. A school stands there now."
    write(
        tmp_path,
        "squad2",
        [
            {
                "question": "When did it burn down?",
                "title": "The_Mill",
                "context": context,
                "answers": [{"text": "1901", "answer_start": context.index("1901")}],
            },
            {"question": "Who owned it?", "title": "The_Mill", "context": context, "answers": []},
        ],
    )
    pairs = list(articles(tmp_path, random.Random(0)))
    answered = labels(pairs, answer_input("When did it burn down?"))
    assert answered["The Mill: It burned down in 1901."] == 1.0
    assert set(answered.values()) == {0.0, 1.0}
    assert set(labels(pairs, answer_input("Who owned it?")).values()) == {0.0}


def test_dialogues_of_held_out_documents_are_never_read(tmp_path: Path) -> None:
    held = next(f"d{n}" for n in range(99) if is_held_out(f"d{n}"))
    kept = [f"d{n}" for n in range(99) if not is_held_out(f"d{n}")][:2]
    text = "You must renew every year. The fee is ten dollars. Bring your old card with you."
    write(
        tmp_path,
        "doc2dial_documents",
        [{"doc_key": key, "title": f"Cards#{n}", "context": text} for n, key in enumerate([held, *kept])],
    )
    dialogue = "user:How much?\tagent:It runs out.\tuser:My card ends"
    answers = {"text": ["The fee is ten dollars. "], "answer_start": [text.index("The fee")]}
    write(
        tmp_path,
        "doc2dial_questions",
        [{"doc_key": key, "question": dialogue, "answers": answers} for key in (held, *kept)],
    )
    pairs = list(dialogues(tmp_path, random.Random(0)))
    assert {pair.group for pair in pairs} == set(kept)
    right = [pair for pair in pairs if pair.label == 1.0]
    assert {(pair.first, pair.second) for pair in right} == {
        (answer_input("How much? < My card ends"), "Cards: The fee is ten dollars.")
    }


def test_frequent_questions_have_their_own_answers(tmp_path: Path) -> None:
    faqs = {
        str(n): {"question": f"Is there {what}?", "answer": f"Yes, {what}."} for n, what in enumerate(("tea", "jam"))
    }
    knowledge = {"hotel": {"1": {"name": "INN", "faqs": faqs, "reviews": {}}}}
    with gzip.open(tmp_path / "dstc11_knowledge.json.gz", "wt") as file:
        json.dump(knowledge, file)
    reference = {"domain": "hotel", "entity_id": 1, "doc_type": "faq", "doc_id": 0}
    turn = {"target": True, "knowledge": [reference], "response": "They do serve 2 teas. Shall I book?"}
    write(tmp_path, "dstc11_t5", [{"log": [], "label": turn}, {"log": [], "label": {"target": False}}])
    pairs = list(venues(tmp_path, random.Random(0)))
    assert labels(pairs, answer_input("Is there tea?")) == {"INN: Yes, tea.": 1.0, "INN: Yes, jam.": 0.0}
    assert labels(pairs, claim_input("They do serve 2 teas.")) == {"Is there tea? Yes, tea.": 1.0}


def test_what_stands_under_a_heading_answers_it(tmp_path: Path) -> None:
    (tmp_path / "pretrain").mkdir()
    text = "".join(
        f"# How to {what} it\nYou can {what} it within {n} working days.\nAsk for the {what} form at the desk first.\n"
        for n, what in enumerate(("mend", "send", "lend", "tend"), 2)
    )
    rows = [{"source": "handbook", "title": f"Page {n}", "text": text} for n in range(12)]
    with lzma.open(tmp_path / "pretrain" / "prose.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    pairs = list(handbooks(tmp_path, random.Random(0)))
    for pair in pairs:
        if pair.first.startswith("question: "):
            what = pair.first.split()[3]
            assert pair.label == (what in pair.second)
    claims = [pair for pair in pairs if pair.first.startswith("claim: ")]
    assert {pair.label for pair in claims} == {0.0, 1.0}


def test_nearly_every_question_of_the_curriculum_has_a_statement_that_answers_and_some_that_do_not() -> None:
    found: dict[str, set[float]] = {}
    for pair in shops(HashEmbedder().embed, random.Random(0)):
        found.setdefault(pair.first, set()).add(pair.label)
    trained = [pages for shop, pages in curriculum().items() if not is_shop_held_out(shop)]
    records = [page for pages in trained for page in pages]
    questions = [answer_input(asked(q["turns"][::-1])) for record in records for q in record["questions"]]
    assert sum(found[question] == {0.0, 1.0} for question in questions) > 0.99 * len(questions)
    nowhere = [answer_input(q["question"]) for record in records for q in record["unanswerable"]]
    assert all(found[question] == {0.0} for question in nowhere)


@pytest.mark.parametrize("file", sorted(CURRICULUM.glob("*.jsonl")), ids=lambda file: file.stem)
def test_the_curriculum_rests_on_its_documents(file: Path) -> None:
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        record = json.loads(line)
        for question in record["questions"]:
            assert question["evidence"], (number, question)
            assert all(part in record["text"] for part in question["evidence"]), (number, question)
            assert question["reply"] != question.get("wrong"), (number, question)
        assert all(entry["near"] in record["text"] for entry in record["unanswerable"]), number
