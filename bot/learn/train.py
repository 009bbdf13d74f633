"""A cycle's training: a fresh LoRA from the base, supervised on good replies, then KTO on good and bad ones.

    shopdesk learn train --base FOLDER

Bad replies are never supervised. Where the base is the house generator, a share of the supervised examples is of its
own curriculum, and at the end the LoRA is made as weak as it takes for the base to forget nothing
(`bot.learn.strength`). The same examples, base, settings and seed give the same weights on a CPU with as many threads.
With `dp_epsilon` there is one phase instead, which is differentially private (`bot.learn.private`); there the secret of
the home takes part too. A run that was stopped goes on when the same command is given again; `run.json` comes last, and
what serves is never touched.
"""

from __future__ import annotations

import hmac
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bot.errors import LearningError
from bot.learn.bases import Base, Tokens
from bot.learn.budget import Budget, budget, check
from bot.learn.curves import Curves
from bot.learn.examples import Example
from bot.learn.keys import key
from bot.learn.material import Material, reply_of, statements_of
from bot.learn.runs import LORA, RUN, Run, Runs, fingerprint, finish, write_whole
from bot.learn.skills import calibrating, replayed
from bot.learn.strength import fitted

WORK, PLAN, STRENGTH = "work", "plan.json", "strength.json"  # in the folder of a run that is not finished
NEEDED = 256 * 2**20  # bytes of disk: checkpoints, and a LoRA
PHASES, PRIVATE = ("supervised", "preference"), ("private",)
PACKAGES = {"trl": "learn", "datasets": "learn", "accelerate": "learn", "peft": "lora"}  # the extra that brings each
ACCOUNTING = {"opacus": "private"}  # needed besides, for private training
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is learnt, and how. `replay` is the curriculum's share of what is supervised; each example is seen
    `epochs` times in the first phase and at most `preference_epochs` in the second, a step of which costs three of the
    first; `rate` and `preference_rate` are the learning rates of the two. By `skills` examples of the curriculum it is
    chosen how strong the LoRA is (0: it stays whole): their perplexity rises by at most `forgets`, a share. With
    `dp_epsilon` there is the first phase's number of rounds and rate alone, and no LoRA tells more of one conversation
    than that and `dp_delta` allow.
    """

    rank: int = 16
    targets: Literal["all-linear", "mlp"] = "all-linear"
    replay: float = 0.2
    seed: int = 0
    epochs: float = 2.0
    preference_epochs: float = 1.0
    rate: float = 5e-4
    preference_rate: float = 2e-4
    skills: int = 128
    forgets: float = 0.005
    at_least: int = 20
    dp_epsilon: float | None = None
    dp_delta: float | None = None  # None is a tenth of one in the number of conversations


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is learnt from: good and bad replies as tokens, the same by the conversation that each is of, what is
    replayed, and what was left out for which reason."""

    good: list[Tokens]
    bad: list[Tokens]
    conversations: dict[str, list[tuple[Tokens, bool]]]
    replayed: list[Tokens]
    left_out: Counter[str]

    def counts(self) -> dict[str, Any]:
        """How many there are of each."""
        return {
            "good": len(self.good),
            "bad": len(self.bad),
            "replayed": len(self.replayed),
            "left_out": dict(sorted(self.left_out.items())),
        }


class Privacy(NamedTuple):
    """What a private training may spend, and what its noise is drawn from."""

    budget: Budget
    secret: bytes


