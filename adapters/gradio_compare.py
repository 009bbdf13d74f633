"""The side-by-side tab of the demo page: one question, two generators, and a vote that is kept as two ratings.

Which one is on the left is drawn for each question, and their names are shown after the vote.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import gradio as gr

from adapters.web_problems import as_problem, report
from bot.engine import Engine
from bot.errors import ShopdeskError
from bot.generation.generators import describe, load_generator
from bot.messages import Text

if TYPE_CHECKING:
    from adapters.gradio_chat import Running
    from bot.settings import Settings

CHANNEL: Final = "gradio-compare"
REASON: Final = "side by side"
PRIVATE: Final = {"api_visibility": "private"}
SIDES: Final = ("Left", "Right")


def other_generator(settings: Settings) -> tuple[str, Path | None] | None:
    """The generator and LoRA to compare with: the setting's, else the base without its LoRA, else the composer.

    None where that would be the current one itself.
    """
    current = (settings.generator, settings.lora)
    if settings.demo_generator:
        other: tuple[str, Path | None] = (settings.demo_generator, None)
    else:
        other = (settings.generator if settings.lora else "extractive", None)
    return other if other != current else None


def other_engine(engine: Engine, settings: Settings) -> Callable[[], Engine] | None:
    """What opens an engine over the same index and store with the other generator; None where there is no other.

    The model is loaded at the first call, which raises GenerationError when it cannot be.
    """
    other = other_generator(settings)
    if other is None:
        return None
    (generator, lora), lock = other, threading.Lock()

    @cache
    def load() -> Engine:
        model = load_generator(generator, lora=lora, max_new_tokens=settings.max_new_tokens)
        return Engine(engine.retriever, model, engine.store, settings, shop_name=engine.shop_name, today=engine.today)

    def opened() -> Engine:
        with lock:  # a model is not to be loaded twice
            return load()

    return opened


@dataclass(frozen=True, slots=True)
class Pair:
    """The two replies to vote on, left and right: their turns, and who wrote them. Empty before there are two."""

    turns: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()


class CompareTab:
    """The same question to two engines, each in a conversation of its own. Made inside a `gr.Blocks`."""

    def __init__(self, engine: Engine, other: Callable[[], Engine], settings: Settings, running: Running) -> None:
        self.engine, self.other, self.running = engine, other, running
        self.pair = gr.State(Pair())
        longest = settings.max_message_chars
        self.question = gr.Textbox(label="A question for both", max_length=longest)
        with gr.Row():
            self.send = gr.Button("Ask both", variant="primary")
            self.halt = gr.Button("Stop")
        with gr.Row():
            self.replies = [gr.Markdown(label=side, show_label=True, container=True, min_height=120) for side in SIDES]
        with gr.Row():
            self.votes = [gr.Button(f"{side} is better", interactive=False) for side in SIDES]
        self.told = gr.Markdown(elem_id="told")
        self._listen()

    def _listen(self) -> None:
        parts = [self.pair, self.told, *self.replies, *self.votes]
        for pressed in (self.question.submit, self.send.click):
            pressed(self.ask, self.question, parts, **PRIVATE)
        self.halt.click(self.running.stop, None, None, **PRIVATE)
        for winner, button in enumerate(self.votes):
            button.click(self._vote_for(winner), self.pair, [self.pair, self.told, *self.votes], **PRIVATE)

    def ask(self, text: str, request: gr.Request) -> Iterator[dict[Any, Any]]:
        """Both replies as they are written, the left one first; then the vote is open."""
        if not text.strip():
            return
        yield {self.pair: Pair(), self.told: "", **dict.fromkeys(self.replies, ""), **self._voting(False)}
        pair = Pair()
        try:
            engines = random.sample([self.engine, self.other()], 2)
            with self.running.reply(request.session_hash) as cancelled:
                for engine, shown in zip(engines, self.replies, strict=True):
                    conversation, said = engine.start(CHANNEL), ""
                    for event in engine.reply(conversation, uuid4().hex, text, cancelled=cancelled):
                        if isinstance(event, Text):
                            said += event.text
                            yield {shown: said}
                    turn = engine.turns(conversation)[-1].id
                    pair = Pair((*pair.turns, turn), (*pair.writers, _writer(engine)))
                whole = not cancelled.is_set()
        except ShopdeskError as error:
            report(error, "side by side")
            yield {self.told: as_problem(error).detail}
            return
        if whole:
            yield {self.pair: pair, **self._voting(True)}
        else:
            yield {self.told: "Stopped; there is nothing to vote on."}

    def _voting(self, is_open: bool) -> dict[Any, Any]:
        return {button: gr.Button(interactive=is_open) for button in self.votes}

    def _vote_for(self, winner: int) -> Callable[..., dict[Any, Any]]:
        def vote(pair: Pair, request: gr.Request) -> dict[Any, Any]:
            """Keeps the vote as a thumb up and a thumb down, and says who wrote which."""
            if len(pair.turns) != len(SIDES):
                return {self.pair: pair}
            rater = str(request.username)
            self.engine.rate(pair.turns[winner], rater, "up", REASON)
            self.engine.rate(pair.turns[1 - winner], rater, "down", REASON)
            names = "; ".join(f"{side}: {writer}" for side, writer in zip(SIDES, pair.writers, strict=True))
            return {self.pair: Pair(), self.told: f"Your vote is kept. {names}.", **self._voting(False)}

        return vote


def _writer(engine: Engine) -> str:
    who = describe(engine.generator)
    return f"`{who['model']}`" + (f" with LoRA `{who['lora']}`" if who["lora"] else "")
