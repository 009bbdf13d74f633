"""A shopper who wants a person: asked for outright, accepted when offered, or wanted instead of a machine."""

from __future__ import annotations

from bot.conduct.wording import plain, wording
from bot.messages import Turn


def wants_person(text: str, last: Turn | None = None) -> bool:
    """Whether the shopper asks for a person, or accepts the one that the last reply offered."""
    said, ways = plain(text), wording("people")
    asks = any(ways[name].search(said) for name in ("asks", "alone", "asks zh"))
    if asks and not any(ways[name].search(said) for name in ("in the shop", "of their hours zh")):
        return True
    # Somebody is asked to telephone; a courier, or a call when the parcel comes, is another matter.
    if ways["call me"].search(said) and not ways["of a delivery"].search(said):
        return True
    offered = last is not None and last.reply is not None and last.reply.outcome == "decline"
    return offered and any(ways[name].search(said) for name in ("accepts", "accepts zh"))
