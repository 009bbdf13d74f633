"""Private training: what it spends, whose gradients it cuts, and what of a conversation can be found in its LoRA."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bot.errors import LearningError
from bot.learn.bases import Base, Tokens
from bot.learn.budget import Budget, budget, compared, spent
from bot.learn.material import read_material
from bot.learn.private import BETA, Shown, clipped_sum, noised
from bot.learn.report import gate
from bot.learn.runs import Run
from bot.learn.train import Plan, train
from tests.commands import shopdesk, write_lines
from tests.learn_runs import evaluated, figure, good, some_run, tiny_base
from tests.test_generators import tiny_network

PLAN = Plan(rank=4, epochs=6.0, rate=3e-2, at_least=4, dp_epsilon=8.0)
REPEATED = "My door code is 4711."
CONVERSATIONS, REPEATS = 24, 16
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
FIGURES = {"good_nll": figure(1.5, 1.25, 1.75)}


def example(number: int, reply: str = "", conversation: str = "") -> dict[str, Any]:
    said = reply or ("Yes." if number % 2 else "No.")
    return {
        "prompt": [{"role": "user", "content": f"Question {number}?"}],
        "completion": [{"role": "assistant", "content": said}],
        "label": bool(reply) or bool(number % 2),
        "split": "train",
        "origin": {"conversation": conversation or f"c{number}", "turn": f"t{number}"},
    }


def told() -> list[dict[str, Any]]:
    """Conversations of one turn each, and one that says the same again and again."""
    secrets = [example(100 + n, reply=REPEATED, conversation="of the secret") for n in range(REPEATS)]
    return [*(example(n) for n in range(CONVERSATIONS)), *secrets]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("examples") / "examples.jsonl", *told())


@pytest.fixture(scope="module")
def run(base: str, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A private one on these examples, in a home whose secret, and so the noise, is always the same."""
    home = tmp_path_factory.mktemp("home")
    (home / "learn").mkdir()
    (home / "learn" / "key").write_text("17" * 32)
    made = train(home, read_material(examples), base, PLAN)
    assert made is not None
    return made


def test_the_budget_is_kept_with_no_more_noise_than_it_needs() -> None:
    found = budget(8.0, None, 80, epochs=3.0)
    assert 7.5 < found.epsilon <= 8.0
    assert (found.delta, found.sampling_rate, found.steps) == (1 / 800, 0.2, 15)
    assert found.epsilon == spent(found.noise_multiplier, found.delta, 0.2, 15)
    assert spent(0.9 * found.noise_multiplier, found.delta, 0.2, 15) > 8.0
    assert budget(2.0, 1e-6, 80, epochs=3.0).noise_multiplier > budget(2.0, None, 80, epochs=3.0).noise_multiplier > 1


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # of Opacus, at the first matrix that learns
def test_the_gradients_are_those_of_opacus_cut_and_summed() -> None:
    from opacus.grad_sample import GradSampleModule
    from opacus.optimizers import DPOptimizer
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    lora = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    network = get_peft_model(tiny_network("llama"), lora).eval()
    for name, weight in network.named_parameters():
        weight.requires_grad_("lora_B" in name)
    learning = [weight for weight in network.parameters() if weight.requires_grad]
    for weight in learning:
        torch.nn.init.normal_(weight, std=0.1)
    ids = torch.randint(5, 60, (4, 9))
    labels, references = [True, False, True, False], [-9.0, -12.0, -30.0, -8.0]
    shown = [
        Shown(Tokens(row[:5].tolist(), row[5:].tolist()), label, reference)
        for row, label, reference in zip(ids, labels, references, strict=True)
    ]
    lengths = [
        torch.cat([part.flatten() for part in clipped_sum(network, learning, [[one]], 1e9)]).norm() for one in shown
    ]
    clip = float(sorted(lengths)[1]) * 1.01  # two of them are cut
    found = clipped_sum(network, learning, [[one] for one in shown], clip)

    module = GradSampleModule(network.train(), loss_reduction="sum")  # it looks at what is in training alone
    optimizer = DPOptimizer(
        torch.optim.SGD(learning, lr=1.0),
        noise_multiplier=0.0,
        max_grad_norm=clip,
        expected_batch_size=None,
        loss_reduction="sum",
    )
    said = module(input_ids=ids).logits[:, 4:-1].log_softmax(-1).gather(2, ids[:, 5:, None])[..., 0]
    likelier = torch.sigmoid(BETA * (said.sum(1) - torch.tensor(references)))
    torch.where(torch.tensor(labels), 1 - likelier - said.mean(1), likelier).sum().backward()
    optimizer.pre_step()
    for own, weight in zip(found, learning, strict=True):
        torch.testing.assert_close(own, weight.grad, rtol=1e-4, atol=1e-6)


def test_a_conversation_weighs_no_more_than_its_length_however_much_it_says(base: str) -> None:
    read = Base.load(base).network
    learning = [weight for name, weight in read.named_parameters() if "o_proj" in name]
    many = [Shown(Tokens([5, 6, 7], [8 + n, 9]), True, -5.0) for n in range(12)]
    found = clipped_sum(read, learning, [many], 0.5)
    assert float(torch.cat([part.flatten() for part in found]).norm()) == pytest.approx(0.5, rel=1e-4)
    assert all(not part.any() for part in clipped_sum(read, learning, [], 0.5))


