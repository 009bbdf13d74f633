"""The gate's report on a run: the decision with its figures, signed; `report.json` for programs, `report.md` to read.

A report that was changed (`bot.learn.signing`), or that is of another LoRA or another evaluation, lets nothing speak.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from bot.errors import LearningError
from bot.learn.gate import Bounds, decide
from bot.learn.runs import EVALUATION, REPORT, Run, write_whole
from bot.learn.signing import is_signed, signature

MARKDOWN: Final = "report.md"
FIGURES: Final = ("metrics", "differences", "slices", "perplexity", "canaries", "latency", "privacy")
_HASHES: Final = ("lora_sha256", "evaluation_sha256")


def gate(home: Path, run: Run, bounds: Bounds | None = None, accepted: str = "") -> dict[str, Any]:
    """Decides about a run by its evaluation, and keeps the report in its folder; `accepted` is why the operator does.

    Raises LearningError where there is no evaluation, or it cannot be read.
    """
    raw, bounds = _evaluation(run), bounds or Bounds()
    try:
        evaluation = json.loads(raw)
        decision = decide(evaluation, bounds, accepted=bool(accepted))
        figures = {name: evaluation.get(name) for name in FIGURES}
        report = {
            "run": run.id,
            "decision": "passed" if decision.passed else "refused",
            "decided_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "compared_with": evaluation.get("current"),
            "accepted": accepted,
            "refusals": [{**asdict(refusal), "examples": list(refusal.examples)} for refusal in decision.refusals],
            "notes": list(decision.notes),
            "bounds": asdict(bounds),
            "figures": figures,
            "lora_sha256": run.lora_sha256,
            "evaluation_sha256": sha256(raw).hexdigest(),
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LearningError(
            f"{run.folder / EVALUATION}: is no evaluation ({type(error).__name__}: {error});"
            f" `shopdesk learn evaluate {run.id}` makes it anew"
        ) from error
    report["signature"] = signature(home, report)
    write_whole(run.folder / MARKDOWN, markdown(report))
    write_whole(run.folder / REPORT, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return report


def verified(home: Path, run: Run) -> dict[str, Any]:
    """The report on a run, as the gate of this home wrote it, on this LoRA and this evaluation.

    Raises LearningError, in one line, for any other.
    """
    path = run.folder / REPORT
    try:
        report = json.loads(path.read_bytes())
        signed = report.pop("signature")
    except FileNotFoundError:
        raise LearningError(f"run {run.id}: no gate has decided about it; run `shopdesk learn gate {run.id}`") from None
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise LearningError(f"{path}: cannot be read; run `shopdesk learn gate {run.id}` again") from error
    if not is_signed(home, report, signed):
        raise LearningError(f"{path}: its signature is not of this home; run `shopdesk learn gate {run.id}` again")
    now = dict(zip(_HASHES, (run.lora_sha256, sha256(_evaluation(run)).hexdigest()), strict=True))
    if report["run"] != run.id or any(report[name] != now[name] for name in _HASHES):
        raise LearningError(f"{path}: is of another LoRA or evaluation; run `shopdesk learn gate {run.id}` again")
    return {**report, "signature": signed}


def require_passed(home: Path, run: Run, current: str | None) -> None:
    """Raises LearningError unless the gate let the run pass, beside the one that speaks now."""
    report = verified(home, run)
    if report["decision"] != "passed":
        why = "; ".join(refusal["says"] for refusal in report["refusals"])
        raise LearningError(f"run {run.id}: the gate refused it: {why}")
    if report["compared_with"] != current and run.id != current:
        raise LearningError(
            f"run {run.id}: it was compared with {report['compared_with'] or 'the base'}, and now"
            f" {current or 'the base'} speaks; run `shopdesk learn evaluate {run.id}` and the gate again"
        )


def markdown(report: Mapping[str, Any]) -> str:
    """The report to read."""
    beside = report["compared_with"] or "the base"
    lines = [f"# Run {report['run']}: {report['decision']}", "", f"{report['decided_at']}, compared with {beside}."]
    for refusal in report["refusals"]:
        lines += ["", f"- **{refusal['says']}**"]
        if refusal["examples"]:
            lines += [f"  Examples: {', '.join(f'`{name}`' for name in refusal['examples'])}"]
    if report["notes"]:
        lines += ["", *(f"- {note}" for note in report["notes"])]
    if report["accepted"]:
        lines += ["", f"Accepted: {report['accepted']}"]
    figures = report["figures"]
    lines += ["", *_table("of", {"all": figures["differences"] or {}, **(figures["slices"] or {})}), ""]
    lines += _table("writer", figures["metrics"] or {})
    perplexity, canaries = figures["perplexity"] or {}, figures["canaries"] or {}
    lines += [
        "",
        f"Perplexity on the frozen set: {perplexity.get('before')} before, {perplexity.get('after')} after.",
        f"Canaries: {canaries.get('planted')} planted, {len(canaries.get('extracted') or ())} came out.",
        *(_told(privacy) if (privacy := figures.get("privacy")) else []),
        "",
        f"Signature (HMAC-SHA256): `{report['signature']}`",
    ]
    return "\n".join(lines) + "\n"


def _told(privacy: Mapping[str, Any]) -> list[str]:
    """What a private run spent, and what that cost in quality."""
    without = privacy["without"]
    rows = {
        "with privacy": privacy["held_out"],
        **({f"without ({without['run']})": without["held_out"]} if without else {}),
    }
    return [
        "",
        f"Differentially private by {privacy['unit']}: epsilon {privacy['epsilon']:.3g}, delta {privacy['delta']:.2g}"
        f" ({privacy['conversations']} conversations, {privacy['steps']} steps, each with a share of"
        f" {privacy['sampling_rate']:.3g} of them; gradients cut to {privacy['clip']:g}, noise"
        f" {privacy['noise_multiplier']:.3g} times that; accounted by {privacy['accountant']}).",
        "" if without else "No run without privacy, on these examples and this base, is there to compare with.",
        *_table("held out", rows),
    ]


def _table(title: str, rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[str]:
    lines = [f"| {title} | metric | value | 95 % interval | n |", "|---|---|---|---|---|"]
    for name, metrics in rows.items():
        for metric, one in metrics.items():
            interval = f"{one['low']:.4g} to {one['high']:.4g}"
            lines.append(f"| {name} | {metric} | {one['value']:.4g} | {interval} | {one['n']} |")
    return lines


def _evaluation(run: Run) -> bytes:
    try:
        return (run.folder / EVALUATION).read_bytes()
    except OSError:
        raise LearningError(f"run {run.id}: was not evaluated; run `shopdesk learn evaluate {run.id}`") from None
