"""A document cut into chunks: pure, nothing lost, order kept.

LangChain's MarkdownHeaderTextSplitter and RecursiveCharacterTextSplitter are not used: they know neither tables nor
lists, so a row loses its header and an item its lead-in, and the first rewrites the lines it passes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from knowledge.documents import Chunk, Document
from knowledge.languages import is_cjk
from knowledge.markdown import TABLE_RULE, Block, blocks
from knowledge.sentences import split_paragraph

_LEAD_IN = (":", "：")
_SOFT_BREAK = re.compile(r"[,，、;；:：]|\s")
_CJK_STOPS = "。！？；，、：）”」』》"


@dataclass(slots=True)
class _Section:
    heading: tuple[str, ...]
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Group:
    """Lines that belong together: a paragraph, a list with its lead-in, or a table under its header."""

    lines: list[str]
    header: str = ""

    def text(self) -> str:
        return "\n".join([self.header, *self.lines] if self.header else self.lines)


def chunk(document: Document, limit: int = 900) -> list[Chunk]:
    """The document's passages, each of at most `limit` characters, numbered from 0 in reading order.

    A section (the text under one heading) never shares a chunk with another. Neighbouring paragraphs are packed
    together, a longer one is split at sentence ends, and a run without any is cut at `limit`. The header of a table
    is repeated on each part of it. A document without text gives no chunks.

    Raises ValueError for a limit below 1.
    """
    if limit < 1:
        raise ValueError(f"limit {limit}: a chunk needs at least one character")
    passages = [
        (section.heading, text)
        for section in _sections(document)
        for text in _pack(_groups(section.blocks, limit), limit)
    ]
    return [
        Chunk(
            document=document.path,
            number=number,
            title=document.title,
            heading=heading,
            text=text,
            language=document.language,
            audience=document.audience,
            effective_from=document.effective_from,
            effective_until=document.effective_until,
        )
        for number, (heading, text) in enumerate(passages)
    ]


def _sections(document: Document) -> list[_Section]:
    """The text under each heading path. A heading with nothing under it is kept as a text of its own."""
    found = [_Section(())]
    path: list[Block] = []
    for block in blocks(document.text):
        if block.kind != "heading":
            found[-1].blocks.append(block)
            continue
        if block.level == 1 and not path and _same(block.text, document.title):
            continue
        _keep_bare_heading(found, path, block.level)
        path = [*(above for above in path if above.level < block.level), block]
        found.append(_Section(tuple(heading.text for heading in path)))
    _keep_bare_heading(found, path, 0)
    return found


def _keep_bare_heading(found: list[_Section], path: list[Block], next_level: int) -> None:
    """Before the next heading opens: if the last one has neither text nor a deeper heading, it is itself the text."""
    section = found[-1]
    if path and not section.blocks and next_level <= path[-1].level:
        section.heading = section.heading[:-1]
        section.blocks.append(Block("paragraph", path[-1].text))


def _same(heading: str, title: str) -> bool:
    return " ".join(heading.split()).casefold() == " ".join(title.split()).casefold()


def _groups(section: list[Block], limit: int) -> list[_Group]:
    found: list[_Group] = []
    for kind, run in groupby(section, key=lambda block: block.kind):
        lines = [block.text for block in run]
        if kind == "row":
            found.append(_table(lines, limit))
        elif kind == "item":
            lead = found[-1].lines if found else []
            if lead and lead[-1].endswith(_LEAD_IN) and not found[-1].header:
                found.pop()
                lines = _led(lead, lines, limit)
            found.append(_Group(lines))
        else:
            found.extend(_Group([line]) for line in lines)
    return found


def _led(lead: list[str], items: list[str], limit: int) -> list[str]:
    """The lead-in tied to the first item, so that no cut falls between them where the two fit."""
    tied = f"{lead[-1]}\n{items[0]}"
    return [*lead[:-1], tied, *items[1:]] if len(tied) <= limit else [*lead, *items]


def _table(rows: list[str], limit: int) -> _Group:
    """The rows, the first two as a header to repeat if the second is a ruling row and there is room beside them."""
    header = "\n".join(rows[:2])
    if len(rows) > 2 and TABLE_RULE.fullmatch(rows[1]) and len(header) < limit // 2:
        return _Group(rows[2:], header)
    return _Group(rows)


def _pack(groups: Iterable[_Group], limit: int) -> Iterator[str]:
    current = ""
    for group in groups:
        whole = group.text()
        joined = f"{current}\n\n{whole}" if current else whole
        if len(joined) <= limit:
            current = joined
            continue
        if current:
            yield current
        *full, current = _fill(group, limit)
        yield from full
    if current:
        yield current


def _fill(group: _Group, limit: int) -> list[str]:
    """The group in as few parts as reading order allows, each at most `limit` long, its header on each."""
    room = limit - len(group.header) - 1 if group.header else limit
    pieces = (piece for line in group.lines for piece in _cut(line, room))
    parts = _joined(((piece, "\n") for piece in pieces), room)
    return [f"{group.header}\n{part}" for part in parts] if group.header else parts


def _cut(text: str, limit: int) -> list[str]:
    """The text at most `limit` at a time: at line breaks and sentence ends, then at commas or spaces, then anywhere."""
    if len(text) <= limit:
        return [text]
    pieces: list[tuple[str, str]] = []
    for line in text.split("\n"):
        glue = "\n"
        for sentence in split_paragraph(line):
            pieces.extend((part, glue) for part in _cut_sentence(sentence, limit))
            glue = "" if sentence[-1] in _CJK_STOPS or is_cjk(sentence[-1]) else " "
    return _joined(pieces, limit)


def _cut_sentence(sentence: str, limit: int) -> Iterator[str]:
    while len(sentence) > limit:
        cut = limit
        for match in _SOFT_BREAK.finditer(sentence, limit // 2, limit):
            cut = match.end()
        yield sentence[:cut].rstrip()
        sentence = sentence[cut:].lstrip()
    if sentence:
        yield sentence


def _joined(pieces: Iterable[tuple[str, str]], limit: int) -> list[str]:
    """Each piece (with the glue before it) appended to the part before while that stays within the limit."""
    parts: list[str] = []
    for piece, glue in pieces:
        if parts and len(parts[-1]) + len(glue) + len(piece) <= limit:
            parts[-1] += glue + piece
        else:
            parts.append(piece)
    return parts
