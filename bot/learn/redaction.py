"""Personal data out of a text, each find replaced by a mark that says what stood there: `<email>`, `<phone>`, `<name>`.

Rules and check digits, no model. Numbers are believed where their check digit holds (python-stdnum) or a country's
numbering plan knows them (phonenumbers); names and addresses where a cue says so ("my name is", "deliver to", 我叫,
收件人) or their form does. Order numbers stay, and so do towns, companies, ages and dates, and a name without a cue.

    make bench ARGS="redaction --data DIR"

measures it on presidio.jsonl.gz: of the words that are personal data of these kinds recall 0.77, precision 0.99, F2
0.81; e-mail addresses, cards, social security and IP numbers 1.0, addresses 0.88, phones 0.85, names 0.52 (most of
those missed have no cue). The rules were written with an eye on that set, which flatters them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from bot.learn.addresses import addresses
from bot.learn.numbers import numbers
from bot.learn.people import names
from bot.learn.spans import Span, matches

# One character each, so that every place in the text stays where it is.
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}

_EMAIL = re.compile(
    r"[A-Za-z0-9\u00c0-\u024f._%+'-]{1,64}"
    r"(?:@|\s?[(\[]\s?at\s?[)\]]\s?)"
    r"[A-Za-z0-9\u00c0-\u024f-]{1,63}(?:(?:\.|\s?[(\[]\s?dot\s?[)\]]\s?)[A-Za-z0-9-]{1,63}){1,6}"
)
_URL = re.compile(r"https?://[^\s<>\"'，。；、！？（）】」]{1,2000}", re.IGNORECASE)
# What makes an address somebody's own: a query, a user, a fragment with a value, a long piece of letters and digits.
_TOKEN = re.compile(
    r"\?.|//[^/]*@|#.*=|[/#](?=[^/?#]*\d)(?=[^/?#]*[A-Za-z])(?:[A-Za-z0-9_]{16,}|[0-9a-f-]{32,})(?=[/?#]|$)"
)
_IP = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.\d)")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text with its marks, and what they stand for: places in the text as it was, in order, none over another."""

    text: str
    spans: tuple[Span, ...]


def redact(text: str) -> Redacted:
    """The text with a mark in place of each piece of personal data; nothing else of it changes."""
    return redact_together([text])[0]


def redact_together(texts: Sequence[str], public: str = "") -> list[Redacted]:
    """The same for texts of one conversation: a name that a cue tells in one of them goes out of all of them.

    What stands in `public`, the shop's own documents, stays: the shop's telephone is nobody's secret.
    """
    plain = [text.translate(_FULL_WIDTH) for text in texts]
    found = [list(_finds(text)) for text in plain]
    told = {
        text[span.start : span.end]
        for text, spans in zip(plain, found, strict=True)
        for span in spans
        if span.kind == "name"
    }
    again = _any_of(told)
    marked = []
    for text, mirror, spans in zip(texts, plain, found, strict=True):
        everywhere = matches("name", again, mirror) if again else ()
        apart = _apart([*spans, *everywhere])
        marked.append(_marked(text, [span for span in apart if text[span.start : span.end] not in public]))
    return marked


def _finds(text: str) -> Iterator[Span]:
    yield from matches("email", _EMAIL, text)
    yield from (span for span in matches("url", _URL, text) if _TOKEN.search(text[span.start : span.end], 7))
    yield from (span for span in matches("ip", _IP, text) if _is_ip(text[span.start : span.end]))
    yield from numbers(text)
    yield from addresses(text)
    yield from names(text)


def _is_ip(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return len(text) > 4 and not address.is_unspecified  # "::" and "a::b" stand in code and in times


def _any_of(names: set[str]) -> re.Pattern[str] | None:
    """Finds the names where they stand as words of their own; those too short or too common in other words do not."""
    parts = {part for name in names for part in (name, *name.split()) if len(part) > 2 and part[0].isupper()}
    whole = {name for name in names if not name.isascii() and len(name) > 1}
    wanted = sorted(parts | whole, key=lambda name: (-len(name), name))
    if not wanted:
        return None
    return re.compile("|".join(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])" for name in wanted))


def _apart(spans: Sequence[Span]) -> list[Span]:
    """The spans in order, of those that overlap the longest, stretched over the rest."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if kept and span.start < kept[-1].end:
            last = kept.pop()
            longer = max(last, span, key=lambda one: one.end - one.start)
            span = Span(longer.kind, last.start, max(last.end, span.end))
        kept.append(span)
    return kept


def _marked(text: str, spans: Sequence[Span]) -> Redacted:
    pieces, at = [], 0
    for span in spans:
        pieces += [text[at : span.start], f"<{span.kind}>"]
        at = span.end
    return Redacted("".join([*pieces, text[at:]]), tuple(spans))
