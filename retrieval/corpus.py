"""What one snapshot holds, opened: chunks and documents by position, columns to filter by, and the two indexes.

    chunks.jsonl, chunks.offsets.npy          a chunk a line, in order of position, and where each line starts
    documents.jsonl, documents.offsets.npy    the same for documents: metadata, facts, content hash
    paths.json                                the documents' paths, in the order of `documents.jsonl`
    columns.npz                               one value a chunk: document, number, audience, dates, language, hash
    vectors.faiss, lexical/                   the indexes, see `retrieval.index` and `retrieval.lexical`

All of them, and the indexes, go by the same positions; new chunks are appended, so a document's chunks need not be
neighbours.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from knowledge.documents import Audience, Chunk, Document
from retrieval.errors import RetrievalError
from retrieval.impacts import Impacts
from retrieval.index import Allowed, VectorIndex
from retrieval.lexical import LexicalIndex
from retrieval.snapshots import Snapshot

UNTIL_EVER: Final = 2**31 - 1
REMEMBERED: Final = 2048  # chunks, about 2 kB each
Positions = NDArray[np.int64]


class Lines:
    """The lines of a file by their number, read through a memory map; closed when dropped."""

    def __init__(self, folder: Path, name: str) -> None:
        self.offsets: NDArray[np.int64] = np.load(folder / f"{name}.offsets.npy")
        with (folder / f"{name}.jsonl").open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self.offsets[-1] else b""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> bytes:
        if not 0 <= number < len(self):
            raise IndexError(f"line {number} of {len(self)}")
        return self.span(number, number + 1)

    def span(self, start: int, end: int) -> bytes:
        """Lines `start` to `end` (exclusive) as they lie in the file."""
        return self._data[self.offsets[start] : self.offsets[end]]

    def write(
        self, folder: Path, name: str, keep: NDArray[np.bool_], replaced: Mapping[int, bytes], new: Sequence[bytes]
    ) -> None:
        """Writes the lines where `keep` is true, some of them replaced, and then the new ones, as another file.

        What neighbours in the old file is copied in one piece.
        """
        lengths = np.diff(self.offsets)
        lengths[list(replaced)] = [len(line) for line in replaced.values()]
        copied = keep.copy()
        copied[list(replaced)] = False
        with (folder / f"{name}.jsonl").open("wb") as file:
            start = 0
            for number in np.flatnonzero(~copied).tolist():
                file.write(self.span(start, number))
                if keep[number]:
                    file.write(replaced[number])
                start = number + 1
            file.write(self.span(start, len(self)))
            file.writelines(new)
        sizes = np.concatenate([[0], lengths[keep], np.array([len(line) for line in new], np.int64)])
        np.save(folder / f"{name}.offsets.npy", np.cumsum(sizes, dtype=np.int64))


class NoLines(Lines):
    """No lines yet."""

    def __init__(self) -> None:
        self.offsets = np.zeros(1, np.int64)
        self._data = b""


@dataclass(frozen=True, slots=True)
class Columns:
    """One value a chunk, by position, each of shape (n,) but for `hashes`.

    `document` (int32) are the numbers of the documents, `number` (int32) the chunks' own; `staff` (bool);
    `effective_from` and `effective_until` (int32) are proleptic ordinals, 0 and `UNTIL_EVER` where unbounded;
    `language` (int16) counts into `languages`; `hashes` (uint8, shape (n, 16)) are the chunks' content hashes.
    `languages` is sorted by first use and may name one that no chunk has any more.
    """

    document: NDArray[np.int32]
    number: NDArray[np.int32]
    staff: NDArray[np.bool_]
    effective_from: NDArray[np.int32]
    effective_until: NDArray[np.int32]
    language: NDArray[np.int16]
    hashes: NDArray[np.uint8]
    languages: tuple[str, ...]

    @classmethod
    def of(cls, chunks: Sequence[Chunk], documents: ArrayLike, languages: Sequence[str] = ()) -> Columns:
        """The columns of chunks, given their documents' numbers, and languages known before."""
        codes = {language: code for code, language in enumerate(languages)}
        language = [codes.setdefault(chunk.language, len(codes)) for chunk in chunks]
        hashes = bytes.fromhex("".join(chunk.content_hash for chunk in chunks))
        return cls(
            document=np.asarray(documents, np.int32),
            number=np.array([chunk.number for chunk in chunks], np.int32),
            staff=np.array([chunk.audience == "staff" for chunk in chunks], np.bool_),
            effective_from=np.array([_ordinal(chunk.effective_from, 0) for chunk in chunks], np.int32),
            effective_until=np.array([_ordinal(chunk.effective_until, UNTIL_EVER) for chunk in chunks], np.int32),
            language=np.array(language, np.int16),
            hashes=np.frombuffer(hashes, np.uint8).reshape(len(chunks), 16),
            languages=tuple(codes),
        )

    def updated(self, keep: NDArray[np.bool_], at: Positions, replaced: Columns, new: Columns) -> Columns:
        """These columns with those at positions `at` replaced, then only where `keep` is true, then the new ones.

        The languages are those of `new`, which must go on from these.
        """
        parts: dict[str, Any] = {}
        for field in fields(self):
            if field.name == "languages":
                continue
            column = getattr(self, field.name).copy()
            column[at] = getattr(replaced, field.name)
            parts[field.name] = np.concatenate([column[keep], getattr(new, field.name)])
        return Columns(**parts, languages=new.languages)

    def save(self, folder: Path) -> None:
        """Writes `columns.npz` into the folder."""
        arrays: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        np.savez(folder / "columns.npz", **{**arrays, "languages": np.array(self.languages, np.str_)})

    @classmethod
    def load(cls, folder: Path) -> Columns:
        """The columns that `save` wrote."""
        with np.load(folder / "columns.npz") as stored:
            arrays = {field.name: stored[field.name] for field in fields(cls)}
        return cls(**{**arrays, "languages": tuple(arrays["languages"].tolist())})


