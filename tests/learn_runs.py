"""Runs of the learning loop for the tests: real folders, small LoRAs, figures to gate."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from bot.learn.runs import LORA, LORA_FILES, Run, Runs, finish

BASE = "b" * 64


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
