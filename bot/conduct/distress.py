"""A shopper who may harm themselves. Told wide: a hand-over too many costs little here."""

from __future__ import annotations

from bot.conduct.wording import plain, wording


def is_distress(text: str) -> bool:
    """Whether the message speaks of ending or harming the writer's own life."""
    return any(pattern.search(plain(text)) for pattern in wording("distress").values())
