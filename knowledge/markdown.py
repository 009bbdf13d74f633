"""Light Markdown as a flat run of blocks, the one reading of it that sentences and chunks share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from knowledge.languages import CJK

Kind = Literal["heading", "paragraph", "item", "row", "code"]

ITEM = re.compile(
    r"[ \t]*(?:[-*+•·‣◦][ \t]+|(\d{1,3})[.)][ \t]+|(\d{1,2})、[ \t]*|[(（]\d{1,2}[)）][ \t]*|[①-⑳][ \t]*)(?=\S)"
)
TABLE_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|)*\s*:?-{2,}:?\s*\|?\s*")

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_RULE = re.compile(r"\s*([-*_])(?:\s*\1){2,}\s*")
_UNDERLINE = re.compile(r"\s*(=+|-{2,})\s*")
_FENCE = re.compile(r"\s*(```|~~~)")
_QUOTE = re.compile(r"\s*>[ \t]?")
_LABEL = re.compile(r"[^\s.。:：|][^.。:：|\n]{0,39}[:：](?:\s|[^\x00-\x7f]|$)")
_WIDE = re.compile(f"[{CJK}\u3000-\u303f\uff00-\uff60]")
_EMPTY_HEADER = re.compile(r"^\|(?:[ \t]*\|)+\n(\|[ :|-]+\|)\n(\|.*\|)(?:\n|\Z)", re.MULTILINE)
_LONGEST_HEADING = 200  # a longer line that starts with # is a paragraph to anyone who reads it
_WRAPPED_WIDTH = 50  # columns: a shorter line was broken on purpose


@dataclass(frozen=True, slots=True)
class Block:
    """A heading (of `level` 1 to 6), a paragraph, one list item, one table row, or a fenced block of code.

    Lines that were only wrapped are joined; a line break left in `text` is meant. A heading comes without its marks,
    an item, a row and code with theirs.
    """

    kind: Kind
    text: str
    level: int = 0


def blocks(text: str) -> list[Block]:
    """The text's blocks in reading order; only horizontal rules, heading, quote and fence marks are dropped."""
    return list(_blocks(text.split("\n")))


def unwrap(lines: list[str]) -> str:
    """Joins wrapped lines: with a space, between CJK with nothing; keeps a line break that looks meant."""
    text = lines[0]
    for previous, line in pairwise(lines):
        following = line.strip()
        if _is_meant(previous, following):
            text = text.rstrip(" \\") + "\n" + following
        elif _WIDE.match(text[-1:]) and _WIDE.match(following[:1]):
            text += following
        else:
            text = text.rstrip() + " " + following
    return text.rstrip()


def with_headers(text: str) -> str:
    """Tables that came with an empty header get their first row as the header, as its author meant."""
    return _EMPTY_HEADER.sub(r"\2\n\1\n", text)


def _is_meant(line: str, following: str) -> bool:
    """Whether the break after the line is the author's own and not a wrap at the margin."""
    if line.endswith(("  ", "\\")) or _LABEL.match(following):
        return True
    width = len(line) + len(_WIDE.findall(line))
    return width < _WRAPPED_WIDTH and not following[:1].islower()


def _blocks(lines: list[str]) -> Iterator[Block]:
    kind: Kind = "paragraph"
    open_lines: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        if fence := _FENCE.match(line):
            yield from _closed(kind, open_lines)
            position, code = _fenced(lines, position, fence[1])
            yield from _closed("code", code)
        elif not line.strip():
            yield from _closed(kind, open_lines)
        elif heading := _heading(line):
            yield from _closed(kind, open_lines)
            yield heading
        elif kind == "paragraph" and len(open_lines) == 1 and (mark := _UNDERLINE.fullmatch(line)):
            yield Block("heading", open_lines.pop().strip(), 1 if mark[1].startswith("=") else 2)
        elif _RULE.fullmatch(line):
            yield from _closed(kind, open_lines)
        elif line.lstrip().startswith("|"):
            yield from _closed(kind, open_lines)
            yield Block("row", line.strip())
        elif (item := ITEM.match(line)) and not (kind == "paragraph" and open_lines and _continues(item)):
            yield from _closed(kind, open_lines)
            kind, open_lines = "item", [line.rstrip("\n")]
        else:
            if not open_lines:
                kind = "paragraph"
            if quote := _QUOTE.match(line):
                line = line[quote.end() :]
            open_lines.append(line if open_lines else line.lstrip())
    yield from _closed(kind, open_lines)


def _closed(kind: Kind, lines: list[str]) -> Iterator[Block]:
    """The open block, if it holds anything; empties the list."""
    if any(line.strip() for line in lines):
        yield Block(kind, "\n".join(lines) if kind == "code" else unwrap(lines))
    lines.clear()


def _fenced(lines: list[str], position: int, mark: str) -> tuple[int, list[str]]:
    end = position
    while end < len(lines) and not lines[end].lstrip().startswith(mark):
        end += 1
    return end + 1, lines[position:end]


def _heading(line: str) -> Block | None:
    match = _HEADING.fullmatch(line)
    if match is None or not match[2].strip() or len(match[2]) > _LONGEST_HEADING:
        return None
    return Block("heading", match[2].strip(), len(match[1]))


def _continues(item: re.Match[str]) -> bool:
    """A number other than 1 at the start of a wrapped line goes on with the paragraph, as in CommonMark."""
    return (item[1] or item[2] or "1") != "1"
