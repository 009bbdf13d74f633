"""A cycle's training on tiny models made in the process: what it leaves behind, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from bot.errors import LearningError
from bot.generation.generators import load_generator
from bot.learn.bases import Base, Tokens, listed
from bot.learn.curves import Curves
from bot.learn.material import read_material
from bot.learn.runs import Runs, fingerprint
from bot.learn.train import Plan, train
from retrieval.embedders import SentenceEmbedder
from tests.commands import shopdesk, write_lines
from tests.learn_runs import tiny_base

PLAN = Plan(rank=2, epochs=1.0, skills=0, at_least=4)


def example(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": f"Question {number}?"}],
        "completion": [{"role": "assistant", "content": "Yes." if number % 2 else "No."}],
        "label": bool(number % 2),
        "split": "train",
        "origin": {"conversation": f"c{number}", "turn": f"t{number}"},
        **changed,
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "examples.jsonl", *(example(number) for number in range(10)))


def test_the_same_examples_and_seed_give_the_same_lora_and_the_base_stays(
    base: str, examples: Path, tmp_path: Path
) -> None:
    before, material = fingerprint(base), read_material(examples)
    first, second = (train(tmp_path / name, material, base, PLAN) for name in ("one", "two"))
    assert first is not None
    assert second is not None
    assert first.lora_sha256 == second.lora_sha256
    assert first.base_fingerprint == before == fingerprint(base)
    assert Runs(tmp_path / "one").get(first.id) == first
    weights = load_file(first.lora / "adapter_model.safetensors")
    assert any(value.abs().max() > 0 for name, value in weights.items() if "lora_B" in name)
    assert first.figures["counts"] == {"good": 5, "bad": 5, "replayed": 0, "left_out": {}}
    assert {line["phase"] for line in Curves(first.folder).lines} == {"supervised", "preference"}
    assert (first.folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert load_generator(base, lora=first.lora).invoke("Question 1?").content is not None


def test_bad_replies_are_never_supervised(base: str, examples: Path, tmp_path: Path, monkeypatch: Any) -> None:
    from bot.learn import trainers

    shown: list[Tokens] = []
    taught = trainers.supervised
    monkeypatch.setattr(
        trainers, "supervised", lambda own, replies, *rest: shown.extend(replies) or taught(own, replies, *rest)
    )
    assert train(tmp_path, read_material(examples), base, PLAN) is not None
    tokenizer = Base.load(base).chat.tokenizer
    assert {tokenizer.decode(one.reply, skip_special_tokens=True) for one in shown} == {"Yes."}


def test_the_numbers_of_statements_which_nobody_rated_are_read_and_not_learnt() -> None:
    from bot.learn.trainers import _mismatched, _row

    rated, whole = Tokens([1, 2], [3, 4, 5], given=1), Tokens([6], [7, 8])
    assert _row(rated) == {"input_ids": [1, 2, 3, 4, 5], "labels": [-100, -100, -100, 4, 5]}
    assert _row(whole) == {"input_ids": [6, 7, 8], "labels": [-100, 7, 8]}
    assert _mismatched([(rated, True), (whole, False)]) == [
        {"prompt_ids": [1, 2, 3], "completion_ids": [4, 5], "KL_completion_ids": [7, 8], "label": True},
        {"prompt_ids": [6], "completion_ids": [7, 8], "KL_completion_ids": [4, 5], "label": False},
    ]


def test_the_tokens_are_those_that_the_desk_reads(base: str) -> None:
    read = Base.load(base)
    found = read.tokens([{"role": "user", "content": "Boots?"}], "Yes.")
    assert isinstance(found, Tokens)
    assert read.chat.tokenizer.decode(found.prompt).endswith("<|im_start|>assistant\n")
    assert found.reply[-1] == read.chat.tokenizer.eos_token_id
    assert listed("Rules.\n\n[1] Returns > Boots\nIn 30 days.\n\nWorn: no.\n\n[2] Post\nFree.") == [
        "Returns > Boots\nIn 30 days.\n\nWorn: no.",
        "Post\nFree.",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: is not JSON"),
        (json.dumps(example(1, label="good")), "line 2: needs a label"),
        (json.dumps(example(1, completion=[])), "line 2: completion is no list of messages"),
        (json.dumps(example(1, origin=None)), "line 2: is no example with an origin"),
    ],
)
def test_a_damaged_line_is_named(line: str, said: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "examples.jsonl", example(0), line)
    assert said in shopdesk(tmp_path / "home", "learn", "train", "--examples", path, "--base", "x").complaint


def test_an_empty_or_absent_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    assert "cannot be read" in shopdesk(tmp_path, "learn", "train", "--examples", path).complaint
    path.write_text("\n")
    assert "no examples in it" in shopdesk(tmp_path, "learn", "train", "--examples", path).complaint


def test_a_correction_is_a_good_and_a_bad_example(tmp_path: Path) -> None:
    rejected = [{"role": "assistant", "content": "Never."}]
    path = write_lines(tmp_path / "examples.jsonl", example(1, rejected=rejected))
    good, bad = read_material(path).examples
    assert (good.label, bad.label, bad.completion) == (True, False, rejected)


def test_what_cannot_be_learnt_from_is_refused_before_anything_is_written(
    base: str, examples: Path, tmp_path: Path
) -> None:
    material = read_material(examples)
    with pytest.raises(LearningError, match="10 examples to train on that the base can read, and 20 are needed"):
        train(tmp_path / "home", material, base, Plan())
    with pytest.raises(LearningError, match="has no weights here to learn with; set SHOPDESK_GENERATOR"):
        train(tmp_path / "home", material, "extractive", PLAN)
    good = read_material(write_lines(tmp_path / "good.jsonl", *(example(n) for n in range(1, 40, 2))))
    with pytest.raises(LearningError, match="all examples to train on are good"):
        train(tmp_path / "home", good, base, PLAN)
    assert not (tmp_path / "home").exists()


def test_missing_packages_name_their_extra(
    base: str, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.learn import train as module

    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "trl" else True)
    with pytest.raises(LearningError, match=r"pip install 'shopdesk\[learn\]'"):
        train(tmp_path, read_material(examples), base, PLAN)


def test_a_run_that_was_stopped_goes_on_to_the_same_end(base: str, tmp_path: Path) -> None:
    material = read_material(write_lines(tmp_path / "examples.jsonl", *(example(n) for n in range(24))))
    whole = train(tmp_path / "whole", material, base, PLAN)
    stops, run = 0, None
    while run is None:
        assert Runs(tmp_path / "parts").all() == []
        run = train(tmp_path / "parts", material, base, PLAN, minutes=0)
        stops += run is None
    assert whole is not None
    assert stops == 3  # once in the two steps of the first phase, twice in the three of the second
    assert run.lora_sha256 == whole.lora_sha256
    assert [line["step"] for line in Curves(run.folder).lines] == [1, 2, 1, 2, 3]
    assert len(list((tmp_path / "parts" / "learn" / "runs").iterdir())) == 1


def test_trl_scores_the_house_generator_through_its_whole_head(exported_models: Path, tmp_path: Path) -> None:
    import torch
    from trl.trainer.utils import add_fused_lm_head

    from bot.learn.base import decoder, write
    from bot.learn.evaluate import surprise
    from bot.learn.trainers import _whole_head

    network, tokenizer = decoder(SentenceEmbedder("minilm", exported_models), layers=1)
    torch.manual_seed(0)
    torch.nn.init.normal_(network.cls.predictions.transform.dense.weight, std=0.1)  # not the identity it begins as
    write(network, tokenizer, tmp_path, {})
    house = Base.load(str(tmp_path))
    system = "Rules.\n\n[1] Returns\nA label costs £3.50.\n\n[2] Post\nDelivery to Ireland takes 5 days."
    prompt = [{"role": "system", "content": system}, {"role": "user", "content": "What does a label cost?"}]
    tokens = house.tokens(prompt, "A label costs £3.50.")
    assert isinstance(tokens, Tokens)
    assert tokenizer.decode(tokens.reply) == "[ 1 ] a label costs £3. 50. [SEP]"
    assert tokenizer.decode(tokens.reply[: tokens.given]) == "[ 1 ]"
    wanted = surprise(house, tokens)
    ids = torch.tensor([[*tokens.prompt, *tokens.reply]])
    labels = ids.clone()
    labels[0, : len(tokens.prompt)] = -100
    add_fused_lm_head(house.network)
    with torch.no_grad(), _whole_head(house.network):
        found = house.network(input_ids=ids, labels=labels, fused_lm_head=True).log_probs[0]
    assert (-found[len(tokens.prompt) - 1 :]).tolist() == pytest.approx(wanted, rel=1e-4, abs=1e-4)
