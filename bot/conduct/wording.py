"""How things are said: lists of patterns in `wordings/`, one way of saying something a line, read when first asked for.

# a comment
NAME = pattern         may stand in the lines below as {NAME}
[section]              whole words, in any case
[section zh]           Chinese, which has no spaces between words; [section raw] as it is written
one way|another
    |a third           a line with four spaces before it goes on with the one above
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from knowledge.chinese import simplified
from knowledge.languages import detect

_MACRO = re.compile(r"([A-Z_]+) = ")
_USED = re.compile(r"\{([A-Z_]+)\}")
_SECTION = re.compile(r"\[([a-z0-9_]+(?: [a-z0-9_]+)*)\]")


@cache
def wording(name: str) -> Mapping[str, re.Pattern[str]]:
    """The sections of a list, each as one pattern that matches wherever one of its ways does."""
    macros: dict[str, str] = {}
    sections: dict[str, list[str]] = {}
    ways: list[str] = []
    for line in _lines((files(__package__) / "wordings" / f"{name}.txt").read_text("utf-8")):
        if section := _SECTION.fullmatch(line):
            ways = sections.setdefault(section[1], [])
        elif macro := _MACRO.match(line):
            macros[macro[1]] = _filled(line[macro.end() :], macros)
        else:
            ways.append(_filled(line, macros))
    return {section: _compiled(section, "|".join(ways)) for section, ways in sections.items()}


def _lines(text: str) -> Iterator[str]:
    """The lines that say something, joined with those that go on with them."""
    held = ""
    for line in text.split("\n"):
        if line.startswith("    "):
            held += line[4:]
        elif line and not line.startswith("# "):
            if held:
                yield held
            held = line
    yield held


def _filled(way: str, macros: Mapping[str, str]) -> str:
    return _USED.sub(lambda used: macros[used[1]], way)


def _compiled(section: str, ways: str) -> re.Pattern[str]:
    return re.compile(ways if section.split()[-1] in ("zh", "raw") else rf"(?<!\w)(?:{ways})(?!\w)", re.I)


def plain(text: str) -> str:
    """A text as the patterns are written: straight apostrophes, single spaces, simplified characters."""
    return simplified(" ".join(text.replace("’", "'").replace("‘", "'").replace("`", "'").split()))


def in_chinese(text: str) -> bool:
    """Whether the Chinese patterns are the ones to ask."""
    return detect(text) == "zh"
