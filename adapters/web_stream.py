"""A reply on its way to the browser: written in a thread, kept in a small buffer, followed by any number of listeners.

The buffer is what makes a stream resumable: a listener names the last event it saw and gets those after it, over a new
connection too. When nobody listens any more the reply gets a short grace, so that a reload finds it, and is cancelled.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from adapters.web_events import KEEP_ALIVE, EventStream, event_bytes
from adapters.web_problems import HttpProblem, as_problem, report
from adapters.web_shapes import reply_data, source_data
from bot.errors import GenerationError, InvalidMessage, UnknownTurn
from bot.messages import Done, Event, Reply, Sources, Status, Text

if TYPE_CHECKING:
    from bot.engine import Engine

QUIET_SECONDS = 15.0  # after which a comment keeps the connection alive


@dataclass(frozen=True, slots=True)
class Pace:
    """How a stream is paced, in seconds.

    What comes within `merge_seconds` of the last events waits, and its pieces of text are merged: one event per token
    would spend the server's time on framing.
    """

    merge_seconds: float = 0.05
    opening: float = 2.0
    grace: float = 5.0
    keep: float = 60.0


class RunningReply:
    """The events of one reply so far. Touched on the event loop only; the writing thread posts to it.

    Pieces of text are one event with those before them until something else comes, or `flush` is called.

    An event's id is `<run>-<number>`: a listener that comes back with the id of another run is sent everything.
    """

    def __init__(self, pace: Pace, run: str | None = None) -> None:
        self.run = run or secrets.token_hex(4)
        self.cancelled = threading.Event()
        self.events: list[bytes] = []
        self.failure: BaseException | None = None
        self.over = False
        self._done = False
        self._pace = pace
        self._listeners: set[Listener] = set()
        self._text = ""
        self._leaving: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()

    def take(self, event: Event) -> None:
        """The next event of the engine."""
        if isinstance(event, Text):
            self._text += event.text
            return
        self.flush()
        match event:
            case Status(stage):
                self._append("status", {"stage": stage})
            case Sources(sources):
                self._append("sources", {"sources": [source_data(source) for source in sources]})
            case Done(reply):
                self._append("done", reply_data(reply))

    def end(self, failure: BaseException | None) -> None:
        """The engine has returned, or failed: nothing more will come."""
        self.flush()
        if failure is None and not self._done:
            failure = GenerationError("the engine ended a reply without Done; report this")
        self.failure = failure
        if failure is not None:
            self._append("error", as_problem(failure).document)
        self.over = True
        self.tell()

    def flush(self) -> None:
        """The text that has come so far is an event."""
        if self._text:
            text, self._text = self._text, ""
            self._append("text", {"text": text})

    def tell(self) -> None:
        """Wakes who listens: there is something new, or they should say that they are alive."""
        self._news.set()
        self._news = asyncio.Event()

    async def opened(self) -> None:
        """Returns at the first event, so that a refusal can still become the response's status, or after a moment.

        Raises HttpProblem where the engine refused the message outright.
        """
        try:
            async with asyncio.timeout(self._pace.opening):
                while not self.events and not self.over:
                    await self._news.wait()
        except TimeoutError:
            return
        if len(self.events) == 1 and isinstance(self.failure, (UnknownTurn, InvalidMessage)):
            raise as_problem(self.failure)

    def position(self, last_event_id: str | None) -> int:
        """How many events a listener has seen, by the id of its last one; 0 when the id is of another run."""
        run, _, number = (last_event_id or "").rpartition("-")
        if run != self.run or not number.isdecimal():
            return 0
        return min(int(number), len(self.events))

    async def follow(self, position: int) -> AsyncIterator[bytes]:
        """The events from `position` on, as they come, until the reply is over; a comment where it is told of none."""
        while True:
            if position < len(self.events):
                new = self.events[position:]
                position += len(new)
                yield b"".join(new)
            elif self.over:
                return
            else:
                await self._news.wait()
                if position == len(self.events) and not self.over:
                    yield KEEP_ALIVE

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """While inside, somebody listens who may leave earlier. When the last one leaves, the grace begins."""
        listener = Listener(self)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self.leave(listener)

    def leave(self, listener: Listener) -> None:
        """That listener has gone; told twice, it counts once."""
        if listener not in self._listeners:
            return
        self._listeners.remove(listener)
        if self._leaving is not None:
            self._leaving.cancel()
        if not self._pace.grace:
            self._abandon()
        elif not self.over:
            self._leaving = asyncio.get_running_loop().call_later(self._pace.grace, self._abandon)

    def _abandon(self) -> None:
        if not self._listeners and not self.over:
            self.cancelled.set()

    def _append(self, name: str, data: dict[str, Any]) -> None:
        self._done = name == "done"
        self.events.append(event_bytes(name, f"{self.run}-{len(self.events) + 1}", data))
        self.tell()


@dataclass(frozen=True, eq=False, slots=True)
class Listener:
    """One who listens to a reply."""

    run: RunningReply

    def events(self, last_event_id: str | None) -> EventStream:
        """What comes after the last event seen, as a response."""
        return EventStream(self.run.follow(self.run.position(last_event_id)), self.leave)

    def leave(self) -> None:
        """Listens no more."""
        self.run.leave(self)


class RunningReplies:
    """The replies under way and those just finished, by conversation and message id. One event loop owns it."""

    def __init__(self, engine: Engine, pace: Pace, at_once: int) -> None:
        self._engine = engine
        self._pace = pace
        self._at_once = at_once
        self._runs: dict[tuple[str, str], RunningReply] = {}
        self._post = _Post(pace.merge_seconds)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="reply")

    def find(self, conversation: str, message_id: str) -> RunningReply | None:
        """The reply if it is under way, or finished less than `keep` seconds ago."""
        return self._runs.get((conversation, message_id))

    def start(self, conversation: str, message_id: str, text: str) -> RunningReply:
        """Begin writing the reply in a thread. Raises HttpProblem (busy) when too many are under way."""
        if sum(not run.over for run in self._runs.values()) >= self._at_once:
            raise HttpProblem(
                "busy", "Many people are asking just now. Please try again in a moment.", {"Retry-After": "3"}
            )
        loop = asyncio.get_running_loop()
        run = RunningReply(self._pace)
        self._runs[conversation, message_id] = run
        post = partial(self._post.put, loop, run)
        writing = loop.run_in_executor(self._threads, self._write, conversation, message_id, text, run.cancelled, post)
        writing.add_done_callback(partial(self._ended, (conversation, message_id), run))
        loop.call_later(QUIET_SECONDS, self._remind, run)
        return run

    async def close(self) -> None:
        """Cancel what is under way and wait for the threads."""
        for run in self._runs.values():
            run.cancelled.set()
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    def _write(
        self,
        conversation: str,
        message_id: str,
        text: str,
        cancelled: threading.Event,
        post: Callable[[Event], object],
    ) -> None:
        for event in self._engine.reply(conversation, message_id, text, cancelled=cancelled):
            post(event)

    def _remind(self, run: RunningReply) -> None:
        """A timer for each time that a listener waits would be much of the cost of a stream; this is one a reply."""
        if not run.over:
            run.tell()
            asyncio.get_running_loop().call_later(QUIET_SECONDS, self._remind, run)

    def _ended(self, key: tuple[str, str], run: RunningReply, writing: asyncio.Future[None]) -> None:
        if writing.cancelled():  # the server is stopping and the thread never began
            run.end(GenerationError("the server stopped before the reply began; ask again"))
            return
        failure = writing.exception()
        loop = asyncio.get_running_loop()
        self._post.hand_out(loop)  # the thread whose call would do so may be slower than the one that has ended
        run.end(failure)
        refused = isinstance(failure, (UnknownTurn, InvalidMessage))
        if failure is not None and not refused:
            report(failure, f"reply to message {key[1]}")
        loop.call_later(0 if refused else self._pace.keep, self._drop, key, run)

    def _drop(self, key: tuple[str, str], run: RunningReply) -> None:
        if self._runs.get(key) is run:
            del self._runs[key]


class _Post:
    """Events on their way from the writing threads to the event loop, in order.

    They are handed out in one pass for all replies: at once after a quiet moment, and then every `seconds`. Waking the
    loop is a system call, and each time that it runs it must wait for its turn among the threads that write.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: deque[tuple[RunningReply, Event]] = deque()
        self._called = False
        self._last = 0.0

    def put(self, loop: asyncio.AbstractEventLoop, run: RunningReply, event: Event) -> None:
        """From any thread."""
        self._waiting.append((run, event))
        if not self._called:  # two threads at once may both call, which costs a call and loses nothing
            self._called = True
            loop.call_soon_threadsafe(self._call, loop)

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_at(self._last + self._seconds, self.hand_out, loop)

    def hand_out(self, loop: asyncio.AbstractEventLoop) -> None:
        """On the loop: gives each run what has come for it so far."""
        self._called = False  # before the first is taken: what comes from now on calls again
        self._last = loop.time()
        runs: dict[RunningReply, None] = {}
        for _ in range(len(self._waiting)):
            run, event = self._waiting.popleft()
            run.take(event)
            runs[run] = None
        for run in runs:
            run.flush()


def replay(reply: Reply, pace: Pace) -> RunningReply:
    """A stored reply as a finished stream: its text in one piece, its sources, done."""
    run = RunningReply(pace, run="stored")
    events: Iterable[Event] = (Text(reply.text), Sources(reply.sources), Done(reply))
    for event in events:
        run.take(event)
    run.end(None)
    return run
