"""A message, and what the room has to answer it with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.phrases import Phrases, phrases
from bot.products.meaning import Embed
from bot.products.shelf import Shelf
from retrieval.retriever import Hit

Search = Callable[[str, int], Sequence[Hit]]
"""The k best passages for some words."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A message in the asker's `language`, with the products that they may see.

    The first of `lines` is the message, the others are what it leans on, the latest first; `written` is the message as
    it was written, where it was put into other words. It is asked back which product is meant only if it `may_ask`.
    """

    lines: tuple[str, ...]
    shelf: Shelf
    language: str
    search: Search
    embed: Embed | None = None
    mentioned: tuple[str, ...] = ()
    may_ask: bool = True
    written: str = ""

    @property
    def line(self) -> str:
        """The message itself."""
        return self.lines[0]

    @property
    def said(self) -> Phrases:
        """What the desk says, in the asker's language."""
        return phrases(self.language)
