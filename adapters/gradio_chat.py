"""The Gradio channel: a page for trying the desk out, and for comparing two of its generators.

`build` makes the page; `adapters.gradio_door` puts it into a web application, where `shopdesk demo` and, with the
setting `demo_page`, `shopdesk serve` have it at /demo. What was said and which turns may be rated is kept on the
server, by browser session: the page sends only words, thumbs and presses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import gradio as gr

from adapters.gradio_compare import CompareTab, other_engine
from adapters.web_problems import as_problem, report
from bot.citing import cited
from bot.errors import ShopdeskError
from bot.messages import Label, Source, Text

if TYPE_CHECKING:
    from bot.engine import Engine
    from bot.settings import Settings

CHANNEL: Final = "gradio"
AT_ONCE: Final = 8  # replies under way; Gradio's own default is one for everybody
WAITING: Final = 64
REASONS: Final = ("Wrong", "Incomplete", "Beside the point")
PRIVATE: Final = {"api_visibility": "private"}
WITH_A_PERSON: Final = "*A person has this conversation now. Start over to go on with the assistant.*"

Updates = dict[Any, Any]  # component -> its new value


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and what was said to it; `turn` is empty for one that failed and cannot be rated."""

    question: str
    reply: str = ""
    turn: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """One visitor's conversation as the server keeps it."""

    conversation: str = ""
    exchanges: tuple[Exchange, ...] = ()

    def messages(self) -> list[dict[str, str]]:
        """As the chatbot shows them: two an exchange, the question and the reply."""
        return [
            {"role": role, "content": text}
            for exchange in self.exchanges
            for role, text in (("user", exchange.question), ("assistant", exchange.reply))
        ]

    def turn(self, message: int) -> str:
        """The turn that a message of the chatbot belongs to; empty where there is none to rate."""
        number = message // 2
        return self.exchanges[number].turn if 0 <= number < len(self.exchanges) else ""

    def saying(self, text: str, turn: str = "") -> Talk:
        """The talk with the last reply as far as it is known."""
        last = replace(self.exchanges[-1], reply=text, turn=turn)
        return replace(self, exchanges=(*self.exchanges[:-1], last))


@dataclass
class Running:
    """What stops the replies under way, by the browser session that waits for them."""

    _cancelled: dict[str, threading.Event] = field(default_factory=dict)

    @contextmanager
    def reply(self, session: str | None) -> Iterator[threading.Event]:
        """While inside, `stop` of that session sets the event; so does leaving."""
        cancelled = threading.Event()
        self._cancelled[session or ""] = cancelled
        try:
            yield cancelled
        finally:
            cancelled.set()
            if self._cancelled.get(session or "") is cancelled:
                del self._cancelled[session or ""]

    def stop(self, request: gr.Request) -> None:
        """Stops the session's reply; the generator with it."""
        if cancelled := self._cancelled.get(request.session_hash or ""):
            cancelled.set()


def build(engine: Engine, settings: Settings, other: Callable[[], Engine] | None = None) -> gr.Blocks:
    """The demo page over an engine, not mounted yet. It asks nothing of the network.

    `other` opens the engine to compare with; without it, the settings say which.
    """
    running = Running()
    name = engine.shop_name or "Shopdesk"
    with gr.Blocks(title=f"{name} – Demo", analytics_enabled=False) as page:
        gr.Markdown(f"# {name}: demo")
        speaking = gr.Markdown(elem_id="speaking")
        with gr.Tab("Chat"):
            ChatTab(engine, settings, running)
        with gr.Tab("Side by side"):
            other = other or other_engine(engine, settings)
            if other is None:
                gr.Markdown("Nothing to compare with: name another generator in `SHOPDESK_DEMO_GENERATOR`.")
            else:
                CompareTab(engine, other, settings, running)
        page.load(lambda: speaking_line(engine), None, speaking, **PRIVATE)
        page.unload(running.stop)
    page.queue(api_open=False, max_size=WAITING, default_concurrency_limit=AT_ONCE)
    return page


def speaking_line(engine: Engine) -> str:
    """Who would write the next reply, from which snapshot; a generator and a snapshot may change while it serves."""
    try:
        ready = engine.ready()
    except ShopdeskError as error:
        report(error, "the demo page")
        return as_problem(error).detail
    lora = f"LoRA `{ready['lora']}`" if ready.get("lora") else "no LoRA"
    return f"Written by `{ready['model']}`, {lora}, from snapshot {ready['snapshot']} ({ready['documents']} documents)."


