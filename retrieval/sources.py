"""What the ingested folders held at the last snapshot, and what has changed since: only changed files are opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import knowledge
from knowledge.documents import Document, Problem, digest
from knowledge.errors import KnowledgeError
from knowledge.files import Reading, ReadOptions, SourceFile, find_files, load_options
from knowledge.readers import read

_FILE = "files.json"


@dataclass(slots=True)
class Entry:
    """A file as it was last read: its stamp (size, mtime_ns), and its documents' content hashes by path.

    Without a stamp it is read again each time: something in it was a problem, which may be mended outside of it.
    """

    stamp: tuple[int, int] | None
    documents: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Root:
    """An ingested folder or file; `reading` changes when the same bytes may give other documents or chunks."""

    reading: str
    files: dict[str, Entry] = field(default_factory=dict)


Roots = dict[Path, Root]


@dataclass(slots=True)
class Sources:
    """What all ingested folders hold now.

    `documents` has every document's content hash by its path; `fresh` are those that are new, changed, or may be cut
    differently. `changed` is False if a new snapshot would say the same as the last one.
    """

    roots: Roots
    documents: dict[str, str] = field(default_factory=dict)
    fresh: dict[str, Document] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    changed: bool = False


def load_roots(folder: Path) -> Roots:
    """The ingested folders as the snapshot in `folder` remembers them."""
    stored = json.loads((folder / _FILE).read_bytes())
    return {
        Path(root): Root(
            record["reading"],
            {
                path: Entry(tuple(stamp) if stamp else None, documents)
                for path, (stamp, documents) in record["files"].items()
            },
        )
        for root, record in stored.items()
    }


def save_roots(roots: Roots, folder: Path) -> None:
    """Writes what `load_roots` reads."""
    stored = {
        str(root): {
            "reading": record.reading,
            "files": {path: (entry.stamp, entry.documents) for path, entry in record.files.items()},
        }
        for root, record in roots.items()
    }
    (folder / _FILE).write_bytes(json.dumps(stored).encode("ascii"))


def read_changed(paths: Sequence[Path], known: Roots, options: ReadOptions | None = None) -> Sources:
    """What the folders hold after the given ones were looked through; the others are as they were.

    A path inside a known folder stands for that folder; a folder takes the place of known ones inside it. `options`
    go before a folder's own. A path that cannot be used is a problem; KnowledgeError is raised if none can.
    """
    targets = _targets(paths, known)
    problems: list[Problem] = []
    listed: dict[Path, list[SourceFile]] = {}
    for target in targets:
        try:
            listed[target] = find_files(target)
        except KnowledgeError as error:
            if len(targets) == 1:
                raise
            problems.append(Problem(str(target), str(error).removeprefix(f"{target}: ")))
    if not listed:
        raise KnowledgeError(f"{', '.join(map(str, targets))}: nothing there that can be read; check the paths")
    others = {root: known[root] for root in known if not any(root.is_relative_to(target) for target in listed)}
    sources = Sources(others, problems=problems)
    before = _documents(known)
    reader = _Reader(sources, before, {path: root for root, record in others.items() for path in _paths(record)})
    for target, files in listed.items():
        sources.roots[target] = reader.read_root(target, files, known.get(target), options or load_options(target))
    sources.documents = _documents(sources.roots)
    sources.changed = sources.documents != before or (bool(known) and _readings(sources.roots) != _readings(known))
    return sources


@dataclass(frozen=True, slots=True)
class _Reader:
    """`hashes` are those of the last snapshot; `claimed` says where each path was found first."""

    sources: Sources
    hashes: Mapping[str, str]
    claimed: dict[str, Path | SourceFile]

    def read_root(self, root: Path, files: Sequence[SourceFile], before: Root | None, options: ReadOptions) -> Root:
        """The folder as it is now."""
        now = Root(digest(options.content_hash, _code()))
        anew = before is None or before.reading != now.reading
        for file in files:
            entry = before.files.get(file.path) if before else None
            if entry is None or anew or entry.stamp != (file.size, file.mtime_ns):
                entry = self._read_file(file, options, entry, anew)
            now.files[file.path] = self._claim(entry, file)
        return now

    def _read_file(self, file: SourceFile, options: ReadOptions, before: Entry | None, anew: bool) -> Entry:
        reading = read(file, options)
        self.sources.problems.extend(reading.problems)
        entry = Entry(None if reading.problems else (file.size, file.mtime_ns))
        for document in reading.documents:
            if document.path in entry.documents:
                self._repeated(document.path, file, entry)
                continue
            content_hash = entry.documents[document.path] = document.content_hash
            if document.path not in self.claimed and (anew or self.hashes.get(document.path) != content_hash):
                self.sources.fresh[document.path] = document
        self._hold(file.path, reading, before, entry)
        return entry

    def _hold(self, path: str, reading: Reading, before: Entry | None, entry: Entry) -> None:
        """Keeps what could be read before and cannot be now: a broken file takes nothing out of the index."""
        broken = {problem.path for problem in reading.problems}
        held = {
            document: content_hash
            for document, content_hash in (before.documents if before else {}).items()
            if document not in entry.documents and broken and (document in broken or not reading.documents)
        }
        if held:
            entry.documents.update(held)
            self.sources.problems.append(
                Problem(path, f"{len(held)} documents read from it before are kept until it can be read again")
            )

    def _claim(self, entry: Entry, file: SourceFile) -> Entry:
        """The entry with the documents that no other file has; read again next time if it lost one."""
        lost = [path for path in entry.documents if path in self.claimed]
        if lost:
            entry = Entry(
                entry.stamp, {p: content_hash for p, content_hash in entry.documents.items() if p not in self.claimed}
            )
        for path in lost:
            self._repeated(path, file, entry)
        self.claimed.update(dict.fromkeys(entry.documents, file))
        return entry

    def _repeated(self, path: str, file: SourceFile, entry: Entry) -> None:
        entry.stamp = None
        first = self.claimed.get(path, file)
        place = first.location if isinstance(first, SourceFile) else first
        self.sources.problems.append(
            Problem(path, f"in {file.location}, and before that in {place}; the first is kept")
        )


def _targets(paths: Sequence[Path], known: Roots) -> list[Path]:
    """The folders to look through, each once, outermost only."""
    absolute = [Path(path).expanduser().resolve() for path in paths]
    roots = [next((root for root in known if path.is_relative_to(root)), path) for path in absolute]
    return [
        root
        for number, root in enumerate(roots)
        if root not in roots[:number] and not any(root != other and root.is_relative_to(other) for other in roots)
    ]


def _documents(roots: Roots) -> dict[str, str]:
    found: dict[str, str] = {}
    for record in roots.values():
        for entry in record.files.values():
            found.update(entry.documents)
    return found


def _paths(root: Root) -> Iterator[str]:
    for entry in root.files.values():
        yield from entry.documents


def _readings(roots: Roots) -> dict[Path, str]:
    return {root: record.reading for root, record in roots.items()}


@cache
def _code() -> str:
    """A digest of the code that reads and cuts: after an upgrade of it, every file is read again."""
    modules = sorted(Path(knowledge.__file__ or "").parent.glob("*.py"))
    return digest(*(module.read_text("utf-8") for module in modules))
