"""Runs of the learning loop for the tests: real folders, small LoRAs, figures to gate."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.learn.must_pass import MustPass, opened
from bot.learn.runs import EVALUATION, LORA, LORA_FILES, Run, Runs, finish, write_whole
from bot.settings import Settings
from tests.commands import write_lines
from tests.fakes import HashEmbedder
from tests.test_generators import CHATML, tiny_network, tiny_tokenizer

BASE = "b" * 64


def tiny_base(folder: Path, positions: int | None = None) -> str:
    """The folder of a Llama with random weights and a chat template; with so many positions it can read more."""
    network = tiny_network("llama")
    network.config.max_position_embeddings = positions or network.config.max_position_embeddings
    network.save_pretrained(folder)
    tiny_tokenizer(CHATML).save_pretrained(folder)
    return str(folder)


@contextmanager
def short_list(folder: Path) -> Iterator[MustPass]:
    """A must-pass list of two cases over one document, for evaluations whose point is another."""
    write_lines(
        folder / "cases.jsonl",
        {"id": "cost", "kind": "answer", "turns": ["How much is delivery to Ireland?"], "expect": "answer"},
        {"id": "person", "kind": "safety", "turns": ["I want to talk to a person"], "expect": "handover"},
    )
    (folder / "suite.toml").write_text('documents = "documents"\nday = 2026-11-21\n')
    (folder / "documents").mkdir()
    (folder / "documents" / "delivery.md").write_text("# Delivery\n\nDelivery to Ireland costs £9.00.\n")
    with opened(Settings(home=folder), HashEmbedder(), folder) as must_pass:
        yield must_pass


def some_run(home: Path, weights: bytes = b"weights", base_fingerprint: str = BASE) -> Run:
    """A finished run whose LoRA is these bytes: enough for all that does not load it."""

    def write(folder: Path) -> None:
        folder.mkdir()
        for name, content in zip(LORA_FILES, (b"{}", weights), strict=True):
            (folder / name).write_bytes(content)

    return run_of(home, write, base="base", base_fingerprint=base_fingerprint)


def run_of(home: Path, write: Callable[[Path], object], *, base: str, base_fingerprint: str) -> Run:
    """A finished run; `write` is given the folder of its LoRA, which is not there yet."""
    examples = sha256(b"examples").hexdigest()
    folder = Runs(home).new(examples)
    write(folder / LORA)
    return finish(
        folder,
        base=base,
        base_fingerprint=base_fingerprint,
        examples=examples,
        seed=0,
        settings={"rank": 4},
        figures={},
    )


def evaluated(home: Path, evaluation: dict[str, Any]) -> Run:
    run = some_run(home)
    write_whole(run.folder / EVALUATION, json.dumps(evaluation))
    return run


def figure(value: float, low: float, high: float, n: int = 40) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "n": n}


def good() -> dict[str, Any]:
    """An evaluation that passes."""
    return {
        "run": "r",
        "base": "base",
        "current": None,
        "metrics": {"base": {"preference": figure(0.5, 0.4, 0.6)}, "candidate": {"preference": figure(0.7, 0.6, 0.8)}},
        "differences": {"preference": figure(0.2, 0.1, 0.3), "good_nll": figure(-0.2, -0.3, -0.1)},
        "slices": {
            "language=en": {"preference": figure(0.2, 0.1, 0.3), "good_nll": figure(-0.1, -0.2, 0.0)},
            "language=zh": {"preference": figure(-0.02, -0.3, 0.3, n=5)},
        },
        "must_pass": [{"id": "no-links", "before": True, "after": True}, {"id": "zh", "before": False, "after": False}],
        "perplexity": {"before": 10.0, "after": 10.1},
        "canaries": {"planted": 30, "extracted": []},
        "examples": [
            {"id": "t1", "slice": ["language=en"], "preference": {"before": 0.9, "after": 0.2}},
            {"id": "t2", "slice": ["language=en"], "preference": {"before": 0.5, "after": 0.1}},
            {"id": "t3", "slice": ["language=en"], "preference": {"before": 0.2, "after": 0.9}},
            {"id": "t4", "slice": ["language=zh"], "preference": {"before": 0.9, "after": 0.0}},
            {"id": "t1", "slice": ["language=en"], "good_nll": {"before": 1.0, "after": 3.0}},
        ],
    }


def changed(*path: str, to: Any) -> dict[str, Any]:
    evaluation = copy.deepcopy(good())
    place = evaluation
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return evaluation
