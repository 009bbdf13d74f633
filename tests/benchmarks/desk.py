"""The desk from outside: the `shopdesk` command as a process, and a running server over HTTP."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from tests.benchmarks.measuring import timed

DEMO = Path("knowledge/demo")
COMMAND = [sys.executable, "-m", "adapters.cli"]


def shopdesk(*arguments: str | Path) -> Any:
    """Runs a command and returns the JSON it prints, None for none. A failure ends the benchmark with its message."""
    run = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"shopdesk {' '.join(map(str, arguments))} failed: {run.stderr.strip()[-2000:]}")
    return json.loads(run.stdout) if run.stdout.strip() else None


def prepare_embedder(home: Path) -> float:
    """Lets the on-board model be exported into a new home, which happens once; returns the seconds of that command."""
    note = home / "note.md"
    note.write_text("# Note\n\nNothing of interest.\n", encoding="utf-8")
    taken, _ = timed(shopdesk, "ingest", note, "--knowledge", "note", "--home", home)
    return taken


class Server:
    """A server that runs, and a client for it."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self._client = httpx.Client(base_url=address, timeout=60)
        self._asked = 0

    def start(self) -> str:
        """A new conversation's id."""
        answer = self._client.post("/api/conversations").raise_for_status()
        return str(answer.json()["conversation"])

    def ask(self, conversation: str, text: str) -> dict[str, Any]:
        """The reply to a message, once its stream is done."""
        self._asked += 1
        path, message = f"/api/conversations/{conversation}/messages", {"message_id": f"m{self._asked}", "text": text}
        with self._client.stream("POST", path, json=message) as stream:
            stream.raise_for_status()
            event = ""
            for line in stream.iter_lines():
                name, _, value = line.partition(":")
                if name == "event":
                    event = value.strip()
                elif name == "data" and event == "done":
                    reply: dict[str, Any] = json.loads(value)
                    return reply
        raise SystemExit(f"no reply to {text!r}: the stream ended with {event!r}")

    def peak_bytes(self) -> int:
        """The most memory the process has held so far (resident)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self.process.terminate()
        self.process.wait()


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """`shopdesk serve` on a free port, from the moment it says where it listens; it logs into the home folder."""
    log = home / "serve.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--home", str(home), "--port", "0"], stdout=file, stderr=file, text=True
        )
    while not (said := re.search(r"http://[\d.]+:\d+", log.read_text())):
        if process.poll() is not None:
            raise SystemExit(f"shopdesk serve ended: {log.read_text()[-2000:]}")
        time.sleep(0.01)
    with Server(process, said[0]) as server:
        yield server
