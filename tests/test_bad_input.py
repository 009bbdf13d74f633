"""Bad input on the command line: one clear line that names the thing and what to do, nothing lost, the rest goes on."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from commands import COMMAND, Ran, copied, process, read_lines, shopdesk, write_lines, write_shop
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from bot.conversations import FILE
from retrieval.snapshots import FORMAT, _rendered

QUESTION = "How much is delivery to Ireland?"
GOOD = {"id": "good", "turns": [QUESTION]}
DEEP = "[" * 100_000
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to mount")


pytestmark = pytest.mark.usefixtures("blank")


def assert_answers(home: Path) -> None:
    """Nothing was lost: what was ingested before still answers."""
    assert "£9.00" in shopdesk(home, "ask", QUESTION).out


def left_out(ran: Ran) -> dict[str, str]:
    """What an ingest left out, by path; the lines on standard error say the same as the JSON."""
    problems = {problem["path"]: problem["message"] for problem in ran.value["problems"]}
    assert ran.err.splitlines() == [f"shopdesk: left out: {path}: {message}" for path, message in problems.items()]
    assert ran.status == 0
    return problems


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", "the message is empty"),
        (" \n\t ", "the message is empty"),
        ("\x00\x07\u200b", "the message is empty"),
        ("x" * 100_000, "100,000 characters"),
        ("half \ud800 a pair", "valid Unicode"),
    ],
)
def test_a_message_that_cannot_be_taken(home: Path, message: str, expected: str) -> None:
    assert expected in shopdesk(home, "ask", message).complaint
    assert_answers(home)


def test_control_characters_do_not_hide_a_question(home: Path) -> None:
    assert "£9.00" in shopdesk(home, "ask", "\x1b[31mHow much is\x07 delivery\u202e to Ireland?\x00").out


def test_a_query_without_words(home: Path) -> None:
    assert "the query is empty" in shopdesk(home, "search", "  ").complaint
    assert shopdesk(home, "search", "delivery \ud800", "--json").value[0]["document"] == "policies/delivery.md"


def test_the_rest_of_a_batch_goes_on(home: Path, tmp_path: Path) -> None:
    batch = write_lines(
        tmp_path / "in.jsonl",
        {"id": "empty", "turns": ["", QUESTION]},
        {"id": "long", "turns": ["x" * 100_000]},
        '{"id": "broken", ',
        {"turns": ["no id"]},
        {"id": "number", "turns": [1]},
        ["a list"],
        DEEP,
        {"id": "half", "turns": ["\ud800"]},
        GOOD,
    )
    with batch.open("ab") as file:
        file.write(b'\xff\xfe\n{"id": "last", "turns": ["How much is delivery to Ireland?"]}')
    ran = shopdesk(home, "ask", "--batch", batch, "--out", tmp_path / "out.jsonl")
    assert (ran.status, ran.out) == (1, "")
    answered = read_lines(tmp_path / "out.jsonl")
    assert [(record["id"], record["turn"]) for record in answered] == [("empty", 2), ("good", 1), ("last", 1)]
    assert all("£9.00" in record["reply"] for record in answered)
    *lines, summary = ran.err.splitlines()
    assert [line.partition("line ")[2].partition(":")[0] for line in lines] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "10",
    ]
    assert "turn 1: the message is empty" in lines[0]
    assert "9 left out" in summary


def test_the_rest_of_the_queries_goes_on(home: Path, tmp_path: Path) -> None:
    batch = write_lines(tmp_path / "in.jsonl", {"id": 1, "query": ""}, {"id": 2}, "{", {"id": 4, "query": "Ireland"})
    ran = shopdesk(home, "search", "--batch", batch, "--out", tmp_path / "out.jsonl")
    (record,) = read_lines(tmp_path / "out.jsonl")
    assert (ran.status, record["id"], record["hits"][0]["document"]) == (1, 4, "policies/delivery.md")
    assert len(ran.err.splitlines()) == 4


def test_batch_files_that_cannot_be_used(home: Path, tmp_path: Path) -> None:
    batch = write_lines(tmp_path / "in.jsonl", GOOD)
    before = batch.read_bytes()
    out = tmp_path / "out.jsonl"
    assert str(tmp_path / "nope") in shopdesk(home, "ask", "--batch", tmp_path / "nope", "--out", out).complaint
    assert not out.exists()
    assert str(tmp_path) in shopdesk(home, "ask", "--batch", batch, "--out", tmp_path).complaint
    assert "/nope/out" in shopdesk(home, "search", "--batch", batch, "--out", "/nope/out").complaint
    assert "same file" in shopdesk(home, "ask", "--batch", batch, "--out", batch).complaint
    assert batch.read_bytes() == before


def test_output_that_cannot_be_written(home: Path, tmp_path: Path) -> None:
    batch = write_lines(tmp_path / "in.jsonl", GOOD)
    assert "No space left" in shopdesk(home, "ask", "--batch", batch, "--out", "/dev/full").complaint
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "search", "boots", "--home", str(home)], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == ["shopdesk: output: No space left on device; mend it and try again"]


def locked_pdf(path: Path) -> None:
    canvas = Canvas(str(path))
    canvas.drawString(72, 720, "Nobody may read this.")
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(path))
    writer.encrypt("secret", algorithm="AES-256")
    writer.write(path)


def test_what_cannot_be_read_is_left_out_and_the_rest_is_indexed(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "good.md").write_text("# Umbrellas\n\nWe repair umbrellas for £12.\n")
    (folder / "empty.md").touch()
    (folder / "dangling.md").symlink_to("/nowhere")
    (folder / "a folder.md").mkdir()
    (folder / "damaged.pdf").write_bytes(b"%PDF-1.7\nnothing")
    locked_pdf(folder / "locked.pdf")
    (folder / "noise.docx").write_bytes(os.urandom(3000))
    (folder / "header.csv").write_text("Foo,Bar\n1,2\n")
    (folder / "front.md").write_text("---\naudience: everyone\n---\n# Hello\n")
    (folder / "line\nfeed.md").write_text("Who would do that?")
    (folder / os.fsdecode(b"caf\xe9.md")).write_text("A name from another time.")
    lines = [json.dumps({"id": i, "title": f"Thing {i}", "text": f"Number {i}."}) for i in range(1, 11)]
    write_lines(folder / "broken.jsonl", *lines[:6], '{"id": 7,', *lines[7:])
    write_lines(
        folder / "twice.jsonl",
        {"id": "T", "title": "One", "text": "First."},
        {"id": "T", "title": "Two", "text": "Second."},
    )

    ran = process(home, "ingest", folder)
    problems = {problem["path"]: problem["message"] for problem in ran.value["problems"]}
    expected = {
        "empty.md": "0 bytes",
        "dangling.md": "cannot be opened",
        "damaged.pdf": "save or export it again",
        "locked.pdf": "password",
        "noise.docx": "damaged",
        "header.csv": "no known header",
        "front.md": "public or staff",
        "line\nfeed.md": "rename it",
        "caf\udce9.md": "rename it",
        "broken.jsonl": "line 7",
        "twice.jsonl": "id 'T'",
    }
    assert set(problems) == set(expected)
    for path, words in expected.items():
        assert words in problems[path], path
    assert ran.status == 0
    assert len(ran.err.splitlines()) == len(expected)
    assert ran.value["documents_added"] == 1 + 9 + 1
    assert "£12" in shopdesk(home, "ask", "Do you repair umbrellas?").out
    assert_answers(home)


def test_two_documents_of_one_path(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "policies").mkdir(parents=True)
    (other / "policies" / "delivery.md").write_text("# Delivery\n\nDelivery to Ireland costs £1.00.\n")
    assert "the first is kept" in left_out(shopdesk(home, "ingest", other))["policies/delivery.md"]
    assert_answers(home)


def test_a_file_that_breaks_later_keeps_what_it_gave(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    table = write_lines(folder / "things.jsonl", {"id": 1, "title": "Oar", "text": "A long oar made of ash."})
    shopdesk(home, "ingest", folder)
    table.write_text("{ not any more")
    assert shopdesk(home, "ingest", folder).status == 0
    assert shopdesk(home, "search", "oar of ash", "--json").value[0]["document"] == "things.jsonl#1"


def test_folders_that_give_nothing(home: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "picture.png").touch()
    for path in ("nowhere", "bare", "picture.png"):
        assert str(tmp_path / path) in shopdesk(home, "ingest", tmp_path / path).complaint
    (tmp_path / "fine.md").write_text("# Oars\n\nAn oar costs £3.\n")
    ran = shopdesk(home, "ingest", tmp_path / "nowhere", tmp_path / "fine.md")
    assert "no such file or folder" in left_out(ran)[str(tmp_path / "nowhere")]
    assert ran.value["documents_added"] == 1
    assert_answers(home)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SHOPDESK_EMBEDDER", "./nope", "'./nope': no such folder"),
        ("SHOPDESK_EMBEDER", "x", "did you mean 'embedder'?"),
        ("SHOPDESK_PORT", "http", "'port' = 'http'"),
        ("SHOPDESK_KNOWLEDGE", "../up", "'knowledge' = '../up'"),
        ("SHOPDESK_KNOWLEDGE", "other", "run `shopdesk ingest PATH`"),
    ],
)
def test_settings_that_do_not_fit(home: Path, name: str, value: str, words: str) -> None:
    assert words in shopdesk(home, "ask", QUESTION, env={name: value}).complaint
    assert_answers(home)


def test_an_embedder_that_did_not_make_the_index(home: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    complaint = shopdesk(home, "ask", QUESTION, env={"SHOPDESK_EMBEDDER": str(tmp_path / "model")}).complaint
    assert "made with the embedder 'house-" in complaint


@pytest.mark.parametrize("content", ["port = ", "prot = 1", "port = 'x'", "\x00"])
def test_a_settings_file_that_cannot_be_used(home: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "shopdesk.toml").write_text(content)
    assert shopdesk(home, "ask", QUESTION).complaint
    (tmp_path / "shopdesk.toml").unlink()
    assert_answers(home)


def test_options_of_a_folder_that_cannot_be_used(home: Path, tmp_path: Path) -> None:
    folder = write_shop(tmp_path / "again")
    (folder / "knowledge.toml").write_text("currncy = 'GBP'\n")
    assert "'currncy'" in shopdesk(home, "ingest", folder).complaint
    assert_answers(home)


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for command in (("ask", "x"), ("ingest", str(tmp_path)), ("index", "status"), ("doctor",), ("rate", "x", "up")):
        assert f"home {tmp_path / 'file'} is a file" in shopdesk(tmp_path / "file", *command).complaint
    (tmp_path / "fine.md").write_text("# Oars\n\nAn oar costs £3.\n")
    assert shopdesk(tmp_path / "file" / "below", "ingest", tmp_path / "fine.md").complaint


def test_a_home_where_nothing_was_ingested(tmp_path: Path) -> None:
    for command in (("ask", "x"), ("search", "x"), ("chat",), ("serve", "--port", "0"), ("index", "status")):
        assert "run `shopdesk ingest PATH`" in shopdesk(tmp_path / "none", *command).complaint
    assert not (tmp_path / "none").exists()


def test_conversations_of_a_newer_version(home: Path) -> None:
    shopdesk(home, "ask", QUESTION, "--conversation", "kept")
    with closing(sqlite3.connect(home / FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    for command in (("ask", "x"), ("chat",), ("serve", "--port", "0"), ("rate", "x", "up")):
        assert "written by a newer Shopdesk" in shopdesk(home, *command).complaint
    assert shopdesk(home, "search", "Ireland").status == 0
    with closing(sqlite3.connect(home / FILE)) as database:
        assert database.execute("SELECT conversation FROM turns").fetchall() == [("kept",)]


def test_an_index_of_a_newer_version(home: Path, tmp_path: Path) -> None:
    shop = write_shop(tmp_path / "shop")
    manifest = home / "indexes" / "default" / "snapshots" / "000001" / "manifest.json"
    fields = json.loads(manifest.read_bytes())
    del fields["checksum"]
    manifest.write_bytes(_rendered({**fields, "format": FORMAT + 1}))
    before = sorted(path for path in (home / "indexes").rglob("*") if path.name != "lock")
    for command in (("ask", "x"), ("search", "x"), ("ingest", str(shop)), ("index", "status")):
        assert "newer version" in shopdesk(home, *command).complaint
    assert sorted(path for path in (home / "indexes").rglob("*") if path.name != "lock") == before


def test_a_damaged_index_gives_way_to_the_one_before(home: Path, tmp_path: Path) -> None:
    (tmp_path / "more.md").write_text("# Oars\n\nAn oar costs £3.\n")
    shopdesk(home, "ingest", tmp_path / "more.md")
    (home / "indexes" / "default" / "snapshots" / "000002" / "vectors.faiss").write_bytes(b"damaged")
    ran = shopdesk(home, "ask", QUESTION)
    assert (ran.status, "£9.00" in ran.out) == (0, True)
    (warning,) = ran.err.splitlines()
    assert "vectors.faiss" in warning
    assert "snapshot 1 serves instead" in warning


def test_conversations_that_are_no_database(home: Path) -> None:
    (home / FILE).write_text("this is not a database at all, whatever its name says")
    assert FILE in shopdesk(home, "ask", QUESTION).complaint


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # an index may still be mapped in this process


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


@ROOT_ONLY
def test_a_full_disk_during_an_ingest(ingested: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "more.md").write_text("# Oars\n\nAn oar costs £3.\n")
    with mounted(tmp_path / "disk", "size=2m"):
        home = copied(ingested, tmp_path / "disk" / "home")
        with pytest.raises(OSError, match="No space"):
            fill(tmp_path / "disk" / "fill")
        complaint = process(home, "ingest", tmp_path / "more.md").complaint
        assert "No space left on device" in complaint
        assert "as it was before" in complaint
        assert shopdesk(home, "search", "Ireland", "--json").value[0]["document"] == "policies/delivery.md"
        assert FILE in shopdesk(home, "ask", QUESTION).complaint
        (tmp_path / "disk" / "fill").unlink()
        assert shopdesk(home, "ingest", tmp_path / "more.md").value["snapshot"] == 2
        assert_answers(home)


def test_a_file_may_not_grow_during_an_ingest(home: Path, tmp_path: Path) -> None:
    (tmp_path / "more.md").write_text("# Oars\n\nAn oar costs £3.\n")
    ran = process(home, "ingest", tmp_path / "more.md", before=("sh", "-c", 'ulimit -f 2; exec "$@"', "sh"))
    assert "File too large" in ran.complaint
    assert shopdesk(home, "index", "status").value["snapshots"] == [1]
    assert_answers(home)


@ROOT_ONLY
def test_no_permission_to_write(ingested: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "more.md").write_text("# Oars\n\nAn oar costs £3.\n")
    with mounted(tmp_path / "disk", "size=2m"):
        home = copied(ingested, tmp_path / "disk" / "home")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        assert "Read-only file system" in shopdesk(home, "ingest", tmp_path / "more.md").complaint
        assert "Read-only file system" in shopdesk(home.with_name("new"), "ingest", tmp_path / "more.md").complaint
        assert FILE in shopdesk(home, "ask", QUESTION).complaint
        assert shopdesk(home, "search", "Ireland", "--json").value[0]["document"] == "policies/delivery.md"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_right_to_write(home: Path, tmp_path: Path) -> None:
    (tmp_path / "more.md").write_text("# Oars\n\nAn oar costs £3.\n")
    (home / "indexes" / "default" / "snapshots").chmod(0o500)
    assert "Permission denied" in shopdesk(home, "ingest", tmp_path / "more.md").complaint
    assert_answers(home)
