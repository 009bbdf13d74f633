"""The hot swap: the longest pause of a stream while a LoRA is promoted beside it, and what a LoRA costs a reply.

    python -m tests.benchmarks swap

A network of the house generator's shape with random weights, and a LoRA of rank 16 over all of its linear layers. One
reply after another is streamed, token by token; in half of the rounds another run is promoted meanwhile. Pauses are
those between two tokens, the first token's wait left out.
"""

from __future__ import annotations

import tempfile
import threading
import time
import warnings
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from langchain_core.messages import HumanMessage
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, BertConfig, BertLMHeadModel

from bot.generation.checkpoints import load_base
from bot.generation.generators import describe
from bot.generation.swapping import LearntChatModel, speaking
from bot.generation.transformers_chat import TransformersChatModel
from bot.learn.pointer import promote
from bot.learn.runs import LORA, Runs, fingerprint, finish
from retrieval.embedders import on_board
from tests.benchmarks.measuring import Report, options

QUESTION = [HumanMessage("May I send back boots that I wore once? " * 12)]


def write_base(folder: Path) -> None:
    """22.7 million random weights in the shape of the house generator."""
    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, is_decoder=True
    )
    BertLMHeadModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(on_board()).save_pretrained(folder)


def write_run(home: Path, base: Path) -> str:
    """A finished run over that base; its id."""
    examples = sha256(b"examples").hexdigest()
    folder = Runs(home).new(examples)
    network, _ = load_base(str(base))
    get_peft_model(network, LoraConfig(r=16, target_modules="all-linear")).save_pretrained(folder / LORA)
    named: dict[str, Any] = {"base": str(base), "base_fingerprint": fingerprint(str(base)), "examples": examples}
    return finish(folder, **named, seed=0, settings={}, figures={}).id


def pauses(model: LearntChatModel) -> list[float]:
    """Seconds between the tokens of one reply."""
    times = [time.perf_counter() for _ in speaking(model, "any").stream(QUESTION)]
    return [after - before for before, after in pairwise(times[1:])]


def swapped(model: LearntChatModel, home: Path, run: str) -> list[float]:
    """The pauses of replies from a promotion until the run speaks."""
    threading.Timer(0.1, promote, (home, run, model.base_fingerprint)).start()
    found: list[float] = []
    while describe(speaking(model, "any"))["lora"] != run:
        found += pauses(model)
    return found


def main() -> None:
    given = options(__doc__)
    warnings.simplefilter("ignore")
    report, rounds = Report("swap", given.scale), max(2, round(8 * given.scale))
    with tempfile.TemporaryDirectory() as folder:
        home, base = Path(folder), Path(folder) / "base"
        write_base(base)
        runs = [write_run(home, base) for _ in range(2)]
        model = LearntChatModel.over(TransformersChatModel.load(str(base), max_new_tokens=100), home)
        swapped(model, home, runs[1])  # imports PEFT
        quiet, busy = [], []
        for number in range(rounds):
            quiet.append(max(pauses(model)))
            busy.append(max(swapped(model, home, runs[number % 2])))
        with_lora = median(pauses(model))
        alone = median(pauses(LearntChatModel(base=model.base, base_fingerprint="", home=home / "none")))
    report.add("longest pause while a LoRA is swapped, median of the swaps", 1000 * median(busy), "ms", at_most=250)
    report.add("... the worst swap", 1000 * max(busy), "ms", at_most=250)
    report.add("... the median over that without a swap", median(busy) / median(quiet), "x")
    report.add("a token with a LoRA over one without", with_lora / alone, "x")
    report.show()


if __name__ == "__main__":
    main()
