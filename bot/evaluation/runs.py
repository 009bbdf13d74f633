"""A run that is kept: what was measured, how it was made, and how it compares with an earlier one over the same items.

A run is one or more boards: a suite is one, each public data set another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bot.errors import BadSuite
from bot.evaluation.figures import Estimate, Figure, Item
from bot.evaluation.intervals import bootstrap, mcnemar

FORMAT = 1
_TIMES = ("seconds", "first_text")  # of another machine, or another load: no cause for a claim


@dataclass(frozen=True, slots=True)
class Board:
    """The items of one suite or data set, its figures by name, and the facts that account for them.

    `by_kind` are the figures worth a column in a table of the kinds, a table each.
    """

    name: str
    facts: Mapping[str, Any]
    items: Sequence[Item]
    figures: Mapping[str, Figure] = field(default_factory=dict)
    by_kind: tuple[tuple[str, ...], ...] = ()

    @property
    def estimates(self) -> dict[str, Estimate]:
        """Every figure over all items."""
        return {name: figure(self.items) for name, figure in self.figures.items()}

    @property
    def kinds(self) -> dict[str, dict[str, Estimate]]:
        """Every figure over the items of each kind, the kinds in their order of appearance."""
        found: dict[str, list[Item]] = {}
        for item in self.items:
            found.setdefault(item.kind, []).append(item)
        return {kind: {name: figure(items) for name, figure in self.figures.items()} for kind, items in found.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """How one thing that was measured changed between two runs, over the `of` items that both have.

    Of something true or false: which items became true and which became false, and McNemar's p-value. Of a number:
    the difference of the means, with the paired bootstrap's interval.
    """

    name: str
    of: int
    before: float
    after: float
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    p_value: float | None = None
    interval: tuple[float, float] | None = None


def compare(before: Sequence[Item], after: Sequence[Item]) -> list[Change]:
    """What changed in each value that both runs have, times left out; an item that was edited in between counts not."""
    then = {item.id: item for item in before}
    pairs = [
        (then[item.id], item) for item in after if item.id in then and then[item.id].content_hash == item.content_hash
    ]
    names = dict.fromkeys(name for _, item in pairs for name in item.values if name not in _TIMES)
    return [
        change
        for name in names
        if (change := _change(name, [pair for pair in pairs if all(name in item.values for item in pair)]))
    ]


def _change(name: str, pairs: Sequence[tuple[Item, Item]]) -> Change | None:
    if not pairs:
        return None
    values = [(old.values[name], new.values[name]) for old, new in pairs]
    before, after = (sum(float(pair[side]) for pair in values) / len(values) for side in (0, 1))
    if not all(isinstance(value, bool) for pair in values for value in pair):
        differences = [float(new) - float(old) for old, new in values]
        return Change(name, len(pairs), before, after, interval=bootstrap(differences))
    gained = tuple(new.id for old, new in pairs if new.values[name] and not old.values[name])
    lost = tuple(new.id for old, new in pairs if old.values[name] and not new.values[name])
    return Change(name, len(pairs), before, after, gained, lost, mcnemar(len(gained), len(lost)))


def save_run(path: Path, facts: Mapping[str, Any], boards: Sequence[Board]) -> None:
    """Writes a run that `load_run` reads; what was at the path stays until the new one is whole."""
    written = {
        "format": FORMAT,
        **facts,
        "boards": {
            board.name: {
                "facts": dict(board.facts),
                "figures": {name: asdict(estimate) for name, estimate in board.estimates.items()},
                "items": [asdict(item) for item in board.items],
            }
            for board in boards
        },
    }
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Half a surrogate pair, which a case may hold, is written as the escape that it came as.
        beside.write_bytes(json.dumps(written, indent=1, default=str).encode("ascii"))
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadSuite(f"{path}: {error.strerror}; check the path of --out and the space there") from None


def load_run(path: Path) -> dict[str, Board]:
    """The boards of a kept run by name, without their figures' functions."""
    try:
        kept = json.loads(path.read_bytes())
        if not isinstance(kept, dict) or kept.get("format") != FORMAT:
            raise ValueError(f"format {kept.get('format') if isinstance(kept, dict) else None}, expected {FORMAT}")
        return {
            name: Board(name, board["facts"], [Item(**item) for item in board["items"]])
            for name, board in kept["boards"].items()
        }
    except OSError as error:
        raise BadSuite(f"{path}: {error.strerror}; give a run that `shopdesk eval --out` kept") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSuite(f"{path}: not a run that `shopdesk eval --out` kept ({error})") from None
