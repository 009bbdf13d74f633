"""Stand-ins that are real implementations: small, deterministic, offline."""

from __future__ import annotations

import hashlib
import queue
import re
import secrets
import shutil
import socket
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from numpy.typing import NDArray
from pydantic import PrivateAttr
from starlette.types import ASGIApp

from bot.conversations import FILE, Conversations, now
from bot.desk import WITH_STAFF, Desk
from bot.errors import ShopdeskError, UnknownTurn
from bot.generation.transformers_chat import StreamedChatModel
from bot.messages import Done, Event, Label, Outcome, Reply, Source, Sources, Status, Text, Turn
from bot.settings import Settings
from knowledge.documents import Audience
from retrieval.embedders import Likeness


@dataclass
class Script:
    """One reply of a ScriptedEngine: its pieces, what holds it up, how it ends."""

    pieces: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    outcome: Outcome = "answer"
    error: Exception | None = None
    hold: threading.Event | None = None
    pause: float = 0.0


class ScriptedEngine:
    """An Engine that keeps its promises (idempotent by message id, cancellable, rated) and says what it is told to.

    A reply waits for its `hold` before its last piece, or for its cancellation. `cancellations` gets the message id of
    each cancelled reply, `asked` the questions that were really answered. Its `desk` is a real one, over a store in
    `home`; while a person has a conversation it is silent.
    """

    def __init__(
        self,
        shop_name: str = "Tarnbeck",
        suggestions: tuple[str, ...] = (),
        home: Path | None = None,
        settings: Settings | None = None,
    ) -> None:
        if home is None:
            home = Path(tempfile.mkdtemp())
            weakref.finalize(self, shutil.rmtree, home, ignore_errors=True)
        self.desk = Desk(Conversations(home / FILE), settings or Settings())
        self.shop_name = shop_name
        self.suggestions = suggestions
        self.scripts: deque[Script] = deque()
        self.cancellations: queue.Queue[str] = queue.Queue()
        self.asked: list[str] = []
        self.ratings: dict[tuple[str, str], tuple[Label, str]] = {}
        self.broken: ShopdeskError | None = None
        self._conversations: dict[str, list[Turn]] = {}
        self._lock = threading.Lock()

    def enqueue(
        self,
        *pieces: str,
        sources: tuple[Source, ...] = (),
        outcome: Outcome = "answer",
        error: Exception | None = None,
        hold: threading.Event | None = None,
        pause: float = 0.0,
    ) -> None:
        """The next reply: `pieces` with `pause` seconds before each, then `error` where there is one."""
        self.scripts.append(Script(pieces, sources, outcome, error, hold, pause))

    def start(self, channel: str, *, audience: Audience = "public", conversation: str | None = None) -> str:
        identity = conversation or secrets.token_urlsafe(16)
        self._conversations.setdefault(identity, [])
        return self.desk.store.start(channel, audience, identity)

    def turns(self, conversation: str) -> list[Turn]:
        if conversation not in self._conversations:
            raise UnknownTurn(f"no conversation {conversation!r}; start one")
        return list(self._conversations[conversation])

    def reply(
        self, conversation: str, message_id: str, text: str, *, cancelled: threading.Event | None = None
    ) -> Iterator[Event]:
        for turn in self.turns(conversation):
            if turn.message_id == message_id and turn.reply:
                yield from (Text(turn.reply.text), Sources(turn.reply.sources), Done(turn.reply))
                return
        if (handover := self.desk.current(conversation)) and handover.silences:
            silent = Reply(secrets.token_hex(8), "", "handover", 1.0, reason=WITH_STAFF)
            self._keep(conversation, message_id, text, silent)
            yield Done(silent)
            return
        cancelled = cancelled or threading.Event()
        self.asked.append(text)
        script = self.scripts.popleft()
        yield Status("searching")
        said = []
        for number, piece in enumerate(script.pieces):
            if number == len(script.pieces) - 1 and script.hold is not None:
                for _ in range(3000):  # a test that forgets to let go fails instead of hanging
                    if script.hold.wait(0.01) or cancelled.is_set():
                        break
            if cancelled.wait(script.pause):
                self.cancellations.put(message_id)
                break
            said.append(piece)
            yield Text(piece)
        if script.error is not None:
            raise script.error
        stopped = len(said) < len(script.pieces)
        sources = () if stopped else script.sources
        reply = Reply(secrets.token_hex(8), "".join(said), script.outcome, 0.9, sources, stopped=stopped)
        self._keep(conversation, message_id, text, reply)
        if script.outcome == "handover":
            self.desk.open(conversation, "upset")
        yield Sources(sources)
        yield Done(reply)

    def _keep(self, conversation: str, message_id: str, text: str, reply: Reply) -> None:
        with self._lock:
            self._conversations[conversation].append(Turn(reply.turn, conversation, message_id, text, now(), reply))

    def forget(self) -> None:
        """Lose every conversation, as a desk with a new home folder has."""
        self._conversations.clear()

    def rate(self, turn: str, rater: str, label: Label, reason: str = "") -> None:
        if not any(known.id == turn for turns in self._conversations.values() for known in turns):
            raise UnknownTurn(f"no turn {turn!r}; rate a turn of a conversation")
        self.ratings[turn, rater] = (label, reason)

    def ready(self) -> dict[str, object]:
        if self.broken is not None:
            raise self.broken
        return {"snapshot": "1", "documents": 2, "chunks": 3, "generator": "scripted"}


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The application behind a real server on a free port of this machine, in a thread; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="server")
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", text.lower()) or [""]


