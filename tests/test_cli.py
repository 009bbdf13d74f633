"""The command line, as its contract has it: JSON on standard output, everything else on standard error."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from commands import COMMAND, Ran, copied, new_home, process, read_lines, shopdesk, write_lines, write_shop

from adapters.cli import main
from adapters.output import json_text
from adapters.terminal import _Paragraph
from bot.conversations import FILE, Conversations

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "transformers", "sentence_transformers", "markitdown", "langchain", "onnxscript"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop") / "shop")


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory, exported_models: Path, shop: Path) -> tuple[Path, Ran]:
    home = new_home(tmp_path_factory.mktemp("homes") / "home", exported_models)
    return home, process(home, "ingest", shop)


@pytest.fixture(scope="module")
def home(ingested: tuple[Path, Ran]) -> Path:
    """For tests that change no more than its conversations."""
    return ingested[0]


pytestmark = pytest.mark.usefixtures("blank")


def commands(group: click.Group = main, path: str = "shopdesk") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_the_readme_names_every_command_and_option(path: str, command: click.Command) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"`{path}" in readme
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert re.search(rf"[` ]{max(parameter.opts, key=len)}\b", readme), f"{path} {parameter.opts}"


def test_every_command_says_what_it_does() -> None:
    for path, command in commands():
        assert command.help, path
        assert all(p.help for p in command.params if isinstance(p, click.Option)), path


def test_ingest_says_what_it_did(ingested: tuple[Path, Ran], shop: Path) -> None:
    home, ran = ingested
    assert (ran.status, ran.err) == (0, "")
    report = ran.value
    assert (report["snapshot"], report["published"], report["documents_added"]) == (1, True, 5)
    assert report["problems"] == []
    again = shopdesk(home, "ingest", shop).value
    assert (again["snapshot"], again["published"], again["chunks_embedded"]) == (1, False, 0)


def test_ask_prints_the_reply_and_its_sources(home: Path) -> None:
    ran = process(home, "ask", "Can I return boots that I wore outside?")
    assert (ran.status, ran.err) == (0, "")
    text, source = ran.out.splitlines()
    assert "cannot be returned" in text
    assert source == "  [1] Returns > Boots  (policies/returns.md)"


def test_ask_json_has_the_shape_of_the_contract(home: Path, shop: Path) -> None:
    reply = shopdesk(home, "ask", "How much is delivery to Ireland?", "--json").value
    contract = {"id", "turn", "reply", "outcome", "confidence", "sources", "timings"}
    assert contract | {"reason", "conversation", "turn_id"} == set(reply)
    assert (reply["turn"], reply["outcome"]) == (1, "answer")
    assert "£9.00" in reply["reply"]
    assert 0 < reply["confidence"] <= 1
    assert reply["timings"]["total"] > 0
    source = reply["sources"][0]
    assert set(source) == {"document", "title", "chunk", "score", "quote"}
    assert source["quote"] in (shop / source["document"]).read_text()


def test_a_conversation_goes_on_in_another_process(home: Path) -> None:
    first = shopdesk(home, "ask", "How much is delivery to Ireland?", "--json").value
    second = process(home, "ask", "and how long does it take?", "--json", "--conversation", first["conversation"]).value
    assert (second["conversation"], second["turn"]) == (first["conversation"], 2)
    assert "5 working days" in second["reply"]


def test_a_batch_of_conversations(home: Path, tmp_path: Path) -> None:
    batch = write_lines(
        tmp_path / "in.jsonl",
        {"id": "q1", "turns": ["How much is delivery to Ireland?", "and how long does it take?"]},
        {"id": 7, "turns": ["What is the boiling point of mercury?"]},
    )
    ran = shopdesk(home, "ask", "--batch", batch, "--out", tmp_path / "out.jsonl")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    first, second, third = read_lines(tmp_path / "out.jsonl")
    assert [(r["id"], r["turn"]) for r in (first, second, third)] == [("q1", 1), ("q1", 2), (7, 1)]
    assert "£9.00" in first["reply"]
    assert "5 working days" in second["reply"]
    assert first["conversation"] == second["conversation"] != third["conversation"]
    assert (third["outcome"], third["sources"]) == ("decline", [])
    keys = {"id", "turn", "reply", "outcome", "confidence", "sources", "timings"}
    assert all(keys <= set(record) for record in (first, second, third))


def test_search_finds_passages_and_products(home: Path) -> None:
    hits = shopdesk(home, "search", "red enamel kettle", "-k", 2, "--json").value
    assert len(hits) == 2
    assert hits[0]["document"] == "products.jsonl#K1"
    assert set(hits[0]) == {"document", "chunk", "score", "title"}
    assert hits[0]["score"] > hits[1]["score"]
    (line,) = shopdesk(home, "search", "red enamel kettle", "-k", 1).out.splitlines()
    assert "products.jsonl#K1" in line


def test_a_batch_of_queries_finds_what_single_ones_find(home: Path, tmp_path: Path) -> None:
    queries = {"a": "worn boots", "b": "tent for two", "c": "delivery to Ireland"}
    batch = write_lines(tmp_path / "in.jsonl", *({"id": key, "query": query} for key, query in queries.items()))
    assert shopdesk(home, "search", "--batch", batch, "--out", tmp_path / "out.jsonl", "-k", 3).status == 0
    records = read_lines(tmp_path / "out.jsonl")
    assert [record["id"] for record in records] == list(queries)
    for record in records:
        alone = shopdesk(home, "search", queries[record["id"]], "-k", 3, "--json").value
        assert [hit["chunk"] for hit in record["hits"]] == [hit["chunk"] for hit in alone]


def test_a_staff_document_reaches_nobody_here(home: Path) -> None:
    assert "staff.md" not in shopdesk(home, "search", "goodwill umbrella", "--json").out
    assert "£40" not in shopdesk(home, "ask", "Do you give an umbrella as goodwill?").out


def test_a_reply_is_rated_by_its_turn_id(home: Path) -> None:
    turn = shopdesk(home, "ask", "Can I return worn boots?", "--json").value["turn_id"]
    shopdesk(home, "rate", turn, "up")
    rated = shopdesk(home, "rate", turn, "down", "--reason", "too short").value
    assert rated == {"turn": turn, "label": "down", "reason": "too short"}
    with Conversations(home / FILE) as store:
        assert [(rating.label, rating.reason) for rating in store.ratings(turn)] == [("down", "too short")]


def test_rating_what_is_not_there(home: Path) -> None:
    assert "'nope'" in shopdesk(home, "rate", "nope", "up").complaint
    assert shopdesk(home, "rate", "nope", "sideways").status == 2


def test_snapshots_roll_back_and_are_pruned(tmp_path: Path, exported_models: Path) -> None:
    folder, home = write_shop(tmp_path / "shop"), new_home(tmp_path / "home", exported_models)
    shopdesk(home, "ingest", folder)
    for days in (60, 90, 120):
        (folder / "policies" / "returns.md").write_text(f"# Returns\n\nYou have {days} days to return anything.\n")
        assert shopdesk(home, "ingest", folder).value["documents_changed"] == 1

    def answer() -> str:
        return str(shopdesk(home, "ask", "How many days do I have to return something?", "--json").value["reply"])

    assert "120 days" in answer()
    assert shopdesk(home, "index", "rollback").value == {"snapshot": 3}
    assert "90 days" in answer()
    assert shopdesk(home, "index", "rollback", "--to", 2).value == {"snapshot": 2}
    assert "60 days" in answer()
    assert "those there are: 1, 2, 3, 4" in shopdesk(home, "index", "rollback", "--to", 9).complaint
    shopdesk(home, "index", "rollback", "--to", 4)
    assert shopdesk(home, "index", "prune", "--keep", 1).value == {"removed": [1, 2]}
    status = shopdesk(home, "index", "status").value
    assert (status["snapshot"], status["snapshots"], status["documents"]) == (4, [3, 4], 5)
    assert status["roots"] == [str(folder)]


def test_knowledge_names_another_index(tmp_path: Path, home: Path) -> None:
    both = copied(home, tmp_path / "both")
    (tmp_path / "other.md").write_text("# Umbrellas\n\nWe repair umbrellas for £12.\n")
    shopdesk(both, "ingest", tmp_path / "other.md", "--knowledge", "repairs")
    assert "£12" in shopdesk(both, "ask", "Do you repair umbrellas?", "--knowledge", "repairs").out
    assert "other.md" not in shopdesk(both, "search", "repair umbrellas", "--json").out


def test_records_of_any_field_names(tmp_path: Path, exported_models: Path) -> None:
    home = new_home(tmp_path / "home", exported_models)
    records = write_lines(
        tmp_path / "things.jsonl", {"sku": "A9", "label": "Oar", "blurb": "Ash wood.", "cost": "12.50"}
    )
    maps = [x for name in ("id=sku", "title=label", "text=blurb", "price=cost") for x in ("--map", name)]
    assert shopdesk(home, "ingest", records, *maps, "--currency", "gbp").value["documents_added"] == 1
    (hit,) = shopdesk(home, "search", "oar", "--json").value
    assert (hit["document"], hit["title"]) == ("things.jsonl#A9", "Oar")
    assert "£12.50" in shopdesk(home, "ask", "How much is the oar?").out
    assert "text=body" in shopdesk(home, "ingest", records, "--map", "nonsense").complaint


def test_text_and_batch_do_not_go_together(home: Path) -> None:
    for command in ("ask", "search"):
        assert shopdesk(home, command).status == 2
        assert shopdesk(home, command, "x", "--batch", "in.jsonl", "--out", "out.jsonl").status == 2
        assert shopdesk(home, command, "--batch", "in.jsonl").status == 2


def test_chat_over_a_pipe(home: Path) -> None:
    lines = "How much is delivery to Ireland?\n\n" + "x" * 5000 + "\n\xff and how long does it take?\n"
    ran = process(home, "chat", "--conversation", "piped", stdin=lines.encode("latin-1"))
    assert ran.status == 0
    assert "£9.00" in ran.out
    assert "5 working days" in ran.out
    assert ">" not in ran.out.replace("Delivery > Ireland", "")
    assert len(ran.err.splitlines()) == 1
    assert "5,000 characters" in ran.err
    assert shopdesk(home, "ask", "thanks", "--json", "--conversation", "piped").value["turn"] == 3


def test_on_a_terminal_the_reply_is_wrapped_and_can_be_rated(home: Path) -> None:
    out = on_terminal(home, "ask", "Can I return boots that I wore outside?", columns=40)
    lines = screen(out).splitlines()
    assert lines[1].endswith("returned.[1]")
    rating = next(line for line in lines if "shopdesk rate " in line)
    assert all(len(line) <= 40 for line in lines if line != rating)
    assert "cannot be returned" in " ".join(lines)
    assert re.search(r"shopdesk rate [0-9a-f]{32} up\|down", rating)


def test_a_reply_in_a_pipe_has_the_numbers_of_its_sources(home: Path) -> None:
    said, source = shopdesk(home, "ask", "Can I return boots that I wore outside?").out.splitlines()
    assert said.endswith("cannot be returned.[1]")
    assert source.startswith("  [1] Returns")


def test_a_conversation_on_a_terminal(home: Path) -> None:
    out = on_terminal(home, "chat", typed=["How much is delivery to Ireland?\n", "\n"])
    assert "Tarn & Co" in out
    assert "£9.00" in out
    conversation = re.search(r"chat --conversation (\w+)", out)
    assert conversation is not None
    with Conversations(home / FILE) as store:
        assert len(store.turns(conversation[1])) == 1


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_stops(home: Path, ending: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as serving:
        try:
            assert serving.stderr is not None
            told = serving.stderr.readline() + serving.stderr.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+", told)
            assert address is not None, told
            assert "Tarn & Co: 5 documents" in told
            assert httpx.get(f"{address[0]}/health").status_code == 200
            assert httpx.get(f"{address[0]}/ready").status_code == 200
        finally:
            serving.send_signal(ending)
        out, err = serving.communicate(timeout=60)
    assert (serving.returncode, out, err) == (0, "", "")


def test_a_port_that_is_taken_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        complaint = shopdesk(home, "serve", "--port", taken.getsockname()[1]).complaint
    assert "choose another with --port" in complaint


def test_an_interrupted_ingest_says_one_line_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background: inherited
    spare = copied(home, tmp_path / "spare")
    many = write_lines(
        tmp_path / "many.jsonl", *({"id": i, "title": f"Thing {i}", "text": f"{i} " * 200} for i in range(5000))
    )
    with subprocess.Popen(
        [*COMMAND, "ingest", str(many), "--home", str(spare)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ingesting:
        wait_for(spare / "indexes" / "default" / "lock", str(ingesting.pid))
        ingesting.send_signal(signal.SIGINT)
        out, err = ingesting.communicate(timeout=60)
    assert (ingesting.returncode, out) == (130, "")
    assert err.splitlines() == ["shopdesk: stopped; what was there before is as it was"]
    assert shopdesk(spare, "index", "status").value["snapshot"] == 1
    assert "£9.00" in shopdesk(spare, "ask", "How much is delivery to Ireland?").out


def test_a_reader_that_has_seen_enough(home: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "search", "boots", "--home", str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as searching:
        assert searching.stdout is not None
        assert searching.stderr is not None
        searching.stdout.close()
        assert searching.stderr.read() == ""


def test_a_narrow_encoding_loses_nothing_of_the_json(home: Path) -> None:
    ran = process(home, "ask", "How much is delivery to Ireland?", "--json", env={"PYTHONIOENCODING": "ascii"})
    assert "£9.00" in ran.value["reply"]
    assert ran.out.isascii()
    assert json.loads(json_text({"id": "\ud800"}, "utf-8")) == {"id": "\ud800"}


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="where there is a GPU, torch is loaded to use it")
def test_the_extractive_generator_loads_no_model_library(home: Path) -> None:
    program = f"""
