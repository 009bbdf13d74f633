"""Text as it reads without what hides its words from patterns: invisible and look-alike letters, spelling, mark-up.

Only for looking at it: what is shown or searched is the text as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import unescape

from bot.conduct.wording import plain
from knowledge.languages import CJK

# Letters spelt apart: "p.r.i.n.t". One long run gives the short ones ("S/M/L" alone is sizes) away.
_SPELT = re.compile(r"(?<![^\W_])[^\W\d_]([ .·_*|/-])(?:[^\W\d_]\1)*[^\W\d_](?![^\W_])")
_LONG_RUN = 9  # characters: five letters
_LEET = str.maketrans("013457@$!", "oieastasi")
_DIGITS_IN_WORD = re.compile(r"(?=\S*[a-z])(?=\S*[013457@$!])[a-z013457@$!]{4,}", re.I)
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏԛԝвкмнтАВЕКМНОРСТУХІЈЅ" "αεικνορτυχγΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɡɑʟ",
    "aeopcyxijsdhlqwbkmhtABEKMHOPCTYXIJS" "aeiknoptuxyABEZHIKMNOPTYXigal",
)  # fmt: skip
_TAG = re.compile(r"<!--|-->|</?[a-z][^<>]*>", re.I)
_EMPHASIS = re.compile(r"\*+|~~|`+|(?<!\w)_+|_+(?!\w)")
_SPACED_CJK = re.compile(rf"(?<=[{CJK}])\s+(?=\w)|(?<=\w)\s+(?=[{CJK}])|(?<=[，。：；！？、])\s+")
_BEFORE_STOP = re.compile(r"\s+(?=[,.:;!?，。：；！？、])")


def unfolded(text: str) -> str:
    """The text without invisible characters, full-width letters and letters spelt apart."""
    if not text.isascii():
        text = "".join(_folded(character) for character in text if unicodedata.category(character) != "Cf")
    if any(len(run[0]) >= _LONG_RUN for run in _SPELT.finditer(text)):
        text = _SPELT.sub(lambda run: run[0].replace(run[1], ""), text)
    return text


def undisguised(text: str) -> str:
    """The text with foreign letters, accents and digits that stand for Latin letters read as those."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text.translate(_LOOKALIKES))
        text = "".join(part for part in parts if unicodedata.category(part) != "Mn")
    return _DIGITS_IN_WORD.sub(lambda found: found[0].translate(_LEET), text)


@lru_cache(maxsize=64)  # one text is held against several lists
def readings(text: str) -> tuple[str, ...]:
    """The ways to read a text that patterns are held against: as it is written, bare of mark-up, and undisguised."""
    bare = unfolded(_EMPHASIS.sub("", _TAG.sub(" ", unescape(text))))
    bare = plain(_SPACED_CJK.sub("", _BEFORE_STOP.sub("", bare)))
    return tuple(dict.fromkeys((plain(text), bare, undisguised(bare))))


def _folded(character: str) -> str:
    """A full-width letter or digit as a plain one. Full-width punctuation, which hides nothing, stays."""
    plain_one = unicodedata.normalize("NFKC", character)
    return plain_one if plain_one.isalnum() else character