class HashEmbedder(Embeddings):
    """Each word is a random direction fixed by its hash, a text the sum of its words: texts that share words are near.

    The same in every process. `seen` gets every text that was embedded, in order.
    """

    def __init__(self, dimensions: int = 64, name: str = "hash", languages: frozenset[str] | None = None) -> None:
        self.dimensions = dimensions
        self.name = name
        self.languages = languages
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimensions)."""
        self.seen.extend(texts)
        rows = np.array([self._sum(text) for text in texts], np.float32).reshape(len(texts), self.dimensions)
        if progress is not None and texts:
            progress(len(texts))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def compared(self, questions: Sequence[str], texts: Sequence[str]) -> Likeness:
        """By the sums of their words, and word by word."""
        whole = self.embed(questions) @ self.embed(texts).T
        words = [[self.embed(_words(text)) for text in side] for side in (questions, texts)]
        met = [[(asked @ there.T).max(axis=1).mean() for there in words[1]] for asked in words[0]]
        return Likeness(whole, np.array(met, np.float32).reshape(whole.shape))

    def _sum(self, text: str) -> NDArray[np.float32]:
        return np.sum([self._direction(word) for word in _words(text)], axis=0, dtype=np.float32)

    def _direction(self, word: str) -> NDArray[np.float32]:
        bits = hashlib.shake_128(word.encode()).digest(self.dimensions)
        return np.frombuffer(bits, np.uint8).astype(np.float32) - np.float32(127.3)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(x) for x in row] for row in self.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@dataclass
class Told:
    """One answer of a ScriptedGenerator; `error` is raised in place of piece number `error_at` (from 0)."""

    pieces: tuple[str, ...]
    error: Exception | None = None
    error_at: int = 0


class ScriptedGenerator(BaseChatModel):
    """A chat model that streams what it is told to, one enqueued answer a call; a call too many is an error.

    `asked` counts the pieces that were asked for over all calls, `prompts` keeps the messages of each call, and
    `closed` counts the streams that ended in any way. With `together`, each call first waits for the others.
    """

    together: Any = None  # a threading.Barrier, which pydantic does not know

    _scripts: deque[Told] = PrivateAttr(default_factory=deque)
    _prompts: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _asked: int = PrivateAttr(0)
    _closed: int = PrivateAttr(0)

    def enqueue(self, *pieces: str, error: Exception | None = None, error_at: int = 0) -> None:
        self._scripts.append(Told(pieces, error, error_at))

    def forget(self) -> None:
        """Drops what was not said yet."""
        self._scripts.clear()

    @property
    def asked(self) -> int:
        return self._asked

    @property
    def prompts(self) -> list[list[BaseMessage]]:
        return self._prompts

    @property
    def closed(self) -> int:
        return self._closed

    @property
    def identity(self) -> dict[str, str]:
        return {"model": "scripted", "lora": "seventh"}

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise AssertionError("the engine only streams")

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self._prompts.append(messages)
        if self.together is not None:
            self.together.wait(30)
        if not self._scripts:
            raise AssertionError("the generator was called once more than it was told what to say")
        told = self._scripts.popleft()
        try:
            for number, piece in enumerate(told.pieces):
                self._asked += 1
                if told.error is not None and number == told.error_at:
                    raise told.error
                yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if told.error is not None and told.error_at >= len(told.pieces):
                raise told.error
        finally:
            self._closed += 1


class EndlessGenerator(StreamedChatModel):
    """A chat model that says its `opening` as a line of its own, and then goes on until its stream is closed."""

    opening: str

    _closed: threading.Event = PrivateAttr(default_factory=threading.Event)

    @property
    def closed(self) -> threading.Event:
        """Set when the stream was ended from outside."""
        return self._closed

    @property
    def _llm_type(self) -> str:
        return "endless"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        try:
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{self.opening}\n"))
            for _ in range(6000):  # a minute: a test that does not stop it fails
                time.sleep(0.01)
                yield ChatGenerationChunk(message=AIMessageChunk(content=" and"))
        except GeneratorExit:
            self._closed.set()
            raise
