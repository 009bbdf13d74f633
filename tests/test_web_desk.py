"""The shopper's side of a hand-over over a real server, with a real desk behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes import ScriptedEngine, serving

from adapters.web_chat import build
from adapters.web_desk import News
from adapters.web_problems import TYPE_PREFIX
from bot.conversations import FILE, Conversations
from bot.desk import Desk
from bot.settings import Settings

CLOSED = Settings(office_hours="Mon 03:00-03:01", time_zone="UTC")


@dataclass
class Shopper:
    """A client, and the path of its conversation."""

    client: httpx.Client
    path: str

    def read(self) -> Any:
        return self.client.get(self.path).json()

    def ask_for_a_person(self) -> Any:
        response = self.client.post(f"{self.path}/handover")
        assert response.status_code == 201, response.text
        return response.json()

    def send(self, message_id: str, text: str) -> str:
        body = {"message_id": message_id, "text": text}
        return self.client.post(f"{self.path}/messages", json=body).text

    def events(self, last: str = "") -> Iterator[tuple[str, str, Any]]:
        """Name, id and data of each event, as they come, for ever."""
        headers = {"Last-Event-ID": last} if last else {}
        with self.client.stream("GET", f"{self.path}/events", headers=headers) as response:
            assert response.status_code == 200
            fields: dict[str, str] = {}
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                fields[name] = value
                if not line and "event" in fields:
                    yield fields["event"], fields["id"], json.loads(fields["data"])
                    fields = {}


@pytest.fixture
def engine(tmp_path: Path) -> ScriptedEngine:
    return ScriptedEngine(home=tmp_path)


@pytest.fixture
def shopper(engine: ScriptedEngine) -> Iterator[Shopper]:
    with serving(build(engine, Settings())) as address, httpx.Client(base_url=address, timeout=10) as client:
        yield Shopper(client, f"/api/conversations/{client.post('/api/conversations').json()['conversation']}")


@pytest.fixture
def staff(tmp_path: Path, engine: ScriptedEngine) -> Iterator[Desk]:
    """The desk of another process: another connection to the same file."""
    with Conversations(tmp_path / FILE) as store:
        yield Desk(store, Settings())


def test_a_person_takes_over_answers_and_gives_the_conversation_back(
    engine: ScriptedEngine, shopper: Shopper, staff: Desk
) -> None:
    engine.enqueue("Worn boots stay.")
    shopper.send("m1", "Boots?")
    asked = shopper.ask_for_a_person()
    assert (asked["state"], asked["reason"], asked["staffed"], asked["opens_at"]) == (
        "waiting",
        "asked_for_person",
        True,
        None,
    )
    assert shopper.ask_for_a_person() == asked
    events = shopper.events()
    assert next(events) == ("handover", "0", asked)

    assert '"reason":"with_staff"' in shopper.send("m2", "Anybody?").replace(" ", "")
    (waiting,) = staff.waiting()
    staff.claim(waiting.id, "Anna")
    name, _, claimed = next(events)
    assert (name, claimed["state"], claimed["staff"]) == ("handover", "claimed", "Anna")
    staff.say(waiting.id, "Anna", "We take them back.")
    name, number, said = next(events)
    assert (name, number, said["author"], said["text"]) == ("staff", "1", "Anna", "We take them back.")
    staff.give_back(waiting.id)
    name, _, closed = next(events)
    assert (name, closed["state"]) == ("handover", "returned")

    engine.enqueue("The assistant again.")
    assert "The assistant again." in shopper.send("m3", "And socks?")
    kept = shopper.read()
    assert [turn["question"] for turn in kept["turns"]] == ["Boots?", "Anybody?", "And socks?"]
    assert kept["turns"][1]["reply"]["text"] == ""
    assert kept["staff_messages"] == [said]
    assert kept["handover"]["state"] == "returned"
    assert engine.asked == ["Boots?", "And socks?"]


def test_who_comes_back_gets_only_what_was_not_seen(shopper: Shopper, staff: Desk) -> None:
    shopper.ask_for_a_person()
    (waiting,) = staff.waiting()
    for text in ("One.", "Two.", "Three."):
        staff.say(waiting.id, "Anna", text)
    events = shopper.events(last="2")
    assert [next(events)[0], next(events)[2]["text"]] == ["handover", "Three."]
    events = shopper.events(last="nonsense")
    assert next(events)[0] == "handover"
    assert [next(events)[2]["text"] for _ in range(3)] == ["One.", "Two.", "Three."]


def test_typing_is_told_and_ends_with_the_message(engine: ScriptedEngine, shopper: Shopper) -> None:
    shopper.ask_for_a_person()
    events = shopper.events()
    assert next(events)[0] == "handover"
    (waiting,) = engine.desk.waiting()
    engine.desk.typing(waiting.id, "Anna")
    assert next(events)[::2] == ("typing", {"author": "Anna"})
    engine.desk.say(waiting.id, "Anna", "Hello.")
    heard = [next(events), next(events), next(events)]
    assert {name for name, _, _ in heard} == {"staff", "handover", "typing"}
    assert [data for name, _, data in heard if name == "typing"] == [{"author": ""}]


def test_the_shopper_goes_on_with_the_assistant(engine: ScriptedEngine, shopper: Shopper) -> None:
    shopper.ask_for_a_person()
    for _ in range(2):
        assert shopper.client.delete(f"{shopper.path}/handover").status_code == 204
    assert shopper.read()["handover"]["state"] == "returned"
    engine.enqueue("Here I am.")
    assert "Here I am." in shopper.send("m1", "Hello?")


def test_out_of_hours_the_shopper_is_told_when_and_leaves_an_address(tmp_path: Path) -> None:
    engine = ScriptedEngine(home=tmp_path, settings=CLOSED)
    with serving(build(engine, CLOSED)) as address, httpx.Client(base_url=address) as client:
        path = f"/api/conversations/{client.post('/api/conversations').json()['conversation']}"
        early = client.put(f"{path}/handover/email", json={"email": "jo@example.com"})
        assert (early.status_code, early.json()["type"]) == (404, TYPE_PREFIX + "unknown-handover")
        asked = client.post(f"{path}/handover").json()
        assert asked["staffed"] is False
        assert asked["opens_at"].endswith("T03:00:00+00:00")
        bad = client.put(f"{path}/handover/email", json={"email": "jo"})
        assert (bad.status_code, bad.json()["type"]) == (422, TYPE_PREFIX + "invalid-email")
        assert client.put(f"{path}/handover/email", json={"email": "jo@example.com"}).status_code == 204
        assert client.get(path).json()["handover"]["email"] == "jo@example.com"


def test_what_is_not_there(shopper: Shopper) -> None:
    for method, rest in (("POST", "/handover"), ("DELETE", "/handover"), ("GET", "/events")):
        response = shopper.client.request(method, f"/api/conversations/nobody{rest}")
        assert (response.status_code, response.json()["type"]) == (404, TYPE_PREFIX + "unknown-conversation")


def test_the_key_of_the_staff_stays_inside(engine: ScriptedEngine, shopper: Shopper) -> None:
    shopper.ask_for_a_person()
    (waiting,) = engine.desk.waiting()
    assert waiting.id not in json.dumps(shopper.read())


def test_what_is_written_just_after_the_first_look_is_news(engine: ScriptedEngine, staff: Desk) -> None:
    conversation = engine.start("web")

    async def is_told() -> bool:
        news = News(engine.desk)
        async with news.listening():
            changed = news.next()
            staff.open(conversation, "asked_for_person")
            return await asyncio.wait_for(changed.wait(), 10)

    assert asyncio.run(is_told())
