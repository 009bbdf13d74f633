"""A folder of a shop's documents and catalogues -> documents; one function per suffix, in `READERS`."""

from __future__ import annotations

import logging
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import PurePosixPath
from typing import Any

from knowledge.documents import Document, Problem
from knowledge.errors import UnreadableDocument
from knowledge.files import (
    FIELDS,
    SUFFIXES,
    Reading,
    ReadOptions,
    SourceFile,
    find_files,
    load_options,
    skipped_suffixes,
)
from knowledge.front_matter import check_front_matter, language_code, read_yaml, split_front_matter
from knowledge.languages import detect
from knowledge.markdown import blocks, with_headers
from knowledge.pdf_files import pdf_to_markdown
from knowledge.records import as_text
from knowledge.tables import Gathering, add_table, is_known, read_delimited, read_feed, read_json_lines
from knowledge.text_files import clean, decode
from knowledge.web_pages import read_page

Reader = Callable[[SourceFile, ReadOptions, Mapping[str, Any]], Reading]

_MOST_PROBLEMS = 20
_LARGEST_UNPACKED = 1 << 29
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"  # the container of .doc and .xls, and of a .docx or .xlsx with a password
_BINARY_SHARE = 0.1
_IMAGE = re.compile(r"!\[([^\[\]]*+)\]\([^()]*+\)")
_LOCAL_LINK = re.compile(r"(?<!!)\[([^\[\]]++)\]\((?!https?://)[^()]*+\)")
_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_BREAK_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:div|span|p|section|center|font|a|img|u|details)\b[^<>]*>", re.IGNORECASE)
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NO_TITLE = re.compile(r"untitled|\(?anonymous\)?|microsoft word - .*|.*\.(?:docx?|pdf|indd|xlsx?)", re.IGNORECASE)
_WORD_STYLES = "p[style-name='Title'] => h1:fresh"
_DEFAULT_SHEET = re.compile(r"(?:sheet|tabelle|feuil|工作表) ?\d*", re.IGNORECASE)


def read(file: SourceFile, options: ReadOptions) -> Reading:
    """The file's documents, and a problem for each thing left out of it; never raises for what is in the file."""
    try:
        if _UNSHOWN.search(file.path):
            raise UnreadableDocument("its name is not UTF-8, or has control characters, and cannot be cited; rename it")
        if not file.location.stat().st_size:
            raise UnreadableDocument("holds nothing (0 bytes); write its text or take it away")
        reading = READERS[file.suffix](file, options, _sidecar(file))
    except UnreadableDocument as error:
        return Reading(problems=[Problem(file.path, str(error))])
    except OSError as error:
        return Reading(problems=[Problem(file.path, f"cannot be opened ({error.strerror or error}); check its rights")])
    if not reading.documents and not reading.problems:
        reading.problems.append(Problem(file.path, "gave no documents: it has no records, or none that is for sale"))
    if (more := len(reading.problems) - _MOST_PROBLEMS) > 0:
        last = Problem(file.path, f"{more} more problems like these")
        reading.problems[_MOST_PROBLEMS:] = [last]
    return reading


def _sidecar(file: SourceFile) -> dict[str, Any]:
    return read_yaml(clean(decode(file.sidecar.read_bytes()))) if file.sidecar.exists() else {}


def _prose(
    file: SourceFile, text: str, facts: Mapping[str, Any], shared: Mapping[str, Any], title: str = ""
) -> Reading:
    """One document; what it says of itself comes before its sidecar, which comes before what can be guessed."""
    text = text.strip()
    if not text:
        raise UnreadableDocument("holds no text; if it is a scan, run text recognition (OCR) over it first")
    checked = check_front_matter({**shared, **facts})
    title = checked.title or title or next((block.text for block in blocks(text) if block.kind == "heading"), "")
    document = Document(
        path=file.path,
        title=title or _name(file.path),
        text=text,
        language=checked.language or detect(text),
        audience=checked.audience,
        effective_from=checked.effective_from,
        effective_until=checked.effective_until,
    )
    return Reading([document])


def _name(path: str) -> str:
    """A title from a file's name: `policies/lost-parcels.md` is "Lost parcels"."""
    words = re.sub(r"[-_\s]+", " ", PurePosixPath(path).name.partition(".")[0]).strip()
    return words[:1].upper() + words[1:] or path


def _text(file: SourceFile) -> str:
    data = file.location.read_bytes()
    text = decode(data)
    controls = sum(text.count(char) for char in map(chr, (*range(8), *range(14, 27))))
    if controls > _BINARY_SHARE * len(text):
        raise UnreadableDocument(f"is not text, whatever its name says; save it as {file.suffix} in UTF-8")
    return clean(text)


