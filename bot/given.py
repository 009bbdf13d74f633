"""What a generator is given to write from, as a turn keeps it: where each statement stands, and none of its text.

Read back, the texts are those of an index that still has the very same passages. Where none has, there is nothing, and
so where the statements of a passage are cut in another way by now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.generation.house import MOST_STATEMENTS
from bot.statements import Statement, statements
from knowledge.documents import Chunk, digest

KEY: Final = "given"  # of a turn's explanation
Find = Callable[[str, str], Chunk | None]
"""The passage with this id and content hash, as the desk reads it; None where it is no more."""


@dataclass(frozen=True, slots=True)
class Given:
    """Statements, the likeliest to answer first, and the passages that have them, in the order of their first one."""

    statements: tuple[Statement, ...] = ()
    passages: tuple[Chunk, ...] = ()


NOTHING: Final = Given()


def places(ranked: Sequence[Statement]) -> dict[str, Any]:
    """Where the first of the ranked statements stand: the number of the passage among the turn's `chunks`, from 0, and
    their own within it; and a hash of what they say."""
    best = ranked[:MOST_STATEMENTS]
    return {"places": [[statement.passage, statement.order] for statement in best], "hash": _hash(best)}


def read(explanation: Mapping[str, Any], find: Find) -> Given:
    """What a turn with that explanation was written from; empty where that was not kept, or not all of it is left."""
    kept, chunks = explanation.get(KEY), explanation.get("chunks", [])
    if not kept:
        return NOTHING
    found: dict[int, Chunk] = {}
    said = []
    for passage, order in kept["places"]:
        chunk = found.get(passage) or (find(*chunks[passage][:2]) if passage < len(chunks) else None)
        own = statements(chunk, passage) if chunk else []
        if chunk is None or order >= len(own):
            return NOTHING
        found[passage] = chunk
        said.append(own[order])
    return Given(tuple(said), tuple(found.values())) if _hash(said) == kept["hash"] else NOTHING


def _hash(said: Sequence[Statement]) -> str:
    return digest(*(part for s in said for part in (s.subject, s.heading, s.whole)))[:16]
