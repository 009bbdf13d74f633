"""`shopdesk learn gate | promote | rollback | status | run | verify`: from a trained run to the LoRA that speaks.

shopdesk learn run
shopdesk learn status
shopdesk learn rollback
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from adapters.command import command
from adapters.learn_commands import learn
from adapters.output import print_json, say

if TYPE_CHECKING:
    from bot.learn.runs import Run
    from bot.settings import Settings


@learn.command()
@click.argument("run", metavar="RUN")
@click.option("--accept", default="", metavar="REASON", help="Let a headline pass that is not better; nothing else.")
@command
def gate(settings: Settings, run: str, accept: str) -> None:
    """Decide whether a run may speak, by its evaluation, and sign the report. Exit status 1 for a refusal."""
    from bot.learn.report import gate as decide
    from bot.learn.runs import Runs

    report = decide(settings.home, Runs(settings.home).get(run), accepted=accept)
    print_json(report)
    for refusal in report["refusals"]:
        named = f" (examples: {', '.join(refusal['examples'][:5])})" if refusal["examples"] else ""
        say(f"shopdesk: refused: {refusal['says']}{named}")
    if report["refusals"]:
        raise SystemExit(1)


@learn.command()
@click.argument("run", metavar="RUN")
@command
def verify(settings: Settings, run: str) -> None:
    """Check that a run's report, and those of its trials, are as this home wrote them, on this LoRA and evaluation."""
    from bot.learn.report import verified
    from bot.learn.runs import Runs
    from bot.learn.trial import records

    found = Runs(settings.home).get(run)
    report, trials = verified(settings.home, found), records(settings.home, found)
    kept = {name: report[name] for name in ("run", "decision", "decided_at")}
    print_json({**kept, "trials": [trial["decision"] for trial in trials]})


@learn.command()
@click.argument("run", metavar="RUN")
@click.option("--share", type=float, metavar="SHARE", help="In so many of the conversations at first, such as 0.1.")
@command
def promote(settings: Settings, run: str, share: float | None) -> None:
    """Let a run speak that the gate let pass; a running desk takes it up between two replies."""
    from bot.learn import pointer
    from bot.learn.report import require_passed
    from bot.learn.runs import Runs, fingerprint

    found = Runs(settings.home).get(run)
    current = pointer.serving(settings.home, found.base_fingerprint)
    require_passed(settings.home, found, current.id if current else None)
    _try_on(settings, found)
    print_json(asdict(pointer.promote(settings.home, found.id, fingerprint(settings.generator), share)))


def _try_on(settings: Settings, run: Run) -> None:
    """Raises LearningError or GenerationError, in one line, where the LoRA does not fit the generator."""
    from bot.errors import LearningError
    from bot.generation.generators import load_generator
    from bot.learn.cycle import is_local
    from bot.learn.pointer import fit_run
    from bot.learn.runs import fingerprint

    if not is_local(settings.generator):
        raise LearningError(
            f"the generator {settings.generator!r} has no weights here; set SHOPDESK_GENERATOR to {run.base!r}, over"
            " which the run was trained"
        )
    fit_run(settings.home, run.id, fingerprint(settings.generator))
    load_generator(settings.generator, lora=run.lora)


@learn.command("rollback")
@click.option("--base", "to_base", is_flag=True, help="To the base alone, at once.")
@command
def roll_back(settings: Settings, to_base: bool) -> None:
    """Take back the last promotion, or the canary: what spoke before speaks again, in a running desk too."""
    from bot.learn import pointer

    print_json(asdict(pointer.roll_back(settings.home, to_base=to_base)))


@learn.command("status")
@command
def learn_status(settings: Settings) -> None:
    """Which LoRA speaks, the runs and what the gate said of them, the cycle under way and the next one."""
    from adapters.learn_cycle import status

    print_json(status(settings))


@learn.command("run")
@click.option("--if-enough", is_flag=True, help="Only with as many new ratings as SHOPDESK_LEARN_AT_LEAST says.")
@command
def run_all(settings: Settings, if_enough: bool) -> None:
    """Run a whole cycle: examples, train, evaluate, gate, promote; one that was stopped goes on. 1 for a refusal."""
    from adapters.learn_cycle import run_cycle

    told = run_cycle(settings, if_enough)
    print_json(told)
    if told["outcome"] == "refused":
        raise SystemExit(1)
