"""Which files of a folder are read, with which options, and what one of them gives."""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from knowledge.documents import Document, Problem, digest
from knowledge.errors import KnowledgeError

SIDECAR = ".meta.yaml"
OPTIONS_FILE = "knowledge.toml"
SUFFIXES = (
    ".md", ".markdown", ".html", ".htm", ".txt", ".pdf", ".docx", ".xlsx", ".csv", ".tsv", ".jsonl", ".jsonl.gz",
    ".xml",
)  # fmt: skip
FIELDS = (
    "id", "title", "text", "language", "audience", "effective_from", "effective_until",
    "price", "compare_at", "currency", "in_stock", "quantity", "vendor", "kind", "tags", "url",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: `path` is relative to `root`, with forward slashes.

    `size` (bytes) and `mtime_ns` cover the file and its sidecar `<file>.meta.yaml`, so that an edit of either shows.
    """

    root: Path
    path: str
    size: int
    mtime_ns: int

    @property
    def location(self) -> Path:
        """Where the file is on disk."""
        return self.root / self.path

    @property
    def sidecar(self) -> Path:
        """Where its sidecar is, if there is one."""
        return self.root / (self.path + SIDECAR)

    @property
    def suffix(self) -> str:
        """The key of its reader in `READERS`, or the bare suffix of a file that nothing reads."""
        return suffix_of(self.path)


@dataclass(slots=True)
class Reading:
    """What a file gave: its documents, and what had to be left out."""

    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a folder is read, the name of its shop, and the questions its chat page suggests.

    `currency` (ISO 4217) is that of prices which name none. `fields` maps one of `FIELDS` to the names, or globs of
    names, that a record has for it. `ignore` are globs of paths relative to the folder.
    """

    name: str = ""
    suggestions: tuple[str, ...] = ()
    currency: str = ""
    ignore: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def with_fields(self, mappings: Iterable[str]) -> ReadOptions:
        """These options with mappings such as `text=short_description,attr_*` over those there are.

        Raises KnowledgeError for a mapping that is not `OUR_FIELD=NAME[,NAME]`.
        """
        given: dict[str, tuple[str, ...]] = {}
        for mapping in mappings:
            ours, _, theirs = mapping.partition("=")
            names = tuple(name.strip() for name in theirs.split(",") if name.strip())
            if not names:
                raise KnowledgeError(f"field mapping {mapping!r}: expected OUR_FIELD=NAME[,NAME], such as text=body")
            given[_known_field(ours.strip())] = names
        return replace(self, fields={**self.fields, **given})

    @property
    def content_hash(self) -> str:
        """Changes when the same file may be read differently."""
        mapped = (f"{ours}={','.join(names)}" for ours, names in sorted(self.fields.items()))
        return digest(self.currency, *mapped)


def suffix_of(path: str) -> str:
    """The lower-case suffix: the longest of `SUFFIXES` that fits, else the last one."""
    name = path.rpartition("/")[2].lower()
    parts = name.rsplit(".", 2)  # none of `SUFFIXES` has more: to try each took 10 us a file
    for number in (2, 1):
        suffix = f".{'.'.join(parts[-number:])}"
        if len(parts) > number and suffix in SUFFIXES and suffix != name:
            return suffix
    return PurePosixPath(name).suffix


def find_files(root: Path) -> list[SourceFile]:
    """The readable files under a folder, sorted by path; a file given as root is the only one of its own folder.

    Hidden files and folders, sidecars, `knowledge.toml` and what its `ignore` globs name are skipped.
    Raises KnowledgeError if the root does not exist or holds nothing that can be read.
    """
    found = [file for file in _candidates(root) if file.suffix in SUFFIXES]
    if not found:
        raise KnowledgeError(f"{root}: holds nothing that can be read; files may end in {', '.join(SUFFIXES)}")
    return found


def skipped_suffixes(root: Path) -> Counter[str]:
    """How many files under the root are passed over for each suffix that has no reader; "" for none."""
    return Counter(file.suffix for file in _candidates(root) if file.suffix not in SUFFIXES)


def load_options(root: Path) -> ReadOptions:
    """The options in `knowledge.toml` of the folder (of a file's folder, for a file); the defaults where there is none.

    Raises KnowledgeError if it is not TOML, or a key or value is not known.
    """
    path = (root if root.is_dir() else root.parent) / OPTIONS_FILE
    try:
        given = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return ReadOptions()
    except (OSError, ValueError) as error:
        raise KnowledgeError(f"{path}: cannot be read: {error}; correct it or take it away") from None
    expected = {"name": str, "suggestions": list, "currency": str, "ignore": list, "fields": dict}
    for key, value in given.items():
        if key not in expected:
            raise KnowledgeError(f"{path}: key {key!r} is not known; the keys are {', '.join(expected)}")
        if not isinstance(value, expected[key]):
            raise KnowledgeError(f"{path}: {key} = {value!r}: expected a {expected[key].__name__}")
    return ReadOptions(
        name=given.get("name", ""),
        suggestions=_names(path, "suggestions", given.get("suggestions", [])),
        currency=given.get("currency", "").upper(),
        ignore=_names(path, "ignore", given.get("ignore", [])),
        fields={_known_field(ours): _names(path, ours, theirs) for ours, theirs in given.get("fields", {}).items()},
    )


def _known_field(name: str) -> str:
    if name not in FIELDS:
        raise KnowledgeError(f"field {name!r} is not known; map one of {', '.join(FIELDS)}")
    return name


def _names(path: Path, key: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise KnowledgeError(f"{path}: {key} = {value!r}: expected a name or a list of names")
    return tuple(names)


def _candidates(root: Path) -> list[SourceFile]:
    if not root.exists():
        raise KnowledgeError(f"{root}: there is no such file or folder; check the path")
    if root.is_file():
        return list(_stamped(root.parent, [(root.name, True)]))
    ignore = load_options(root).ignore
    found = (each for each in _walk(root) if not any(_ignored(each[0], glob) for glob in ignore))
    return list(_stamped(root, sorted(found)))


def _walk(root: Path) -> Iterator[tuple[str, bool]]:
    """Relative paths, and whether a sidecar lies beside.

    They are strings: a `Path` for each of 20,000 files took a third of an update that changed one.
    """
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        inside = Path(folder).relative_to(root).as_posix()
        prefix, there = "" if inside == "." else f"{inside}/", frozenset(names)
        for name in names:
            if not name.startswith((".", "~$")) and not name.endswith(SIDECAR) and name != OPTIONS_FILE:
                yield prefix + name, name + SIDECAR in there


def _ignored(path: str, glob: str) -> bool:
    """A glob names paths from the folder down; without a slash it also names files at any depth, and so do folders."""
    parts = PurePosixPath(path).parts
    folders = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
    glob = glob.rstrip("/")
    return fnmatch(path, glob) or fnmatch(parts[-1], glob) or any(fnmatch(folder, glob) for folder in folders)


def _stamped(root: Path, found: Iterable[tuple[str, bool]]) -> Iterator[SourceFile]:
    for path, has_sidecar in found:
        try:
            file = os.stat(f"{root}/{path}")  # noqa: PTH116  see _walk
        except OSError:
            if (root / path).is_symlink():  # a dangling link, which its reader reports; else gone since it was listed
                yield SourceFile(root, path, 0, 0)
            continue
        size, mtime_ns = file.st_size, file.st_mtime_ns
        if has_sidecar:  # to ask for each that is not there took as long as the stamps themselves
            with suppress(OSError):
                sidecar = os.stat(f"{root}/{path}{SIDECAR}")  # noqa: PTH116
                # Sums, not a maximum: an edit of the older of the two must show as well.
                size, mtime_ns = size + sidecar.st_size, mtime_ns + sidecar.st_mtime_ns
        yield SourceFile(root, path, size, mtime_ns)
