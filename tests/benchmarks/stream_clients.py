"""Clients of a server that streams, as light as Python has them: a socket each, what arrives kept with its time.

Nothing is parsed before the end, so that the one who measures is not what is slow.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from tests.benchmarks.stream_servers import PIECE, lateness

HOST = "127.0.0.1"


class Listener(asyncio.Protocol):
    """One client: sends a request and keeps what comes, with the seconds of the monotonic clock."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.arrived: list[tuple[float, bytes]] = []
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.arrived.append((time.monotonic(), data))

    def leave(self) -> None:
        """Ends the connection without a word."""
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]


@dataclass(slots=True)
class Heard:
    """The pieces of text that one client was sent: when each was due and when it came, in seconds."""

    due: list[float] = field(default_factory=list)
    came: list[float] = field(default_factory=list)


def heard(arrived: list[tuple[float, bytes]]) -> Heard:
    """Each piece once, when it first came: the last event of a stream repeats the whole text."""
    ends = list(accumulate(len(data) for _, data in arrived))
    found, seen = Heard(), set()
    for match in PIECE.finditer(b"".join(data for _, data in arrived)):
        if match[1] in seen:
            continue
        seen.add(match[1])
        at = arrived[bisect_right(ends, match.end() - 1)][0]
        found.came.append(at)
        found.due.append(at - lateness(match[1], at))
    return found


def request(method: str, path: str, body: Any = None, keep: bool = True) -> bytes:
    """An HTTP request; without `keep` the server closes the connection after its answer."""
    text = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(text)}", f"Connection: {'keep-alive' if keep else 'close'}"]
    return "\r\n".join([*lines, "", ""]).encode() + text


async def answer(port: int, method: str, path: str, body: Any = None) -> Any:
    """The JSON that a request is answered with. A refusal ends the benchmark."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request(method, path, body, keep=False))
    head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if not re.match(rb"HTTP/1.1 20[01]", head):
        raise SystemExit(f"{method} {path} was refused: {head.splitlines()[0].decode()} {rest[:500].decode()}")
    return json.loads(rest[rest.index(b"{") : rest.rindex(b"}") + 1])


async def ask_desk(port: int, number: int) -> Listener:
    """A client of the desk's web channel, in a new conversation."""
    conversation = (await answer(port, "POST", "/api/conversations"))["conversation"]
    body = {"message_id": f"m{number}", "text": f"Can I send back boots I wore once? #{number}"}
    return await _listening(port, request("POST", f"/api/conversations/{conversation}/messages", body))


async def ask_gradio(port: int, number: int) -> Listener:
    """A client of a ChatInterface, through the queue that its own page uses."""
    session = f"session{number}"
    body = {"data": ["Boots?", None], "fn_index": await _chat_function(port), "session_hash": session}
    await answer(port, "POST", "/gradio_api/queue/join", body)
    return await _listening(port, request("GET", f"/gradio_api/queue/data?session_hash={session}"))


async def _chat_function(port: int) -> int:
    if port not in _functions:
        dependencies = (await answer(port, "GET", "/config"))["dependencies"]
        _functions[port] = next(one["id"] for one in dependencies if one["api_name"] == "chat")
    return _functions[port]


_functions: dict[int, int] = {}


async def _listening(port: int, sent: bytes) -> Listener:
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(lambda: Listener(sent), HOST, port))[1]
