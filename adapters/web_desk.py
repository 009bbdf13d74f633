"""The shopper's side of a hand-over on the web: asking for a person, hearing from them, going on with the assistant."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from adapters.web_limits import Limits
from adapters.web_problems import HttpProblem, documented, report
from bot.errors import DeskError, StoreError
from bot.messages import ASKED, Handover, HandoverState, StaffMessage

if TYPE_CHECKING:
    from bot.desk import Desk
    from bot.engine import Engine

TICK = 0.3  # seconds between two looks at the store while somebody listens


class HandoverIn(BaseModel):
    reason: Literal["asked"] = "asked"


class HandoverOut(BaseModel):
    state: HandoverState
    reason: str = Field(description="Why a person takes over.")
    staff: str = Field(description="Who has it; empty while nobody does.")
    opened_at: str
    closed_at: str = Field(description="Empty while it is open.")
    email: str = Field(description="Where the shopper wants the answer; empty for nowhere.")
    staffed: bool = Field(description="Whether people are at the desk now.")
    opens_at: str | None = Field(description="When they are back, ISO 8601; null while they are there, or never.")


class StaffMessageOut(BaseModel):
    id: str
    number: int = Field(description="Counts up within the conversation, and is the event's id.")
    author: str
    text: str
    created_at: str


class EmailIn(BaseModel):
    email: str = Field(max_length=254)


class News:
    """Says when the store has changed, to any number of listeners. One event loop owns it.

    Others write the store too (`shopdesk desk reply`), so it is looked at every TICK seconds; by nobody while nobody
    listens.
    """

    def __init__(self, desk: "Desk") -> None:
        self._store = desk.store
        self._listeners = 0
        self._watching: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.over = False

    def close(self) -> None:
        """The server is ending: every listener is let go."""
        self.over = True
        self._changed.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """While inside, the store is watched."""
        self._listeners += 1
        try:
            if self._watching is None:
                # Before anything is read, or what is written just after that would count as seen.
                version = await run_in_threadpool(self._store.version)
                self._watching = self._watching or asyncio.create_task(self._watch(version))
            yield
        finally:
            self._listeners -= 1
            if not self._listeners and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    def next(self) -> asyncio.Event:
        """What is set at the next change; take it before reading, so that none is missed."""
        return self._changed

    async def _watch(self, version: tuple[int, int]) -> None:
        while True:
            try:
                found = await run_in_threadpool(self._store.version)
            except StoreError as error:
                report(error, "watching the store")
            else:
                if version != found:
                    self._changed.set()
                    self._changed = asyncio.Event()
                version = found
            await asyncio.sleep(TICK)


def add_desk(app: FastAPI, engine: "Engine", limits: Limits) -> None:
    """The requests of a hand-over. The server closes `app.state.news` when it ends."""
    desk, counted = engine.desk, [Depends(limits.count)]
    news = app.state.news = News(desk)

    @app.post(
        "/api/conversations/{conversation}/handover",
        status_code=201,
        dependencies=counted,
        responses=documented("unknown-conversation", "invalid-request", "too-many-requests"),
    )
    def ask_for_a_person(conversation: str, asked: HandoverIn | None = None) -> HandoverOut:
        """Hand the conversation to a person. Until they come, and while they are there, the assistant is silent."""
        return handover_out(desk, desk.open(conversation, ASKED))

    @app.delete(
        "/api/conversations/{conversation}/handover", status_code=204, responses=documented("unknown-conversation")
    )
    def go_on_with_the_assistant(conversation: str) -> None:
        """Give the conversation back to the assistant."""
        engine.turns(conversation)
        if current := desk.current(conversation):
            desk.give_back(current.id, by="shopper")

    @app.put(
        "/api/conversations/{conversation}/handover/email",
        status_code=204,
        dependencies=counted,
        responses=documented("unknown-handover", "invalid-email", "too-many-requests"),
    )
    def leave_email(conversation: str, given: EmailIn) -> None:
        """Say where the answer shall go while nobody is there."""
        current = desk.current(conversation)
        if current is None:
            raise HttpProblem("unknown-handover", "Nobody was asked for in this conversation; ask for a person first.")
        try:
            desk.leave_email(current.id, given.email)
        except DeskError:
            raise HttpProblem(
                "invalid-email", "That is no e-mail address; please give one such as name@example.com."
            ) from None

    async def known(conversation: str) -> str:
        await run_in_threadpool(engine.turns, conversation)
        return conversation

    @app.get(
        "/api/conversations/{conversation}/events",
        response_class=EventSourceResponse,
        responses=documented("unknown-conversation"),
    )
    async def follow_desk(
        known: Annotated[str, Depends(known)],
        last_event_id: Annotated[str | None, Header(description="The number of the last staff message seen.")] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Hear from the desk: `handover` as it stands and whenever it changes, `staff` messages, who is `typing`."""
        seen = int(last_event_id) if last_event_id and last_event_id.isdecimal() and len(last_event_id) < 10 else 0
        async with news.listening():
            async for event in _heard(desk, news, known, seen):
                yield event


async def _heard(desk: "Desk", news: News, conversation: str, seen: int) -> AsyncIterator[ServerSentEvent]:
    state: HandoverOut | None = None
    typist = ""
    while not news.over:
        changed = news.next()
        handover, messages = await run_in_threadpool(_look, desk, conversation, seen)
        now = handover_out(desk, handover) if handover else None
        told = [ServerSentEvent(event="handover", id=str(seen), data=now.model_dump())] if now and now != state else []
        state = now
        said = [
            ServerSentEvent(event="staff", id=str(message.number), data=staff_data(message)) for message in messages
        ]
        joins = handover is not None and handover.is_open  # who joins does so before writing, who leaves after it
        for event in (*told, *said) if joins else (*said, *told):
            yield event
        seen = messages[-1].number if messages else seen
        while not changed.is_set():
            writing = desk.typist(handover.id) if handover and handover.is_open else ""
            if writing != typist:
                yield ServerSentEvent(event="typing", id=str(seen), data={"author": writing})
            typist = writing
            try:
                await asyncio.wait_for(changed.wait(), TICK)
            except TimeoutError:
                continue


def _look(desk: "Desk", conversation: str, seen: int) -> tuple[Handover | None, list[StaffMessage]]:
    return desk.latest(conversation), desk.messages(conversation, seen)


def handover_out(desk: "Desk", handover: Handover) -> HandoverOut:
    """A hand-over as the wire carries it. Its id stays inside: it is the staff's key."""
    opens_at = desk.opens_at()
    return HandoverOut(
        state=handover.state,
        reason=handover.reason,
        staff=handover.staff,
        opened_at=handover.opened_at,
        closed_at=handover.closed_at,
        email=handover.email,
        staffed=desk.is_staffed(),
        opens_at=opens_at.isoformat() if opens_at else None,
    )


def staff_data(message: StaffMessage) -> dict[str, Any]:
    """A message of staff as the wire carries it."""
    return StaffMessageOut(
        id=message.id,
        number=message.number,
        author=message.author,
        text=message.text,
        created_at=message.created_at,
    ).model_dump()
