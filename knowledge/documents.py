"""The vocabulary of this room: a document of the shop, and the chunks it is cut into.

A document's `path` is its identity: the path relative to the ingested folder, with forward slashes, and for a record
of a catalogue or a JSON Lines file the record's own key behind a `#` (`products.csv#BOOT-42`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Audience = Literal["public", "staff"]


def digest(*parts: str) -> str:
    """A 128-bit BLAKE2b hash, in hexadecimal, of the parts and of where one ends and the next begins."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        state.update(len(encoded).to_bytes(8, "little"))
        state.update(encoded)
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class Document:
    """One policy, help page or product, as light Markdown with the facts needed to decide who may see it, and when.

    `facts` holds what a catalogue knows in typed form (price, currency, stock, attributes); empty for prose.
    `effective_from` is the first day the document is in force, `effective_until` the last; None means unbounded.
    """

    path: str
    title: str
    text: str
    language: str = "en"
    audience: Audience = "public"
    effective_from: date | None = None
    effective_until: date | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """Changes when anything a reader or a filter could notice changes."""
        return digest(
            self.path,
            self.title,
            self.text,
            self.language,
            self.audience,
            str(self.effective_from),
            str(self.effective_until),
            json.dumps(dict(self.facts), sort_keys=True, ensure_ascii=False, default=str),
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of one document, small enough to cite. `number` counts from 0 in reading order.

    `heading` is the path of headings above the passage, outermost first, without the document's title.
    """

    document: str
    number: int
    title: str
    heading: tuple[str, ...]
    text: str
    language: str = "en"
    audience: Audience = "public"
    effective_from: date | None = None
    effective_until: date | None = None

    @property
    def id(self) -> str:
        """Stable across builds: `policies/returns.md@3`."""
        return f"{self.document}@{self.number}"

    @property
    def context(self) -> str:
        """What is indexed: the title and the heading path, then the passage, a line each."""
        return "\n".join((" > ".join((self.title, *self.heading)), self.text))

    @property
    def content_hash(self) -> str:
        """Changes when, and only when, the indexed text changes."""
        return digest(self.context)

    def in_force(self, day: date) -> bool:
        """Whether the passage's document applies on that day."""
        return (self.effective_from is None or self.effective_from <= day) and (
            self.effective_until is None or day <= self.effective_until
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the input that was left out, said in one line: which thing, what is wrong, what to do."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"
