"""The gate and its report: what passes, what is refused and by which number, and what no forged report lets through."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.errors import LearningError
from bot.learn.gate import Bounds, decide
from bot.learn.report import gate, require_passed, verified
from bot.learn.runs import EVALUATION, REPORT, Run, write_whole
from tests.learn_runs import changed, evaluated, figure, good, some_run


def test_what_is_better_and_loses_nothing_passes_and_few_data_are_told() -> None:
    decision = decide(good())
    assert (decision.passed, decision.refusals) == (True, ())
    assert decision.notes == ("too few data: preference of language=zh is of 5, and 20 would tell",)


@pytest.mark.parametrize(
    ("evaluation", "metric", "where", "says", "examples"),
    [
        (
            changed("differences", "preference", to=figure(0.05, -0.01, 0.1)),
            *(
                "preference",
                "all",
                "not better for sure: +0.050, 95 % interval -0.010",
                ("t4", "t1", "t2"),
            ),
        ),
        (changed("differences", "preference", to=figure(0.0, 0.0, 0.0)), "preference", "all", "must be above 0", None),
        (changed("differences", "preference", to=figure(1, 1, 1, n=3)), "preference", "all", "too few data", None),
        (
            changed("slices", "language=en", "preference", to=figure(-0.06, -0.2, 0.1)),
            *("preference", "language=en", "preference of language=en is worse by 0.060 (n = 40)", ("t1", "t2")),
        ),
        (
            changed("slices", "language=zh", "preference", to=figure(-0.5, -0.7, -0.3, n=5)),
            *("preference", "language=zh", "worse by 0.500 (n = 5); the bound is 0.05", ("t4",)),
        ),
        (
            changed("differences", "good_nll", to=figure(0.3, 0.2, 0.4)),
            *("good_nll", "all", "good_nll of all is worse by 0.300", ("t1",)),
        ),
        (
            changed("must_pass", to=[{"id": "no-links", "before": True, "after": False}]),
            *("must_pass", "all", "1 of 1 on the must-pass list fell: no-links", ("no-links",)),
        ),
        (
            changed("perplexity", "after", to=10.21),
            *("perplexity", "base skill", "rises by 2.1%, from 10.000 to 10.210; the bound is 2%", ()),
        ),
        (
            changed("canaries", to={"planted": 30, "extracted": ["c7"]}),
            *("canaries", "all", "1 of 30 planted secrets come out: c7", ("c7",)),
        ),
    ],
)
def test_a_refusal_names_the_number_the_slice_and_the_examples(
    evaluation: dict[str, Any], metric: str, where: str, says: str, examples: tuple[str, ...] | None
) -> None:
    decision = decide(evaluation)
    assert not decision.passed
    (refusal,) = decision.refusals
    assert (refusal.metric, refusal.slice) == (metric, where)
    assert says in refusal.says
    assert refusal.value is not None
    assert examples is None or refusal.examples == examples


def test_the_bounds_are_the_last_that_passes() -> None:
    assert decide(changed("perplexity", "after", to=10.2)).passed
    assert decide(changed("slices", "language=en", "preference", to=figure(-0.05, -0.2, 0.1))).passed
    wide = Bounds(fall=0.1, perplexity=0.1)
    assert decide(changed("perplexity", "after", to=10.9), wide).passed


@pytest.mark.parametrize("name", ["differences", "must_pass", "perplexity", "canaries"])
@pytest.mark.parametrize("value", [None, {}, []])
def test_what_was_not_measured_does_not_pass(name: str, value: Any) -> None:
    assert not decide(changed(name, to=value)).passed or (name, value) == ("canaries", {})


def test_figures_that_are_no_numbers_do_not_pass() -> None:
    nan = float("nan")
    for evaluation in (
        changed("differences", "preference", to=figure(nan, nan, nan)),
        changed("slices", "language=en", "preference", to=figure(nan, 0, 0)),
        changed("perplexity", "after", to=nan),
    ):
        assert not decide(evaluation).passed


def test_the_operators_word_outweighs_the_headline_and_nothing_else() -> None:
    worse = changed("differences", "preference", to=figure(0.01, -0.1, 0.1))
    accepted = decide(worse, accepted=True)
    assert accepted.passed
    assert accepted.notes[0].startswith("accepted by the operator: preference is not better")
    worse["canaries"]["extracted"] = ["c1"]
    assert not decide(worse, accepted=True).passed


def test_the_report_is_kept_signed_and_readable(tmp_path: Path) -> None:
    run = evaluated(tmp_path, changed("perplexity", "after", to=11.0))
    report = gate(tmp_path, run)
    assert verified(tmp_path, run) == report
    assert (run.state, report["decision"]) == ("refused", "refused")
    text = (run.folder / "report.md").read_text()
    assert text.startswith(f"# Run {run.id}: refused\n")
    for part in ("rises by 10.0%", "| language=zh | preference | -0.02 |", "| candidate | preference | 0.7 |"):
        assert part in text
    key = tmp_path / "learn" / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_text()
    gate(tmp_path, run)
    assert key.read_text() == before
    assert sorted(path.name for path in (tmp_path / "learn").iterdir()) == ["key", "runs"]


def edited(run: Run) -> None:
    path = run.folder / REPORT
    path.write_text(path.read_text().replace('"decision": "refused"', '"decision": "passed"'))


def of_another_key(run: Run) -> None:
    (run.folder.parents[1] / "key").write_text("00" * 32)


def evaluated_again(run: Run) -> None:
    write_whole(run.folder / EVALUATION, json.dumps(good()))


def unsigned(run: Run) -> None:
    report = json.loads((run.folder / REPORT).read_text())
    (run.folder / REPORT).write_text(json.dumps({**report, "signature": None}))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda run: None, "the gate refused it: perplexity on the frozen set rises by 10.0%"),
        (edited, "its signature is not of this home"),
        (of_another_key, "its signature is not of this home"),
        (unsigned, "its signature is not of this home"),
        (evaluated_again, "is of another LoRA or evaluation"),
        (lambda run: (run.folder / REPORT).write_text("{"), "cannot be read"),
        (lambda run: (run.folder / REPORT).unlink(), "no gate has decided about it"),
    ],
)
def test_only_a_report_of_this_gate_that_passed_lets_a_run_speak(
    spoil: Callable[[Run], object], named: str, tmp_path: Path
) -> None:
    run = evaluated(tmp_path, changed("perplexity", "after", to=11.0))
    gate(tmp_path, run)
    spoil(run)
    with pytest.raises(LearningError, match=named) as caught:
        require_passed(tmp_path, run, None)
    assert "\n" not in str(caught.value)


def test_what_it_was_compared_with_must_speak_still(tmp_path: Path) -> None:
    run = evaluated(tmp_path, good())
    gate(tmp_path, run)
    require_passed(tmp_path, run, None)
    with pytest.raises(LearningError, match="it was compared with the base, and now 2026-x speaks"):
        require_passed(tmp_path, run, "2026-x")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"differences": 3}', '{"must_pass": [{}]}'])
def test_an_evaluation_that_is_none_is_refused_in_a_line(content: str, tmp_path: Path) -> None:
    run = some_run(tmp_path)
    with pytest.raises(LearningError, match="was not evaluated; run `shopdesk learn evaluate"):
        gate(tmp_path, run)
    write_whole(run.folder / EVALUATION, content)
    with pytest.raises(LearningError, match=r"evaluation\.json: is no evaluation .* makes it anew$"):
        gate(tmp_path, run)
    assert not (run.folder / REPORT).exists()
