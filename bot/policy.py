"""Answer, decline or hand over: pure functions from what was said and found to what the desk does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.evidence import Statement
from bot.messages import Turn
from knowledge.languages import detect
from retrieval.lexical import STOPWORDS, units

ENOUGH_CONFIDENCE = 0.5
REPEATED = 0.8  # a statement that the last reply already made counts this much

_GREETING = re.compile(r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|hiya|您?你?好|嗨|在吗)(?: there)?[\s!.,~！。，？?]*", re.I)
_THANKS = re.compile(
    r"(?:ok(?:ay)?,? |great,? |perfect,? )?(?:thanks?|thank you|cheers|ta)(?: (?:a lot|so much|very much|again|for .{1,40}))?[\s!.]*"
    r"|(?:好的?，?)?(?:多?谢谢?您?你?|感谢)[\s!。！]*",
    re.I,
)
_GOODBYE = re.compile(r"(?:bye|goodbye|see you|bye bye|再见|拜拜)[\s!.！。]*", re.I)
_PERSON = re.compile(
    r"\b(?:talk|speak|chat|connect|transfer|put) (?:me )?(?:through )?(?:to|with) (?:a |an |some|the |your )?"
    r"(?:real |live |actual |human )?(?:person|human|agent|someone|somebody|staff|representative|rep|advisor|team|colleague)"
    r"|\b(?:real|actual|live) (?:person|human)\b|\bcustomer service(?: please)?$|\bneed a (?:person|human)\b"
    r"|人工|真人|转(?:接)?客服",
    re.I,
)
_YES = re.compile(r"(?:yes|yeah|yep|sure|please|yes please|ok|okay|please do|好的?|是的?|可以|要|嗯)[\s!.！。]*", re.I)
_FOLLOWS = re.compile(
    r"^\W*(?:and|but|so|also|then|what about|how about|what if|ok(?:ay)?|or|why|really|same for|那|还有|另外|如果|呢)(?:\b|(?<=[\u4e00-\u9fff]))",
    re.I,
)
_REFERS = re.compile(r"\b(?:it|that|this|they|them|those|these|there|one|ones)\b|它|这个|那个|这些|那些|这款|那款", re.I)


def small_talk(text: str) -> str | None:
    """Which of "greeting", "thanks" and "goodbye" the whole message is, if any."""
    kinds = (("greeting", _GREETING), ("thanks", _THANKS), ("goodbye", _GOODBYE))
    return next((kind for kind, pattern in kinds if pattern.fullmatch(text.strip())), None)


def wants_person(text: str, last: Turn | None) -> bool:
    """Whether the shopper asks for a person, or accepts the one that the last reply offered."""
    offered = last is not None and last.reply is not None and last.reply.outcome == "decline"
    return bool(_PERSON.search(text)) or (offered and bool(_YES.fullmatch(text.strip())))


def standalone(text: str, earlier: Sequence[Turn]) -> str:
    """The question with what it leans on: a follow-up gets the questions before it, the latest first.

    A message leans when it starts like one ("and ...", "what about ...") or points back ("it", "that one") without
    saying much itself. A message that stands by itself is returned as it is: the topic may have changed.
    """
    parts = [text]
    for turn in reversed(earlier[-3:]):
        if not _leans(parts[-1]):
            break
        if turn.reply is not None and small_talk(turn.question) is None:
            parts.append(turn.question)
    return "\n".join(parts)


def _leans(text: str) -> bool:
    content = [word for word in units(text) if word not in STOPWORDS]
    few = 8 if detect(text) == "zh" else 4
    return bool(_FOLLOWS.match(text)) or len(content) <= 1 or (len(content) <= few and bool(_REFERS.search(text)))


def reranked(ranked: Sequence[Statement], last: Turn | None) -> list[Statement]:
    """The statements with those that the last reply already made put back."""
    said = last.reply.text if last is not None and last.reply is not None else ""
    scored = [replace(s, score=s.score * REPEATED) if s.text.rstrip(".。") in said else s for s in ranked]
    return sorted(scored, key=lambda s: -s.score)


def confidence(ranked: Sequence[Statement]) -> float:
    """How sure the desk is that the best statement answers, in [0, 1]; below ENOUGH_CONFIDENCE it declines."""
    if not ranked:
        return 0.0
    best = ranked[0]
    return min(1.0, max(0.0, 0.6 * best.score + 0.4 * best.coverage))
