"""Answer, decline or hand over: pure functions from what was said and found to what the desk does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.messages import Turn
from bot.statements import Statement
from knowledge.languages import detect
from retrieval.lexical import STOPWORDS, units

ENOUGH_CONFIDENCE = 0.5
REPEATED = 0.7  # a statement that the last reply already made counts this much
SAME_SECTION = 0.9  # one that stands beside it, this much

_GREETING = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|hiya)(?: there)?[\s!.,~]*"
    r"|(?:您好|你好|嗨|在吗)[\s!！。，？?]*",
    re.I,
)
_THANKS = re.compile(
    r"(?:ok(?:ay)?,? |great,? |perfect,? )?(?:thanks?|thank you|cheers|ta)"
    r"(?:,? (?:a lot|so much|very much|again|for [^?？.,;!]{1,40}))?[\s!.]*"
    r"|(?:ok(?:ay)?|great|perfect|good|got it|alright)[\s!.]*"
    r"|(?:好的?|行|明白了?)?[，,]?(?:多?谢谢?您?你?|感谢)[\s!。！]*|(?:好的?|行|明白了?)[\s!。！]*",
    re.I,
)
_GOODBYE = re.compile(r"(?:bye|goodbye|see you|bye bye|再见|拜拜)[\s!.！。]*", re.I)
_SOMEONE = (
    "(?:person|human|agent|someone|somebody|staff|representative|rep|advisor|adviser|manager|supervisor|operator"
    "|colleague|team)"
)
_PERSON = re.compile(
    rf"\b(?:talk|speak|chat|connect|transfer|put) (?:me )?(?:through )?(?:to|with) (?:a |an |some|the |your )?"
    rf"(?:real |live |actual |human )?(?:{_SOMEONE}|one|body)\b"
    rf"|\b(?:real|actual) (?:person|human)\b|\blive (?:person|human|agent)\b(?! \w)"
    rf"|\b(?:need|want|like|get me|give me) (?:a|an|to see a) (?:real |live )?{_SOMEONE}\b"
    rf"|^\W*(?:a )?(?:real |live )?{_SOMEONE}(?:,? please)?\W*$|^\W*customer service(?: please)?\W*$"
    r"|\b(?:to|with|contact|reach) customer service\b"
    r"|转人工|人工(?:客服|服务|$)|(?:要|找|有)(?:个)?人工(?![造智制缝])|真人|(?:转(?:接)?|找|联系)客服",
    re.I,
)
_YES = re.compile(
    r"(?:(?:yes|yeah|yep|sure|ok(?:ay)?)(?:,? (?:please|thanks|thank you|i would|do|do that|thing))?|please(?: do)?"
    r"|好的?|是的?|可以|要|嗯|行)[，,]?(?:谢谢)?[\s!.！。]*",
    re.I,
)
_FOLLOWS = re.compile(
    r"^\W*(?:and|but|so|also|then|what about|how about|same for|why\W*$|really\W*$)\b|^(?:那|还有|另外|呢)",
    re.I,
)
_REFERS = re.compile(
    r"\b(?:(?<!is )(?<!possible )it|that|they|them|those|these|ones|(?:the|that|this|which) one(?!-)"
    r"|this(?! (?:week|weekend|month|year|season|winter|summer|autumn|spring|christmas)))\b"
    r"|它|这个|那个|这些|那些|这款|那款",
    re.I,
)


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
    says_little = not content or (len(content) == 1 and len(text.split()) > 2)  # "how long?", but not "Delivery?"
    return bool(_FOLLOWS.match(text)) or says_little or (len(content) <= few and bool(_REFERS.search(text)))


def reranked(ranked: Sequence[Statement], last: Turn | None) -> list[Statement]:
    """The statements with those that the last reply made put back, and a little those of its sections."""
    said = last.reply.text if last is not None and last.reply is not None else ""
    repeated = {(s.passage, s.order) for s in ranked if s.text.rstrip(".。") in said}
    sections = {(s.passage, s.heading) for s in ranked if (s.passage, s.order) in repeated}
    scored = [
        replace(s, score=s.score * REPEATED) if (s.passage, s.order) in repeated
        else replace(s, score=s.score * SAME_SECTION) if (s.passage, s.heading) in sections
        else s
        for s in ranked
    ]  # fmt: skip
    return sorted(scored, key=lambda s: -s.score)


def confidence(ranked: Sequence[Statement]) -> float:
    """How sure the desk is that the best statement answers, in [0, 1]; below ENOUGH_CONFIDENCE it declines."""
    if not ranked:
        return 0.0
    best = ranked[0]
    return min(1.0, max(0.0, 0.6 * best.score + 0.4 * best.coverage))