import sys
from adapters.cli import main
main({["ask", "boots?", "--home", str(home)]!r}, standalone_mode=False)
print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_help_waits_for_no_index() -> None:
    program = (
        "import sys, adapters.cli; print(sorted({'numpy', 'faiss', 'pydantic', 'langchain_core'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_version_is_the_packages_own() -> None:
    done = subprocess.run([Path(sys.executable).with_name("shopdesk"), "--version"], capture_output=True, text=True)
    assert re.fullmatch(r".*\b\d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three four", ["one two", "three four"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("averyverylongword x", ["averyverylongword", "x"]),
        ("可以退货三十天", ["可以退货三", "十天"]),
    ],
)
def test_wrapping_breaks_between_words(text: str, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for pieces in ([text], re.split(r"(?<= )", text)):
        screen = io.StringIO()
        monkeypatch.setattr(sys, "stdout", screen)
        paragraph = _Paragraph(10)
        for piece in pieces:
            paragraph.write(piece)
        assert screen.getvalue().split("\n") == lines


def test_the_demo_shop_answers_in_chinese(tmp_path: Path, exported_models: Path) -> None:
    home = new_home(tmp_path / "home", exported_models)
    assert shopdesk(home, "ingest", ROOT / "knowledge" / "demo" / "zh").value["problems"] == []
    reply = shopdesk(home, "ask", "靴子穿过一次还能退吗？", "--json").value
    assert (reply["outcome"], reply["sources"][0]["document"]) == ("answer", "tuihuo.md")


def on_terminal(home: Path, *arguments: str, typed: Any = (), columns: int = 80) -> str:
    """What the command shows on a terminal; each of `typed` is entered at a prompt."""
    ours, its = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    with subprocess.Popen(
        [*COMMAND, *arguments, "--home", str(home)], stdin=its, stdout=its, stderr=its, env=env
    ) as asked:
        os.close(its)
        waiting, shown, answered = list(typed), b"", 0
        while select.select([ours], [], [], 60)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end has gone
                break
            if waiting and shown[answered:].endswith(b"> "):
                answered = len(shown)
                os.write(ours, waiting.pop(0).encode())
    os.close(ours)
    assert asked.returncode == 0
    return shown.decode().replace("\r\n", "\n")


def screen(out: str) -> str:
    """What stands on the screen at last: without colours, and without what was wiped (ECMA-48, CUU and ED)."""
    kept, *anew = re.split(r"(?:\x1b\[(\d+)A)?\r\x1b\[J", re.sub(r"\x1b\[\d*m", "", out))
    for up, text in zip(anew[::2], anew[1::2], strict=True):
        kept = "".join(kept.splitlines(keepends=True)[: -1 - int(up or 0)]) + text
    return kept


def wait_for(file: Path, content: str) -> None:
    while not (file.exists() and file.read_text() == content):
        select.select([], [], [], 0.01)
