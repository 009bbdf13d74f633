"""`/slack/events`: what Slack sends over HTTP, let in only with its signature.

The check is the one of https://docs.slack.dev/authentication/verifying-requests-from-slack: HMAC-SHA256 over
`v0:timestamp:body`, five minutes long. Bolt's own answers 500 to a timestamp that is no number, a signature that is not
ASCII, and a body that is not UTF-8.
"""

from __future__ import annotations

import hashlib
import hmac
import time

from fastapi import FastAPI, Request, Response
from slack_bolt import App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from starlette.concurrency import run_in_threadpool

PATH = "/slack/events"
FRESH_SECONDS = 300


def add_to(web: FastAPI, app: App, signing_secret: str) -> None:
    """Adds the endpoint to the web application."""

    @web.post(PATH, include_in_schema=False)
    async def slack_events(request: Request) -> Response:
        body = await request.body()
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        if not is_signed(body, timestamp, request.headers.get("x-slack-signature", ""), signing_secret):
            return Response("the signature is not Slack's", status_code=401, media_type="text/plain")
        try:
            asked = to_bolt_request(request, body)
            return to_starlette_response(await run_in_threadpool(app.dispatch, asked))
        except (ValueError, TypeError, AttributeError, LookupError):  # not UTF-8, not JSON, JSON of another shape
            return Response("the body is not what Slack sends", status_code=400, media_type="text/plain")


def is_signed(body: bytes, timestamp: str, signature: str, secret: str, now: float | None = None) -> bool:
    """Whether Slack sent this, not long ago. Any text is taken, and compared in constant time."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > FRESH_SECONDS:
        return False
    signed = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={signed}".encode(), signature.encode("utf-8", "surrogateescape"))
