"""What every public data set is run with: its files, the desks it is put to, and which of its records are wanted."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bot.engine import Engine
from bot.errors import BadSuite, GenerationError, InvalidMessage
from bot.evaluation.figures import Value
from bot.evaluation.measuring import sampled
from bot.evaluation.playing import Played, ask, seeded
from bot.evaluation.public.lectern import Lectern
from bot.judge import Judge
from bot.learn.pairs import is_held_out
from bot.messages import Reply

Record = dict[str, Any]
T = TypeVar("T")


class Desk(Protocol):
    """Where engines come from; what is said to them is forgotten at the end."""

    def shop(self) -> AbstractContextManager[Engine]:
        """The desk over the index that the settings name."""
        ...

    def over(self, name: str, path: Path, fields: Mapping[str, tuple[str, ...]]) -> AbstractContextManager[Engine]:
        """A desk over the documents of one file, in an index of that name, which is kept."""
        ...

    def lectern(self) -> AbstractContextManager[Lectern]:
        """A desk whose documents are exchanged again and again."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """The folder of the data sets, the desks, the judges to compare, and which records are wanted.

    `kinds` empty means all of them. `advance` is told how many records are done, and of how many.
    """

    data: Path
    desk: Desk
    judges: Mapping[str, Judge]
    sample: int | None = None
    seed: int = 0
    kinds: frozenset[str] = frozenset()
    advance: Callable[[int, int], None] = lambda done, total: None

    def path(self, name: str) -> Path:
        """Where a data set lies."""
        return self.data / f"{name}.jsonl.gz"

    def records(self, name: str) -> list[Record]:
        """The records of a data set. Raises BadSuite if it is not there, or not what it should be."""
        path = self.path(name)
        try:
            with gzip.open(path, "rt", encoding="utf-8") as file:
                found = [json.loads(line) for line in file if line.strip()]
        except (OSError, EOFError, ValueError, zlib.error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise BadSuite(f"{path}: {reason}; --data names the folder of the data sets") from None
        if not all(isinstance(record, dict) for record in found):
            raise BadSuite(f"{path}: expected an object a line; --data names the folder of the data sets")
        return found

    def chosen(self, rows: Sequence[T], kind: Callable[[T], str]) -> list[T]:
        """The wanted kinds of the rows, and the sample of them."""
        wanted = [row for row in rows if not self.kinds or kind(row) in self.kinds]
        if not wanted:
            raise BadSuite(
                f"no record has the kind {', '.join(sorted(self.kinds)) or '?'}; the kinds are {_kinds(rows, kind)}"
            )
        return sampled(wanted, self.sample, self.seed)

    def each(self, rows: Sequence[T]) -> Iterator[T]:
        """The rows one by one, each counted when the next is asked for."""
        for done, row in enumerate(rows, 1):
            yield row
            self.advance(done, len(rows))

    def facts(self, *names: str) -> dict[str, Any]:
        """What accounts for the figures: a hash of the files, and the sample."""
        state = blake2b(digest_size=6)
        for name in names:
            state.update(self.path(name).read_bytes())
        facts: dict[str, Any] = {"data": state.hexdigest()}
        return facts if self.sample is None else facts | {"sample": self.sample, "seed": self.seed}


def _kinds(rows: Iterable[T], kind: Callable[[T], str]) -> str:
    return ", ".join(sorted({kind(row) for row in rows}))


def split_of(group: str) -> str:
    """ "held_out" for a product, document or article that the judge was never trained on, else "trained_on"."""
    return "held_out" if is_held_out(group) else "trained_on"


def replied(engine: Engine, said: Sequence[tuple[str, str]], text: str) -> Played:
    """The reply to a message after these exchanges.

    A message that the desk does not take counts as declined; a generator that fails has answered nothing.
    """
    try:
        return ask(engine, seeded(engine, said), "last", text)
    except InvalidMessage:
        return Played(Reply("", "", "decline", 0.0), 0.0, None)
    except GenerationError:
        return Played(Reply("", "", "answer", 0.0), 0.0, None)


def spent(played: Played) -> dict[str, Value]:
    """How long a reply took and, if it is an answer, how long it is."""
    values: dict[str, Value] = {"seconds": round(played.seconds, 4)}
    if played.reply.outcome == "answer":
        values["characters"] = len(played.reply.text)
    return values


def exchanges(turns: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], str]:
    """A dialogue, in order, as messages with their replies, and the last message; "user" is who writes messages.

    What one side says in several turns is joined.
    """
    said: list[tuple[str, str]] = []
    for speaker, text in turns:
        if speaker != "user":
            said[-1:] = [(message, f"{reply} {text}".strip()) for message, reply in said[-1:]]
        elif said and not said[-1][1]:
            said[-1] = (f"{said[-1][0]} {text}".strip(), "")
        else:
            said.append((text, ""))
    *before, (last, _) = said or [("", "")]
    return before, last
