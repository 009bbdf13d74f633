"""Somebody was hurt, or a product did what endangers people: by the words of those who tell of it.

What has happened is told apart from what is only asked about ("is this stove safe indoors?", "does it catch fire?"):
the patterns want the past, or a thing going on now, and a match behind "if", "be" or "never" does not count.
"""

from __future__ import annotations

import re

from bot.conduct.wording import in_chinese, plain, wording

_SENTENCE = re.compile(r"[.!?;\n。！？；]")


def is_harm(text: str) -> bool:
    """Whether a message tells of an injury, an illness, a fire, a shock, leaking gas or another danger."""
    said, ways = plain(text), wording("harm")
    if in_chinese(said):
        found = ways["zh"].finditer(said)
        return any(not ways["unreal zh"].search(said[: match.start()]) for match in found)
    if ways["otherwise"].search(said):
        return False
    found = (match for name in ("injury", "danger") for match in ways[name].finditer(said))
    return any(not ways["unreal raw"].search(_SENTENCE.split(said[: match.start()])[-1]) for match in found)
