"""What the web channel answers when it cannot do as asked: problem documents (RFC 9457), and a guard at the door."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import GenerationError, InvalidMessage, RetrievalError, ShopdeskError, StoreError, UnknownTurn

log = logging.getLogger(__name__)

LARGEST_BODY = 1_000_000  # bytes

# Every problem type: its status and title. The detail is written for the person in front of the page.
PROBLEMS: dict[str, tuple[int, str]] = {
    "invalid-request": (422, "The request does not fit"),
    "not-json": (400, "The body is not JSON"),
    "body-too-large": (413, "The body is too large"),
    "empty-message": (422, "The message is empty"),
    "message-too-long": (422, "The message is too long"),
    "invalid-message": (422, "The message cannot be taken"),
    "unknown-conversation": (404, "No such conversation"),
    "unknown-message": (404, "No such message"),
    "unknown-turn": (404, "No such turn"),
    "unknown-handover": (404, "No person was asked for"),
    "invalid-email": (422, "That is no e-mail address"),
    "origin-not-allowed": (403, "This page may not use the desk"),
    "too-many-requests": (429, "Too much at once"),
    "busy": (503, "Too many replies at once"),
    "not-ready": (503, "Not ready to answer"),
    "generation-failed": (503, "The reply could not be written"),
    "internal-error": (500, "Something went wrong"),
}
TYPE_PREFIX = "urn:shopdesk:problem:"


class ProblemDocument(BaseModel):
    """RFC 9457: a problem's type, title, HTTP status, and what to do about it."""

    type: str
    title: str
    status: int
    detail: str


class HttpProblem(HTTPException):
    """One of PROBLEMS. `detail` is one line that is safe to show to a shopper."""

    def __init__(self, slug: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        status, self.title = PROBLEMS[slug]
        self.type = TYPE_PREFIX + slug
        super().__init__(status, detail, dict(headers) if headers else None)

    @property
    def document(self) -> dict[str, Any]:
        return {"type": self.type, "title": self.title, "status": self.status_code, "detail": self.detail}


def as_problem(error: BaseException) -> HttpProblem:
    """What a visitor may know of an error. The error's own words are for the operator, and stay in the log."""
    if isinstance(error, HttpProblem):
        return error
    if isinstance(error, UnknownTurn):
        return HttpProblem("unknown-conversation", "This conversation is not known here; start a new one.")
    if isinstance(error, InvalidMessage):
        return HttpProblem("invalid-message", "This message cannot be taken as it is; please rephrase it.")
    if isinstance(error, GenerationError):
        return HttpProblem("generation-failed", "The reply could not be written. Please try again in a moment.")
    if isinstance(error, (RetrievalError, StoreError)):
        return HttpProblem("not-ready", "The shop's information cannot be read just now. Please try again in a moment.")
    return HttpProblem("internal-error", "Something went wrong on our side. Please try again in a moment.")


def report(error: BaseException, doing: str) -> None:
    """One line in the log for what the project raises on purpose; the traceback for anything else."""
    if isinstance(error, ShopdeskError):
        log.error("%s: %s: %s", doing, type(error).__name__, error)
    else:
        log.error("%s: unexpected %s", doing, type(error).__name__, exc_info=error)


def documented(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of the problems that an endpoint may answer with, one per status."""
    content = {"application/problem+json": {"schema": ProblemDocument.model_json_schema()}}
    statuses = sorted({PROBLEMS[slug][0] for slug in slugs})
    return {
        status: {
            "content": content,
            "description": "; ".join(
                title for slug, (code, title) in PROBLEMS.items() if code == status and slug in slugs
            ),
        }
        for status in statuses
    }


def answer_with_problems(app: FastAPI) -> None:
    """Make every error response of the application a problem document."""

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error, HttpProblem):
            return problem_response(error)
        if error.status_code == 400:  # the framework's word for a body that it cannot parse
            return problem_response(HttpProblem("not-json", "The body cannot be read as JSON."))
        title = HTTPStatus(error.status_code).phrase
        detail = f"{title}: {request.method} {request.url.path}"
        return _response(
            {"type": "about:blank", "title": title, "status": error.status_code, "detail": detail}, error.headers
        )

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return problem_response(HttpProblem("not-json", f"The body is not JSON: {first['ctx']['error']}."))
        where = ".".join(str(part) for part in first["loc"])
        return problem_response(HttpProblem("invalid-request", f"{where}: {first['msg']}"))

    @app.exception_handler(ShopdeskError)
    def failed(request: Request, error: ShopdeskError) -> JSONResponse:
        problem = as_problem(error)
        if problem.status_code >= 500:
            report(error, f"{request.method} {request.url.path}")
        return problem_response(problem)

    @app.exception_handler(Exception)
    def broke(request: Request, error: Exception) -> JSONResponse:
        return problem_response(as_problem(error))  # the server logs the traceback itself


def problem_response(problem: HttpProblem) -> JSONResponse:
    """The problem as a response."""
    return _response(problem.document, problem.headers)


def _response(document: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(document, document["status"], headers, media_type="application/problem+json")


class Guard:
    """Refuses bodies over LARGEST_BODY, counted as they arrive, and puts the security headers on every response.

    Starlette's own body limit answers in plain text; a problem document is promised here.
    """

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > LARGEST_BODY:
                raise HttpProblem("body-too-large", f"The body is over {LARGEST_BODY:,} bytes; send less.")
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store" if scope["path"].startswith("/api/") else "no-cache")
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, counted, guarded)
