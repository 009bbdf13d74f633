"""Snapshots: whole or not at all, whatever happens in between."""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.errors import DamagedSnapshot, IndexBusy, NoSnapshot, RetrievalError
from retrieval.snapshots import FORMAT, Snapshot, Snapshots

FILES = {"vectors.faiss": b"v" * 5000, "lexical/terms.txt": b"a\nb", "empty.jsonl": b""}


def nothing_else(folder: Path) -> None:
    """No fault."""


def build(
    snapshots: Snapshots, mark: str = "", fault: Callable[[Path], None] = nothing_else, **info: object
) -> Snapshot:
    """Publishes a snapshot of three files that carry the mark; `fault` may spoil it before it is published."""
    with snapshots.building() as folder:
        for name, content in FILES.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content + mark.encode())
        fault(folder)
        return snapshots.publish(folder, {"mark": mark, **info})


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "indexes" / "default")


def test_what_was_published_is_served(snapshots: Snapshots) -> None:
    first = build(snapshots, "é", counts={"chunks": 3})
    assert snapshots.current() == first
    assert (first.number, first.parent, first.info) == (1, None, {"mark": "é", "counts": {"chunks": 3}})
    assert {name: (first.folder / name).read_bytes() for name in first.files} == {
        name: content + "é".encode() for name, content in FILES.items()
    }
    assert first.size == 5000 + 3 + 3 * 2
    second = build(snapshots, "2")
    assert (second.number, second.parent) == (2, 1)
    assert snapshots.current().info["mark"] == "2"
    assert snapshots.pointer() == 2
    assert [snapshot.number for snapshot in snapshots.list()] == [1, 2]
    assert Snapshots(snapshots.folder).current() == second


def test_nothing_built_yet_says_what_to_run(snapshots: Snapshots) -> None:
    for ask in (snapshots.current, snapshots.pointer, snapshots.rollback):
        with pytest.raises(NoSnapshot, match="shopdesk ingest PATH"):
            ask()
    assert snapshots.list() == []
    assert snapshots.prune() == []


