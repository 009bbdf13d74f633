"""The runs of the learning loop: a folder each, whose `run.json` is written last.

    HOME/learn/runs/<id>/lora/               what PEFT saved: adapter_config.json, adapter_model.safetensors
                         curves.jsonl, .png  the loss by step, and its picture
                         run.json            last of `shopdesk learn train`: without it the run is unfinished
                         evaluation.json     of `shopdesk learn evaluate`
                         report.json, .md    of `shopdesk learn gate`; its `decision` is "passed" or "refused"

An id is the UTC time and the first digits of the examples' hash, as in 2026-11-28T101500-3fa9c1.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Literal

from bot.errors import LearningError

LORA, RUN, EVALUATION, REPORT = "lora", "run.json", "evaluation.json", "report.json"
LORA_FILES = ("adapter_config.json", "adapter_model.safetensors")
State = Literal["unfinished", "trained", "evaluated", "passed", "refused"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A LoRA and where it comes from. The hashes are SHA-256 in hexadecimal digits: `base_fingerprint` of the base's
    weights, `examples` of their file, `lora_sha256` of the LoRA's two files."""

    id: str
    folder: Path
    base: str
    base_fingerprint: str
    examples: str
    lora_sha256: str
    seed: int
    settings: dict[str, Any]
    figures: dict[str, Any]
    made_at: str

    @property
    def lora(self) -> Path:
        """The folder that PEFT reads."""
        return self.folder / LORA

    @property
    def state(self) -> State:
        """How far it has come, by the files that are there."""
        if not (self.folder / RUN).exists():
            return "unfinished"
        if (self.folder / REPORT).exists():
            return "passed" if read_record(self.folder / REPORT).get("decision") == "passed" else "refused"
        return "evaluated" if (self.folder / EVALUATION).exists() else "trained"


class Runs:
    """The runs of a home folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "learn" / "runs"

    def all(self) -> list[Run]:
        """Those that are finished, oldest first; one whose record cannot be read is left out and logged."""
        found = []
        for path in sorted(self.folder.glob(f"*/{RUN}")):
            try:
                found.append(_opened(path.parent))
            except LearningError as error:
                _log.warning("left out: %s", error)
        return found

    def get(self, name: str) -> Run:
        """A finished run by its id, or by its folder.

        Raises LearningError where there is none, or its LoRA is not what was trained.
        """
        folder = self.folder / name
        if not name or not (folder / RUN).is_file():
            folder = Path(name or ".").expanduser()
        if not (folder / RUN).is_file():
            known = ", ".join(run.id for run in self.all()[-3:]) or "none yet; train one with `shopdesk learn train`"
            raise LearningError(f"there is no finished run {name!r}; the latest are: {known}")
        run = _opened(folder)
        if _lora_hash(run.lora) != run.lora_sha256:
            raise LearningError(f"run {run.id}: its LoRA is damaged, as its hash is another; train again")
        return run

    def new(self, examples: str) -> Path:
        """A folder for a new run on the examples of that hash."""
        self.folder.mkdir(parents=True, exist_ok=True)
        at = datetime.now(UTC)
        while True:  # two of a second get two names
            folder = self.folder / f"{at:%Y-%m-%dT%H%M%S}-{examples[:6]}"
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                at += timedelta(seconds=1)

    def unfinished(self) -> list[Path]:
        """Folders of runs that were stopped before their end, newest first."""
        folders = sorted(self.folder.iterdir(), reverse=True) if self.folder.is_dir() else []
        return [folder for folder in folders if folder.is_dir() and not (folder / RUN).exists()]


def finish(
    folder: Path,
    *,
    base: str,
    base_fingerprint: str,
    examples: str,
    seed: int,
    settings: Mapping[str, Any],
    figures: Mapping[str, Any],
) -> Run:
    """Makes a folder, whose LoRA is in it, a finished run: its record is written last, whole or not at all."""
    run = Run(
        id=folder.name,
        folder=folder,
        base=base,
        base_fingerprint=base_fingerprint,
        examples=examples,
        lora_sha256=_lora_hash(folder / LORA),
        seed=seed,
        settings=dict(settings),
        figures=dict(figures),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    for name in LORA_FILES:
        _flush(folder / LORA / name)
    record = asdict(run)
    del record["folder"]
    write_whole(folder / RUN, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return run


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file whole or not at all: beside its place, on the disk, then into it."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    _flush(draft)
    draft.replace(path)
    _flush(path.parent)


def fingerprint(base: str) -> str:
    """The SHA-256, in hexadecimal digits, of a model's weights: its .safetensors files in the order of their names.

    `base` is a folder, or a hub name that was fetched before. Raises LearningError where there are no such weights.
    """
    folder = Path(base).expanduser()
    if not folder.is_dir():
        folder = _fetched(base)
    weights = [path for path in sorted(folder.glob("*.safetensors")) if path.name != LORA_FILES[1]]
    if not weights:
        raise LearningError(f"base {base!r} has no weights as safetensors; give the folder of a causal language model")
    return _hash(weights)


def _fetched(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns="*.safetensors"))
    except (OSError, ValueError) as error:
        raise LearningError(
            f"base {name!r} is no folder, and was not fetched from the hub; give a folder, or fetch it while online"
        ) from error


def _opened(folder: Path) -> Run:
    record = read_record(folder / RUN)
    names = {field.name for field in fields(Run)} - {"folder"}
    if names - set(record):
        raise LearningError(f"{folder / RUN}: lacks {sorted(names - set(record))[0]!r}; train again")
    return Run(folder=folder, **{name: record[name] for name in names})


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object in a file. Raises LearningError where it is none, or cannot be read."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LearningError(f"{path}: cannot be read ({error}); make it again") from error
    if not isinstance(record, dict):
        raise LearningError(f"{path}: is not a record; make it again")
    return record


def _lora_hash(folder: Path) -> str:
    try:
        return _hash(folder / name for name in LORA_FILES)
    except OSError as error:
        raise LearningError(
            f"LoRA {folder}: {Path(error.filename or folder).name} cannot be read; train again"
        ) from error


def _hash(paths: Iterable[Path]) -> str:
    """Of one file its own SHA-256; of several that of theirs, one after the other."""
    hashes = []
    for path in paths:
        with path.open("rb") as file:
            hashes.append(file_digest(file, "sha256").hexdigest())
    return hashes[0] if len(hashes) == 1 else sha256("".join(hashes).encode()).hexdigest()


def _flush(path: Path) -> None:
    """What was written to a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
