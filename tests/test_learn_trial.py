"""The trial of a canary: who counts, what its ratings come to, and that it ends once, whole, whatever happens."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import enumerate as threads
from typing import Any

import pytest
from test_learn_gate import good
from test_learn_pointer import failing_at

from adapters.learn_canary import watched
from bot.conversations import Conversations
from bot.errors import LearningError
from bot.evaluation.intervals import difference
from bot.learn.pointer import promote, read, roll_back
from bot.learn.report import gate
from bot.learn.runs import EVALUATION, Run, Runs, write_whole
from bot.learn.signing import signature
from bot.learn.trial import PER_RATER, Bounds, Comparison, Side, compare, judge, records, settle
from bot.messages import OPERATOR, Label, Rating, Reply
from bot.review import Reviews
from bot.settings import Settings
from tests.commands import shopdesk
from tests.learn_runs import BASE, evaluated

BOUNDS, WIDE = Bounds(fall=0.1, at_least=20), Bounds(fall=0.3, at_least=20)
NUMBERS = count()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that the gate let pass, in half of the conversations."""
    passed = evaluated(tmp_path, good())
    gate(tmp_path, passed)
    promote(tmp_path, passed.id, BASE, share=0.5)
    return passed


def started(store: Conversations, *, by: str | None) -> str:
    """A new conversation in which that run speaks."""
    pointer = read(store.path.parent)
    while True:
        if pointer.run_for(name := f"conversation {next(NUMBERS)}") == by:
            return store.start("web", conversation=name)


def replied(store: Conversations, conversation: str, **explanation: Any) -> str:
    """The turn of one more reply there, as the desk stores it."""
    turn = store.open_turn(conversation, f"m{next(NUMBERS)}", "question").id
    wrote = {"prompt": {"version": 1}, "model": "base", "lora": read(store.path.parent).run_for(conversation) or ""}
    store.finish_turn(turn, Reply(turn, "reply", "answer", 1.0), {**wrote, **explanation})
    return turn


def rate(store: Conversations, label: Label, *turns: str, rater: str = "") -> None:
    for turn in turns:
        store.rate(Rating(turn, rater or f"visitor {next(NUMBERS)}", label, "words of a shopper"))


def rated(store: Conversations, run: str | None, up: int, of: int) -> None:
    """So many conversations with a run, each rated once."""
    for number in range(of):
        rate(store, "up" if number < up else "down", replied(store, started(store, by=run)))


def trial_of(store: Conversations) -> Comparison:
    found = compare(store, read(store.path.parent))
    assert found is not None
    return found


def counted(store: Conversations) -> dict[str, int]:
    return dict(trial_of(store).left_out)


@pytest.mark.parametrize(
    ("canary", "others", "outcome"),
    [
        ((0, 19), (200, 200), "too few"),
        ((0, 200), (19, 19), "too few"),
        ((5, 30), (240, 300), "worse"),
        ((22, 30), (240, 300), "undecided"),
        ((23_000, 30_000), (24_000, 30_000), "good"),  # worse for sure, but within the bound
        ((150, 300), (240, 300), "worse"),
        ((280, 300), (240, 300), "good"),
        ((500, 500), (500, 500), "good"),
    ],
)
def test_what_figures_come_to(canary: tuple[int, int], others: tuple[int, int], outcome: str) -> None:
    found = Comparison(Side("run", canary[1], canary[0]), Side(None, others[1], others[0]), (), {})
    verdict = judge(found, BOUNDS)
    assert verdict.outcome == outcome
    assert all(str(number) in verdict.says for number in ([canary[1], others[1]]))


def test_looking_each_time_ends_few_fair_trials() -> None:
    chance, ended = random.Random(6), 0
    for _ in range(100):
        sides = [[0, 0], [0, 0]]
        for _ in range(600):
            side = sides[chance.random() < 0.5]
            side[0] += chance.random() < 0.8
            side[1] += 1
            if min(sides[0][1], sides[1][1]) >= 20 and difference(*sides[0], *sides[1])[1] < 0:
                ended += 1
                break
    assert ended <= 3  # 95 % intervals of one look each would end about 20


