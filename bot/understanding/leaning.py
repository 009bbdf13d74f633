"""Whether a message says all it asks, or leans on what was said before: by its words, for English and Chinese.

There is no parser. A message is known by how it opens, by the words that point at something unsaid ("it", "there",
"the other one"), and by what it names that was not named before.
"""

from __future__ import annotations

import re
from collections.abc import Set

from bot.understanding.pointing import points
from bot.understanding.topics import names, runs
from knowledge.languages import detect

LETTER = 400  # characters; a message as long as that says what it is about
_GREETED = r"\W*(?:(?:ok(?:ay)?|oh|hm+|ah|well|right|cool|great|good|thanks|thank you|i see|sorry|hi|hello|hey)\b\W*)*"
_GREETS = re.compile(r"\W*(?:hi|hello|hey|good (?:morning|afternoon|evening))\b|\W*(?:你好|您好)", re.I)
_MOVES_ON = re.compile(
    r"\b(?:moving on|(?:different|another|new|next|other|separate|unrelated|quick) (?:question|topic|subject)"
    r"|(?:chang\w+|switch\w*) (?:the )?(?:subject|topic)|by the way|btw|unrelated|on another note|something else)\b"
    r"|顺便问|换个(?:话题|问题)|另一个问题|还有(?:一)?个问题|另外(?:再|想)+问",
    re.I,
)
_INTRODUCES = re.compile(
    r"\b(?:(?<!what )(?<!how )about|details? (?:of|on)|info(?:rmation)? on|help with|questions? (?:on|about))\s+\w"
    r"|\bi(?:'?m| am) here\b|\bi (?:just )?(?:want|need)(?:ed)? (?:to )?(?:know|learn)\b"
    r"|\bi have (?:a|some) questions?\b",
    re.I,
)
# A message that tells of something of its own: "my parcel is late", "I could not get the zip to close".
_OWN_STORY = re.compile(
    r"\W*(?:my|our|the)\b|.*\b(?:my|our|an?|some)\s+\w"
    r"|.*\b(?:could|can|did|does|do|is|was|were|has|have)(?:n'?t| not)\b",
    re.I | re.S,
)
_BOUGHT = re.compile(r"\bi(?:'ve| have)? (?:just )?(?:bought|ordered|got|received|purchased)\b", re.I)
_IF_THEN = re.compile(
    r"\W*if\b.*(?:,|\b(?:what|how|where|who|when|which|can|could|will|would|should|do|does|is|are)"
    r" (?:i|you|we|it|they|my|the)\b)",
    re.I | re.S,
)
_YES_NO = re.compile(
    r"\W*(?:yes|yeah|yep|yup|no|nope|nah|not (?:yet|really|exactly))\b|\W*(?:是的|对的?|没有|不是|嗯)(?:[，,。\s]|$)",
    re.I,
)
_WHAT_ABOUT = re.compile(rf"{_GREETED}(?:and |but |so )?(?:what|how) about\b", re.I)
_TO_ANOTHER = re.compile(
    rf"{_GREETED}(?:(?:and |but |so )?(?:what|how) about\b|(?:and|or) (?:the|an?|your|my|for|if)\b)|\W*那|.*呢\W*$",
    re.I,
)
_GOES_ON = re.compile(
    rf"{_GREETED}(?:and|but|so|also|then|or|plus|because|unless|except|only|just|same|what if|even if|if)\b"
    r"|\W*(?:那|还有|另外|同样|如果是|要是|换成|但|可是|不过|所以)"
    r"|.*\b(?:too|as well|instead|then|though|either)\W*$|.*呢\W*$",
    re.I | re.S,
)
# A question word, an inversion or a request opens it: it asks, rather than tells.
_ASKS = re.compile(
    rf"{_GREETED}(?:(?:and|but|so|also|then|plus|please|yes|no)\b\W*)*"
    r"(?:what|whats|which|who|whos|where|wheres|when|whens|why|how|hows|is|are|was|were|do|does|did|can|could|will|would"
    r"|should|may|might|must|has|have|am|isn'?t|aren'?t|don'?t|doesn'?t|can'?t|won'?t|tell|show|give|explain"
    r"|i(?:'?d| would) like|(?:i )?(?:want|need)|i(?:'?m| am) (?:looking|trying)|(?:i )?tr(?:y|ied|ying) to"
    r"|i was wondering|looking for|help|i (?:don'?t|do not) (?:know|understand)|i(?: ha)?ve (?:got )?to|looks like"
    r"|there(?:'s| is| are))\b",
    re.I,
)
_HAS_VERB = re.compile(
    r"\b(?:is|are|was|were|am|do|does|did|can|could|will|would|should|may|might|must|has|have|had|isn'?t|aren'?t|don'?t"
    r"|doesn'?t|can'?t|won'?t|didn'?t|what'?s|how'?s|where'?s|who'?s|it'?s|that'?s|there'?s|i'?m|i'?ve|i'?d|i'?ll"
    r"|you'?re|we'?re|they'?re|tell|show|give|explain|need|want|looking)\b|\b(?:i|you|u|we|they|he|she) [a-z]{3,}",
    re.I,
)
_PIECE = re.compile(
    r"\W*(?:in|on|at|to|for|from|by|with|without|via|after|before|during|until|within|over|under|inside|outside"
    r"|the|my|our|any|not|how (?!to\b)\w+)\b",
    re.I,
)
# With one name in it: "what is the warranty", "can I cancel", "is express included" are about something.
_OF_SOMETHING = re.compile(
    r"\b(?:i|you|u|we|they|to)\s+[a-z-]{4,}\W*$|\bthe\s+[a-z-]{4,}"
    r"|\b(?:ok(?:ay)?|fine|enough|required|needed|necessary|allowed|included|covered|accepted|possible)\W*$",
    re.I,
)
# "does that matter?": whatever else the message says, it is about what was asked before.
_ON_TOP = re.compile(
    r"\b(?:does|do|would|will|is|can|could|did)\s+(?:that|this|it)\s+(?:still\s+|also\s+|even\s+)?"
    r"(?:matter|count|apply|change|affect|ok(?:ay)?|possible|allowed|a problem)\b(?! (?:to|if))",
    re.I,
)
_ASKS_ZH = re.compile(r"[？?吗呢么怎几哪谁]|什么|多少|多久|多长|能不能|可不可以|有没有|是不是")
_POINTS_ZH = re.compile(
    r"它|他们|这个|那个|这些|那些|这款|那款|这种|那种|这样|那样|这双|那双|那里|那边|刚才|其他|其它|别的"
)
_OPENS_TOPIC_ZH = re.compile(r"\W*(?:请问|你好|您好|你们|我想|想|有|能|可以|怎么|如何|会|是否)")


