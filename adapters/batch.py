"""`ask --batch` and `search --batch`: JSON Lines in, JSON Lines out. A bad line is reported, the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adapters.output import hit_record, read_json_lines, reply_record
from bot.engine import Engine, joined
from bot.errors import ShopdeskError
from retrieval.retriever import Retriever

Report = Callable[[str], None]


class BadLine(ShopdeskError):
    """A line of a batch file is not what the command expects."""


def ask_batch(engine: Engine, source: Path, target: Path, report: Report) -> int:
    """Plays each object's turns as one fresh conversation, and writes one object a turn; returns the bad lines."""

    def played(record: Any) -> Iterator[dict[str, Any]]:
        turns = record.get("turns")
        if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) for turn in turns):
            raise BadLine('"turns" must be a list of one string or more')
        conversation = engine.start("terminal")
        for number, text in enumerate(turns, 1):
            reply = joined(engine.reply(conversation, str(number), text))
            yield reply_record(record["id"], number, conversation, reply)

    return _run(source, target, played, report)


def search_batch(retriever: Retriever, source: Path, target: Path, k: int, report: Report) -> int:
    """Searches each object's query, and writes one object each; returns the number of bad lines."""

    def searched(record: Any) -> Iterator[dict[str, Any]]:
        query = record.get("query")
        if not isinstance(query, str):
            raise BadLine('"query" must be a string')
        yield {"id": record["id"], "hits": [hit_record(hit) for hit in retriever.search(query, k)]}

    return _run(source, target, searched, report)


def _run(source: Path, target: Path, play: Callable[[Any], Iterator[dict[str, Any]]], report: Report) -> int:
    if not source.is_file():
        raise BadLine(f"{source}: there is no such file")
    bad = 0
    with target.open("w", encoding="utf-8") as out:
        for number, record in read_json_lines(source):
            try:
                if isinstance(record, ValueError):
                    raise BadLine(f"not JSON ({record})")
                if not isinstance(record, dict) or "id" not in record:
                    raise BadLine('expected an object with an "id"')
                for answer in play(record):
                    out.write(json.dumps(answer, ensure_ascii=False) + "\n")
            except ShopdeskError as error:
                bad += 1
                report(f"{source}, line {number}: {error}; the line is left out")
    return bad
