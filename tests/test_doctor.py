"""`shopdesk doctor`: what it finds in a sound home, and that each ailment gets its own line."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from commands import Ran, process, shopdesk

from bot.conversations import FILE
from bot.settings import Settings
from retrieval.embedders import RUN, SHIPPED

HOUSE = json.loads((SHIPPED / RUN).read_text())["name"]


pytestmark = pytest.mark.usefixtures("blank")


def only_problem(ran: Ran) -> str:
    (problem,) = ran.value["problems"]
    assert (ran.status, ran.err) == (1, f"shopdesk: {problem}\n")
    return str(problem)


def test_a_sound_home(home: Path) -> None:
    ran = process(home, "doctor")
    assert (ran.status, ran.err) == (0, "")
    found = ran.value
    assert found["problems"] == []
    assert (found["snapshot"]["number"], found["snapshot"]["documents"]) == (1, 5)
    assert found["embedder"] == {"name": HOUSE, "device": found["embedder"]["device"], "dimensions": 384}
    assert found["embedder"]["device"] in ("cpu", "cuda")
    assert found["generator"] == {"model": "extractive", "lora": ""}
    assert found["packages"]["shopdesk"]
    assert set(found["settings"]) == set(Settings.model_fields)
    assert found["conversations"] is None
    assert found["free_disk_mb"] > 0


def test_it_says_when_the_last_conversation_began(home: Path) -> None:
    shopdesk(home, "ask", "How much is delivery to Ireland?")
    assert shopdesk(home, "doctor").value["conversations"]["latest"].startswith("20")


def test_looking_leaves_no_traces(tmp_path: Path) -> None:
    assert "run `shopdesk ingest PATH`" in only_problem(shopdesk(tmp_path / "none", "doctor"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("name", "value", "empty"),
    [("SHOPDESK_GENERATOR", "/nope", "generator"), ("SHOPDESK_EMBEDDER", "./nope", "embedder")],
)
def test_a_missing_model(home: Path, name: str, value: str, empty: str) -> None:
    ran = shopdesk(home, "doctor", env={name: value})
    assert value in only_problem(ran)
    assert ran.value[empty] is None
    assert ran.value["snapshot"]["number"] == 1


def test_an_embedder_that_did_not_make_the_index(home: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    ran = shopdesk(home, "doctor", env={"SHOPDESK_EMBEDDER": str(tmp_path / "model")})
    assert f"made with the embedder '{HOUSE}'" in only_problem(ran)


def test_conversations_of_a_newer_version(home: Path) -> None:
    with closing(sqlite3.connect(home / FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    assert "newer Shopdesk" in only_problem(shopdesk(home, "doctor"))


def test_every_ailment_is_named(home: Path) -> None:
    (home / "indexes" / "default" / "snapshots" / "000001" / "vectors.faiss").unlink()
    (home / FILE).write_text("not a database, whatever its name says; long enough to have a header")
    ran = shopdesk(home, "doctor", env={"SHOPDESK_GENERATOR": "/nope"})
    index, generator, conversations = ran.value["problems"]
    assert "vectors.faiss" in index
    assert "/nope" in generator
    assert FILE in conversations
    assert (ran.status, len(ran.err.splitlines())) == (1, 3)
