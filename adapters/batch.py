"""`ask --batch` and `search --batch`: JSON Lines in, JSON Lines out. What is bad is reported, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adapters.output import hit_record, json_text, read_json_lines, reply_record
from bot.engine import Engine, joined
from bot.errors import BadBatch, GenerationError, InvalidMessage, ShopdeskError
from retrieval.retriever import Retriever

Report = Callable[[str], None]
Answers = Iterator[dict[str, Any] | ShopdeskError]


def ask_batch(engine: Engine, source: Path, target: Path, report: Report) -> int:
    """Plays each object's turns as one fresh conversation, and writes one object a turn.

    Returns how many lines or turns were left out. Raises ShopdeskError when nothing can go on.
    """

    def played(record: dict[str, Any]) -> Answers:
        turns = record.get("turns")
        if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) for turn in turns):
            raise BadBatch('"turns" must be a list of one string or more')
        conversation = engine.start("terminal")
        for number, text in enumerate(turns, 1):
            try:
                reply = joined(engine.reply(conversation, str(number), text))
            except (InvalidMessage, GenerationError) as error:  # this turn's own; any other would meet the next too
                yield BadBatch(f"turn {number}: {error}")
            else:
                yield reply_record(record["id"], number, conversation, reply)

    return _run(source, target, played, report)


def search_batch(retriever: Retriever, source: Path, target: Path, k: int, report: Report) -> int:
    """Searches each object's query, and writes one object each; returns how many lines were left out."""

    def searched(record: dict[str, Any]) -> Answers:
        query = record.get("query")
        if not isinstance(query, str) or not query.strip():
            raise BadBatch('"query" must be a string with something in it')
        yield {"id": record["id"], "hits": [hit_record(hit) for hit in retriever.search(query, k)]}

    return _run(source, target, searched, report)


def _run(source: Path, target: Path, play: Callable[[dict[str, Any]], Answers], report: Report) -> int:
    if target.exists() and source.exists() and target.samefile(source):
        raise BadBatch(f"{target}: --out is the same file as --batch; give another one")
    bad = 0
    try:
        with source.open("rb"), target.open("w", encoding="utf-8") as out:
            for number, record in read_json_lines(source):
                for answer in _answers(record, play):
                    if isinstance(answer, ShopdeskError):
                        bad += 1
                        report(f"{source}, line {number}: {answer}; left out")
                    else:
                        out.write(json_text(answer, "utf-8") + "\n")
    except OSError as error:
        raise BadBatch(f"{error.filename or target}: {error.strerror}; check --batch and --out") from error
    return bad


def _answers(record: Any, play: Callable[[dict[str, Any]], Answers]) -> Answers:
    try:
        if isinstance(record, ValueError):
            raise BadBatch(f"not JSON ({record})")
        if not isinstance(record, dict) or "id" not in record:
            raise BadBatch('expected an object with an "id"')
        yield from play(record)
    except BadBatch as error:
        yield error
