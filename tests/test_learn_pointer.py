"""The pointer: the old LoRA or the new one, never half, whatever happens in between."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.errors import LearningError
from bot.learn.locks import held
from bot.learn.pointer import FILE, Canary, Pointer, lora_for, promote, read, roll_back, stamp
from bot.learn.runs import Run
from tests.learn_runs import BASE, some_run

CONVERSATIONS = [f"conversation-{number}" for number in range(4000)]


def spoken_by(home: Path) -> tuple[str | None, tuple[str, ...]]:
    pointer = read(home)
    return pointer.run, pointer.previous


def test_without_a_pointer_the_base_speaks(tmp_path: Path) -> None:
    assert read(tmp_path) == Pointer()
    assert stamp(tmp_path) is None
    assert lora_for(tmp_path, "any", BASE) is None


def test_promoted_runs_are_taken_back_one_by_one_down_to_the_base(tmp_path: Path) -> None:
    first, second = some_run(tmp_path), some_run(tmp_path)
    promote(tmp_path, first.id, BASE)
    before = stamp(tmp_path)
    assert promote(tmp_path, second.id, BASE) == read(tmp_path)
    assert stamp(tmp_path) != before
    assert spoken_by(tmp_path) == (second.id, (first.id,))
    assert lora_for(tmp_path, "any", BASE) == second.lora
    roll_back(tmp_path)
    assert spoken_by(tmp_path) == (first.id, ())
    roll_back(tmp_path)
    assert spoken_by(tmp_path) == (None, ())
    assert read(tmp_path).promoted_at
    with pytest.raises(LearningError, match="the base speaks already"):
        roll_back(tmp_path)


def test_to_the_base_at_once(tmp_path: Path) -> None:
    for _ in range(2):
        promote(tmp_path, some_run(tmp_path).id, BASE)
    assert roll_back(tmp_path, to_base=True).run is None
    assert lora_for(tmp_path, "any", BASE) is None


def test_a_run_is_among_those_before_it_only_once(tmp_path: Path) -> None:
    first, second = some_run(tmp_path), some_run(tmp_path)
    for run in (first, second, first, first):
        promote(tmp_path, run.id, BASE)
    assert spoken_by(tmp_path) == (first.id, (second.id,))


def test_a_share_of_the_conversations_gets_the_canary_and_keeps_it(tmp_path: Path) -> None:
    first, second = some_run(tmp_path), some_run(tmp_path)
    promote(tmp_path, first.id, BASE)
    pointer = promote(tmp_path, second.id, BASE, share=0.1)
    assert pointer.canary is not None
    assert (pointer.run, pointer.canary) == (first.id, Canary(second.id, 0.1, pointer.canary.since))
    chosen = [one for one in CONVERSATIONS if pointer.run_for(one) == second.id]
    assert 0.08 < len(chosen) / len(CONVERSATIONS) < 0.12
    assert chosen == [one for one in CONVERSATIONS if read(tmp_path).run_for(one) == second.id]
    assert lora_for(tmp_path, chosen[0], BASE) == second.lora
    wider = promote(tmp_path, second.id, BASE, share=0.5)
    assert {wider.run_for(one) for one in chosen} == {second.id}
    roll_back(tmp_path)
    assert read(tmp_path).run_for(chosen[0]) == first.id
    promote(tmp_path, second.id, BASE, share=0.1)
    promote(tmp_path, second.id, BASE)
    assert (read(tmp_path).run, read(tmp_path).canary, read(tmp_path).previous) == (second.id, None, (first.id,))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(tmp_path: Path, share: float) -> None:
    with pytest.raises(LearningError, match="between 0 and 1"):
        promote(tmp_path, some_run(tmp_path).id, BASE, share=share)


def damaged(run: Run) -> str:
    path = run.lora / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    return run.id


def moved(run: Run) -> str:
    return str(run.folder.rename(run.folder.parents[2] / "elsewhere"))


@pytest.mark.parametrize(
    ("spoil", "base", "named"),
    [
        (damaged, BASE, "its LoRA is damaged"),
        (lambda run: run.id, "c" * 64, r"trained over 'base' .* the base has changed under it; train again"),
        (lambda run: "2020-01-01T000000-abcdef", BASE, "there is no finished run '2020"),
        (moved, BASE, "copy that folder into"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line_and_what_spoke_goes_on(
    tmp_path: Path, spoil: Callable[[Run], str], base: str, named: str
) -> None:
    first, second = some_run(tmp_path), some_run(tmp_path)
    promote(tmp_path, first.id, BASE)
    before = (tmp_path / "learn" / FILE).read_bytes()
    name = spoil(second)
    for share in (None, 0.1):
        with pytest.raises(LearningError, match=named) as caught:
            promote(tmp_path, name, base, share)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "learn" / FILE).read_bytes() == before


def test_a_roll_back_passes_over_what_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = (some_run(tmp_path) for _ in range(3))
    for run in (first, second, third):
        promote(tmp_path, run.id, BASE)
    damaged(second)
    assert roll_back(tmp_path).run == first.id
    assert second.id in caplog.text
    damaged(first)
    promote(tmp_path, third.id, BASE)
    assert roll_back(tmp_path).run is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"run": 3, "previous": [], "promoted_at": "", "canary": null}',
        '{"run": "../../up", "previous": [], "promoted_at": "", "canary": null}',
        '{"run": null, "previous": [], "promoted_at": "", "canary": {"run": null, "share": 0.1}}',
    ],
)
def test_a_pointer_that_is_no_pointer_says_what_to_do(tmp_path: Path, content: str) -> None:
    run = some_run(tmp_path)
    promote(tmp_path, run.id, BASE)
    (tmp_path / "learn" / FILE).write_text(content)
    for change in (lambda: promote(tmp_path, run.id, BASE), lambda: roll_back(tmp_path)):
        with pytest.raises(LearningError, match=r"current\.json: cannot be read .*learn rollback --base"):
            change()
    roll_back(tmp_path, to_base=True)
    assert read(tmp_path).run is None


@contextmanager
def failing_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The file operation of that number, from 0, fails: a write half done, the others not at all."""
    seen: list[str] = []

    def counted(name: str, operation: Callable[..., Any], instead: Callable[..., None]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            seen.append(name)
            if len(seen) == number + 1:
                instead(*given)
                raise OSError(28, "No space left on device")
            return operation(*given, **named)

        return run

    def nothing(*given: Any) -> None: ...

    write = Path.write_bytes

    def half(path: Path, content: bytes) -> None:
        with io.open(path, "wb") as file:  # noqa: UP020  # not the operation that is counted
            file.write(content[: len(content) // 2])

    with monkeypatch.context() as patched:
        for home, name in ((os, "open"), (os, "fsync"), (os, "replace"), (io, "open")):
            patched.setattr(home, name, counted(name, getattr(home, name), nothing))
        patched.setattr(Path, "write_bytes", counted("write", write, half))
        yield seen


def test_a_fault_at_any_file_operation_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = some_run(tmp_path), some_run(tmp_path)
    steps: list[tuple[Callable[[], Pointer], set[str | None]]] = [
        (lambda: promote(tmp_path, second.id, BASE), {first.id, second.id}),
        (lambda: roll_back(tmp_path), {first.id, None}),
    ]
    for step, allowed in steps:
        number, done, left = 0, False, set()
        while not done:
            roll_back(tmp_path, to_base=True)
            promote(tmp_path, first.id, BASE)
            with failing_at(number, monkeypatch) as seen:
                with suppress(LearningError):
                    step()
                done = len(seen) <= number
            left.add(read(tmp_path).run)
            number += 1
        assert number > 6
        assert left == allowed


CHANGING = """
import sys
from pathlib import Path
from bot.learn.pointer import promote
home, base, *runs = sys.argv[1:]
print("ready", flush=True)
while True:
    for run in runs:
        promote(Path(home), run, base)
"""


def test_kill_9_at_any_moment_leaves_one_of_them_whole(tmp_path: Path) -> None:
    runs = [some_run(tmp_path).id for _ in range(2)]
    promote(tmp_path, runs[0], BASE)
    moments = random.Random(6)
    for _ in range(6):
        changing = subprocess.Popen(
            [sys.executable, "-c", CHANGING, tmp_path, BASE, *runs], stdout=subprocess.PIPE, text=True
        )
        assert changing.stdout is not None
        with changing.stdout:
            assert changing.stdout.readline() == "ready\n"
            time.sleep(moments.uniform(0, 0.05))
            changing.send_signal(signal.SIGKILL)
            changing.wait()
        assert read(tmp_path).run in runs
        assert read(tmp_path).run not in read(tmp_path).previous
        assert lora_for(tmp_path, "any", BASE)
    promote(tmp_path, runs[0], BASE)  # the lock died with its holder


def test_the_pointer_is_as_the_contract_has_it(tmp_path: Path) -> None:
    first, second = some_run(tmp_path), some_run(tmp_path)
    promote(tmp_path, first.id, BASE)
    promote(tmp_path, second.id, BASE, share=0.25)
    written = json.loads((tmp_path / "learn" / FILE).read_text())
    assert written.pop("promoted_at").endswith("+00:00")
    assert written["canary"].pop("since").endswith("+00:00")
    assert written == {"run": first.id, "previous": [], "canary": {"run": second.id, "share": 0.25}}


def test_a_pointer_of_an_earlier_shopdesk_has_its_canary_too(tmp_path: Path) -> None:
    run = some_run(tmp_path)
    promote(tmp_path, run.id, BASE, share=0.25)
    path = tmp_path / "learn" / FILE
    written = json.loads(path.read_text())
    del written["canary"]["since"]
    path.write_text(json.dumps(written))
    assert read(tmp_path).canary == Canary(run.id, 0.25, written["promoted_at"])


def test_the_lock_names_who_has_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    named = pytest.raises(LearningError, match=rf"^another works \(process {os.getpid()}\)$")
    with held(lock), named, held(lock, busy="another works"):
        raise AssertionError("two at once")
