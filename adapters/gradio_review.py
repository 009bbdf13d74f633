"""The review tab of the staff page: replies to look at, one by one, the worst first.

Texts that shoppers and raters wrote are shown in plain text boxes, never as Markdown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import gradio as gr

from adapters.web_problems import as_problem, report
from adapters.wiring import publish
from bot.approved import LONGEST
from bot.errors import InvalidMessage, KnowledgeError, LearningError, ShopdeskError
from bot.review import Decision, Item, Reviews, question_of

if TYPE_CHECKING:
    from bot.engine import Engine
    from bot.settings import Settings

PRIVATE: Final = {"api_visibility": "private"}
MOST: Final = 500  # turns of the queue that one can page to
DECISIONS: Final[tuple[tuple[str, Decision, str], ...]] = (
    ("Keep", "keep", "Kept as it is."),
    ("Drop", "drop", "Dropped: nothing is learnt from it."),
    ("Mark a gap", "gap", "Marked as a gap in the documents."),
)

Updates = dict[Any, Any]  # component -> its new value


class ReviewTab:
    """The queue, one turn at a time, the worst first. Made inside a `gr.Blocks`; `load` fills `parts`."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, settings
        self.reviews = Reviews(engine.store, settings)
        self.turn = gr.State("")
        with gr.Row():
            with gr.Column(min_width=260):
                self.waiting = gr.Markdown(elem_id="waiting")
            self.again = gr.Button("From the top", size="sm", scale=0, min_width=140)
        self.done = gr.Markdown(elem_id="done")
        with gr.Row(visible=False) as self.shown:
            with gr.Column(min_width=280):
                self._lay_out_turn()
            with gr.Column(min_width=280):
                self._lay_out_correction()
        self._listen()

    def _lay_out_turn(self) -> None:
        self.question = gr.Textbox(label="The shopper asked", interactive=False, lines=2)
        self.reply = gr.Textbox(label="The desk replied", interactive=False, lines=4)
        self.ratings = gr.Textbox(label="Ratings", interactive=False)
        self.sources = gr.Textbox(label="It rested on", interactive=False)
        with gr.Row():
            self.buttons = [gr.Button(text, min_width=90) for text, *_ in DECISIONS]
        self.later = gr.Button("Next, decide later")

    def _lay_out_correction(self) -> None:
        self.correction = gr.Textbox(
            label="The reply as it should have been", lines=6, max_length=LONGEST, interactive=True
        )
        self.asked = gr.Textbox(label="What it answers, in words that stand alone", lines=2, interactive=True)
        self.correct = gr.Button("Correct, and answer so from now on", variant="primary")

    def _listen(self) -> None:
        self.parts = [self.turn, self.waiting, self.done, self.shown, self.question, self.reply, self.ratings]
        self.parts += [self.sources, self.correction, self.asked]
        for button, (_, decision, words) in zip(self.buttons, DECISIONS, strict=True):
            button.click(self._deciding(decision, words), self.turn, self.parts, **PRIVATE)
        self.correct.click(self.put_right, [self.turn, self.correction, self.asked], self.parts, **PRIVATE)
        self.later.click(self.skip, self.turn, self.parts, **PRIVATE)
        self.again.click(self.load, None, self.parts, **PRIVATE)

    def load(self) -> Updates:
        """The worst of the queue."""
        return self._showing(0, "")

    def skip(self, turn: str) -> Updates:
        """The one after this in the queue; after the last the first."""
        return self._showing(self._place(turn) + 1, "")

    def _deciding(self, decision: Decision, words: str) -> Callable[..., Updates]:
        def decide(turn: str, request: gr.Request) -> Updates:
            if not turn:
                return {}
            place = self._place(turn)
            try:
                before = self.reviews.history(turn)
                self.reviews.decide(turn, decision, str(request.username))
                if before and before[-1].document:
                    self._publish(turn)
            except ShopdeskError as error:
                return {self.done: said(error)}
            return self._showing(place, words)

        return decide

    def put_right(self, turn: str, text: str, asked: str, request: gr.Request) -> Updates:
        """Keeps a correction and publishes it: the next shopper who asks the same gets it."""
        if not turn:
            return {}
        place = self._place(turn)
        try:
            decided = self.reviews.correct(turn, text, str(request.username), self.engine.retriever, asked)
            self._publish(turn)
        except ShopdeskError as error:
            return {self.done: said(error)}
        redacted = "" if decided.correction == text.strip() else " Personal data was taken out of it."
        return self._showing(place, f"Corrected: the next shopper who asks this gets it.{redacted}")

    def _publish(self, turn: str) -> None:
        publish(self.settings, *self.reviews.answers_of(turn), self.engine.retriever.embedder)

    def _place(self, turn: str) -> int:
        """Where a turn stands in the queue; before its first where it is not in it."""
        return next((at for at, item in enumerate(self.reviews.queue(MOST)) if item.turn.id == turn), -1)

    def _showing(self, place: int, done: str) -> Updates:
        """The turn of the queue at a place, what is left, and what was done before."""
        try:
            queue, waiting = self.reviews.queue(MOST), self.reviews.waiting()
        except ShopdeskError as error:
            return {self.done: said(error)}
        base = {self.done: done, self.shown: gr.Row(visible=bool(queue)), self.correction: ""}
        if not queue:
            return base | {self.turn: "", self.waiting: "Nothing to look at."}
        place = max(place, 0) % len(queue)
        item = queue[place]
        why = ", ".join(item.why)
        where = f"{item.place.channel}, {item.turn.created_at[:16].replace('T', ' ')} UTC"
        line = f"**{place + 1} of {waiting} to look at** · {why} · {where}"
        return base | {self.turn: item.turn.id, self.waiting: line, **self._texts(item)}

    def _texts(self, item: Item) -> Updates:
        reply = item.turn.reply
        rated = [f"{one.label}: {one.reason}" if one.reason else one.label for one in item.ratings]
        rests = [f"{one.title}: {one.quote}" for one in reply.sources] if reply else []
        return {
            self.question: item.turn.question,
            self.reply: reply.text if reply else "",
            self.ratings: gr.Textbox("\n".join(rated), visible=bool(rated)),
            self.sources: gr.Textbox("\n\n".join(rests), visible=bool(rests)),
            self.asked: question_of(item.turn),
        }


def said(error: ShopdeskError, what: str = "") -> str:
    """What staff may know: what is for them to mend in its own words, the rest as any visitor."""
    report(error, "the staff page")
    if isinstance(error, LearningError | InvalidMessage | KnowledgeError):
        return f"**{str(error)[:1].upper()}{str(error)[1:]}.**" if not what else f"**{what}: {error}**"
    return f"**{as_problem(error).detail}**"
