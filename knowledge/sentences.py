"""Light Markdown or prose, English or Chinese, as a list of sentences."""

from __future__ import annotations

import re

from knowledge.languages import CJK
from knowledge.markdown import ITEM, TABLE_RULE, blocks

_CLOSERS = "[\"'”’)\\]*_»」』）》]*+"
_END = re.compile(rf"(?<![.!?…])[.!?…]++{_CLOSERS}(?=\s)|[。！？；]+{_CLOSERS}|(?<=[{CJK}])[!?]+{_CLOSERS}")
_LONGEST_ASIDE = 400  # characters in brackets; beyond that the bracket was never closed
_WORD_BEFORE = re.compile(r"[^\s(\[*_\"'“‘]+$")
_ABBREVIATIONS = frozenset(
    {
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "e.g",
        "eg",
        "i.e",
        "ie",
        "cf",
        "vs",
        "approx",
        "incl",
        "excl",
        "est",
        "ca",
        "tel",
        "ext",
        "fig",
        "pp",
        "vol",
        "dept",
        "jr",
        "sr",
    }
)
# These may also end a sentence, so what follows decides.
_BEFORE_DIGIT = frozenset(
    {
        "no",
        "nos",
        "p",
        "art",
        "sec",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
    }
)
_BEFORE_LOWER = frozenset({"etc", "ltd", "inc", "co", "corp", "plc", "a.m", "p.m", "min", "max", "u.s", "u.k"})


def split(text: str) -> list[str]:
    """The sentences in reading order, each without surrounding white space.

    A heading, a list item and a table row never share a sentence with their neighbours; their marks (`#`, `-`, the
    outer `|`, the ruling row of a table) are dropped, and nothing else is. Wrapped lines come joined. For text that
    is not wrapped, such as a chunk's, every sentence is a substring of it.
    """
    found: list[str] = []
    for block in blocks(text):
        if block.kind == "heading":
            found.append(block.text)
        elif block.kind == "row":
            if not TABLE_RULE.fullmatch(block.text):
                found.append(block.text.strip("| \t"))
        elif block.kind == "code":
            found.extend(line.strip() for line in block.text.split("\n"))
        else:
            plain = ITEM.sub("", block.text, count=1) if block.kind == "item" else block.text
            for line in plain.split("\n"):
                found.extend(split_paragraph(line))
    return [sentence for sentence in found if sentence]


def split_paragraph(text: str) -> list[str]:
    """The sentences of one paragraph, marks and all; nothing but the white space between them is dropped."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if _ends_sentence(text, start, end):
            found.append(text[start : end.end()].strip())
            start = end.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def _ends_sentence(text: str, start: int, end: re.Match[str]) -> bool:
    mark = end.group()
    if mark.startswith("；"):
        start = max(start, end.start() - _LONGEST_ASIDE)
        return text.count("（", start, end.start()) <= text.count("）", start, end.start())
    if not mark.startswith((".", "…")):
        return True
    following = text[end.end() : end.end() + 40].lstrip()[:1]
    if mark.startswith(("..", "…")):
        return not following.islower()
    before = _WORD_BEFORE.search(text, max(start, end.start() - 40), end.start())
    word = before.group().lower() if before else ""
    if word in _ABBREVIATIONS:
        return False
    if word in _BEFORE_DIGIT:
        return not following.isdigit()
    if word in _BEFORE_LOWER:
        return not following.islower()
    initial = len(word) == 1 and word.isalpha() and before is not None and not text[start : before.start()].strip()
    return not initial
