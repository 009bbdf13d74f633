"""What the commands write: JSON on standard output for programs, one line a problem on standard error for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bot.messages import Reply, Source
    from retrieval.retriever import Hit


_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def print_json(value: Any) -> None:
    """One JSON value on standard output: a line, indented where a person looks on."""
    click.echo(json_text(value, sys.stdout.encoding, indent=2 if sys.stdout.isatty() else None))


def json_text(value: Any, encoding: str, indent: int | None = None) -> str:
    """JSON that the encoding can hold: what it cannot (half a surrogate pair, for one) is escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str, indent=indent)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value, default=str, indent=indent)
    return text


def say(line: str) -> None:
    """A line on standard error; it stays one line, whatever is in a file's name."""
    click.echo(_UNSHOWN.sub(lambda found: repr(found[0])[1:-1], line), err=True)


def reply_record(identity: Any, number: int, conversation: str, reply: Reply) -> dict[str, Any]:
    """A reply as `shopdesk ask` writes it; `turn` counts from 1, `turn_id` is what `shopdesk rate` takes."""
    return {
        "id": identity,
        "turn": number,
        "reply": reply.text,
        "outcome": reply.outcome,
        "reason": reply.reason,
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


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of a JSON Lines file with their line numbers; a line that is not JSON comes as its ValueError."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield number, json.loads(line.decode("utf-8-sig"))
                except ValueError as error:
                    yield number, error
                except RecursionError:
                    yield number, ValueError("nested too deeply")
