"""The learning tab of the staff page: ratings and conversations over time, and what the gate said of each LoRA."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from adapters import gradio_plots
from bot import insight

if TYPE_CHECKING:
    from bot.conversations import Conversations
    from bot.insight import Judged, Share

WEEKS: Final = 12
RUNS: Final = 10


class LearningTab:
    """Made inside a `gr.Blocks`; `load` fills `parts`."""

    def __init__(self, store: Conversations, home: Path) -> None:
        self.store, self.home = store, home
        with gr.Row():
            with gr.Column(min_width=280):
                self.ratings = gr.Markdown(elem_id="ratings")
            with gr.Column(min_width=280):
                self.resolution = gr.Markdown(elem_id="resolution")
            with gr.Column(min_width=280):
                self.loras = gr.Markdown(elem_id="loras")
        self.parts = [self.ratings, self.resolution, self.loras]

    def load(self) -> dict[Any, str]:
        """The figures of the last WEEKS weeks, and the last RUNS runs."""
        since = insight.first_week(datetime.now(UTC), WEEKS)
        return {
            self.ratings: _shares("Thumbs up, of all ratings", insight.thumbs_up(self.store, since), "ratings", since),
            self.resolution: _shares(
                "Conversations", insight.conversations(self.store, since), "conversations", since, _MEANING
            ),
            self.loras: loras(insight.judged(self.home)[-RUNS:]),
        }


_MEANING: Final = (
    "Handed over: a person was called for. Resolved: no person was, and the last reply is an answer nobody rated down."
)


def _shares(title: str, found: dict[str, list[Share]], what: str, since: str, meaning: str = "") -> str:
    """A line for each name that has enough to say something; words for those that have not."""
    few = {name: insight.too_few(shares, what) for name, shares in found.items()}
    told = {name: shares for name, shares in found.items() if not few[name]}
    lines = [f"### {title}", f"The last {WEEKS} weeks, by week."]
    if told:
        weeks = [(date.fromisoformat(since) + timedelta(weeks=week)).isoformat() for week in range(WEEKS)]
        series = {
            name: [(share.week, share.part / share.of) for share in shares if share.week in weeks]
            for name, shares in told.items()
        }
        whole = "; ".join(f"{name} {_whole(shares)}" for name, shares in told.items())
        lines += [gradio_plots.markdown(gradio_plots.shares(series, weeks), f"{title}: {whole}")]
        lines += [f"Altogether: {whole}."]
    lines += [f"*{name[:1].upper()}{name[1:]}: {words}.*" for name, words in few.items() if words]
    if not found:
        lines.append(f"*Too few data: no {what} yet.*")
    return "\n\n".join([*lines, *([meaning] if meaning else [])])


def _whole(shares: list[Share]) -> str:
    return f"{sum(one.part for one in shares) / insight.total(shares):.0%} of {insight.total(shares)}"


def loras(runs: list[Judged]) -> str:
    """What the gate decided about each run, with its figures, as Markdown; the latest first."""
    lines = ["### LoRAs"]
    if not runs:
        return "\n\n".join([*lines, "*Too few data: the gate has decided about no LoRA yet. The base speaks alone.*"])
    rows = [(_short(run.id), *run.headline) for run in runs[::-1] if run.headline]
    if rows:
        described = "; ".join(f"{name} {value:+.2f}" for name, value, *_ in rows)
        lines += [
            "The preference for each over the one before it on held-out replies, 95 % interval; above 0 is better.",
            gradio_plots.markdown(gradio_plots.differences(rows), f"Preference by LoRA: {described}"),
        ]
    return "\n\n".join([*lines, "\n".join(_line(run) for run in runs[::-1])])


def _line(run: Judged) -> str:
    parts = [f"- **{_short(run.id)}**: {run.decision}"]
    if run.speaks:
        parts.append("speaks now")
    if run.headline:
        few = " (too few data)" if run.replies < insight.ENOUGH else ""
        parts.append(f"{run.replies} held-out replies{few}")
    if run.perplexity:
        parts.append(f"perplexity {run.perplexity[0]:.2f} → {run.perplexity[1]:.2f}")
    return "; ".join(parts) + "".join(f"\n  - {_plain(words)}" for words in run.why)


def _short(run: str) -> str:
    """The time in an id such as 2026-11-28T101500-3fa9c1, to read; any other id as it is."""
    found = re.match(r"(\d{4}-\d\d-\d\d)T(\d\d)(\d\d)\d\d", run)
    return f"{found[1]} {found[2]}:{found[3]}" if found else _plain(run)


def _plain(words: str) -> str:
    """Words of a report, which Markdown is not to read as its own."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>!#|" else letter for letter in words)
