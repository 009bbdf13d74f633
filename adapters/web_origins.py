"""Whose pages may talk to the desk: its own, and those of the origins in the settings (the Fetch standard's CORS)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web_limits import VISITOR_HEADER
from adapters.web_problems import HttpProblem, problem_response

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Allow-Headers": f"Content-Type, Last-Event-ID, {VISITOR_HEADER}",
    "Access-Control-Max-Age": "600",
}


class Origins:
    """Lets the pages of allowed origins use the API, and refuses those of any other with a problem they can read.

    No cookie takes part, so no credentials are allowed. A request without an Origin comes from no page.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self.app = app
        self.allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" and scope["path"].startswith("/api/") else None
        origin = headers.get("origin") if headers is not None else None
        if headers is None or origin is None or urlsplit(origin).netloc == headers.get("host"):
            await self.app(scope, receive, send)
            return

        async def readable(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Access-Control-Allow-Origin"] = origin
                answer["Access-Control-Expose-Headers"] = "Retry-After"
                answer.add_vary_header("Origin")
            await send(message)

        response: ASGIApp = self.app
        if origin not in self.allowed:
            detail = f"Pages of {origin[:200]} may not use this desk; its operator can add them to allowed_origins."
            response = problem_response(HttpProblem("origin-not-allowed", detail))
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            response = Response(status_code=204, headers=PREFLIGHT)
        await response(scope, receive, readable)
