"""How upset a shopper is, from what a message calls the shop, how it is typed and what it has been through.

Points, not words, decide: a swear word alone, capitals alone or one complaint alone leave a question a question.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bot.conduct.wording import in_chinese, plain, wording

UPSET = 3  # points from which a person takes over, whatever is asked
MOST = {3: 3, 2: 4, 1: 2}  # points by what one way is worth: waiting, however long it is told of, is not abuse
PRAISE = -2  # points for a kind word: "bloody brilliant!!!" is a compliment
_SHOUTED = re.compile(r"!{3,}|(?:!.*){3}|[!?]{4,}|[!?]*(?:!\?|\?!)[!?]*|！{2,}", re.S)
ANGRY_FACES = frozenset("\U0001f620\U0001f621\U0001f624\U0001f92c\U0001f4a9\U0001f595\U0001f44e")


@lru_cache(maxsize=1024)  # each turn looks at the earlier ones again
def anger(text: str) -> int:
    """Points: 0 for a calm message, 1 or 2 for an annoyed one, UPSET or more for an upset one."""
    ways, said = wording("mood"), plain(text)
    language = " zh" if in_chinese(text) else ""
    said = ways["about things"].sub(" ", said)
    points = sum(min(worth * len(_different(ways[f"{worth}{language}"], said)), MOST[worth]) for worth in MOST)
    points += min(sum(character in ANGRY_FACES for character in text), UPSET)
    if not language:  # Chinese has no capitals, and its lists count exclamation marks
        points += _is_capitals(text) + (_SHOUTED.search(text) is not None)
        points += PRAISE * (ways["praise"].search(said) is not None)
    return max(points, 0)


def _different(pattern: re.Pattern[str], said: str) -> set[str]:
    return {found[0].lower() for found in pattern.finditer(said)}


def _is_capitals(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return len(letters) >= 12 and sum(character.isupper() for character in letters) >= 0.7 * len(letters)
