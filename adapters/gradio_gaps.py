"""The gaps tab of the staff page: what shoppers asked in vain, and a document about each to mend and approve."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from adapters import gradio_plots
from adapters.gradio_review import said
from adapters.wiring import publish
from bot.approved import ApprovedAnswers, name_of
from bot.errors import LearningError, ShopdeskError
from bot.learn.gaps import Gap, draft, find_gaps, report

if TYPE_CHECKING:
    from bot.engine import Engine
    from bot.settings import Settings

PRIVATE: Final = {"api_visibility": "private"}
DAYS: Final = 30
BARS: Final = 8

Updates = dict[Any, Any]  # component -> its new value


class GapsTab:
    """What shoppers asked in vain, with counts and trend; a draft out of staff's replies, to mend and approve."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, settings
        self.found = gr.State(())
        self.plot = gr.Markdown(elem_id="gaps")
        with gr.Column(visible=False) as self.shown:
            self.which = gr.Dropdown(label="Gap", choices=[], interactive=True)
            self.details = gr.Textbox(label="Asked as", interactive=False, lines=3)
            self.draft = gr.Button("Draft a document from what staff replied")
            self.document = gr.Textbox(
                label="The document, in Markdown: read it and mend it before you approve it",
                lines=10,
                max_length=50_000,
                interactive=True,
            )
            self.approve = gr.Button("Approve, for shoppers to read", variant="primary")
        self.done = gr.Markdown(elem_id="gap-done")
        self.parts = [self.found, self.plot, self.shown, self.which, self.details, self.document, self.done]
        self.which.input(self.detail, [self.found, self.which], [self.details, self.document, self.done], **PRIVATE)
        self.draft.click(self.write, [self.found, self.which], [self.document, self.done], **PRIVATE)
        self.approve.click(self.publish, [self.found, self.which, self.document], [self.document, self.done], **PRIVATE)

    def load(self) -> Updates:
        """The gaps of the last DAYS days."""
        try:
            gaps = find_gaps(self.engine.store, self.settings, self.engine.retriever, DAYS, datetime.now(UTC))
        except ShopdeskError as error:
            return {self.done: said(error)}
        told = report(gaps, DAYS)
        line = f"{told['questions']} questions of the last {DAYS} days found no good answer, in {len(gaps)} gaps."
        note = told["note"]
        lines = [line, *([f"*{note[:1].upper()}{note[1:]}.*"] if note else [])]
        if gaps:
            picture = gradio_plots.counts([(_typical(gap), gap.count, gap.before) for gap in gaps[:BARS]])
            described = "; ".join(
                f"gap {at}: {gap.count}, before {gap.before}" for at, gap in enumerate(gaps[:BARS], 1)
            )
            lines += [
                gradio_plots.markdown(picture, f"Questions by gap: {described}"),
                f"Dark: the last {DAYS} days. Pale: the {DAYS} before.",
            ]
        choices = [(f"{at}. ({gap.count}, {gap.trend}) {_typical(gap)}", at) for at, gap in enumerate(gaps, 1)]
        return {
            self.found: tuple(gaps),
            self.plot: "\n\n".join(lines),
            self.shown: gr.Column(visible=bool(gaps)),
            self.which: gr.Dropdown(choices=choices, value=1 if gaps else None),
            **self.detail(tuple(gaps), 1),
        }

    def detail(self, found: tuple[Gap, ...], which: int | None) -> Updates:
        """How a gap was asked, and what comes nearest to it."""
        gap = found[which - 1] if which and which <= len(found) else None
        asked = list(dict.fromkeys(_flat(one.question) for one in gap.questions))[:BARS] if gap else []
        near = ", ".join(str(one["document"]) for one in gap.nearest) if gap else ""
        return {self.details: "\n".join([*asked, f"Nearest: {near or 'nothing'}"]), self.document: "", self.done: ""}

    def write(self, found: tuple[Gap, ...], which: int | None) -> Updates:
        """A draft, where staff replied to the gap."""
        try:
            return {self.document: draft(found, which or 0), self.done: ""}
        except LearningError as error:
            return {self.done: said(error)}

    def publish(self, found: tuple[Gap, ...], which: int | None, text: str) -> Updates:
        """Makes the document one for shoppers, and indexes it."""
        if not which or which > len(found):
            return {}
        answers = ApprovedAnswers(self.settings.home, self.settings.knowledge)
        try:
            with TemporaryDirectory() as folder:
                file = Path(folder) / name_of(_typical(found[which - 1]))
                file.write_text(text, "utf-8")
                document = answers.approve(file)
            publish(self.settings, answers, self.settings.knowledge, self.engine.retriever.embedder)
        except ShopdeskError as error:
            return {self.done: said(error, "the document")}
        return {self.document: "", self.done: f"Approved as `{document}`: the next shopper who asks gets it."}


def _typical(gap: Gap) -> str:
    return _flat(gap.questions[0].question)


def _flat(text: str) -> str:
    return " ".join(text.split())
