"""How strong a LoRA is: as strong as it can be while the base forgets nothing.

What a LoRA adds to the base's weights can be added in part. Along that line what was learnt grows and what was known
fades smoothly (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022), so the largest part whose perplexity
on the base's own skill stays within a budget is found by trying a few. It is tried on examples of shops that neither
the training nor the gate's frozen set has, so that the gate still measures what nothing was chosen by.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from bot.learn.bases import Base
from bot.learn.cases import Example
from bot.learn.evaluate import perplexity
from bot.learn.runs import LORA_FILES

STRENGTHS = tuple(tenths / 10 for tenths in range(10, 0, -1))


def fitted(base: str, lora: Path, cases: Sequence[Example], budget: float, out: Path) -> float:
    """The largest of STRENGTHS at which perplexity on the cases rises by at most `budget`, a share; else the least one.

    The LoRA of that strength is in the folder `out` then. Without cases it is the whole one.
    """
    strengths = STRENGTHS if cases else STRENGTHS[:1]
    allowed = (1 + budget) * perplexity(Base.load(base), cases)
    for strength in strengths:
        weaken(lora, strength, out)
        if perplexity(Base.load(base, out), cases) <= allowed:
            break
    return strength


def weaken(lora: Path, strength: float, out: Path) -> None:
    """Writes the LoRA with so much of what it adds to the weights: all at 1, nothing at 0."""
    from safetensors.torch import load_file, save_file

    weights = LORA_FILES[1]
    shutil.copytree(lora, out, dirs_exist_ok=True)
    if strength != 1:
        kept = load_file(lora / weights)
        save_file({name: one * strength if "lora_B" in name else one for name, one in kept.items()}, out / weights)
