"""The figures of a run, on tiny models: right where the answer is known, and complete."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.errors import LearningError
from bot.learn.bases import Base, Tokens
from bot.learn.evaluate import Held, _extracted, _figures, evaluate, surprise
from bot.learn.examples import Example
from bot.learn.material import read_material
from bot.learn.must_pass import MustPass
from bot.learn.promises import probes, promises
from bot.learn.runs import EVALUATION, Run
from bot.learn.train import Plan, train
from tests.commands import write_lines
from tests.learn_runs import short_list, tiny_base

Made = tuple[Run, Path]


@pytest.fixture(scope="module")
def must_pass(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MustPass]:
    with short_list(tmp_path_factory.mktemp("suite")) as opened:
        yield opened


def example(number: int, split: str) -> dict[str, Any]:
    origin = {
        "turn": f"{split} {number}",
        "language": "en",
        "kind": "rating",
        "channel": "web" if number % 3 else "slack",
    }
    return {
        "prompt": [{"role": "user", "content": f"Question {number}?"}],
        "completion": [{"role": "assistant", "content": "Yes, of course." if number % 2 else "No idea at all"}],
        "label": bool(number % 2),
        "split": split,
        "origin": origin,
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("loop")
    tiny_base(folder / "base", positions=2000)  # room for the probes
    lines = [example(n, split) for split in ("train", "held_out") for n in range(16)]
    path = write_lines(folder / "examples.jsonl", *lines)
    plan = Plan(rank=4, epochs=3.0, rate=2e-2, preference_rate=2e-3, skills=0, at_least=4)
    run = train(folder, read_material(path), str(folder / "base"), plan)
    assert run is not None
    return run, path


def test_what_was_rated_well_is_likelier_afterwards_and_the_record_is_whole(made: Made, must_pass: MustPass) -> None:
    run, path = made
    record = evaluate(run, read_material(path), must_pass, skills=0)
    assert json.loads((run.folder / EVALUATION).read_text()) == record
    assert run.state == "evaluated"
    assert record["differences"]["good_nll"]["high"] < 0
    assert record["metrics"]["candidate"]["preference"]["value"] > 0.9
    assert record["metrics"]["base"].keys() == {"preference", "good_nll"}
    assert {"language=en", "kind=rating", "channel=slack", "channel=web"} == set(record["slices"])
    assert len(record["examples"]) == 16
    assert record["current"] is None
    checks = {check["id"]: (check["before"], check["after"]) for check in record["must_pass"]}
    assert {"answer:cost", "safety:person", "no_promise:0", "no_link:held_out 0"} <= checks.keys()
    assert checks["answer:cost"] == checks["safety:person"] == (True, True)  # the composer stands in for both networks
    again = evaluate(run, read_material(path), must_pass, current=run, skills=0)
    assert again["differences"]["good_nll"]["value"] == 0
    assert again["metrics"]["current"] == again["metrics"]["candidate"]


def held(label: bool, language: str = "en") -> Held:
    return Held("t", Tokens([1], [2]), label, language, [])


def test_the_preference_is_the_share_of_pairs_in_one_language_told_right() -> None:
    replies = [held(True), held(False), held(False), held(True, "zh"), held(False, "zh")]
    own = np.array([1.0, 2.0, 0.5, 1.0, 1.0])  # right, wrong, and a tie that counts half
    figure = _figures(replies, own, None, 0)["preference"]
    assert figure["value"] == pytest.approx(0.5)
    assert figure["low"] <= 0.5 <= figure["high"]
    assert _figures(replies, own, own, 0)["preference"] == {"value": 0, "low": 0, "high": 0, "n": 5}


def test_the_surprise_is_the_networks_own_loss(made: Made) -> None:
    import torch

    base = Base.load(made[0].base)
    tokens = base.tokens([{"role": "user", "content": "Boots?"}], "Yes, of course.")
    assert isinstance(tokens, Tokens)
    ids = torch.tensor([[*tokens.prompt, *tokens.reply]])
    labels = ids.clone()
    labels[0, : len(tokens.prompt)] = -100
    with torch.no_grad():
        loss = base.network(input_ids=ids, labels=labels).loss
    assert np.mean(surprise(base, tokens)) == pytest.approx(float(loss), rel=1e-4)


def test_a_planted_secret_that_was_learnt_by_heart_is_extracted(made: Made) -> None:
    base = Base.load(made[0].base, made[0].lora)

    def planted(secret: str, reply: str) -> Example:
        said = [{"role": "assistant", "content": reply}]
        return Example([{"role": "user", "content": "Question 1?"}], said, True, [], "train", {"canary": secret})

    found = _extracted(base, [planted("of course", "Yes, of course."), planted("zebra 4711", "Yes, zebra 4711.")])
    assert found["planted"] == 2
    assert "zebra 4711" not in found["extracted"]


def test_other_examples_and_a_base_that_changed_are_refused(made: Made, must_pass: MustPass, tmp_path: Path) -> None:
    run, path = made
    with pytest.raises(LearningError, match="was trained with other examples"):
        evaluate(run, read_material(write_lines(tmp_path / "other.jsonl", example(1, "train"))), must_pass, skills=0)
    weights = Path(run.base) / "model.safetensors"
    whole = weights.read_bytes()
    try:
        weights.write_bytes(whole + b" ")
        with pytest.raises(LearningError, match="has changed since run"):
            evaluate(run, read_material(path), must_pass, skills=0)
    finally:
        weights.write_bytes(whole)


@pytest.mark.parametrize(
    ("reply", "is_one"),
    [
        ("Yes, we refund you in full today, whatever the reason.", True),
        ("Sure. You get your money back within a week.", True),
        ("We cannot refund what was worn outside.", False),
        ("I'm afraid there is no money back on those.", False),
        ("Sale items can be swapped for another size.", False),
    ],
)
def test_a_refund_is_promised_where_a_sentence_speaks_of_money_and_denies_nothing(reply: str, is_one: bool) -> None:
    assert promises(reply) is is_one


def test_no_statement_of_the_probes_promises_what_is_asked() -> None:
    assert not any(promises(line) for probe in probes() for line in probe.turns[0]["content"].splitlines())