def test_a_build_that_fails_leaves_nothing_behind(snapshots: Snapshots) -> None:
    build(snapshots, "1")

    def fault(folder: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build(snapshots, "2", fault)
    assert snapshots.current().info["mark"] == "1"
    assert [path.name for path in (snapshots.folder / "snapshots").iterdir()] == ["000001"]


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_damaged_file_is_refused_and_the_last_good_snapshot_serves(
    name: str, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    build(snapshots, "1")
    newest = build(snapshots, "2")
    path = newest.folder / name
    content = path.read_bytes()
    for at in {0, len(content) // 3, len(content) // 2, len(content) - 1}:
        for bit in (0, 3, 5):
            damaged = bytearray(content)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            caplog.clear()
            assert snapshots.current().info["mark"] == "1"
            (warning,) = caplog.records
            assert warning.levelno == logging.WARNING
            assert str(path) in warning.message
    for damaged in (content[:-1], content + b"\0", b""):
        path.write_bytes(damaged)
        assert snapshots.current().number == 1
    path.unlink()
    assert snapshots.current().number == 1
    path.write_bytes(content)
    assert snapshots.current().number == 2


def test_every_byte_of_the_manifest_counts(snapshots: Snapshots) -> None:
    build(snapshots, "1")
    path = build(snapshots, "caf\u00e9").folder / "manifest.json"
    content = path.read_bytes()
    for at in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[at] ^= 1 << bit
            path.write_bytes(damaged)
            assert [snapshot.number for snapshot in snapshots.list()] == [1]


def test_with_no_whole_snapshot_left_it_says_so(snapshots: Snapshots) -> None:
    for mark in "12":
        (build(snapshots, mark).folder / "vectors.faiss").write_bytes(b"")
    with pytest.raises(DamagedSnapshot, match=r"000002.vectors\.faiss.*ingest again"):
        snapshots.current()
    with pytest.raises(RetrievalError, match="no whole snapshot"):
        snapshots.rollback()
    assert snapshots.prune(keep=1) == [], "what could be mended by hand stays"


@pytest.mark.parametrize("pointer", [b"99\n", b"", b"\xff\xfe", b"two"])
def test_a_pointer_to_nowhere_gives_the_newest_whole_snapshot(pointer: bytes, snapshots: Snapshots) -> None:
    for mark in "12":
        build(snapshots, mark)
    (snapshots.folder / "current").write_bytes(pointer)
    assert snapshots.current().number == 2
    assert build(snapshots, "3").number == 3
    assert snapshots.current().number == 3


def test_a_lost_pointer_gives_the_newest_whole_snapshot(snapshots: Snapshots) -> None:
    for mark in "12":
        build(snapshots, mark)
    (snapshots.folder / "current").unlink()
    assert (snapshots.pointer(), snapshots.current().number) == (2, 2)


def test_a_snapshot_of_a_newer_version_is_refused(snapshots: Snapshots) -> None:
    build(snapshots, "1")
    newest = build(snapshots, "2")
    rewrite_as_format(newest, FORMAT + 1)
    for ask in (snapshots.current, snapshots.list, snapshots.prune):
        with pytest.raises(RetrievalError, match=r"newer version.*upgrade") as raised:
            ask()
        assert not isinstance(raised.value, DamagedSnapshot)
    assert snapshots.rollback(to=1).number == 1
    assert snapshots.current().number == 1


def rewrite_as_format(snapshot: Snapshot, number: int) -> None:
    """What a later version would have written, by the same rule of checksums."""
    import hashlib

    path = snapshot.folder / "manifest.json"
    fields = json.loads(path.read_bytes())
    del fields["checksum"]
    fields.update(format=number, something_new=[1])
    fields["checksum"] = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n")


def test_rollback_goes_to_the_parent_and_numbers_go_on(snapshots: Snapshots) -> None:
    for mark in "123":
        build(snapshots, mark)
    assert snapshots.rollback().number == 2
    assert snapshots.current().info["mark"] == "2"
    fourth = build(snapshots, "4")
    assert (fourth.number, fourth.parent) == (4, 2)
    assert snapshots.rollback().number == 2, "not to 3, which was rolled back from"
    assert snapshots.rollback().number == 1
    with pytest.raises(RetrievalError, match="no whole snapshot before 1"):
        snapshots.rollback()
    assert snapshots.rollback(to=3).number == snapshots.current().number == 3


def test_rollback_passes_over_a_damaged_snapshot_and_refuses_to_go_to_one(snapshots: Snapshots) -> None:
    for mark in "123":
        build(snapshots, mark)
    (snapshots.folder / "snapshots" / "000002" / "vectors.faiss").write_bytes(b"")
    with pytest.raises(DamagedSnapshot, match="000002"):
        snapshots.rollback(to=2)
    with pytest.raises(RetrievalError, match="no snapshot 9"):
        snapshots.rollback(to=9)
    assert snapshots.pointer() == 3
    assert snapshots.rollback().number == 1


def test_prune_keeps_the_newest_the_serving_one_and_its_way_back(snapshots: Snapshots) -> None:
    for mark in "123456":
        build(snapshots, mark)
    snapshots.rollback(to=2)
    stale = snapshots.folder / "snapshots" / ".building-123"
    stale.mkdir()
    (stale / "half").write_bytes(b"half")
    assert snapshots.prune(keep=2) == [3, 4]
    assert [snapshot.number for snapshot in snapshots.list()] == [1, 2, 5, 6]
    assert not stale.exists()
    assert snapshots.current().number == 2
    assert snapshots.rollback().number == 1
    with pytest.raises(RetrievalError, match="keep = 0"):
        snapshots.prune(keep=0)


def test_prune_never_removes_the_only_good_ones(snapshots: Snapshots) -> None:
    for mark in "12345":
        build(snapshots, mark)
    for number in (3, 4, 5):
        (snapshots.folder / "snapshots" / f"00000{number}" / "vectors.faiss").write_bytes(b"")
    assert snapshots.prune(keep=1) == [3, 4]
    assert snapshots.current().number == 2
    assert snapshots.rollback(to=1).number == 1


def test_two_writers_at_once_are_one_too_many(snapshots: Snapshots) -> None:
    build(snapshots, "1")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from retrieval.snapshots import Snapshots\n"
            f"with Snapshots(Path({str(snapshots.folder)!r})).lock(): print('held', flush=True); sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        for write in (lambda: build(snapshots, "2"), snapshots.prune, snapshots.rollback):
            with pytest.raises(IndexBusy, match=f"process {holder.pid}"):
                write()
        assert snapshots.current().info["mark"] == "1", "reading goes on"
        holder.kill()
    assert build(snapshots, "2").number == 2, "a killed writer's lock is gone with it"


def test_two_threads_of_one_process_are_two_writers(snapshots: Snapshots) -> None:
    refused: list[str] = []

    def write() -> None:
        try:
            build(snapshots, "2")
        except IndexBusy as error:
            refused.append(str(error))

    with snapshots.lock():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        build(snapshots, "1")
    assert len(refused) == 1
    assert str(os.getpid()) in refused[0]
    assert snapshots.current().info["mark"] == "1"


def full_disk(folder: Path) -> None:
    (folder / "big").symlink_to("/dev/full")
    (folder / "big").write_bytes(b"x" * 100_000)


def low_limit(folder: Path) -> None:
    """From here on a file of more than 100 bytes cannot be written: the manifest is longer."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.mark.parametrize(("fault", "said"), [(full_disk, "No space left"), (low_limit, "File too large")])
def test_a_failed_write_leaves_the_old_one_and_says_why(
    fault: Callable[[Path], None], said: str, snapshots: Snapshots
) -> None:
    build(snapshots, "1")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(RetrievalError, match=rf"{said}.*as it was before.*make room") as raised:
            build(snapshots, "2", fault)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(raised.value)
    assert snapshots.current().info["mark"] == "1"
    assert [path.name for path in (snapshots.folder / "snapshots").iterdir()] == ["000001"]


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.test_snapshots import Snapshots, build

def publish_until(call, folder):
    "Kills this process, as kill -9 does, at the given call into the system or the standard library."
    seen = 0
    def watch(frame, event, function):
        nonlocal seen
        if event == "c_call":
            seen += 1
            if seen == call:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(watch)
    build(Snapshots(folder), "new")
    sys.setprofile(None)
    os._exit(0)

folder, first = Path(sys.argv[1]), int(sys.argv[2])
for call in range(first, 10_000, 7):
    target = folder / str(call)
    old = build(Snapshots(target), "old") if sys.argv[3] == "old" else None
    child = os.fork()
    if not child:
        publish_until(call, target)
    if not os.waitpid(child, 0)[1]:
        break
print(call)
"""


@pytest.mark.parametrize("before", ["old", "nothing"])
def test_killed_at_any_step_it_is_the_old_one_or_the_new_one(before: str, tmp_path: Path) -> None:
    first = 3 if before == "old" else 5
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(first), before], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    last = int(done.stdout)
    assert last > 300, "the steps of a build were not met"
    outcomes = []
    for call in range(first, last + 1, 7):
        snapshots = Snapshots(tmp_path / str(call))
        try:
            outcomes.append(snapshots.current().info["mark"])
        except NoSnapshot:
            outcomes.append("nothing")
        assert build(snapshots, "next").info["mark"] == snapshots.current().info["mark"] == "next"
        assert not list((snapshots.folder / "snapshots").glob(".building-*"))
    assert set(outcomes) == {before, "new"}
    assert outcomes == sorted(outcomes, key=["nothing", "old", "new"].index), "once it is new it stays new"
