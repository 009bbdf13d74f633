"""Whether a message asks for something that a shop's documents are not for; the documents still have the last word.

A poem, homework, politics, a diagnosis, another shop's prices, the staff's own papers: such a message is answered only
where a passage surely answers it, as for a shop that writes gift cards or sells cookery books.
"""

from __future__ import annotations

from bot.conduct.wording import plain, wording


def is_outside(text: str) -> bool:
    """Whether a message seems to ask for something else than a shop's public information."""
    said = plain(text)
    return any(pattern.search(said) for pattern in wording("scope").values())
