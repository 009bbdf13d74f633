"""The runs of the learning loop on disk: whole or not there, found by their id, damage noticed."""

from __future__ import annotations

import json
import logging
import re
from hashlib import sha256
from pathlib import Path

import pytest

from bot.errors import LearningError
from bot.learn.runs import EVALUATION, LORA, LORA_FILES, REPORT, RUN, Run, Runs, fingerprint, finish, write_whole

EXAMPLES = sha256(b"examples").hexdigest()


def made(runs: Runs, weights: bytes = b"weights") -> Run:
    folder = runs.new(EXAMPLES)
    (folder / LORA).mkdir()
    for name, content in zip(LORA_FILES, (b"{}", weights), strict=True):
        (folder / LORA / name).write_bytes(content)
    return finish(
        folder,
        base="base",
        base_fingerprint="b5",
        examples=EXAMPLES,
        seed=3,
        settings={"rank": 16},
        figures={"seconds": 2.5},
    )


def test_a_finished_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    run = made(runs)
    assert runs.get(run.id) == runs.get(str(run.folder)) == run
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d{{6}}-{EXAMPLES[:6]}", run.id)
    assert (run.seed, run.settings, run.figures) == (3, {"rank": 16}, {"seconds": 2.5})
    assert run.lora == tmp_path / "learn" / "runs" / run.id / "lora"


def test_runs_are_listed_oldest_first_without_those_that_are_unfinished(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    assert (runs.all(), runs.unfinished()) == ([], [])
    first, second = made(runs), made(runs)
    left = runs.new(EXAMPLES)
    assert first.id < second.id < left.name
    assert runs.all() == [first, second]
    assert runs.unfinished() == [left]


def test_the_state_follows_what_was_written(tmp_path: Path) -> None:
    run = made(Runs(tmp_path))
    seen = [run.state]
    for name, content in ((EVALUATION, "{}"), (REPORT, '{"decision": "refused"}'), (REPORT, '{"decision": "passed"}')):
        write_whole(run.folder / name, content)
        seen.append(run.state)
    (run.folder / RUN).unlink()
    assert [*seen, run.state] == ["trained", "evaluated", "refused", "passed", "unfinished"]


@pytest.mark.parametrize("name", LORA_FILES)
def test_a_lora_that_changed_is_damaged(name: str, tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    run = made(runs)
    (run.lora / name).write_bytes(b"other")
    with pytest.raises(LearningError, match=rf"run {run.id}: its LoRA is damaged"):
        runs.get(run.id)
    (run.lora / name).unlink()
    with pytest.raises(LearningError, match=rf"{name} cannot be read"):
        runs.get(run.id)


def test_an_unknown_run_is_named_with_those_there_are(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with pytest.raises(LearningError, match=r"no finished run 'x'.*none yet"):
        runs.get("x")
    run = made(runs)
    for name in ("x", "", runs.new(EXAMPLES).name):
        with pytest.raises(LearningError, match=rf"no finished run '{name}'; the latest are: {run.id}"):
            runs.get(name)


@pytest.mark.parametrize("content", ["not json", "[]", '{"id": "x"}'])
def test_a_record_that_cannot_be_read_is_left_out_and_logged(
    content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = Runs(tmp_path)
    run, other = made(runs), made(runs)
    (run.folder / RUN).write_text(content)
    with caplog.at_level(logging.WARNING):
        assert runs.all() == [other]
    assert str(run.folder / RUN) in caplog.text
    with pytest.raises(LearningError, match=r"run\.json"):
        runs.get(run.id)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_whole(path, "old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old"


def test_a_fingerprint_is_of_the_weights_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(LearningError, match="has no weights"):
        fingerprint(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"one")
    before = fingerprint(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"a": 2}))
    (tmp_path / LORA_FILES[1]).write_bytes(b"a LoRA that lies there is no part of the base")
    assert fingerprint(str(tmp_path)) == before == sha256(b"one").hexdigest()
    (tmp_path / "model-2.safetensors").write_bytes(b"two")
    assert fingerprint(str(tmp_path)) != before
    with pytest.raises(LearningError, match="give a folder"):
        fingerprint("nobody/nothing")
