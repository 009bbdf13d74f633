"""Tables and JSON Lines as records, and the records as documents: products, questions and answers, or prose."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from knowledge.catalogues import Catalogue, is_merchant, is_shopify, read_merchant_tsv, read_merchant_xml, read_shopify
from knowledge.documents import Document, Problem
from knowledge.errors import UnreadableDocument
from knowledge.files import Reading, ReadOptions, SourceFile
from knowledge.front_matter import FrontMatter, check_front_matter
from knowledge.products import read_jsonl_record, to_document
from knowledge.records import Record, front_matter_of, matches, prose_document
from knowledge.text_files import clean, decode

_LONGEST_CELL = 1 << 24
_EXPECTED = (
    "a Shopify export (Handle, Title, Variant Price), a Google Merchant feed (id, title, price, availability), "
    "question and answer, or title and text; or map the columns under [fields] in knowledge.toml"
)


class Gathering:
    """Collects what a file's records give: a record that cannot be used, or an id that comes again, is a problem."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.reading = Reading()
        self._places: dict[str, str] = {}

    def report(self, message: str) -> None:
        """Adds a problem of the file."""
        self.reading.problems.append(Problem(self.file.path, message))

    def add(self, document: Document, place: str) -> None:
        """Adds a document unless its path is taken."""
        first = self._places.setdefault(document.path, place)
        if first != place:
            key = document.path.partition("#")[2]
            self.report(f"{place}: id {key!r} again, first at {first}; left out, give each its own")
        else:
            self.reading.documents.append(document)

    def add_records(self, records: Iterable[Record], options: ReadOptions, shared: Mapping[str, Any]) -> None:
        """Adds the document of each record; a mapped name that no record has is a slip of the mapping."""
        names: set[str] = set()
        for record in records:
            names.update(record.values)
            try:
                self.add(_record_document(record, self.file.path, options, shared), record.place)
            except UnreadableDocument as error:
                self.report(f"{record.place}: {error}")
        for ours, mapped in options.fields.items():
            for name in mapped:
                if names and not any(matches(given, name) for given in names):
                    self.reading.problems.insert(0, Problem(self.file.path, f"no record has a field {name!r} ({ours})"))

    def add_catalogue(self, catalogue: Catalogue, facts: FrontMatter) -> None:
        """Adds the products that are for sale; drafts and archived ones are no documents."""
        for problem in catalogue.problems:
            self.report(problem)
        for place, product in catalogue.products:
            if product.for_sale:
                self.add(to_document(product, self.file.path, facts), place)


def read_delimited(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """A CSV or TSV file with a header row."""
    found = Gathering(file)
    text = clean(decode(file.location.read_bytes()))
    delimiter = "\t" if file.suffix == ".tsv" else _delimiter(text)
    rows = _csv_rows(text, delimiter, found)
    _, header = next(rows, (0, []))
    if not is_known(header, options):
        raise UnreadableDocument(f"no known header: found {_listed(header)}; expected {_EXPECTED}")
    add_table(found, header, ((f"line {line}", cells) for line, cells in rows), options, shared)
    return found.reading


def read_json_lines(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """A file with one JSON object a line, packed by gzip or not."""
    found = Gathering(file)
    found.add_records(_json_records(file, found), options, shared)
    return found.reading


def read_feed(file: SourceFile, options: ReadOptions, shared: Mapping[str, Any]) -> Reading:
    """A Google Merchant feed in XML."""
    found = Gathering(file)
    found.add_catalogue(read_merchant_xml(file.location.read_bytes(), options.currency), check_front_matter(shared))
    return found.reading


def is_known(header: list[str], options: ReadOptions) -> bool:
    """Whether the columns say what the rows are: a catalogue, or records with a title, a text, or mapped fields."""
    record = Record.of(dict.fromkeys(header, "?"), "header")
    if is_shopify(record.names) or any(record.pick(field, ReadOptions()) for field in ("title", "text")):
        return True
    mapped = {name for names in options.fields.values() for name in names}
    return bool(mapped & set(header)) or any(sign in name for name in mapped for sign in "*?[")


def add_table(
    found: Gathering,
    header: list[str],
    rows: Iterable[tuple[str, list[str]]],
    options: ReadOptions,
    shared: Mapping[str, Any],
) -> None:
    """Adds the documents of a table's rows, each with the place it is at."""
    records = _table_records(header, rows, found)
    names = Record.of(dict.fromkeys(header, ""), "header").names
    if is_shopify(names):
        if "title" not in names:
            raise UnreadableDocument(f"looks like a Shopify export without the column Title: found {_listed(header)}")
        found.add_catalogue(read_shopify(records, options.currency), check_front_matter(shared))
    elif is_merchant(names):
        found.add_catalogue(read_merchant_tsv(records, options.currency), check_front_matter(shared))
    else:
        found.add_records(records, options, shared)


def _record_document(record: Record, path: str, options: ReadOptions, shared: Mapping[str, Any]) -> Document:
    if record.pick("price", options) is None:
        return prose_document(record, path, options, shared)
    facts = check_front_matter({**shared, **front_matter_of(record, options)})
    return to_document(read_jsonl_record(record, options), path, facts)


def _table_records(header: list[str], rows: Iterable[tuple[str, list[str]]], found: Gathering) -> Iterator[Record]:
    for place, cells in rows:
        if len(cells) > len(header) and any(cells[len(header) :]):
            found.report(
                f"{place}: {len(cells)} cells under {len(header)} columns; put quotes round a cell with a comma"
            )
            continue
        yield Record.of(dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=False)), place)


def _delimiter(text: str) -> str:
    first = text.lstrip("\n").partition("\n")[0]
    return max(",;\t|", key=first.count)


def _csv_rows(text: str, delimiter: str, found: Gathering) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its first line; a broken one is reported."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            found.report(f"line {line}: {error}; correct the quotes of this row")
            continue
        if any(cells):
            yield line, cells


def _json_records(file: SourceFile, found: Gathering) -> Iterator[Record]:
    for number, line in _lines(file, found):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            found.report(f"line {number}: not JSON ({error}); correct or remove it")
            continue
        if isinstance(values, dict):
            yield Record.of(values, f"line {number}")
        else:
            found.report(f"line {number}: expected an object in braces, found {line[:20].decode('utf-8', 'replace')!r}")


def _lines(file: SourceFile, found: Gathering) -> Iterator[tuple[int, bytes]]:
    number = 0
    with gzip.open(file.location) if file.suffix.endswith(".gz") else file.location.open("rb") as stream:
        try:
            for number, line in enumerate(stream, 1):
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            found.report(f"line {number + 1}: the gzip file is damaged here ({error}); copy it again")


def _listed(header: list[str]) -> str:
    return ", ".join(header[:12]) if header else "no columns"
