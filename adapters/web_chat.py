"""The web channel: the HTTP API of a conversation, its event streams, and the chat page.

Served by `shopdesk serve`; the page is at /, the API's description at /docs. A conversation belongs to whoever knows
its id, which cannot be guessed; who rates is a random id that the client makes. The core is synchronous: its calls run
in threads.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, Path, Request
from fastapi.responses import FileResponse, HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from adapters.web_desk import StaffMessageOut, add_desk, handover_out, staff_data
from adapters.web_events import EventStream
from adapters.web_limits import Limits, Visitor
from adapters.web_origins import Origins
from adapters.web_problems import Guard, HttpProblem, answer_with_problems, documented, report
from adapters.web_shapes import (
    Alive,
    ConversationOut,
    MessageIn,
    NewConversation,
    RatingIn,
    Shop,
    TurnOut,
    turn_data,
)
from adapters.web_stream import Listener, Pace, RunningReplies, replay
from adapters.web_widget import add_widget
from bot.errors import ShopdeskError, UnknownTurn
from bot.settings import listed

if TYPE_CHECKING:
    from bot.engine import Engine
    from bot.settings import Settings

WIDGET = FilePath(__file__).with_name("widget")
UNNAMED = "visitor"  # who rates without saying who
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# Half a surrogate pair cannot be stored as UTF-8; JSON can spell one.
UNWANTED_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


MessageId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,100}$")]
LastEventId = Annotated[str | None, Header(description="The id of the last event seen; those after it are sent.")]


def build(engine: "Engine", settings: "Settings", *, pace: Pace | None = None) -> FastAPI:
    """The web application over an engine.

    Every error response is a problem document; `adapters.web_problems.PROBLEMS` lists them.
    """
    replies = RunningReplies(engine, pace or Pace(), settings.replies_at_once)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await replies.close()

    app = FastAPI(title="Shopdesk", version="1", docs_url=None, redoc_url=None, lifespan=lifespan)
    limits = Limits(settings)
    app.add_middleware(Origins, allowed=listed(settings.allowed_origins))
    app.add_middleware(Guard, headers=SECURITY_HEADERS)
    answer_with_problems(app)
    _add_conversations(app, engine, limits)
    _add_messages(app, engine, settings, replies, limits, pace or Pace())
    _add_stop(app, replies)
    add_desk(app, engine, limits)
    _add_shop(app, engine, settings)
    _add_pages(app)
    add_widget(app)
    return app


def _add_conversations(app: FastAPI, engine: "Engine", limits: Limits) -> None:
    counted = [Depends(limits.count)]

    @app.post(
        "/api/conversations",
        status_code=201,
        dependencies=counted,
        responses=documented("not-ready", "invalid-request", "too-many-requests", "origin-not-allowed"),
    )
    def start_conversation() -> NewConversation:
        """Start a conversation."""
        return NewConversation(conversation=engine.start("web"))

    @app.get("/api/conversations/{conversation}", responses=documented("unknown-conversation", "invalid-request"))
    def read_conversation(conversation: str) -> ConversationOut:
        """The turns so far and what staff wrote, each oldest first; the hand-over as it stands."""
        turns = [TurnOut(**turn_data(turn)) for turn in engine.turns(conversation)]
        latest = engine.desk.latest(conversation)
        return ConversationOut(
            conversation=conversation,
            turns=turns,
            handover=handover_out(engine.desk, latest) if latest else None,
            staff_messages=[StaffMessageOut(**staff_data(said)) for said in engine.desk.messages(conversation)],
        )

    @app.put(
        "/api/turns/{turn}/rating",
        status_code=204,
        dependencies=counted,
        responses=documented("unknown-turn", "not-json", "invalid-request", "too-many-requests"),
    )
    def rate_turn(turn: str, rating: RatingIn, visitor: Visitor = None) -> None:
        """Say what you think of a reply. One rating per visitor and turn; the latest counts."""
        try:
            engine.rate(turn, visitor or UNNAMED, rating.label, _clean(rating.reason))
        except UnknownTurn:
            raise HttpProblem("unknown-turn", "There is no reply by that id; it cannot be rated.") from None


def _add_messages(
    app: FastAPI, engine: "Engine", settings: "Settings", replies: RunningReplies, limits: Limits, pace: Pace
) -> None:
    async def sent(
        request: Request,
        conversation: str,
        message: MessageIn,
        visitor: Visitor = None,
        last_event_id: LastEventId = None,
    ) -> AsyncIterator[Listener]:
        text = _accepted(message.text, settings.max_message_chars)
        run = replies.find(conversation, message.message_id)
        if run is None or (run.failure is not None and not run.position(last_event_id)):
            limits.count(request, visitor)
            run = replies.start(conversation, message.message_id, text)
        await run.opened()
        with run.listening() as listener:
            yield listener

    async def resumed(conversation: str, message_id: MessageId) -> AsyncIterator[Listener]:
        run = replies.find(conversation, message_id)
        if run is None:
            turns = await run_in_threadpool(engine.turns, conversation)
            stored = next((turn.reply for turn in turns if turn.message_id == message_id and turn.reply), None)
            if stored is None:
                raise HttpProblem("unknown-message", "No reply is being written for that message; send it again.")
            run = replay(stored, pace)
        with run.listening() as listener:
            yield listener

    @app.post(
        "/api/conversations/{conversation}/messages",
        status_code=200,
        response_class=EventStream,
        responses=documented(
            "unknown-conversation", "message-too-long", "empty-message", "not-json", "busy", "too-many-requests"
        ),
    )
    async def send_message(
        listener: Annotated[Listener, Depends(sent)], last_event_id: LastEventId = None
    ) -> EventStream:
        """Ask, and follow the reply: `status`, `text`, `sources`, then `done` with the whole reply, or `error`.

        Sent again with the same message id, it joins the reply that is being written, or repeats the stored one.
        """
        return listener.events(last_event_id)

    @app.get(
        "/api/conversations/{conversation}/messages/{message_id}/events",
        status_code=200,
        response_class=EventStream,
        responses=documented("unknown-conversation", "unknown-message", "invalid-request"),
    )
    async def resume_reply(
        listener: Annotated[Listener, Depends(resumed)], last_event_id: LastEventId = None
    ) -> EventStream:
        """Follow a reply again, after the connection was lost or from the start; a stored one is sent in one piece."""
        return listener.events(last_event_id)


def _add_stop(app: FastAPI, replies: RunningReplies) -> None:
    @app.post(
        "/api/conversations/{conversation}/messages/{message_id}/stop",
        status_code=202,
        responses=documented("unknown-message", "invalid-request"),
    )
    async def stop_reply(conversation: str, message_id: MessageId) -> None:
        """Stop writing the reply; what is there of it is kept."""
        run = replies.find(conversation, message_id)
        if run is None:
            raise HttpProblem("unknown-message", "No reply is being written for that message.")
        run.cancelled.set()


def _add_shop(app: FastAPI, engine: "Engine", settings: "Settings") -> None:
    @app.get("/api/shop")
    def read_shop() -> Shop:
        """What the page shows of the shop."""
        return Shop(
            name=getattr(engine, "shop_name", ""),
            suggestions=list(engine.suggestions),
            languages=list(getattr(engine, "languages", ())),
            longest_message=settings.max_message_chars,
        )

    @app.get("/health")
    async def health() -> Alive:
        """The process is alive."""
        return Alive()

    @app.get("/ready", responses=documented("not-ready"))
    def ready() -> dict[str, Any]:
        """What is loaded; 503 when a question could not be answered."""
        try:
            return engine.ready()
        except ShopdeskError as error:
            report(error, "not ready")
            raise HttpProblem("not-ready", "Questions cannot be answered now; the server's log says why.") from None


def _add_pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def chat_page() -> FileResponse:
        return FileResponse(WIDGET / "index.html")

    @app.get("/docs", include_in_schema=False)
    async def api_page() -> FileResponse:
        return FileResponse(WIDGET / "docs.html")

    @app.get("/demo-shop", include_in_schema=False)
    def demo_shop(lang: Literal["en", "zh"] = "en") -> HTMLResponse:
        page = (WIDGET / "demo-shop.html").read_text("utf-8")
        return HTMLResponse(page.replace('data-lang="en"', f'data-lang="{lang}"'))

    app.mount("/widget", StaticFiles(directory=WIDGET), name="widget")


def _clean(text: str) -> str:
    """Without control characters (line breaks and tabs stay), half surrogates and blank edges."""
    return UNWANTED_CHARACTERS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _accepted(text: str, longest: int) -> str:
    """The message as the engine gets it. Raises HttpProblem when it is empty or over `longest` characters."""
    cleaned = _clean(text)
    if not cleaned:
        raise HttpProblem("empty-message", "The message is empty; write a question.")
    if len(cleaned) > longest:
        raise HttpProblem(
            "message-too-long", f"The message has {len(cleaned):,} characters; at most {longest:,} can be taken."
        )
    return cleaned
