"""Greetings, thanks and the like: a message that is nothing else, in any order and with a name or a filler among it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from typing import Literal, get_args

from bot.conduct.mood import ANGRY_FACES
from bot.conduct.wording import in_chinese, plain, wording

Kind = Literal[
    "about_bot", "abilities", "how_are_you", "wrong_window", "goodbye", "thanks", "greeting", "compliment", "okay"
]
KINDS: tuple[Kind, ...] = get_args(Kind)  # a message with several of them is answered as the first of these
_GAP = re.compile(r"[\s,.!~;:…、，。！；：～\-–—()（）\"'“”*^_=<>|/\\?？+]*")
_WORD = re.compile(r"[\w']+")
_NAME = re.compile(r"[A-Z][a-zà-ÿ]+(?: [A-Z][a-zà-ÿ]+)?(?!\w)")
_WAVES = frozenset("\U0001f44b")
LONGEST = 200  # characters: more than this is never small talk alone


def small_talk(text: str, names: Collection[str] = ()) -> Kind | None:
    """What kind of small talk the whole message is, if it is nothing else; `names` may stand in it (the shop's).

    A message with anything more in it is a question, however politely it begins: None.
    """
    return _kind_of(text, frozenset(word.lower() for name in names for word in name.split()))


@lru_cache(maxsize=1024)  # a turn asks it of its message and, several times, of those before it
def _kind_of(text: str, names: frozenset[str]) -> Kind | None:
    said = plain(text)
    if not said or len(said) > LONGEST:
        return None
    words = _without_emoji(said)
    if not _GAP.sub("", words):
        return _pictured(said)
    found = set(_walk(words, names))
    return None if "" in found else next((kind for kind in KINDS if kind in found), None)


def _walk(text: str, names: frozenset[str]) -> Iterator[str]:
    """The kinds found from the start to the end of a text; "" for anything that is none of them."""
    step = _step_zh if in_chinese(text) else _step
    at = _end(_GAP.match(text), 0)
    while at < len(text):
        end, kind = step(text, at)
        if not end and at and (name := _NAME.match(text, at)):
            end = name.end()
        elif not end and (word := _WORD.match(text, at)) and word[0].lower() in names:
            end = word.end()
        if not end or kind:
            yield kind
        if not end:
            return
        at = _end(_GAP.match(text, end), end)


def _step(text: str, at: int) -> tuple[int, str]:
    """Where the longest phrase or filler at this place ends, and its kind, "" for a filler; 0 where there is none."""
    end, kind = max(((_end(ways.match(text, at), 0), kind) for kind, ways in _english().items()), default=(0, ""))
    filler = _end(_english_filler().match(text, at), 0)
    return (end, kind) if end >= max(filler, 1) else (filler, "")


def _step_zh(text: str, at: int) -> tuple[int, str]:
    ways = wording("small_talk")
    found = [(_end(ways[f"{kind} zh"].match(text, at), 0), str(kind)) for kind in KINDS]
    found += [(_end(pattern.match(text, at), 0), kind) for kind, pattern in _english().items()]
    end, kind = max(found)
    return (end, kind) if end > at else (_end(ways["filler zh"].match(text, at), 0), "")


@cache
def _english() -> dict[str, re.Pattern[str]]:
    return {kind: _whole(wording("small_talk")[kind]) for kind in KINDS}


@cache
def _english_filler() -> re.Pattern[str]:
    return _whole(wording("small_talk")["filler"])


def _whole(ways: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:{ways.pattern})(?!['])", re.I)  # "what" is no part of "what's"


def _end(match: re.Match[str] | None, otherwise: int) -> int:
    return match.end() if match else otherwise


def _without_emoji(text: str) -> str:
    return "".join(" " if _is_emoji(character) else character for character in text)


def _is_emoji(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk", "Cs", "Mn", "Cf") and ord(character) > 0x2000


def _pictured(text: str) -> Kind | None:
    """What a message of pictures alone is; None where it is cross, or has none."""
    pictures = {character for character in text if _is_emoji(character)}
    if not pictures or pictures & ANGRY_FACES:
        return None
    return "greeting" if pictures & _WAVES else "okay"
