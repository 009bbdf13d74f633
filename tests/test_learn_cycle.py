"""The cycle: its steps in order, each where the last one stopped; promotion and roll back from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from test_learn_gate import changed, good

from adapters import learn_cycle
from adapters.learn_cycle import run_cycle, scheduled, status
from bot.conversations import FILE, Conversations
from bot.errors import LearningError
from bot.learn import cycle
from bot.learn.locks import held
from bot.learn.pointer import promote, read, roll_back
from bot.learn.report import gate
from bot.learn.runs import EVALUATION, LORA, LORA_FILES, Runs, finish, write_whole
from bot.messages import Rating, Reply
from bot.settings import Settings
from tests.commands import shopdesk
from tests.learn_runs import BASE, some_run


class Steps:
    """Does what the commands do to the files, and writes down which were called; `failing` ones fail."""

    def __init__(self, settings: Settings, evaluation: dict[str, object] | None = None, failing: str = "") -> None:
        self.home, self.evaluation, self.failing = settings.home, evaluation or good(), failing
        self.called: list[str] = []

    def __call__(self, settings: Settings, words: list[str], lock: int) -> int:
        step, runs = words[0], Runs(self.home)
        self.called.append(step)
        if step == self.failing:
            return 1
        if step == "examples":
            Path(words[2]).write_text("{}\n")
        elif step == "train":
            content = sha256(Path(words[2]).read_bytes()).hexdigest()
            folder = runs.new(content)
            (folder / LORA).mkdir()
            for name in LORA_FILES:
                (folder / LORA / name).write_bytes(b"{}")
            names = {"base": "b", "base_fingerprint": BASE, "examples": content}
            finish(folder, **names, seed=0, settings={}, figures={})
        elif step == "evaluate":
            write_whole(runs.get(words[1]).folder / EVALUATION, json.dumps(self.evaluation))
        elif step == "gate":
            return int(gate(self.home, runs.get(words[1]))["decision"] == "refused")
        else:
            promote(self.home, words[1], BASE, float(words[3]) if words[2:3] == ["--share"] else None)
        return 0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, generator="folder/of/a/model", learn_at_least=2)


def rate(home: Path, number: int) -> None:
    with Conversations(home / FILE) as store:
        conversation = store.start("web")
        for each in range(number):
            turn = store.open_turn(conversation, f"{number}-{each}", "question")
            store.finish_turn(turn.id, Reply(turn.id, "reply", "answer", 1.0), {})
            store.rate(Rating(turn.id, "rater", "up"))


def test_a_cycle_goes_through_its_steps_and_promotes(settings: Settings) -> None:
    rate(settings.home, 3)
    assert status(settings)["new_ratings"] == 3
    steps = Steps(settings)
    told = run_cycle(settings, perform=steps)
    assert steps.called == list(cycle.STEPS)
    assert told == {"outcome": "promoted", "run": read(settings.home).run}
    seen = status(settings)
    assert (seen["run"], seen["new_ratings"], seen["cycle"]["running"]) == (told["run"], 0, False)
    assert [(run["state"], run["decision"]) for run in seen["runs"]] == [("passed", "passed")]
    assert seen["runs"][0]["differences"]["preference"]["value"] == 0.2


def test_a_cycle_can_promote_to_a_share_first_and_none_begins_while_that_is_on_trial(settings: Settings) -> None:
    rate(settings.home, 3)
    steps = Steps(settings)
    few = settings.model_copy(update={"canary_share": 0.2})
    assert run_cycle(few, perform=steps)["outcome"] == "promoted"
    canary = read(settings.home).canary
    assert canary is not None
    assert (canary.share, read(settings.home).run) == (0.2, None)
    rate(settings.home, 4)
    steps.called.clear()
    assert f"the canary {canary.run} is on trial" in run_cycle(few, True, steps)["why"]
    assert steps.called == []
    roll_back(settings.home)
    assert run_cycle(few, True, steps)["outcome"] == "promoted"


def test_a_refused_candidate_does_not_speak_and_its_ratings_are_seen(settings: Settings) -> None:
    rate(settings.home, 3)
    steps = Steps(settings, changed("perplexity", "after", to=11.0))
    told = run_cycle(settings, perform=steps)
    assert (told["outcome"], steps.called) == ("refused", ["examples", "train", "evaluate", "gate"])
    assert read(settings.home).run is None
    seen = status(settings)
    assert seen["new_ratings"] == 0
    assert "rises by 10.0%" in seen["runs"][0]["refusals"][0]


@pytest.mark.parametrize("failing", cycle.STEPS)
def test_a_cycle_that_failed_goes_on_at_its_step_and_what_spoke_goes_on(settings: Settings, failing: str) -> None:
    old = some_run(settings.home)
    promote(settings.home, old.id, BASE)
    with pytest.raises(LearningError, match=rf"`shopdesk learn {failing} .*` failed with exit status 1; what speaks"):
        run_cycle(settings, perform=Steps(settings, failing=failing))
    assert read(settings.home).run == old.id
    steps = Steps(settings)
    assert run_cycle(settings, perform=steps)["outcome"] == "promoted"
    assert steps.called == list(cycle.STEPS[cycle.STEPS.index(failing) :])  # type: ignore[arg-type]  # its name
    assert read(settings.home).previous == (old.id,)


def test_a_cycle_that_was_left_long_ago_begins_anew(settings: Settings) -> None:
    old = (cycle.now() - cycle.STALE - timedelta(minutes=1)).isoformat()
    cycle.write(settings.home, cycle.Cycle(old, "gate", "gone", collected_at=old, seen_until="2026-01-01"))
    steps = Steps(settings)
    run_cycle(settings, perform=steps)
    assert steps.called == list(cycle.STEPS)
    (settings.home / "learn" / cycle.FILE).write_text("{")
    assert cycle.read(settings.home) is None


def test_only_one_process_has_the_cycle(settings: Settings) -> None:
    named = pytest.raises(LearningError, match=r"^a cycle is under way already; .* \(process \d+\)$")
    with held(settings.home / "learn" / cycle.LOCK), named:
        run_cycle(settings, perform=Steps(settings))


def test_a_step_keeps_the_lock_of_a_cycle_that_was_killed(tmp_path: Path) -> None:
    with held(tmp_path / "lock") as lock:
        sleeping = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,))
    with pytest.raises(LearningError, match="busy"), held(tmp_path / "lock", busy="busy"):
        raise AssertionError("two at once")
    sleeping.communicate(b"\n")
    with held(tmp_path / "lock", busy="busy"):
        pass


def test_without_enough_new_ratings_or_a_local_generator_nothing_begins(settings: Settings) -> None:
    steps = Steps(settings)
    rate(settings.home, 1)
    assert run_cycle(settings, True, steps) == {"outcome": "waiting", "why": "1 new ratings, and 2 are wanted"}
    rate(settings.home, 2)
    composer = settings.model_copy(update={"generator": "extractive"})
    assert "has no weights here" in run_cycle(composer, True, steps)["why"]
    assert steps.called == []
    assert run_cycle(settings, True, steps)["outcome"] == "promoted"


def test_the_next_cycle_is_at_its_time_in_the_shops_zone() -> None:
    london = ZoneInfo("Europe/London")
    at = cycle.next_at("03:00", london, datetime(2026, 7, 1, 1, 59, tzinfo=UTC))
    assert at == datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
    assert cycle.next_at("03:00", london, at) == datetime(2026, 7, 2, 2, 0, tzinfo=UTC)


def test_the_desk_keeps_time_only_where_there_is_something_to_train(settings: Settings) -> None:
    from threading import enumerate as threads

    def keeps_time(**changes: object) -> bool:
        with scheduled(settings.model_copy(update=changes)):
            return "learning" in {thread.name for thread in threads()}

    assert keeps_time()
    assert not any([keeps_time(learn_at="off"), keeps_time(generator="extractive"), keeps_time(lora=Path("x"))])
    assert "learning" not in {thread.name for thread in threads()}


def test_the_commands_refuse_in_a_line_and_leave_what_speaks(tmp_path: Path) -> None:
    run = some_run(tmp_path)
    assert "was not evaluated" in shopdesk(tmp_path, "learn", "gate", run.id).complaint
    write_whole(run.folder / EVALUATION, json.dumps(changed("perplexity", "after", to=11.0)))
    refused = shopdesk(tmp_path, "learn", "gate", run.id)
    assert (refused.status, refused.value["decision"]) == (1, "refused")
    assert refused.err.startswith("shopdesk: refused: perplexity on the frozen set rises by 10.0%")
    assert "the gate refused it" in shopdesk(tmp_path, "learn", "promote", run.id).complaint
    write_whole(run.folder / EVALUATION, json.dumps(good()))
    assert "is of another LoRA or evaluation" in shopdesk(tmp_path, "learn", "verify", run.id).complaint
    assert shopdesk(tmp_path, "learn", "gate", run.id).value["decision"] == "passed"
    assert shopdesk(tmp_path, "learn", "verify", run.id).value["decision"] == "passed"
    assert "set SHOPDESK_GENERATOR to 'base'" in shopdesk(tmp_path, "learn", "promote", run.id).complaint
    assert "the base speaks already" in shopdesk(tmp_path, "learn", "rollback").complaint
    promote(tmp_path, run.id, BASE)
    assert shopdesk(tmp_path, "learn", "status").value["run"] == run.id
    assert shopdesk(tmp_path, "learn", "rollback").value["run"] is None
    assert "no finished run 'none'" in shopdesk(tmp_path, "learn", "promote", "none").complaint


def test_a_step_that_cannot_be_done_says_why_itself(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(learn_cycle, "_LOW", 0)  # others keep this machine busy
    with pytest.raises(LearningError, match=r"^`shopdesk learn examples --out .* goes on from there$"):
        run_cycle(settings)
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.startswith("shopdesk: 0 examples, and 20 are needed")
