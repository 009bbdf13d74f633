"""A legal threat, or a dispute about money taken: by what the shopper says has happened or is about to do.

A question about the rules ("will I be charged twice if I split it?", "my statutory rights") is none.
"""

from __future__ import annotations

from bot.conduct.wording import plain, wording


def is_legal_threat(text: str) -> bool:
    """Whether the message threatens or announces legal steps, or a report to an authority."""
    said, ways = plain(text), wording("claims")
    if ways["legal zh"].search(said):
        return True
    return ways["legal"].search(said) is not None and not ways["no threat"].search(said)


def is_payment_dispute(text: str) -> bool:
    """Whether the message says that money was taken wrongly or by somebody else, or is being claimed back."""
    said, ways = plain(text), wording("claims")
    found = (match for name in ("payment", "payment zh") for match in ways[name].finditer(said))
    return any(not ways["asked about raw"].search(said[: match.start()]) for match in found)
