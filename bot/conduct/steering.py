"""A message without what tries to steer the desk: the question beside an attempt is still asked.

Nothing here is the last line of defence: a staff document never reaches a shopper's search, and `bot.conduct.guard`
reads what is released.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from bot.conduct.disguise import undisguised, unfolded
from bot.conduct.wording import plain, wording
from bot.understanding.questions import content_words

# The lists that a message is held against. What steers is cut out; a frame voids its whole sentence, since the claim
# beside it is no question.
_ATTEMPTS = (
    "overrides", "overrides zh", "roles", "roles zh", "template marks raw", "foreign", "steers", "steers zh",
)  # fmt: skip
_FRAMES = ("frames", "frames zh")
FENCED = re.compile(
    r"\[+(system|assistant|admin|developer|inst|sys|instructions?|prompt|bot|ai|llm)\b[^\]]*\].*?\[/\1\]+"
    r"|<(system|assistant|admin|developer|instructions?|prompt)\b[^>]*>.*?</\2>"
    r"|<\|im_start\|>.*?(?:<\|im_end\|>|$)|<<sys>>.*?<</sys>>",
    re.I | re.S,
)
_MADE_UP = re.compile(
    r"\b(?:(?:context|retrieved|reference|source|knowledge ?base|trusted)[ -])?(?:document|passage|article|snippet"
    r"|context)s?"
    r" ?(?:\[[^\]]*\]|\([^)]*\)|#?\d+)? ?(?:says|reads|states)? ?[:：] ?[\"“「][^\"”」]*[\"”」]",
    re.I | re.S,
)
_ENCODED = re.compile(
    r"(?<![\w/+=])[A-Za-z0-9+/]{24,}={0,2}(?![\w/+=])|(?<!\w)(?:[0-9a-f]{2} ?){16,}(?!\w)|(?:[01]{8} ?){6,}"
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=\S)|(?<=[\n。！？；])\s*(?=\S)")
_LEFT_OVER = re.compile(
    r"^[\s,;:.!–—-]*(?:(?:and|then|but|also|so|now|please|after that|und|et|y|e|然后|并且?|再|而且|接着)\b[\s,:，]*)+"
    r"|^[\s,;:，、；：.!-]+",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it is taken: `question` is what it asks, "" where it does nothing but steer."""

    question: str
    steered: bool


@lru_cache(maxsize=1024)  # each turn hears the earlier ones again
def heard(message: str) -> Heard:
    """The message without what tries to steer. One that does not is returned as it is, character for character."""
    plainly = unfolded(message)
    text = _MADE_UP.sub(" ", FENCED.sub(" ", plainly))
    text = _ENCODED.sub(lambda found: " " if _is_mixed(found[0]) else found[0], text)
    steered = text != plainly
    kept = []
    for sentence in _SENTENCE_END.split(text):
        rest, tried = _without_attempts(sentence)
        steered |= tried
        if rest:
            kept.append(rest)
    if not steered:
        return Heard(message, False)
    question = " ".join(kept).strip()
    return Heard(question if content_words(question) else "", True)


def _without_attempts(sentence: str) -> tuple[str, bool]:
    """What a sentence asks beside an attempt, and whether there was one."""
    said = plain(sentence)
    ways = wording("steering")
    if any(ways[frame].search(said) for frame in _FRAMES):
        return "", True
    if not any(pattern.search(form) for form in (said, undisguised(said)) for pattern in _attempts()):
        return sentence.strip(), False
    rest = said
    for _ in range(3):  # cutting one attempt may bring the next to the front
        for pattern in _attempts():
            rest = pattern.sub(" ", rest)
        rest = _LEFT_OVER.sub("", rest).strip()
    asks = len(content_words(rest)) > 1 and not any(p.search(undisguised(rest)) for p in _attempts())
    return (rest if asks else ""), True


def _attempts() -> list[re.Pattern[str]]:
    return [wording("steering")[name] for name in _ATTEMPTS]


def _is_mixed(blob: str) -> bool:
    return any(map(str.isdigit, blob)) + any(map(str.isupper, blob)) + any(map(str.islower, blob)) > 1
