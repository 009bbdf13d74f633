"""A reply as it should look: the house generator's tokenizer has neither capitals nor accents, and spaces every sign.

A pure function gives "you have 45 days , £ 3 . 50 for ireland ." its looks back. What runs through the statements or
the question in the same letters takes the capitals, the accents and the spacing that it has there; the rest is spaced
as usual, and sentences begin with a capital. Letters and signs are never added, dropped or moved: `bare` of a reply is
the same before and after.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

LONGEST = 30  # tokens of a run that is looked for
_TOKEN = re.compile(r"[^\W_]+|[^\w\s]|_")
_TIGHT_BEFORE = frozenset(".,;:!?)]}%’”°…")
_TIGHT_AFTER = frozenset("([{£$€¥₹#“")
_JOINING = frozenset("-/'’_@&")  # between two words, without space on either side
_ENDS = frozenset(".!?")


@dataclass(frozen=True, slots=True)
class _Token:
    """A word or a sign as it is written, as the tokenizer reads it, whether white space stands before it, and whether
    it begins a sentence, so that its capital says nothing."""

    surface: str
    key: str
    spaced: bool
    opens: bool = False


def bare(text: str) -> str:
    """The text as the tokenizer reads it: no capitals, accents or white space."""
    return "".join(token.key for token in _tokens(text))


def restored(written: str, sources: Sequence[str]) -> str:
    """What the model wrote, with the looks of the sources where it goes along with them, those of the first before
    those of the others."""
    tokens, read = _tokens(written), [_tokens(source) for source in sources]
    names = {token.key for source in read for token in source if not token.opens and token.surface[:1].isupper()}
    places, out = _places(read), list[_Token]()
    while len(out) < len(tokens):
        own = tokens[len(out)]
        source, start, length = _longest(tokens, len(out), read, places)
        first, *rest = read[source][start : start + length] or [own]
        # Inside a run the source says what is spaced; where one begins, what stands before it here does.
        out += [replace(first, surface=_cased(first, out, names), spaced=_is_spaced(first, out, tokens)), *rest]
    return "".join(
        f" {token.surface}" if number and token.spaced else token.surface for number, token in enumerate(out)
    )


def _tokens(text: str) -> list[_Token]:
    found, end = list[_Token](), 0
    for match in _TOKEN.finditer(unicodedata.normalize("NFC", text)):
        spaced = match.start() > end
        opens = not found or "\n" in match.string[end : match.start()] or (spaced and found[-1].surface in ".!?:")
        found.append(_Token(match[0], _key(match[0]), spaced, opens))
        end = match.end()
    return found


def _key(surface: str) -> str:
    """As the uncased tokenizer has it: in lower case, decomposed, without combining marks."""
    letters = unicodedata.normalize("NFD", surface.lower())
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Mn") or surface


def _places(read: Iterable[Sequence[_Token]]) -> Mapping[str, list[tuple[int, int]]]:
    """Where each token stands: (source, position)."""
    places = defaultdict[str, list[tuple[int, int]]](list)
    for source, tokens in enumerate(read):
        for position, token in enumerate(tokens):
            places[token.key].append((source, position))
    return places


def _longest(
    tokens: Sequence[_Token],
    at: int,
    read: Sequence[Sequence[_Token]],
    places: Mapping[str, Sequence[tuple[int, int]]],
) -> tuple[int, int, int]:
    """The longest run from here that a source has: (source, position, length), of length 0 if there is none. A lone
    sign is none: it has no looks of its own."""
    best = (0, 0, 0)
    for source, start in places.get(tokens[at].key, ()):
        length = _common(tokens, at, read[source], start)
        if length > best[2]:
            best = (source, start, length)
    return (0, 0, 0) if best[2] == 1 and not tokens[at].key.isalnum() else best


def _common(tokens: Sequence[_Token], at: int, other: Sequence[_Token], start: int) -> int:
    most = min(LONGEST, len(tokens) - at, len(other) - start)
    return next((n for n in range(most) if tokens[at + n].key != other[start + n].key), most)


def _cased(token: _Token, before: Sequence[_Token], names: set[str]) -> str:
    """A word where a run begins: with a capital at the head of a sentence, without one that it only had at the head of
    its own."""
    surface = token.surface
    if not before or before[-1].surface in _ENDS:
        return surface[:1].upper() + surface[1:] if surface[1:] == surface[1:].lower() else surface
    if token.key == "i" and not token.opens:
        return "I"
    only_opens = token.opens and token.key not in names and surface[1:] == surface[1:].lower()
    return surface[:1].lower() + surface[1:] if only_opens and token.key != "i" else surface


def _is_spaced(token: _Token, before: Sequence[_Token], tokens: Sequence[_Token]) -> bool:
    """Whether white space stands between what is written and what follows, by the signs at their meeting."""
    if not before:
        return False
    at, last, sign = len(before), before[-1], token.surface
    if sign in _TIGHT_BEFORE or last.surface in _TIGHT_AFTER:
        return False
    if last.surface in ".," and sign.isdigit() and at > 1 and before[-2].surface.isdigit():
        return False  # 3.50 and 1,200; a sentence that ends in a number and is followed by one is rare
    if sign in _JOINING and at + 1 < len(tokens) and last.key.isalnum():
        return _is_dash(tokens, at)
    if last.surface in _JOINING and at > 1:
        return last.spaced
    return True


def _is_dash(tokens: Sequence[_Token], at: int) -> bool:
    """Whether a sign stands alone between two thoughts, as the model has learnt to write "–" for."""
    return tokens[at].surface == "–" and not (tokens[at - 1].key.isdigit() and tokens[at + 1].key.isdigit())
