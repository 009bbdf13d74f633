"""What the commands print: JSON lines on standard output for programs, a little colour for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.messages import Reply, Source
from retrieval.retriever import Hit


def print_json(value: Any) -> None:
    """One JSON value on standard output, a line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def reply_record(identity: str, number: int, conversation: str, reply: Reply) -> dict[str, Any]:
    """A reply as `shopdesk ask` writes it; `turn` counts from 1, `turn_id` is what `shopdesk rate` takes."""
    return {
        "id": identity,
        "turn": number,
        "reply": reply.text,
        "outcome": reply.outcome,
        "confidence": reply.confidence,
        "sources": [source_record(source) for source in reply.sources],
        "timings": dict(reply.timings),
        "conversation": conversation,
        "turn_id": reply.turn,
    }


def source_record(source: Source) -> dict[str, Any]:
    """A source as `shopdesk ask` writes it."""
    whole = asdict(source)
    return {key: whole[key] for key in ("document", "title", "chunk", "score", "quote")}


def hit_record(hit: Hit) -> dict[str, Any]:
    """A hit as `shopdesk search` writes it."""
    return {
        "document": hit.chunk.document,
        "chunk": hit.chunk.id,
        "score": round(hit.score, 6),
        "title": hit.chunk.title,
    }


def read_json_lines(path: Path) -> Iterable[tuple[int, Any]]:
    """The values of a JSON Lines file with their line numbers; a line that is not JSON comes as its ValueError."""
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError as error:
                    yield number, error