def changes_thing(text: str) -> bool:
    """Whether a message goes on with another thing than the one just spoken of: "and the Gale?"."""
    return _TO_ANOTHER.match(text) is not None


def leans(text: str, known: Set[str], asked_back: bool = False) -> bool:
    """Whether a message needs what was said before, which names what is `known`.

    `asked_back` says that the desk had just asked back, so that a few words are the answer.
    """
    if len(text) > LETTER:
        return False
    if detect(text) == "zh":
        return _leans_zh(text, known, asked_back)
    named = names(text)
    if not named:
        return True
    new = len(named - known)
    unsaid = points(text)
    if _MOVES_ON.search(text) or _GREETS.match(text) or (new and _INTRODUCES.search(text) and not unsaid):
        return False
    asks = _ASKS.match(text) is not None
    if not asks and (_YES_NO.match(text) or (asked_back and new <= 5)):
        return True
    if unsaid or _ON_TOP.search(text):
        return new <= 6
    if _WHAT_ABOUT.match(text):
        return new <= 5
    if _GOES_ON.match(text):  # with a question of its own in it the topic has changed
        return new <= (1 if asks or _IF_THEN.match(text) else 2 if _BOUGHT.search(text) else 4)
    return not new or _says_too_little(text, len(named), new, asks)


def _says_too_little(text: str, named: int, new: int, asks: bool) -> bool:
    if not _HAS_VERB.search(text):
        return named == 1 or (_PIECE.match(text) is not None and new <= 3)
    if asks:
        return named == 1 and _OF_SOMETHING.search(text) is not None
    return new <= 2 and _OWN_STORY.match(text) is None


def _leans_zh(text: str, known: Set[str], asked_back: bool) -> bool:
    """As `leans`. Chinese leaves out what is understood, so that up to two words (four characters) may lean."""
    found = runs(text)
    length = sum(map(len, found))
    if _MOVES_ON.search(text):
        return length < 2
    if length < 4 or names(text) <= known or _YES_NO.match(text):
        return True
    if asked_back and length <= 12 and not _ASKS_ZH.search(text):
        return True
    if _POINTS_ZH.search(text) or _GOES_ON.match(text):
        return length <= 8
    return length == 4 and max(map(len, found)) == 2 and not _OPENS_TOPIC_ZH.match(text)