class ChatTab:
    """A conversation, with what was found for its last reply beside it. Made inside a `gr.Blocks`."""

    def __init__(self, engine: Engine, settings: Settings, running: Running) -> None:
        self.engine, self.running = engine, running
        self.talk = gr.State(Talk())
        with gr.Row():
            with gr.Column(scale=3):
                self._lay_out_conversation(settings)
            with gr.Column(scale=2):
                self._lay_out_evidence()
        self._listen()

    def _lay_out_conversation(self, settings: Settings) -> None:
        self.chatbot = gr.Chatbot(
            label="Conversation",
            height=520,
            feedback_options=("Like", "Dislike", *REASONS),
            examples=[{"text": text} for text in self.engine.suggestions],
            latex_delimiters=[],  # a dollar is a price
            buttons=["copy"],
            allow_file_downloads=False,
        )
        self.question = gr.Textbox(
            label="Your question", placeholder="Ask in English or Chinese", max_length=settings.max_message_chars
        )
        with gr.Row():
            self.send = gr.Button("Send", variant="primary")
            self.halt = gr.Button("Stop", interactive=False)
            self.again = gr.Button("Start over")

    def _lay_out_evidence(self) -> None:
        self.found = gr.Dataframe(
            headers=["score", "passage found", "used"],
            datatype=["number", "str", "str"],
            label="Hits, as ranked for this question",
            interactive=False,
            wrap=True,
            max_height=300,
        )
        with gr.Accordion("Passages used"):
            self.passages = gr.Markdown(elem_id="passages")

    def _listen(self) -> None:
        parts = [self.chatbot, self.talk, self.question, self.send, self.halt, self.found, self.passages]
        for pressed in (self.question.submit, self.send.click):
            pressed(self.ask, [self.question, self.talk], parts, **PRIVATE)
        self.chatbot.example_select(self.ask_example, self.talk, parts, **PRIVATE)
        self.chatbot.like(self.rate, self.talk, None, **PRIVATE)
        self.halt.click(self.running.stop, None, None, **PRIVATE)
        for pressed in (self.again.click, self.chatbot.clear):
            pressed(self.start_over, None, parts, **PRIVATE)

    def ask_example(self, talk: Talk, chosen: gr.SelectData, request: gr.Request) -> Iterator[Updates]:
        """One of the suggested questions, asked."""
        yield from self.ask(chosen.value["text"], talk, request)

    def ask(self, text: str, talk: Talk, request: gr.Request) -> Iterator[Updates]:
        """Asks, and shows the reply as it is written, then what it rests on."""
        if not text.strip():
            return
        talk = Talk(talk.conversation or self.engine.start(CHANNEL), (*talk.exchanges, Exchange(text)))
        yield self._shown(talk) | {
            self.question: "",
            self.send: gr.Button(interactive=False),
            self.halt: gr.Button(interactive=True),
        }
        with self.running.reply(request.session_hash) as cancelled:
            for talk in self._written(text, talk, cancelled):  # noqa: B020 (the latest is the one to go on with)
                yield self._shown(talk)
        yield (
            self._shown(talk)
            | self._evidence(talk.exchanges[-1].turn)
            | {
                self.send: gr.Button(interactive=True),
                self.halt: gr.Button(interactive=False),
            }
        )

    def _shown(self, talk: Talk) -> Updates:
        return {self.chatbot: talk.messages(), self.talk: talk}

    def _written(self, text: str, talk: Talk, cancelled: threading.Event) -> Iterator[Talk]:
        """The talk after each piece of the reply, and at its end, or with one line on what went wrong."""
        said, message_id = "", uuid4().hex
        try:
            for event in self.engine.reply(talk.conversation, message_id, text, cancelled=cancelled):
                if isinstance(event, Text):
                    said += event.text
                    yield talk.saying(said)
        except ShopdeskError as error:
            report(error, f"reply to message {message_id}")
            yield talk.saying(f"{said}\n\n*{as_problem(error).detail}*".strip())
            return
        turn = next(turn for turn in self.engine.turns(talk.conversation) if turn.message_id == message_id)
        stopped = turn.reply is not None and turn.reply.stopped
        said = cited(said, turn.reply.sources) if turn.reply else said
        yield talk.saying(f"{said} *(stopped)*" if stopped else said or WITH_A_PERSON, turn.id)

    def _evidence(self, turn_id: str) -> Updates:
        """The hits of a turn, which of them the reply used, and those passages."""
        if not turn_id:
            return {self.found: [], self.passages: ""}
        turn = self.engine.store.turn(turn_id)
        sources = turn.reply.sources if turn.reply else ()
        used = {source.chunk for source in sources}
        hits = [[score, chunk, "yes" if chunk in used else ""] for chunk, _, score in turn.explanation["chunks"]]
        passages = "\n\n---\n\n".join(_passage(source) for source in sources)
        return {self.found: hits, self.passages: passages or "None: nothing of the documents was used."}

    def rate(self, talk: Talk, given: gr.LikeData, request: gr.Request) -> None:
        """Keeps a thumb, or a reason in place of a thumb down."""
        turn = talk.turn(given.index) if isinstance(given.index, int) else ""
        if not turn:
            return
        label: Label = "up" if given.liked is True else "down"
        reason = given.liked if given.liked in REASONS else ""
        self.engine.rate(turn, str(request.username), label, str(reason))
        gr.Info("Thank you, your rating is kept.", duration=3)

    def start_over(self) -> Updates:
        """A blank page; the next question begins another conversation."""
        return {self.chatbot: [], self.talk: Talk(), self.question: "", self.found: [], self.passages: ""}


def _passage(source: Source) -> str:
    heading = " > ".join((source.title, *source.heading))
    quote = "\n".join(f"> {line}" for line in source.quote.splitlines())
    return f"**{heading}** (`{source.chunk}`, score {source.score:.2f})\n\n{quote}\n\n{source.passage}"