def train(
    home: Path,
    material: Material,
    base: str,
    plan: Plan,
    *,
    minutes: float | None = None,
    out: Path | None = None,
    advance: Advance = lambda done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> Run | None:
    """The finished run in a folder of the home, or in `out`; None where the minutes were up before its end.

    Raises LearningError, before anything is written, for what cannot be learnt from or with.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    check(plan.dp_epsilon, plan.dp_delta)
    _installed(PACKAGES if plan.dp_epsilon is None else {**PACKAGES, **ACCOUNTING})
    read = Base.load(base)
    base_fingerprint = fingerprint(base)
    learnt = _learnt(read, material.split("train"), plan)
    record = {**asdict(plan), "base": base, "base_fingerprint": base_fingerprint, "examples": material.sha256}
    privacy = _privacy(learnt, plan, home, record)
    folder = _folder(home, out, record)
    say(f"{folder}: {len(learnt.good)} good and {len(learnt.bad)} bad replies, {_told(learnt, read)}")
    curves = Curves(folder)
    phases = PRIVATE if privacy else PHASES
    if not (folder / LORA).exists():
        for phase in phases:
            log = _log(phase, phases, curves, advance)
            if not (folder / WORK / phase / "lora").exists() and not _taught(
                phase, base, learnt, plan, privacy, folder, deadline, log
            ):
                return None
        done = folder / WORK / "done"
        strength = fitted(base, folder / WORK / phases[-1] / "lora", calibrating(plan.skills), plan.forgets, done)
        say(f"kept at {strength:.0%} of its strength")
        write_whole(folder / WORK / STRENGTH, json.dumps(strength))
        done.replace(folder / LORA)
    curves.draw()
    run = finish(
        folder,
        base=base,
        base_fingerprint=base_fingerprint,
        examples=material.sha256,
        seed=plan.seed,
        settings=asdict(plan),
        figures={
            **_figures(curves, learnt, phases),
            "strength": json.loads((folder / WORK / STRENGTH).read_bytes()),
            **({"privacy": privacy.budget.record()} if privacy else {}),
        },
    )
    shutil.rmtree(folder / WORK, ignore_errors=True)
    return run


def _log(phase: str, phases: Sequence[str], curves: Curves, advance: Advance) -> Callable[[int, int, Any], None]:
    """Keeps what is measured in each step of a phase, and tells how far the whole is."""
    began = time.monotonic() - curves.seconds

    def log(step: int, of: int, measured: Any) -> None:
        seconds = round(time.monotonic() - began, 3)
        curves.add({**measured, "phase": phase, "step": step, "of": of, "seconds": seconds})
        advance(round(1000 / len(phases) * (step / of + phases.index(phase))), 1000)

    return log


def _taught(
    phase: str,
    base: str,
    learnt: Learnt,
    plan: Plan,
    privacy: Privacy | None,
    folder: Path,
    deadline: float | None,
    log: Any,
) -> bool:
    """One phase, on a base that is loaded anew; whether it came to its end in time."""
    from bot.learn.private import private
    from bot.learn.trainers import Lesson, preferred, supervised

    work, read = folder / WORK / phase, Base.load(base)
    lesson = Lesson(plan.rank, plan.targets, plan.seed, plan.epochs, plan.rate, deadline)
    if privacy:
        conversations = list(learnt.conversations.values())
        return private(read, conversations, learnt.replayed, work, lesson, privacy.budget, privacy.secret, log)
    if phase == PHASES[0]:
        return supervised(read, [*learnt.good, *learnt.replayed], work, lesson, log)
    rated = [*((one, True) for one in learnt.good), *((one, False) for one in learnt.bad)]
    lesson = replace(lesson, epochs=min(plan.epochs, plan.preference_epochs), rate=plan.preference_rate)
    return preferred(read, rated, folder / WORK / PHASES[0] / "lora", work, lesson, log)


def _privacy(learnt: Learnt, plan: Plan, home: Path, record: dict[str, Any]) -> Privacy | None:
    """What a private training may spend. Raises LearningError where that leaves nothing to learn.

    The secret is of the home and of all that the weights depend on: two LoRAs of different examples never share their
    noise, which could else be told by the difference.
    """
    if plan.dp_epsilon is None:
        return None
    if nameless := learnt.conversations.get(""):
        raise LearningError(
            f"{len(nameless)} examples do not name their conversation, by which privacy is counted; write the file"
            " again with `shopdesk learn examples --out FILE`"
        )
    spent = budget(plan.dp_epsilon, plan.dp_delta, len(learnt.conversations), plan.epochs)
    depends = json.dumps({**record, **spent.record(), "base": ""}, sort_keys=True)  # its fingerprint is there
    return Privacy(spent, hmac.digest(key(home), depends.encode(), "sha256"))


def _installed(packages: Mapping[str, str]) -> None:
    missing = sorted({extra for package, extra in packages.items() if find_spec(package) is None})
    if missing:
        raise LearningError(
            f"training needs packages that are not installed: pip install 'shopdesk[{','.join(missing)}]'"
        )


def _learnt(base: Base, examples: Sequence[Example], plan: Plan) -> Learnt:
    """The examples as the base reads them. Raises LearningError where they are too few, or of one label."""
    found: dict[bool, list[Tokens]] = {True: [], False: []}
    conversations: dict[str, list[tuple[Tokens, bool]]] = {}
    left_out: Counter[str] = Counter()
    for example in examples:
        tokens = base.tokens(example.prompt, reply_of(example), statements_of(example))
        if isinstance(tokens, Tokens):
            found[example.label].append(tokens)
            name = str(example.origin.get("conversation") or "")
            conversations.setdefault(name, []).append((tokens, example.label))
        else:
            left_out[tokens] += 1
    good, bad = found[True], found[False]
    told = "".join(f", {reason.replace('_', ' ')}: {count}" for reason, count in sorted(left_out.items()))
    if len(good) + len(bad) < plan.at_least:
        raise LearningError(
            f"{len(good) + len(bad)} examples to train on that the base can read, and {plan.at_least} are needed{told};"
            " collect more ratings, or lower --at-least"
        )
    if not good or not bad:
        only, other = ("bad", "good") if bad else ("good", "bad")
        raise LearningError(f"all examples to train on are {only}{told}; learning needs some {other} ones too")
    # How many replies are good is not for a private run to tell; how many conversations there are is known anyway.
    beside = len(good) if plan.dp_epsilon is None else len(conversations)
    return Learnt(good, bad, conversations, _replayed(base, beside, plan), left_out)


def _replayed(base: Base, beside: int, plan: Plan) -> list[Tokens]:
    """Examples of the curriculum, for a base that learnt it."""
    if not base.is_house:
        return []
    number = round(plan.replay / (1 - plan.replay) * beside)
    return [tokens for case in replayed(number, plan.seed) if isinstance(tokens := base.of_case(case), Tokens)]


def _told(learnt: Learnt, base: Base) -> str:
    if base.is_house or learnt.replayed:
        return f"{len(learnt.replayed)} of the curriculum replayed"
    return "nothing replayed: what this base was trained on is not known here"


def _folder(home: Path, out: Path | None, record: dict[str, Any]) -> Path:
    """The folder of the unfinished run with these settings, or a new one."""
    runs = Runs(home)
    within = out or home
    existing = next(folder for folder in (within, *within.resolve().parents) if folder.exists())
    if (free := shutil.disk_usage(existing).free) < NEEDED:
        raise LearningError(
            f"{existing}: {free // 2**20} MB of disk left, and training needs {NEEDED // 2**20} MB; make room"
        )
    for folder in [out] if out else runs.unfinished():
        if _plan(folder) == record:
            return folder
    if out is not None and out.exists() and any(out.iterdir()):
        raise LearningError(f"{out}: holds something else, or a run with other settings; give another --out")
    folder = out or runs.new(record["examples"])
    (folder / WORK).mkdir(parents=True, exist_ok=True)
    write_whole(folder / WORK / PLAN, json.dumps(record, indent=1))
    return folder


def _plan(folder: Path) -> Any:
    try:
        return None if (folder / RUN).exists() else json.loads((folder / WORK / PLAN).read_bytes())
    except (OSError, ValueError):
        return None


def _figures(curves: Curves, learnt: Learnt, phases: Sequence[str]) -> dict[str, Any]:
    losses = {phase: curves.losses(phase) for phase in phases}
    return {
        "seconds": round(curves.seconds, 1),
        "steps": {phase: sum(line["phase"] == phase for line in curves.lines) for phase in phases},
        "losses": {
            phase: {"first": _mean(values[: _span(values)]), "last": _mean(values[-_span(values) :])}
            for phase, values in losses.items()
            if values
        },
        "counts": learnt.counts(),
    }


def _span(values: Sequence[float]) -> int:
    """A tenth of a curve: one step says little."""
    return max(1, len(values) // 10)


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / max(1, len(values)), 6)
