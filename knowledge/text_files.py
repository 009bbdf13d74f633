"""The bytes of a text file as clean text, whatever wrote it."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACE = re.compile("[\u00a0\u2007\u202f]")
# Controls, invisible marks and halves of characters: unreadable to a person, and text can be hidden in the last range.
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
    # Joiners belong in Persian words and in emoji; inside a Latin word they only break it for a search.
    "|(?<=[0-9A-Za-z])[\u200c\u200d]+(?=[0-9A-Za-z])"
)
_HIGH = re.compile(rb"[\x80-\xff]+")


def decode(data: bytes) -> str:
    """The text in UTF-8, UTF-16 or UTF-32 (by its mark), GB 18030 or Windows-1252, tried in this order."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_other(data)


def _decode_other(data: bytes) -> str:
    damaged = data.decode("utf-8", "replace")
    others = len(re.findall("[^\x00-\x7f\ufffd]", damaged))
    if damaged.count("\ufffd") * 10 <= others:  # UTF-8 with a scratch
        return damaged
    runs = [len(run) for run in _HIGH.findall(data)]
    # Chinese comes in runs of byte pairs; accented letters and pound signs come alone, or two together at most.
    if sum(length for length in runs if length > 3) * 2 > sum(runs):
        try:
            return data.decode("gb18030")
        except UnicodeDecodeError:
            pass
    return data.decode("cp1252", "replace")


def clean(text: str) -> str:
    """The text with `\\n` line ends and plain spaces, without control, invisible and half characters."""
    if text.isascii() and text.isprintable():
        return text
    text = _SPACE.sub(" ", _LINE_END.sub("\n", text))
    return _DROPPED.sub("", text)