def test_what_people_rate_worse_is_rolled_back_with_its_numbers_and_ratings(
    store: Conversations, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    home = store.path.parent
    rated(store, None, 24, 30)
    assert "too few ratings: 0 rated conversations" in settle(home, store, BOUNDS)["says"]  # type: ignore[index]
    rated(store, run.id, 4, 25)
    asked = started(store, by=run.id)
    told = settle(home, store, BOUNDS)
    assert told is not None
    assert (told["decision"], read(home).canary, read(home).run_for(asked)) == ("rolled back", None, None)
    assert settle(home, store, BOUNDS) is None
    (record,) = records(home, run)
    assert record == told
    assert (record["canary"]["good"], record["canary"]["rated"], record["others"]["rated"]) == (4, 25, 30)
    assert record["difference"]["value"] == pytest.approx(4 / 25 - 24 / 30)
    assert record["difference"]["high"] < 0
    assert {store.ratings(turn)[0].label for turn in record["rated_down"]} == {"down"}
    assert len(record["rated_down"]) == 21
    assert "words of a shopper" not in json.dumps(record)
    (line,) = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert line == f"canary {run.id}: rolled back: {record['says']}"
    assert "4 of 25" in line


def test_what_people_rate_as_well_can_be_promoted_and_is_where_the_settings_say_so(
    store: Conversations, run: Run
) -> None:
    home = store.path.parent
    rated(store, None, 30, 32)
    rated(store, run.id, 18, 20)
    assert settle(home, store, BOUNDS)["outcome"] == "undecided"  # type: ignore[index]
    rated(store, run.id, 12, 12)
    told = settle(home, store, WIDE)
    assert told is not None
    assert (told["outcome"], told["decision"]) == ("good", None)
    assert told["says"].startswith("good enough to be promoted whole")
    assert read(home).canary is not None
    assert settle(home, store, replace(WIDE, promotes=True))["decision"] == "promoted"  # type: ignore[index]
    assert (read(home).run, read(home).canary, read(home).previous) == (run.id, None, ())
    assert [one["decision"] for one in records(home, run)] == ["promoted"]


def test_what_the_gate_has_not_passed_is_not_promoted_by_ratings(store: Conversations, run: Run) -> None:
    home = store.path.parent
    rated(store, None, 30, 32)
    rated(store, run.id, 30, 32)
    (run.folder / "report.json").unlink()
    with pytest.raises(LearningError, match="no gate has decided about it"):
        settle(home, store, replace(WIDE, promotes=True))
    assert read(home).canary is not None
    assert records(home, run) == []


def test_only_what_the_two_wrote_in_the_same_time_counts(store: Conversations, run: Run) -> None:
    home = store.path.parent
    before = store.start("web")
    roll_back(home)
    rated(store, None, 3, 3)
    time.sleep(0.002)
    promote(home, run.id, BASE, share=0.5)
    rate(store, "down", replied(store, before))
    rated(store, run.id, 1, 2)
    rated(store, None, 2, 2)
    conversation = started(store, by=run.id)
    turns = [replied(store, conversation) for _ in range(3)]
    rate(store, "up", *turns[:2])
    rate(store, "down", turns[2])
    found = trial_of(store)
    assert (found.canary, found.others) == (Side(run.id, 3, 1), Side(None, 2, 2))
    assert found.left_out == {}
    rate(store, "up", turns[2], rater="another")
    assert trial_of(store).canary == found.canary
    rate(store, "down", replied(store, started(store, by=run.id), prompt=None))
    rate(store, "down", replied(store, started(store, by=None), model="extractive"))
    rate(store, "down", replied(store, started(store, by=run.id), lora="another run"))
    late = started(store, by=run.id)
    rate(store, "down", replied(store, late, lora=""), replied(store, late))
    assert trial_of(store).canary == found.canary
    assert trial_of(store).others == found.others
    assert counted(store) == {"another_spoke": 2, "both_spoke": 2, "no_model_wrote": 1}


def test_one_rater_decides_nothing_alone_and_staff_can_drop_a_rating(store: Conversations, run: Run) -> None:
    for rater in ("angry", OPERATOR):
        for _ in range(PER_RATER + 5):
            rate(store, "down", replied(store, started(store, by=run.id)), rater=rater)
    assert trial_of(store).canary.rated == 2 * PER_RATER + 5
    assert counted(store) == {"flood": 5}
    turn = next(rating.turn for rating in store.all_ratings() if rating.rater == OPERATOR)
    reviews = Reviews(store, Settings(home=store.path.parent))
    reviews.decide(turn, "keep", "Mei")
    assert trial_of(store).canary.rated == 2 * PER_RATER + 5
    reviews.decide(turn, "drop", "Mei")
    assert trial_of(store).canary.rated == 2 * PER_RATER + 4
    assert counted(store) == {"flood": 5, "dropped_in_review": 1}
    store.delete(*(conversation.id for conversation in store.recent(1000)))
    assert trial_of(store).canary == Side(run.id, 0, 0)


def test_a_wider_share_begins_a_trial_of_its_own_and_the_same_one_goes_on(store: Conversations, run: Run) -> None:
    home = store.path.parent
    rated(store, run.id, 1, 1)
    promote(home, run.id, BASE, share=0.5)
    assert trial_of(store).canary.rated == 1
    time.sleep(0.002)
    promote(home, run.id, BASE, share=0.6)
    assert trial_of(store).canary.rated == 0


def test_a_fault_at_any_file_operation_leaves_a_trial_that_goes_on_or_has_ended(
    store: Conversations, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = store.path.parent
    rated(store, None, 25, 25)
    rated(store, run.id, 2, 25)
    trial, pointer = read(home).canary, (home / "learn" / "current.json").read_bytes()
    kept, done, number = 0, False, 0
    while not done:
        write_whole(home / "learn" / "current.json", pointer)
        for path in run.folder.glob("canary-*"):
            path.unlink()
        with failing_at(number, monkeypatch) as seen:
            with suppress(LearningError, OSError):
                settle(home, store, BOUNDS)
            done = len(seen) <= number
        assert read(home).canary in (trial, None)
        ended = read(home).canary is None
        kept += not ended and len(records(home, run))
        assert ended <= len(records(home, run))  # the record is there before the pointer is written
        rates_well = compare(store, read(home))
        settle(home, store, Bounds(0.99, 10_000))  # what was decided is done, whatever it would come to now
        assert (read(home).canary is None) == (ended or len(records(home, run)) == 1)
        assert ended == (rates_well is None)
        number += 1
    assert kept  # some faults were between the record and the pointer
    assert number > 8


SETTLING = """
import json, os, random, signal, sys, time
from pathlib import Path
from bot.conversations import FILE, Conversations
from bot.learn.pointer import read
from bot.learn.runs import Runs, write_whole
from bot.learn.trial import Bounds, records, settle

home, (run,), moments = Path(sys.argv[1]), Runs(Path(sys.argv[1])).all(), random.Random(6)
pointer = (home / "learn" / "current.json").read_bytes()

def settled():
    began = time.monotonic()
    with Conversations(home / FILE) as store:
        settle(home, store, Bounds(0.1, 20))
    return time.monotonic() - began

longest = settled()
for _ in range(10):
    write_whole(home / "learn" / "current.json", pointer)
    for path in run.folder.glob("canary-*"):
        path.unlink()
    if (child := os.fork()) == 0:
        try:
            settled()
        finally:
            os._exit(0)
    time.sleep(moments.uniform(0, longest))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    settled()
    left = read(home)
    print(json.dumps([left.run, left.canary, [record["decision"] for record in records(home, run)]]), flush=True)
"""


def test_kill_9_at_any_moment_leaves_one_decision(store: Conversations, run: Run) -> None:
    home = store.path.parent
    rated(store, None, 25, 25)
    rated(store, run.id, 2, 25)
    done = subprocess.run([sys.executable, "-c", SETTLING, home], capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found == [[None, None, ["rolled back"]]] * 10


def forged(record: dict[str, Any], home: Path) -> dict[str, Any]:
    return {**record, "decision": "promoted"}


def of_another_trial(record: dict[str, Any], home: Path) -> dict[str, Any]:
    other = {name: value for name, value in record.items() if name != "signature"} | {"since": "2020", "share": 0.9}
    return {**other, "signature": signature(home, other)}


@pytest.mark.parametrize("change", [forged, of_another_trial])
def test_a_record_that_was_changed_decides_nothing(
    store: Conversations, run: Run, change: Callable[[dict[str, Any], Path], dict[str, Any]]
) -> None:
    home = store.path.parent
    rated(store, None, 25, 25)
    rated(store, run.id, 2, 25)
    pointer = (home / "learn" / "current.json").read_bytes()
    settle(home, store, BOUNDS)
    (path,) = run.folder.glob("canary-*")
    write_whole(path, json.dumps(change(json.loads(path.read_text()), home)))
    assert f"{path.name}: its signature is not of this home" in shopdesk(home, "learn", "verify", run.id).complaint
    write_whole(home / "learn" / "current.json", pointer)
    settle(home, store, BOUNDS)
    assert (read(home).run, read(home).canary) == (None, None)
    assert shopdesk(home, "learn", "verify", run.id).value["trials"] == ["rolled back"]


def test_the_commands_show_the_trial_and_end_it(store: Conversations, run: Run) -> None:
    home = store.path.parent
    rated(store, None, 25, 25)
    rated(store, run.id, 2, 25)
    status = shopdesk(home, "learn", "status").value
    assert (status["trial"]["outcome"], status["canary"]["run"]) == ("too few", run.id)
    assert "25 rated conversations of the canary and 25 of the others; 30 of each" in status["trial"]["says"]
    few = {"SHOPDESK_CANARY_AT_LEAST": "25"}
    assert shopdesk(home, "learn", "status", env=few).value["trial"]["outcome"] == "worse"
    assert read(home).canary is not None  # it was only looked at
    assert shopdesk(home, "learn", "canary").value["decision"] is None
    lenient = {**few, "SHOPDESK_CANARY_FALL": "0.95"}
    assert shopdesk(home, "learn", "canary", env=lenient).value["outcome"] == "undecided"
    ended = shopdesk(home, "learn", "canary", env=few)
    assert ended.value["decision"] == "rolled back"
    assert f"WARNING canary {run.id}: rolled back" in ended.err
    assert shopdesk(home, "learn", "canary").value is None
    status = shopdesk(home, "learn", "status").value
    assert (status["trial"], status["canary"]) == (None, None)
    assert status["runs"][0]["trials"][0]["decision"] == "rolled back"


def ends(home: Path) -> bool:
    """Whether no canary speaks within half a minute."""
    deadline = time.monotonic() + 30
    while read(home).canary is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    return read(home).canary is None


def test_a_desk_that_serves_ends_the_trial_and_tells_a_fault_once(
    store: Conversations, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=store.path.parent, generator="folder/of/a/model", canary_at_least=20)
    pointer = settings.home / "learn" / "current.json"
    whole = pointer.read_bytes()
    rated(store, None, 25, 25)
    rated(store, run.id, 2, 25)
    pointer.write_text("{")
    with watched(store, settings, each=0.01):
        time.sleep(0.2)
        write_whole(pointer, whole)
        assert ends(settings.home)
    told = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert len(told) == 2
    assert "cannot be read" in told[0]
    assert told[1].startswith(f"canary {run.id}: rolled back")
    assert "canary" not in {thread.name for thread in threads()}


def test_a_desk_without_a_trained_generator_looks_at_nothing(store: Conversations) -> None:
    for changes in ({"generator": "extractive"}, {"generator": "remote:x:y"}, {"lora": Path("x"), "generator": "x"}):
        with watched(store, Settings(home=store.path.parent, **changes)):
            assert "canary" not in {thread.name for thread in threads()}


def test_a_trial_whose_run_is_gone_is_told(store: Conversations, run: Run) -> None:
    home = store.path.parent
    rated(store, None, 30, 32)
    rated(store, run.id, 30, 32)
    (run.folder / "lora" / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(LearningError, match="its LoRA is damaged"):
        settle(home, store, replace(WIDE, promotes=True))
    assert read(home).canary is not None
    assert Runs(home).all() == [run]
    assert (run.folder / EVALUATION).exists()
