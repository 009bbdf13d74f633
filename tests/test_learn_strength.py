"""How strong a LoRA is made: as strong as what the base knows bears, and no stronger."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bot.learn.bases import Base
from bot.learn.cases import Example
from bot.learn.evaluate import perplexity
from bot.learn.runs import LORA_FILES
from bot.learn.skills import calibrating, frozen
from bot.learn.strength import STRENGTHS, fitted, weaken
from tests.learn_runs import tiny_base

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
WEIGHTS = LORA_FILES[1]
ASKED = {"role": "user", "content": "Boots?"}
CASES = [Example(({"role": "system", "content": f"[1] Returns: in {n} days."}, ASKED), "Yes.") for n in range(3)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_base(tmp_path_factory.mktemp("base"), positions=2000)  # room for the cases


@pytest.fixture(scope="module")
def harmful(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA that makes the cases less likely, the more the stronger it is."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    network = get_peft_model(Base.load(base).network, config)
    folder = tmp_path_factory.mktemp("lora")
    network.save_pretrained(folder / "any")
    weaken(folder / "any", -1, folder / "harmful")  # this one makes them likelier, so its opposite does not
    return folder / "harmful"


def rise(base: str, lora: Path) -> float:
    return perplexity(Base.load(base, lora), CASES) / perplexity(Base.load(base), CASES) - 1


def test_the_strength_is_the_largest_whose_perplexity_is_within_the_budget(
    base: str, harmful: Path, tmp_path: Path
) -> None:
    weaken(harmful, 0.8, tmp_path / "some")
    budget = rise(base, tmp_path / "some")
    assert budget > 0
    found = fitted(base, harmful, CASES, budget, tmp_path / "out")
    assert 0.8 <= found < 1
    assert rise(base, tmp_path / "out") <= budget
    weaken(harmful, STRENGTHS[STRENGTHS.index(found) - 1], tmp_path / "more")
    assert rise(base, tmp_path / "more") > budget


def test_a_lora_that_does_no_harm_stays_as_it_is(base: str, harmful: Path, tmp_path: Path) -> None:
    assert fitted(base, harmful, CASES, 1e9, tmp_path / "bears") == 1
    assert fitted(base, harmful, [], 0, tmp_path / "unmeasured") == 1
    for name in LORA_FILES:
        assert (tmp_path / "bears" / name).read_bytes() == (harmful / name).read_bytes()


def test_a_part_of_a_lora_adds_that_part_to_each_weight(harmful: Path, tmp_path: Path) -> None:
    weaken(harmful, 0.3, tmp_path / "part")
    whole, part = load_file(harmful / WEIGHTS), load_file(tmp_path / "part" / WEIGHTS)
    places = [name.removesuffix("lora_A.weight") for name in whole if name.endswith("lora_A.weight")]
    assert places
    for place in places:
        a, b = (f"{place}lora_{half}.weight" for half in "AB")
        assert torch.allclose(part[b] @ part[a], 0.3 * (whole[b] @ whole[a]), atol=1e-6)


def test_what_the_strength_is_chosen_by_is_not_what_the_gate_measures() -> None:
    told = [{case.turns[0]["content"] for case in cases} for cases in (calibrating(40), frozen(40))]
    assert all(told)
    assert not told[0] & told[1]
