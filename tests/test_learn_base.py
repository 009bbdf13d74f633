"""The house generator learns: a miniature from the command line to a reply, runs that go on, cases that are sound."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from langchain_core.messages import HumanMessage

from bot.errors import LearningError
from bot.generation.composer import STATEMENTS
from bot.generation.generators import load_generator
from bot.generation.house import read
from bot.generation.house_chat import HouseChatModel
from bot.learn.base import CHECKPOINT, CHOICE, ECHO, NUMBER, RUN, Plan, _batch, _loss, _steps, decoder, encoded, train
from bot.learn.cases import Case, example, renumbered
from bot.learn.invented import invented
from bot.learn.replies import by_words, epoch, few_cases, shop_cases
from bot.messages import Message
from bot.statements import Statement
from retrieval.embedders import SentenceEmbedder
from tests.commands import shopdesk

TINY = Plan(epochs=1.0, tokens=512, layers=1, learning_rate=1e-3)
CASES = list(invented(random.Random(0), 24))
LABEL = Case(
    (Message("user", "what does a label cost?"),),
    "A label costs £3.50.",
    ("Returns: A return label costs £3.50 and is good for 14 days.",),
    ("Returns: A box costs £2.", "Returns: Labels last 14 days.", "Delivery: To Ireland in 5 days.", "Delivery: Free."),
    "shops",
)


@pytest.fixture(scope="module")
def start(exported_models: Path) -> SentenceEmbedder:
    return SentenceEmbedder("minilm", exported_models)


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory, exported_models: Path) -> Path:
    out = tmp_path_factory.mktemp("base")
    ran = shopdesk(out / "home", "learn", "base", "--smoke", "--out", out)
    assert ran.status == 0, ran.err
    return out


def test_a_miniature_is_trained_and_answers_behind_the_seam(miniature: Path) -> None:
    record = json.loads((miniature / RUN).read_text())
    assert record["layers"] == 2
    assert record["steps"] > 3
    assert record["cases"] > 20
    model = load_generator(str(miniature))
    assert isinstance(model, HouseChatModel)
    said = Statement("A label costs £3.50.", "A label costs £3.50.", "Returns", 0, 0)
    reply = model.invoke([HumanMessage("what does a label cost?", additional_kwargs={STATEMENTS: [said]})])
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_tokens"] > 0


def test_the_loss_falls(start: SentenceEmbedder, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    network, tokenizer = decoder(start, layers=1)
    batch = _batch(next(_steps(CASES, tokenizer, TINY)), tokenizer, "cpu")
    before = _loss(network, batch, "cpu").item()
    assert train(CASES, tmp_path, start, TINY)
    assert _loss(AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32), batch, "cpu").item() < before - 1


def test_the_reply_and_the_second_question_are_learnt_and_the_choice_weighs_most(start: SentenceEmbedder) -> None:
    _, tokenizer = decoder(start, layers=1)
    found = encoded(example(LABEL, random.Random(1)), tokenizer)
    assert found is not None
    weighed: dict[float, list[int]] = {}
    for token, weight in zip(found.ids, found.weights, strict=True):
        weighed.setdefault(weight, []).append(token)
    said = {weight: tokenizer.decode(tokens) for weight, tokens in weighed.items()}
    assert said[ECHO] == "what does a label cost?"
    assert CHOICE >= NUMBER
    assert said[CHOICE].split()[0] == "4"
    assert said[1.0].startswith("[ ] a label costs £")
    assert said[1.0].endswith("[SEP]")


def test_padding_changes_nothing_that_is_learnt(start: SentenceEmbedder) -> None:
    network, tokenizer = decoder(start, layers=1)
    steps = [one for step in _steps(CASES, tokenizer, TINY) for one in step][:3]
    batch = _batch(steps, tokenizer, "cpu")
    alone = [_batch([one], tokenizer, "cpu") for one in steps]
    weights = torch.stack([each.weights.sum() for each in alone])
    with torch.no_grad():
        together = _loss(network, batch, "cpu")
        each = torch.stack([_loss(network, one, "cpu") for one in alone])
    assert float(together) == pytest.approx(float((each * weights).sum() / weights.sum()), abs=0.02)  # bfloat16


def test_a_stopped_run_goes_on_to_the_same_end(start: SentenceEmbedder, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(CASES, whole, start, TINY)
    while not train(CASES, parts, start, TINY, minutes=0):
        assert not (parts / RUN).exists()
    assert json.loads((parts / RUN).read_text()) == json.loads((whole / RUN).read_text())
    weights = [load_file(folder / "model.safetensors") for folder in (whole, parts)]
    assert all(torch.allclose(weights[0][name], weights[1][name], atol=1e-3) for name in weights[0])


def test_a_checkpoint_that_cannot_be_gone_on_with_is_refused_in_one_line(tmp_path: Path, exported_models: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"not a checkpoint")
    ran = shopdesk(tmp_path / "home", "learn", "base", "--smoke", "--out", tmp_path)
    assert ran.status == 1
    assert ran.err.splitlines()[-1].endswith("remove it to begin again")
    torch.save({"record": {"seed": 7}}, tmp_path / CHECKPOINT)
    ran = shopdesk(tmp_path / "home", "learn", "base", "--smoke", "--out", tmp_path)
    assert ran.status == 1
    assert "or another --out" in ran.err.splitlines()[-1]


@pytest.mark.parametrize("options", [(), ("--data", "nowhere")])
def test_missing_data_is_named_in_one_line(options: tuple[str, ...], tmp_path: Path) -> None:
    assert "--data" in shopdesk(tmp_path / "home", "learn", "base", *options, "--out", tmp_path / "run").complaint


def test_a_prompt_has_the_statement_that_its_reply_names() -> None:
    for seed in range(60):
        drawn = example(LABEL, random.Random(seed))
        written = read(drawn.wanted)
        lines = drawn.turns[0]["content"].splitlines()
        if written.declines:
            assert not any("label costs" in text for text in lines)
        else:
            assert "label costs" in lines[written.chosen[0]]
            assert re.search(r"£\d[\d.]*\d", written.text)[0] in lines[written.chosen[0]]  # type: ignore[index]


def test_new_numbers_are_the_same_in_the_reply_and_the_statements() -> None:
    changed = [renumbered(LABEL, random.Random(seed)) for seed in range(20)]
    assert len({case.reply for case in changed}) > 15
    for case in changed:
        number = case.reply.split("£")[1].rstrip(".")
        assert f"£{number} " in case.right[0]
    asked = Case(
        (Message("user", "is it 3.50 still?"),), *[getattr(LABEL, n) for n in ("reply", "right", "near", "source")]
    )
    assert renumbered(asked, random.Random(0)) == asked


def test_the_same_seed_gives_the_same_examples() -> None:
    assert epoch(CASES, random.Random(1)) == epoch(CASES, random.Random(1)) != epoch(CASES, random.Random(2))


def test_what_is_unanswerable_has_near_statements_and_no_answer(start: SentenceEmbedder) -> None:
    cases = few_cases(start)
    declined = [case for case in cases if not case.reply]
    assert declined
    assert len(declined) < len(cases) / 2
    assert all(not case.right and len(case.near) >= 4 for case in declined)


def test_invented_facts_are_told_apart_by_what_they_are_about() -> None:
    for case in invented(random.Random(3), 200):
        numbers = set(re.findall(r"\d+(?:[.:]\d+)?", case.reply))
        assert not case.reply or numbers
        assert not case.right or numbers <= set(re.findall(r"\d+(?:[.:]\d+)?", case.right[0]))


def test_a_follow_up_has_the_talk_before_it(start: SentenceEmbedder) -> None:
    page: dict[str, Any] = {
        "shop": "Tarn",
        "title": "Returns",
        "text": "Boots come back within 30 days. A label costs £3.50.\n\nWe mend zips. Tents are checked. No cash.",
        "questions": [
            {"turns": ["boots?", "and a label?"], "evidence": ["A label costs £3.50."], "reply": "It's £3.50."}
        ],
        "unanswerable": [],
    }
    (case,) = shop_cases({"Tarn": [page]}, by_words(start, {"Tarn": [page]}), random.Random(0))
    assert [message.role for message in case.talk] == ["user", "assistant", "user"]
    assert case.talk[1].text == "Boots come back within 30 days."
    assert case.right == ("Returns: A label costs £3.50.",)


def test_a_run_goes_on_from_another_with_its_weights(start: SentenceEmbedder, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    first, second = tmp_path / "first", tmp_path / "second"
    assert train(CASES, first, start, TINY)
    assert train(CASES, second, start, replace(TINY, learning_rate=0.0), after=first)
    weights = [load_file(folder / "model.safetensors") for folder in (first, second)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert json.loads((second / RUN).read_text())["start"] != json.loads((first / RUN).read_text())["start"]
    with pytest.raises(LearningError, match="give the --out of a finished one"):
        train(CASES, second, start, TINY, after=tmp_path / "nothing")


def test_the_likeliest_statement_leads_where_it_is_to() -> None:
    led = [read(example(LABEL, random.Random(seed), led=1.0).wanted) for seed in range(40)]
    assert {written.chosen for written in led if not written.declines} == {(0,)}


def test_a_reply_that_says_what_no_statement_does_is_quoted_behind_its_yes_or_no() -> None:
    invents = replace(LABEL, reply="Yes, our label is printed by hamsters in Dundee.")
    drawn = [read(example(invents, random.Random(seed)).wanted) for seed in range(40)]
    said = {re.sub(r"\d[\d.]*\d|\d", "N", written.text) for written in drawn if not written.declines}
    assert said == {"Yes, A return label costs £N and is good for N days."}
    own = [read(example(LABEL, random.Random(seed)).wanted).text for seed in range(40)]
    assert sum(text.startswith("A label costs £") for text in own) > 20