def test_the_noise_is_as_wide_as_the_budget_says() -> None:
    wide = Budget(8.0, 1e-3, 1.5, 2.0, 0.2, 15, 80)
    (found,) = noised([torch.ones(300, 300)], wide, np.random.default_rng(0))
    assert float(found.mean()) == pytest.approx(1.0, abs=0.05)
    assert float(found.std()) == pytest.approx(3.0, rel=0.02)


def test_the_same_home_and_seed_give_the_same_lora_and_any_other_another(base: str, tmp_path: Path) -> None:
    material = read_material(write_lines(tmp_path / "examples.jsonl", *(example(n) for n in range(12))))
    plan = replace(PLAN, rank=2, epochs=2.0)

    def weights(home: str, name: str, plan: Plan = plan, minutes: float | None = None) -> tuple[str, int]:
        """The LoRA's hash, and how often the training stopped before its end."""
        run, stops = None, -1
        while run is None:
            run, stops = train(tmp_path / home, material, base, plan, out=tmp_path / name, minutes=minutes), stops + 1
        return run.lora_sha256, stops

    first, _ = weights("home", "first")
    assert weights("home", "again") == (first, 0)
    assert weights("home", "stopped", minutes=0) == (first, 1)
    assert weights("home", "seed", replace(plan, seed=1))[0] != first
    assert weights("elsewhere", "other")[0] != first  # the noise is not of the seed alone, which stands in the record


def test_the_record_says_what_was_spent_and_nothing_of_the_losses(run: Run) -> None:
    privacy = run.figures["privacy"]
    assert privacy["unit"] == "conversation"
    assert privacy["conversations"] == CONVERSATIONS + 1
    assert privacy["delta"] == pytest.approx(1 / (10 * (CONVERSATIONS + 1)))
    assert 0 < privacy["epsilon"] <= 8.0
    assert privacy["steps"] == run.figures["steps"]["private"]
    assert run.figures["losses"] == {}  # a loss of the conversations would tell of them
    assert "loss" not in (run.folder / "curves.jsonl").read_text()


def test_its_quality_is_held_beside_the_newest_run_without_privacy(tmp_path: Path) -> None:
    spent = Budget(7.9, 1e-3, 0.7, 1.0, 0.2, 15, 80).record()
    plain, other = evaluated(tmp_path, good()), some_run(tmp_path, base_fingerprint="c" * 64)
    private_run = replace(some_run(tmp_path), figures={"privacy": spent})
    assert compared(plain, FIGURES, [private_run]) is None
    assert compared(private_run, FIGURES, [private_run, other]) == {**spent, "held_out": FIGURES, "without": None}
    found = compared(private_run, FIGURES, [plain, other, private_run])
    assert found is not None
    assert found["without"] == {"run": plain.id, "held_out": good()["metrics"]["candidate"]}
    shown = evaluated(tmp_path, {**good(), "privacy": found})
    gate(tmp_path, shown)
    report = (shown.folder / "report.md").read_text()
    assert "Differentially private by conversation: epsilon 7.9, delta 0.001 (80 conversations, 15 steps" in report
    assert "| with privacy | good_nll | 1.5 | 1.25 to 1.75 |" in report
    assert f"| without ({plain.id}) | preference | 0.7 |" in report


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dp-epsilon", "0"], "--dp-epsilon 0: must lie between 0.1 and 50"),
        (["--dp-epsilon", "-3"], "--dp-epsilon -3: must lie between 0.1 and 50"),
        (["--dp-epsilon", "nan"], "--dp-epsilon nan: must lie between 0.1 and 50"),
        (["--dp-epsilon", "8", "--dp-delta", "1"], "--dp-delta 1: must lie between 1e-12 and 1"),
        (["--dp-delta", "0.001"], "--dp-delta 0.001 goes with --dp-epsilon"),
        (["--dp-epsilon", "0.1", "--epochs", "20"], "40 conversations are too few for --dp-epsilon 0.1: the noise"),
    ],
)
def test_what_cannot_be_kept_to_is_one_line(options: list[str], said: str, base: str, tmp_path: Path) -> None:
    examples = write_lines(tmp_path / "examples.jsonl", *(example(n) for n in range(40)))
    ran = shopdesk(tmp_path / "home", "learn", "train", "--examples", examples, "--base", base, *options)
    assert said in ran.complaint
    assert not (tmp_path / "home" / "learn").exists()


def test_a_missing_package_names_its_extra(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.learn import train as module

    material = read_material(write_lines(tmp_path / "examples.jsonl", *(example(n) for n in range(24))))
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "opacus" else True)
    with pytest.raises(LearningError, match=r"pip install 'shopdesk\[private\]'"):
        train(tmp_path / "home", material, base, PLAN)


def test_examples_that_do_not_name_their_conversation_are_refused(base: str, tmp_path: Path) -> None:
    lines = [example(n) for n in range(24)]
    del lines[3]["origin"]["conversation"]
    material = read_material(write_lines(tmp_path / "examples.jsonl", *map(json.dumps, lines)))
    with pytest.raises(LearningError, match="1 examples do not name their conversation"):
        train(tmp_path / "home", material, base, PLAN)
