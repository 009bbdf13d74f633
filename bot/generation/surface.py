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
_JOINING = frozenset("-/'’–_@")  # between two words, without space on either side
_IN_NUMBERS = frozenset(".,:")
_ENDS = frozenset(".!?")
_QUOTE = '"'


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
        first, *rest = read[source][start : start + length] if length else [own]
        # Inside a run the source says what is spaced; where one begins, what stands before it here does.
        word = _cased([first, *rest], out, names)
        out += [replace(first, surface=word, spaced=_is_spaced(first, out, tokens)), *rest]
    return "".join(f" {token.surface}" if at and token.spaced else token.surface for at, token in enumerate(out))


def _tokens(text: str) -> list[_Token]:
    found, end = list[_Token](), 0
    text = unicodedata.normalize("NFC", text)
    for match in _TOKEN.finditer(text):
        between = text[end : match.start()]
        opens = not found or "\n" in between or bool(between and found[-1].surface in ".!?:")
        found.append(_Token(match[0], _key(match[0]), bool(between), opens))
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


def _cased(run: Sequence[_Token], before: Sequence[_Token], names: set[str]) -> str:
    """The word that a run begins with: with a capital at the head of a sentence, without one that it only had at the
    head of its own. Before another capital, a capital is a name's."""
    token, word = run[0], run[0].surface
    plain = word[1:] == word[1:].lower()
    if not plain:
        return word
    if not before or before[-1].surface in _ENDS:
        return _same(word[:1].upper() + word[1:], word)
    if token.key == "i":
        return "I"
    is_name = token.key in names or (len(run) > 1 and run[1].surface[:1].isupper())
    return _same(word[:1].lower() + word[1:], word) if token.opens and not is_name else word


def _same(changed: str, word: str) -> str:
    """The changed word, unless it is another to the tokenizer: the capital of "ß" is "SS"."""
    return changed if _key(changed) == _key(word) and _TOKEN.fullmatch(changed) else word


def _is_spaced(token: _Token, before: Sequence[_Token], tokens: Sequence[_Token]) -> bool:
    """Whether white space stands between what is written and what follows, by the signs at their meeting."""
    if not before:
        return False
    at, last, sign = len(before), before[-1], token.surface
    quotes = sum(earlier.surface == _QUOTE for earlier in before)
    if sign in _TIGHT_BEFORE or last.surface in _TIGHT_AFTER:
        return False
    if _QUOTE in (sign, last.surface):
        return quotes % 2 == 0 if sign == _QUOTE or quotes % 2 else True
    if last.surface in _IN_NUMBERS and sign[:1].isdigit() and at > 1 and before[-2].surface[-1:].isdigit():
        return False  # 3.50; a sentence that ends in a number, with one that begins with one after it, is rare
    if sign in _JOINING and last.key.isalnum():
        return _is_dash(tokens, at)
    if last.surface in _JOINING and at > 1:
        return last.spaced
    return True


def _is_dash(tokens: Sequence[_Token], at: int) -> bool:
    """Whether "–" stands between two thoughts, not two numbers. The model writes it for every such dash."""
    within = at + 1 < len(tokens) and tokens[at - 1].key.isdigit() and tokens[at + 1].key.isdigit()
    return tokens[at].surface == "–" and not within
