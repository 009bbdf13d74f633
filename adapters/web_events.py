"""Server-sent events of a reply, written as bytes once and sent to every listener as they are.

FastAPI's own way puts two tasks, two queues and a validated model between an event and its socket. With 500 replies
under way that was more than a core's whole time. The wire format is the HTML standard's, section 9.2.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive

KEEP_ALIVE = b": ping\n\n"


class EventStream(StreamingResponse):
    """The response that sends events as they come, and calls `gone` as soon as the client has gone away.

    What FastAPI closes behind a response comes much later where many clients go at once.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], gone: Callable[[], None]) -> None:
        super().__init__(events, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})  # for proxies
        self._gone = gone

    async def listen_for_disconnect(self, receive: Receive) -> None:
        await super().listen_for_disconnect(receive)
        self._gone()
        await asyncio.sleep(0)  # where many go at once, all are known to have gone before the first is cleaned up after


def event_bytes(name: str, identity: str, data: dict[str, Any]) -> bytes:
    """One event as it goes over the wire."""
    return format_sse_event(event=name, data_str=json.dumps(data), id=identity)