@dataclass(frozen=True)
class Corpus:
    """The contents of a snapshot. Immutable and thread-safe; its files are closed when it is dropped.

    It goes on working after the snapshot's folder was pruned.
    """

    number: int
    paths: tuple[str, ...]
    columns: Columns
    chunk_lines: Lines
    document_lines: Lines
    vectors: VectorIndex
    lexical: LexicalIndex

    @classmethod
    def open(cls, snapshot: Snapshot) -> Corpus:
        """The contents of a snapshot that `Snapshots.current` has checked."""
        folder = snapshot.folder
        return cls(
            number=snapshot.number,
            paths=tuple(json.loads((folder / "paths.json").read_bytes())),
            columns=Columns.load(folder),
            chunk_lines=Lines(folder, "chunks"),
            document_lines=Lines(folder, "documents"),
            vectors=VectorIndex.load(folder / "vectors.faiss"),
            lexical=LexicalIndex.load(folder / "lexical"),
        )

    @classmethod
    def empty(cls, dimensions: int) -> Corpus:
        """What there is before the first snapshot."""
        nothing = Columns.of([], [])
        return cls(0, (), nothing, NoLines(), NoLines(), VectorIndex(dimensions), LexicalIndex.build([]))

    def __len__(self) -> int:
        """The number of chunks."""
        return len(self.chunk_lines)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The documents' numbers by path."""
        return {path: number for number, path in enumerate(self.paths)}

    @cached_property
    def whole_documents(self) -> Impacts:
        """The lexical scores of documents by number."""
        return self.lexical.whole(self.columns.document)

    @cached_property
    def visible(self) -> Callable[[Audience, date], Allowed | None]:
        """What an audience may see on a day, None for everything; that of the last few askers is remembered."""
        return lru_cache(maxsize=8)(partial(_visible, self.columns))

    def chunk(self, position: int) -> Chunk:
        """The chunk at a position. Raises IndexError outside of the corpus."""
        return self._decoded(position)

    @cached_property
    def _decoded(self) -> Callable[[int], Chunk]:
        """The last chunks asked for are remembered: most questions meet the same."""
        return lru_cache(maxsize=REMEMBERED)(partial(_chunk_at, self.chunk_lines))

    def chunks_of(self, path: str) -> list[Chunk]:
        """The chunks of a document in reading order. Raises RetrievalError for a document that is not there."""
        positions = np.flatnonzero(self.columns.document == self._number(path))
        return [self.chunk(p) for p in positions[np.argsort(self.columns.number[positions])].tolist()]

    def document(self, path: str) -> dict[str, Any]:
        """A document's record: path, title, language, audience, dates, facts, content hash and number of chunks.

        Raises RetrievalError for a document that is not there.
        """
        return cast(dict[str, Any], json.loads(self.document_lines[self._number(path)]))

    def _number(self, path: str) -> int:
        try:
            return self.numbers[path]
        except KeyError:
            raise RetrievalError(f"document {path!r} is not in snapshot {self.number}") from None


def _visible(columns: Columns, audience: Audience, day: date) -> Allowed | None:
    mask = (columns.effective_from <= day.toordinal()) & (day.toordinal() <= columns.effective_until)
    if audience == "public":
        mask &= ~columns.staff
    return None if mask.all() else Allowed(mask)


def _chunk_at(lines: Lines, position: int) -> Chunk:
    return decoded_chunk(lines[position])


def encoded_chunk(chunk: Chunk) -> bytes:
    """A chunk as its line."""
    return _line(
        {
            "document": chunk.document,
            "number": chunk.number,
            "title": chunk.title,
            "heading": chunk.heading,
            "text": chunk.text,
            **_visibility(chunk),
        }
    )


def decoded_chunk(line: bytes) -> Chunk:
    """The chunk of a line."""
    record = json.loads(line)
    return Chunk(
        document=record["document"],
        number=record["number"],
        title=record["title"],
        heading=tuple(record["heading"]),
        text=record["text"],
        language=record["language"],
        audience=record["audience"],
        effective_from=_date(record["effective_from"]),
        effective_until=_date(record["effective_until"]),
    )


def encoded_document(document: Document, content_hash: str, chunks: int) -> bytes:
    """A document's record as its line; its text is in its chunks."""
    return _line(
        {
            "path": document.path,
            "title": document.title,
            **_visibility(document),
            "content_hash": content_hash,
            "chunks": chunks,
            "facts": dict(document.facts),
        }
    )


def _visibility(thing: Chunk | Document) -> dict[str, str | None]:
    return {
        "language": thing.language,
        "audience": thing.audience,
        "effective_from": _iso(thing.effective_from),
        "effective_until": _iso(thing.effective_until),
    }


def _line(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, ensure_ascii=False, default=str) + "\n").encode("utf-8", "surrogatepass")


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _date(day: str | None) -> date | None:
    return None if day is None else date.fromisoformat(day)


def _ordinal(day: date | None, unbounded: int) -> int:
    return unbounded if day is None else day.toordinal()
