"""Where personal data stands in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Kind = Literal["email", "url", "ip", "iban", "card", "account", "id", "phone", "postcode", "address", "name"]

# Characters of names, as the inside of a class: Latin, Greek and Cyrillic; Chinese.
UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u017f\u0391-\u03a9\u0410-\u042f"
LETTER = UPPER + "a-z\u00df-\u00f6\u00f8-\u00ff\u0100-\u017f\u03ac-\u03ce\u0430-\u044f"
HAN = "\u4e00-\u9fff"


class Span(NamedTuple):
    """One find: `text[start:end]` is personal data of that kind."""

    kind: Kind
    start: int
    end: int


def matches(kind: Kind, pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Every match of the pattern: its group where it has some, of which one matches, else the whole."""
    for match in pattern.finditer(text):
        start, end = match.span(match.lastindex or 0)
        yield Span(kind, start, end)
