"""The text layer of a PDF as light Markdown: headings by their size, lists, ruled tables, no page headers and footers.

markitdown is not used for PDF: at 0.1.8 it loses headings and tables, and puts the bullets of a list at the end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from knowledge.languages import is_cjk
from knowledge.text_files import clean

_BULLET = re.compile(r"(?:\(cid:\d+\)|[•●▪■◦‣○·\uf0b7\uf0a7])\s*|[-–*]\s+")
_PAGE_NUMBER = re.compile(
    r"(?:page |seite |第\s*)?\d+(?:\s*(?:/|of|von)\s*\d+|\s*页)?|[-–]\s*\d+\s*[-–]", re.IGNORECASE
)
_UNUSABLE = re.compile(r"\(cid:\d+\)")
_MARGIN = 0.1  # of the page's height, at either end
_HEADING_SIZE = 1.12  # times the body's
_LONGEST_HEADING = 120
_PARAGRAPH_GAP = 0.7  # of a line's height
_SHORT_LINE = 0.8  # of the text's width


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page, or a whole table (`size` 0); lengths in points from the page's top left corner."""

    text: str
    page: int
    top: float
    bottom: float
    left: float
    right: float
    size: float
    bold: bool = False
    marginal: bool = False


def pdf_to_markdown(path: Path) -> str:
    """The text of all pages, "" for a scan. A damaged file raises whatever pdfplumber raises."""
    import pdfplumber

    with pdfplumber.open(path) as pdf:
        lines = [line for number, page in enumerate(pdf.pages) for line in _page_lines(page, number)]
    lines = _without_running_lines(lines)
    sizes = Counter[float]()
    for line in lines:
        sizes[line.size] += len(line.text) if line.size else 0
    if not sizes:
        return ""
    body = sizes.most_common(1)[0][0]
    ranks = sorted({line.size for line in lines if line.size >= body * _HEADING_SIZE}, reverse=True)
    right = max(line.right for line in lines)
    return clean("\n\n".join(_markdown(block, body, ranks, right) for block in _blocks(lines, body)))


def _page_lines(page: Any, number: int) -> Iterator[_Line]:
    """The lines and tables of a page from top to bottom."""
    tables = [table for table in page.find_tables() if len(table.rows) > 1 and len(table.rows[0].cells) > 1]
    boxes = [table.bbox for table in tables]
    text = page.filter(lambda thing: not any(_inside(thing, box) for box in boxes)) if boxes else page
    found = [_text_line(line, number, page.height) for line in text.extract_text_lines()]
    for table, (left, top, right, bottom) in zip(tables, boxes, strict=True):
        if cells := _table(table.extract()):
            found.append(_Line(cells, number, top, bottom, left, right, 0.0))
    yield from sorted(found, key=lambda line: line.top)


def _text_line(line: dict[str, Any], number: int, height: float) -> _Line:
    chars = [char for char in line["chars"] if not char["text"].isspace()]
    size = Counter(round(char["size"] * 2) / 2 for char in chars).most_common(1)[0][0]
    top, bottom = line["top"], line["bottom"]
    return _Line(
        text=line["text"].strip(),
        page=number,
        top=top,
        bottom=bottom,
        left=line["x0"],
        right=line["x1"],
        size=size,
        bold=all("bold" in char["fontname"].lower() or "black" in char["fontname"].lower() for char in chars),
        marginal=bottom < height * _MARGIN or top > height * (1 - _MARGIN),
    )


def _inside(thing: dict[str, Any], box: tuple[float, float, float, float]) -> bool:
    across, down = (thing["x0"] + thing["x1"]) / 2, (thing["top"] + thing["bottom"]) / 2
    return bool(box[0] <= across <= box[2] and box[1] <= down <= box[3])


def _table(rows: list[list[str | None]]) -> str:
    lines = [[" ".join((cell or "").replace("|", "/").split()) for cell in row] for row in rows]
    lines = [row for row in lines if any(row)]
    if not lines:
        return ""
    texts = [f"| {' | '.join(row)} |" for row in lines]
    return "\n".join([texts[0], f"|{' --- |' * len(lines[0])}", *texts[1:]])


def _without_running_lines(lines: list[_Line]) -> list[_Line]:
    """Less page numbers, and what stands at the edge of page after page."""
    pages: dict[str, set[int]] = {}
    for line in lines:
        if line.marginal:
            pages.setdefault(_shape(line.text), set()).add(line.page)
    half = len({line.page for line in lines}) / 2
    running = {shape for shape, found in pages.items() if len(found) > 1 and len(found) >= half}
    return [
        line
        for line in lines
        if not (line.marginal and (_PAGE_NUMBER.fullmatch(line.text) or _shape(line.text) in running))
    ]


def _shape(text: str) -> str:
    return re.sub(r"\d+", "0", text)


def _blocks(lines: list[_Line], body: float) -> Iterator[list[_Line]]:
    """The lines of a paragraph, a list or a heading together."""
    block = lines[:1]
    for above, line in pairwise(lines):
        height = max(above.bottom - above.top, body)
        apart = line.page != above.page or line.top - above.bottom > _PARAGRAPH_GAP * height
        if line.page != above.page and line.size == above.size and above.text[-1] not in ".!?:。！？：":
            apart = False  # a sentence that goes on overleaf
        if apart or line.size != above.size or line.bold != above.bold:
            yield block
            block = []
        block.append(line)
    yield block


def _markdown(block: list[_Line], body: float, ranks: list[float], right: float) -> str:
    first = block[0]
    if not first.size:
        return first.text
    text = _UNUSABLE.sub("", _joined(block, right)).strip()
    heading = first.size in ranks or (first.bold and first.size >= body and text[-1:] not in ".,;:。，；：")
    if heading and "\n" not in text and len(text) <= _LONGEST_HEADING and not text.startswith("- "):
        level = ranks.index(first.size) + 1 if first.size in ranks else len(ranks) + 1
        return f"{'#' * min(level, 6)} {text}"
    return text


def _joined(block: Iterable[_Line], right: float) -> str:
    """The block's text with its wrapped lines joined; an item of a list and a line that ends early stay lines."""
    text, edge, previous = "", 0.0, None
    for line in block:
        bullet = _BULLET.match(line.text)
        ends_early = previous is not None and previous.right < _SHORT_LINE * right and not line.text[:1].islower()
        item_over = edge > 0 and line.left < edge
        if bullet:
            text += f"\n- {line.text[bullet.end() :]}"
            edge = line.left + 1
        elif ends_early or item_over:
            text += f"\n{line.text}"
            edge = 0.0 if item_over else edge
        else:
            glue = "" if text[-1:] == "-" or (is_cjk(text[-1:]) and is_cjk(line.text[:1])) else " "
            text += glue + line.text
        previous = line
    return text.strip()