def read_markdown(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """Markdown with optional front matter; comments, pictures, layout tags and local links are taken out."""
    facts, text = split_front_matter(_text(file))
    return _prose(file, _light(text), facts, shared)


def read_text(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """Plain text, read as if it were Markdown; front matter is allowed."""
    facts, text = split_front_matter(_text(file))
    return _prose(file, text, facts, shared)


def read_html(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """The article of a web page."""
    with _converting(file):
        page = read_page(file.location.read_bytes())
    language = language_code(page.language)
    if language == "en" and detect(page.text) == "zh":
        language = ""  # the template's, left as it was
    return _prose(file, page.text, page.facts, {"language": language, **shared}, page.title)


def read_docx(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """A Word document, its headings, lists and tables kept."""
    _check_package(file)
    from markitdown import StreamInfo
    from markitdown.converters import DocxConverter

    with _converting(file), file.location.open("rb") as stream:
        found = DocxConverter().convert(stream, StreamInfo(extension=".docx"), style_map=_WORD_STYLES)
    return _prose(file, with_headers(_light(clean(found.markdown))), {}, shared)


def read_pdf(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """The text layer of a PDF."""
    from pypdf import PdfReader

    with _converting(file), file.location.open("rb") as stream:
        reader = PdfReader(stream)
        locked = reader.is_encrypted and not reader.decrypt("")
        title = "" if locked or reader.metadata is None else str(reader.metadata.title or "")
    if locked:
        raise UnreadableDocument("is protected by a password; save it without one and ingest it again")
    with _converting(file):
        text = pdf_to_markdown(file.location)
    title = " ".join(clean(title).split())
    return _prose(file, text, {}, shared, "" if _NO_TITLE.fullmatch(title) else title)


def read_xlsx(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """A workbook: a sheet with a known header gives a document for each row, any other sheet one with its table."""
    _check_package(file)
    found = Gathering(file)
    for sheet, rows in _sheets(file):
        start = next((at for at, cells in enumerate(rows) if sum(map(bool, cells)) > 1), 0)
        header = rows[start]
        while header and not header[-1]:
            header.pop()
        if is_known(header, options):
            body = ((f"sheet {sheet!r} row {at}", cells) for at, cells in enumerate(rows[start + 1 :], start + 2))
            add_table(found, header, (row for row in body if any(row[1])), options, shared)
        else:
            title = _name(file.path) if _DEFAULT_SHEET.fullmatch(sheet) else sheet
            table = _prose(file, _table(rows, start), {}, {**shared, "title": shared.get("title") or title})
            document = table.documents[0]
            found.add(_under(document, sheet), f"sheet {sheet!r}")
    return found.reading


def _under(document: Document, key: str) -> Document:
    from dataclasses import replace

    return replace(document, path=f"{document.path}#{key}")


def _sheets(file: SourceFile) -> list[tuple[str, list[list[str]]]]:
    """The visible sheets that hold anything, as rows of text."""
    from openpyxl import load_workbook

    with _converting(file):
        workbook = load_workbook(file.location, read_only=True, data_only=True)
        try:
            sheets = [
                (sheet.title, [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)])
                for sheet in workbook.worksheets
                if sheet.sheet_state == "visible"
            ]
        finally:
            workbook.close()
    return [(title, rows) for title, rows in sheets if any(any(row) for row in rows)]


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    return as_text(value)


def _table(rows: list[list[str]], start: int) -> str:
    width = max(len(row) for row in rows)
    lines = [" ".join(cell for cell in row if cell) for row in rows[:start]]
    for at, row in enumerate(rows[start:]):
        cells = [cell.replace("|", "/").replace("\n", " ") for cell in [*row, *[""] * (width - len(row))]]
        if any(cells):
            lines.append(f"| {' | '.join(cells)} |")
        if at == 0:
            lines.append(f"|{' --- |' * width}")
    return "\n".join(lines)


def _light(text: str) -> str:
    """Markdown down to what a passage needs."""
    text = _TAG.sub("", _BREAK_TAG.sub("\n", _COMMENT.sub("", text)))
    return _LOCAL_LINK.sub(r"\1", _IMAGE.sub(r"\1", text))


def _check_package(file: SourceFile) -> None:
    """Raises UnreadableDocument unless the file is an Office package of a reasonable size."""
    with file.location.open("rb") as stream:
        if stream.read(4) == _OLD_OFFICE:
            raise UnreadableDocument(
                f"is protected by a password or in an old format; save it as {file.suffix} without a password"
            )
    try:
        with zipfile.ZipFile(file.location) as package:
            unpacked = sum(entry.file_size for entry in package.infolist())
    except zipfile.BadZipFile:
        raise UnreadableDocument(f"is not a {file.suffix} file or is damaged; save it again") from None
    if unpacked > _LARGEST_UNPACKED:
        raise UnreadableDocument(f"unpacks to {unpacked >> 20} MB, above {_LARGEST_UNPACKED >> 20}; split it")


@contextmanager
def _converting(file: SourceFile) -> Iterator[None]:
    """Around a converter: a damaged file makes them fail in a hundred ways, and none may stop the batch."""
    noisy = [logging.getLogger(name) for name in ("pdfminer", "pypdf")]
    levels = [logger.level for logger in noisy]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for logger in noisy:
                logger.setLevel(logging.CRITICAL)
            yield
    except (UnreadableDocument, OSError):
        raise
    except Exception as error:
        detail = " ".join(str(error).split())[:100] or "no reason given"
        raise UnreadableDocument(
            f"cannot be read as {file.suffix} ({type(error).__name__}: {detail}); save or export it again"
        ) from error
    finally:
        for logger, level in zip(noisy, levels, strict=True):
            logger.setLevel(level)


READERS: Mapping[str, Reader] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".xlsx": read_xlsx,
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".jsonl.gz": read_json_lines,
    ".xml": read_feed,
}

__all__ = [
    "FIELDS",
    "READERS",
    "SUFFIXES",
    "ReadOptions",
    "Reader",
    "Reading",
    "SourceFile",
    "find_files",
    "load_options",
    "read",
    "skipped_suffixes",
]
