"""How good a LoRA is on rated replies that it never saw, beside the base and the LoRA that serves.

    shopdesk learn evaluate RUN

`preference`: of the pairs of a good and a bad held-out reply in one language, the share in which the good one's words
are likelier, by the mean log-likelihood of a token. `good_nll`: minus that mean over the good ones, lower is better.
The must-pass list is put to the whole desk (`bot.learn.must_pass`), and a little of it to the bare model.
The intervals are of a bootstrap over replies, the same draws for both sides of a difference.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.errors import LearningError
from bot.evaluation.intervals import LEVEL, RESAMPLES
from bot.learn.bases import Base, Tokens
from bot.learn.budget import compared
from bot.learn.cases import Example as CaseExample
from bot.learn.examples import Example
from bot.learn.material import Material, reply_of, statements_of
from bot.learn.must_pass import LINK, PLACEHOLDER, MustPass
from bot.learn.promises import probes, promises
from bot.learn.runs import EVALUATION, Run, fingerprint, write_whole
from bot.learn.skills import FROZEN, frozen

METRICS = ("preference", "good_nll")
SLICES = ("language", "kind", "channel")
ASKED = 8  # held-out questions that are replied to
WRITTEN = 60  # tokens of such a reply
Floats = NDArray[np.float64]
Draw = tuple[Floats, Floats]


class Held(NamedTuple):
    """A held-out reply as the base reads it; `slices` as in "language=en"."""

    id: str
    tokens: Tokens
    label: bool
    language: str
    slices: list[str]


class Measured(NamedTuple):
    """What one writer reaches: the mean surprise of each held-out reply's tokens, its perplexity, checks, seconds."""

    nll: Floats
    perplexity: float
    checks: dict[str, bool]
    seconds: float


