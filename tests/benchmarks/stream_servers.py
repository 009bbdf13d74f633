"""The servers that `streams` measures, each alone in its process: `python -m tests.benchmarks.stream_servers NAME`.

`desk` is the desk's web channel over an engine that only writes; `gradio` a plain ChatInterface over a function that
writes the same; `engine` the desk with its real engine, over a slower model. Both desks have no grace for a reload, and
`/written` tells when each piece or token was written; `/sent` of `desk`, how late the pieces were that went to a socket
between two times. The port is printed once the server listens.

A piece of text is its own due time: "~", milliseconds of the machine's monotonic clock in four digits of base 36 (they
come round after 28 minutes), a space. What is late because its writer was held up is therefore late too.
"""

from __future__ import annotations

import argparse
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web_chat import build
from adapters.web_server import settle
from adapters.web_stream import Pace
from bot.conversations import FILE, Conversations
from bot.engine import Engine
from bot.generation.transformers_chat import StreamedChatModel
from bot.messages import Done, Event, Reply, Status, Text
from bot.settings import Settings
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.benchmarks.desk import DEMO
from tests.fakes import HashEmbedder, ScriptedEngine

RATE = 20  # pieces a second of one stream
MODEL_RATE = 5  # tokens a second of one conversation with the real engine
ROUND = 36**4  # milliseconds
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PIECE = re.compile(rb"~([0-9a-z]{4}) ")
NAMES = ("desk", "gradio", "engine")


def pieces(count: int, rate: int = RATE) -> Iterator[str]:
    """So many pieces of text, `rate` of them a second from now on."""
    due = time.monotonic()
    for _ in range(count):
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))
        yield piece(due)


def piece(due: float) -> str:
    """The piece of text that is due at that time of the monotonic clock."""
    left, digits = int(due * 1000) % ROUND, ""
    for _ in range(4):
        left, digit = divmod(left, 36)
        digits = DIGITS[digit] + digits
    return f"~{digits} "


def lateness(digits: bytes, at: float) -> float:
    """The seconds from when the piece with these digits was due until `at`."""
    return (int(at * 1000) - int(digits, 36)) % ROUND / 1000


class Stamped:
    """Keeps when each body was handed to the server's socket: what a piece takes from there on is not the server's."""

    def __init__(self, app: ASGIApp, sent: list[tuple[float, bytes]]) -> None:
        self.app, self.sent = app, sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body":
                self.sent.append((time.monotonic(), message["body"]))

        await self.app(scope, receive, stamped if scope["path"].endswith("/messages") else send)


class PacedEngine(ScriptedEngine):
    """An engine that does nothing but write `count` pieces, and keep when: what is measured is the channel."""

    def __init__(self, count: int, home: Path) -> None:
        super().__init__(home=home)
        self.count = count
        self.written: dict[str, list[float]] = {}

    def reply(
        self, conversation: str, message_id: str, text: str, *, cancelled: threading.Event | None = None
    ) -> Iterator[Event]:
        yield Status("writing")
        said: list[str] = []
        times = self.written.setdefault(number_of(text), [])
        for written in pieces(self.count):
            times.append(time.monotonic())
            if cancelled is not None and cancelled.is_set():
                break
            said.append(written)
            yield Text(written)
        yield Done(Reply(message_id, "".join(said), "answer", 1.0))


class RememberingModel(StreamedChatModel):
    """Writes MODEL_RATE tokens a second, for minutes, and keeps when it wrote each."""

    written: dict[str, list[float]]

    @property
    def _llm_type(self) -> str:
        return "remembering"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        times = self.written.setdefault(number_of(str(messages[-1].content)), [])
        for _ in pieces(200 * MODEL_RATE, MODEL_RATE):
            times.append(time.monotonic())
            text = " yes" if len(times) % 20 else " yes.\n"
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))


def number_of(text: str) -> str:
    """The client's number, which its question ends with."""
    return text.rpartition("#")[2].split()[0]


def settings(home: Path, clients: int) -> Settings:
    """The shipped settings without limits for an address: every client comes from this machine."""
    return Settings(home=home, messages_per_minute=0, messages_per_minute_per_address=0, replies_at_once=clients)


def desk_app(home: Path, clients: int, count: int) -> FastAPI:
    """The web channel alone."""
    engine = PacedEngine(count, home)
    app = build(engine, settings(home, clients), pace=Pace(grace=0.0))  # type: ignore[arg-type]
    sent: list[tuple[float, bytes]] = []

    def late(began: float, ended: float) -> dict[str, list[float]]:
        during = [(at, body) for at, body in sent if began <= at < ended]
        return {"late": [lateness(found[1], at) for at, body in during for found in PIECE.finditer(body)]}

    app.add_middleware(Stamped, sent=sent)
    app.add_api_route("/written", lambda: engine.written)
    app.add_api_route("/sent", late)
    return app


def engine_app(home: Path, clients: int, opened: ExitStack) -> FastAPI:
    """The whole desk."""
    embedder, snapshots = HashEmbedder(), Snapshots(home / "index")
    update([DEMO], snapshots, embedder)
    chosen, model = settings(home, clients), RememberingModel(written={})
    store = opened.enter_context(Conversations(home / FILE))
    retriever = Retriever(snapshots=snapshots, embedder=embedder)
    app = build(Engine(retriever, model, store, chosen), chosen, pace=Pace(grace=0.0))
    app.add_api_route("/written", lambda: model.written)
    return app


def serve_gradio(clients: int, count: int) -> None:
    """A ChatInterface as its guide has it, but with room for every client: as it comes it takes one at a time."""
    import gradio as gr

    def chat(message: str, history: list[Any]) -> Iterator[str]:
        said = ""
        for written in pieces(count):
            said += written
            yield said

    page = gr.ChatInterface(chat, concurrency_limit=None, api_name="chat", analytics_enabled=False)
    page.queue(max_size=None)
    page.launch(max_threads=clients, prevent_thread_lock=True, quiet=True)
    print(page.server_port, flush=True)
    page.block_thread()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--count", type=int, default=600, help="pieces of each stream")
    given = parser.parse_args()
    if given.name == "gradio":
        serve_gradio(given.clients, given.count)
        return
    with ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        if given.name == "desk":
            app = desk_app(home, given.clients, given.count)
        else:
            app = engine_app(home, given.clients, opened)
        listening = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
        print(listening.getsockname()[1], flush=True)
        settle()
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])


if __name__ == "__main__":
    main()
