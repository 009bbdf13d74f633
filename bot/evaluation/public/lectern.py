"""A desk whose pages are exchanged again and again: each question of some data sets comes with its own documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.engine import Engine
from knowledge.files import SIDECAR
from retrieval.update import update

NOTHING = "This page says nothing."  # an index holds something; it must not look like an answer


@dataclass(frozen=True, slots=True)
class Page:
    """A document to be put there."""

    title: str
    text: str
    staff: bool = False


class Lectern:
    """Documents in a folder, indexed as an ingest does it, and the engine that answers from them."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self._puts = 0

    def put(self, pages: Sequence[Page]) -> None:
        """Takes everything off and puts these on; a page without words is left out."""
        for old in self.folder.iterdir():
            old.unlink()
        self._puts += 1
        lay(self.folder, pages, f"{self._puts}-")
        snapshots = self.engine.retriever.snapshots
        update([self.folder], snapshots, self.engine.retriever.embedder)
        snapshots.prune(1)


def lay(folder: Path, pages: Sequence[Page], prefix: str = "") -> None:
    """Writes the pages as files of a shop; there is always one. New names: a file is not taken for an older one."""
    worded = [page for page in pages if page.text.strip()]
    for number, page in enumerate(worded or [Page("Empty", NOTHING)]):
        path = folder / f"{prefix}{number}.txt"
        path.write_text(page.text, encoding="utf-8", errors="replace")
        about = {"title": page.title, "audience": "staff" if page.staff else "public"}
        Path(f"{path}{SIDECAR}").write_text(json.dumps(about), encoding="utf-8")  # JSON is YAML