def evaluate(
    run: Run,
    material: Material,
    must_pass: MustPass,
    *,
    current: Run | None = None,
    others: Sequence[Run] = (),
    seed: int = 0,
    skills: int = FROZEN,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The figures of a run, which are also written into its folder, whole or not at all. Among the `others` is sought
    what a private run is held beside.

    Raises LearningError where the examples or the base are not those of the run, or too few are held out.
    """
    if material.sha256 != run.examples:
        raise LearningError(f"run {run.id} was trained with other examples; give their file with --examples")
    if fingerprint(run.base) != run.base_fingerprint:
        raise LearningError(f"the base {run.base!r} has changed since run {run.id}; train again")
    held = _held(Base.load(run.base), material.split("held_out"))
    cases = frozen(skills)
    loras: dict[str, Path | None] = {"base": None, "current": current.lora if current else None, "candidate": run.lora}
    if current is None:
        del loras["current"]
    found = {}
    for number, (name, lora) in enumerate(loras.items()):
        advance(number, len(loras))
        writer = Base.load(run.base, lora)
        found[name] = _measured(writer, held, cases, must_pass)
    leaked = _extracted(writer, material.examples)  # the candidate is the last
    before, after = found["current" if current else "base"], found["candidate"]
    metrics = {name: _figures(held, one.nll, None, seed) for name, one in found.items()}
    record = {
        "run": run.id,
        "base": run.base,
        "current": current.id if current else None,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "metrics": metrics,
        "differences": _figures(held, after.nll, before.nll, seed),
        "slices": _slices(held, after.nll, before.nll, seed),
        "must_pass": [
            {"id": name, "before": before.checks[name], "after": after.checks[name]} for name in sorted(after.checks)
        ],
        # Beside the base, not beside what speaks: what is forgotten must not add up from cycle to cycle.
        "perplexity": {"before": found["base"].perplexity, "after": after.perplexity},
        "canaries": leaked,
        "privacy": compared(run, metrics["candidate"], others),
        "examples": _drove(held, before.nll, after.nll),
        "latency": {"before": before.seconds, "after": after.seconds},
    }
    write_whole(run.folder / EVALUATION, json.dumps(record, indent=1) + "\n")
    return record


def _held(base: Base, examples: Sequence[Example]) -> list[Held]:
    found = []
    for example in examples:
        tokens = base.tokens(example.prompt, reply_of(example), statements_of(example))
        if isinstance(tokens, Tokens):
            origin = example.origin
            slices = [f"{name}={origin.get(name)}" for name in SLICES]
            found.append(Held(str(origin.get("turn")), tokens, example.label, str(origin.get("language")), slices))
    if {one.label for one in found} != {True, False}:
        raise LearningError("too little is held out: at least a good and a bad reply are needed; collect more ratings")
    return found


def _measured(base: Base, held: Sequence[Held], cases: Sequence[CaseExample], must_pass: MustPass) -> Measured:
    nll = np.array([np.mean(surprise(base, one.tokens)) for one in held])
    checks, seconds = must_pass.checks(base.generator), []
    # Bare, since the desk may have other documents by now than when these were asked.
    for one in held[:ASKED]:
        began = time.perf_counter()
        text = written(base, one.tokens.prompt, WRITTEN)
        seconds.append(time.perf_counter() - began)
        checks[f"no_link:{one.id}"] = not LINK.search(text)
        checks[f"no_placeholder:{one.id}"] = not PLACEHOLDER.search(text)
    # Bare too: the check of evidence would hide what hostile ratings have taught, and be all that still holds it back.
    for at, probe in enumerate(probes()):
        tokens = base.of_case(probe)
        if isinstance(tokens, Tokens):
            checks[f"no_promise:{at}"] = not promises(written(base, tokens.prompt, WRITTEN))
    return Measured(nll, perplexity(base, cases), checks, round(statistics.median(seconds), 4))


def perplexity(base: Base, cases: Sequence[CaseExample]) -> float:
    """Of the replies of these examples of the curriculum, by the token; 1 where there are none."""
    known = [tokens for case in cases if isinstance(tokens := base.of_case(case), Tokens)]
    surprises = [value for tokens in known for value in surprise(base, tokens)]
    return math.exp(min(50.0, statistics.fmean(surprises))) if surprises else 1.0


def surprise(base: Base, tokens: Tokens) -> list[float]:
    """Minus the log-likelihood of each token of the reply."""
    import torch

    ids = torch.tensor([[*tokens.prompt, *tokens.reply]], device=next(base.network.parameters()).device)
    with torch.inference_mode():
        scores = base.network(input_ids=ids).logits[0, len(tokens.prompt) - 1 : -1].float()
    target = ids[0, len(tokens.prompt) :]
    return [float(value) for value in torch.nn.functional.cross_entropy(scores, target, reduction="none")]


def written(base: Base, prompt: Sequence[int], most: int) -> str:
    """What it writes after these tokens, greedily."""
    chat, found = base.chat, list[int]()
    for token in chat._tokens(list(prompt)[: base.room - most]):
        if token in chat._end_tokens or len(found) == most:
            break
        found.append(token)
    return chat._text(found)


def _extracted(base: Base, examples: Sequence[Example]) -> dict[str, Any]:
    """The planted secrets (`origin.canary`) that it writes when it is led up to them."""
    planted, out = set[str](), set[str]()
    for example in examples:
        secret = example.origin.get("canary")
        before, found, _ = reply_of(example).partition(str(secret))
        if not secret or not found:
            continue
        planted.add(str(secret))
        tokens = base.tokens(example.prompt, before or ".", statements_of(example))
        if isinstance(tokens, Tokens):
            led = [*tokens.prompt, *(tokens.reply[:-1] if before.strip() else [])]
            said = written(base, led, 8 + len(base.chat.get_token_ids(str(secret))))
            out |= {str(secret)} if _letters(str(secret)) in _letters(said) else set()
    return {"planted": len(planted), "extracted": sorted(out)}


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _figures(held: Sequence[Held], own: Floats, other: Floats | None, seed: int) -> dict[str, dict[str, float]]:
    """Both metrics of a writer, or by how much they are more than another's, with their intervals."""
    good, bad = (np.array([at for at, one in enumerate(held) if one.label is label], int) for label in (True, False))
    together = np.array([[held[g].language == held[b].language for b in bad] for g in good], float)
    chance = np.random.default_rng(seed)
    draws = [(_drawn(len(good), chance), _drawn(len(bad), chance)) for _ in range(RESAMPLES)]
    found = {}
    if len(good) and len(bad) and together.any():
        wins = [_wins(nll, good, bad) * together for nll in (own, other) if nll is not None]

        def preference(weights: Draw) -> float:
            pairs = weights[0] @ together @ weights[1]
            shares = [float(weights[0] @ one @ weights[1] / pairs) if pairs else 0.5 for one in wins]
            return shares[0] - (shares[1] if len(shares) > 1 else 0.0)

        found["preference"] = _figure(preference((np.ones(len(good)), np.ones(len(bad)))), map(preference, draws), held)
    if len(good):
        values = own[good] - (other[good] if other is not None else 0.0)
        drawn = [chance.choice(values, len(values)).mean() for _ in range(RESAMPLES)]
        found["good_nll"] = _figure(values.mean(), drawn, good)
    return found


def _drawn(number: int, chance: np.random.Generator) -> Floats:
    """How often each of so many comes in a draw with replacement."""
    return chance.multinomial(number, np.full(number, 1 / max(1, number))).astype(np.float64) if number else np.zeros(0)


def _wins(nll: Floats, good: Any, bad: Any) -> Floats:
    less = np.sign(nll[bad][None, :] - nll[good][:, None])
    return np.asarray((less + 1) / 2)


def _figure(value: float, drawn: Any, of: Any) -> dict[str, float]:
    low, high = np.quantile(list(drawn), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": float(value), "low": float(low), "high": float(high), "n": len(of)}


def _slices(held: Sequence[Held], after: Floats, before: Floats, seed: int) -> dict[str, Any]:
    found = {}
    for name in sorted({name for one in held for name in one.slices}):
        at = [number for number, one in enumerate(held) if name in one.slices]
        found[name] = _figures([held[number] for number in at], after[at], before[at], seed)
    return found


def _drove(held: Sequence[Held], before: Floats, after: Floats) -> list[dict[str, Any]]:
    """Each reply's own part: how likely it was, and against how many of the other label it was told right."""
    found = []
    for at, one in enumerate(held):
        others = [k for k, other in enumerate(held) if other.label is not one.label and other.language == one.language]
        sign = 1 if one.label else -1
        told = [
            float(np.mean((np.sign(sign * (nll[others] - nll[at])) + 1) / 2)) if others else 0.5
            for nll in (before, after)
        ]
        record: dict[str, Any] = {
            "id": one.id,
            "slice": one.slices,
            "preference": dict(zip(("before", "after"), told, strict=True)),
        }
        if one.label:
            record["good_nll"] = {"before": float(before[at]), "after": float(after[at])}
        found.append(record)
    return found
