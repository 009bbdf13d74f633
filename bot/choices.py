"""Whether a question leaves open which case it is about, and the choices to ask back with: a pure function."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.messages import Turn
from bot.statements import Statement
from bot.understanding.questions import answer_kinds
from bot.understanding.topics import names

MOST = 5
SHORT_CASES, SHORT_TEXT = 3, 200  # cases, characters: so little is said rather than asked about
NEAR = 0.9  # a case counts when it scores this share of the best statement
LOOKED_AT = 8  # the best statements; a table with half of them is what is asked about
LONGEST_LABEL = 40  # characters
_COLON = re.compile(r"(?<!\s)[:：](?!\d|//)\s*")  # not that of "14:00" or "15 g : 250 ml"
_LABEL = re.compile(rf"\s*(.{{2,120}}?){_COLON.pattern}(\S.*)", re.S)
_VALUE = re.compile(
    r"[£$€¥]\s?[\d.,]+|\d+(?:[.,–-]\d+)*\s*(?:%|[a-z]+|[年天日周月小时分钟镑英元折]+)?|\bfree\b|免费|不[能可]"
    r"|\b(?:yes|no|not|never)\b",
    re.I,
)
_ASKS_FOR_ALL = re.compile(
    r"\b(?:all|every|each|list|overview|options|choices|range|compared?|comparison|differences?|between|versus|vs|prices"
    r"|rates|sizes|cheapest|fastest|quickest|longest|shortest|best|most|least|minimum|maximum|lowest|highest|earliest"
    r"|latest|either|any|which|what kinds?)\b|哪|各|所有|全部|都有|一览|区别|最[便快长短早晚低高多少]",
    re.I,
)
_ASKS_DATE = re.compile(
    r"\b(?:when|dates?|deadline|(?:last|latest) (?:day|order|orders|posting))\b|何时|截止|日期|哪天|什么时候", re.I
)
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)? {_MONTH}|\b{_MONTH}[a-z]* \d|\d+\s*月\s*\d+\s*[日号]|\b\d{{4}}-\d\d-\d\d\b",
    re.I,
)
_CLOCK = re.compile(r"\b(?:open(?:ing)?|clos(?:e|ing)|hours|what time)\b|几点|营业", re.I)  # a week is told whole


@dataclass(frozen=True, slots=True)
class _Case:
    """One of several parallel things that the documents tell apart."""

    label: str
    text: str
    score: float


def underspecified(
    question: str, ranked: Sequence[Statement], last: Turn | None = None, documents: Sequence[str] = ()
) -> list[str] | None:
    """The 2 to 5 cases to choose from when the answer depends on which is meant and the question does not say.

    `ranked` is every statement that was found, the best first; `documents` are those of its passages. Cases are the
    rows of one table, the parallel points of one section ("Boots: 2 years"), or sections beside one another in one
    document ("Boots", "Tents"). None where the question names its case, asks for all of them, or is answered by
    any; where they fit into one short reply; for a product's facts; and right after a reply that asked back.
    """
    now = question.partition("\n")[0]
    asked_back = last is not None and last.reply is not None and last.reply.outcome == "clarify"
    if asked_back or not ranked or _ASKS_FOR_ALL.search(now) or _CLOCK.search(now) or re.search(r"\d", question):
        return None
    kinds = answer_kinds(now) or ([_DATE] if _ASKS_DATE.search(now) else [])
    cases = _parallel(question, ranked, kinds) or _beside(question, ranked, kinds, documents)
    cases = _told_apart([case for case in cases if _has(case.text, kinds)], question)
    if _is_short(cases) or len({_value(case.text, kinds) for case in cases}) < 2:
        return None
    scores: dict[str, float] = {}
    for case in cases:
        scores[_short(case.label)] = max(case.score, scores.get(_short(case.label), 0.0))
    chosen = sorted(scores, key=lambda label: -scores[label])[:MOST]
    return [label for label in scores if label in chosen] if len(chosen) > 1 else None


def _parallel(question: str, ranked: Sequence[Statement], kinds: Sequence[re.Pattern[str]]) -> list[_Case]:
    """The cases of the table or the list that answers best, in the document's order."""
    best = _best_case(ranked, kinds)
    if best is None:
        return []
    around = [s for s in ranked if s.passage == best.passage]
    if not names(question) <= names("\n".join(f"{s.heading}\n{s.text}" for s in around)):
        return []  # what nothing there speaks of is not one of its cases
    same = sorted((s for s in around if _group(s) == _group(best) and _is_case(s)), key=lambda s: s.order)
    return [_Case(_label(s), s.text, s.score) for s in same]


def _best_case(ranked: Sequence[Statement], kinds: Sequence[re.Pattern[str]]) -> Statement | None:
    """The best statement that is a case: where its table has most of what answers, or nothing answers better."""
    answering = [s for s in ranked if _has(s.text, kinds)][:LOOKED_AT]
    tables = Counter(_group(s) for s in answering if s.row and _is_case(s))
    if tables and 2 * max(tables.values()) >= len(answering) > SHORT_CASES:
        group = tables.most_common(1)[0][0]
        return next(s for s in answering if _group(s) == group)
    best = answering[0] if answering else None
    return best if best is not None and _is_case(best) and best.score >= NEAR * ranked[0].score else None


def _group(statement: Statement) -> tuple[int, str, bool]:
    return statement.passage, statement.heading, statement.row


def _is_case(statement: Statement) -> bool:
    return not statement.subject and _LABEL.match(statement.text) is not None


def _label(statement: Statement) -> str:
    """What a case is called; a row's first cell may have a colon of its own."""
    parts = _COLON.split(statement.text)
    whole = ": ".join(parts[:-1])
    return whole if statement.row and len(whole) <= LONGEST_LABEL else parts[0]


def _beside(
    question: str, ranked: Sequence[Statement], kinds: Sequence[re.Pattern[str]], documents: Sequence[str]
) -> list[_Case]:
    """The sections of one document that answer about as well as the best one, where their headings are cases."""
    best = ranked[0]
    if not kinds or not documents:
        return []
    found: dict[str, _Case] = {}
    for s in ranked:
        near = s.score >= NEAR * best.score and documents[s.passage] == documents[best.passage]
        if near and not s.subject and not s.row and _has(s.text, kinds):
            found.setdefault(s.heading, _Case(s.heading, s.text, s.score))
    named = [names(heading) for heading in found] + [names(question)]
    apart = all(not a & b for at, a in enumerate(named) for b in named[:at]) and all(named)
    return list(found.values()) if apart and not any(h.endswith(("?", "？")) for h in found) else []


def _told_apart(cases: Sequence[_Case], question: str) -> list[_Case]:
    """The cases that a question may mean: those with most of what it names, where not all of them have it."""
    asked = names(question)
    shared = [len(asked & names(case.text)) for case in cases]
    return [case for case, count in zip(cases, shared, strict=True) if count == max(shared)]


def _has(text: str, kinds: Sequence[re.Pattern[str]]) -> bool:
    return all(kind.search(_told(text)) for kind in kinds) if kinds else _VALUE.search(_told(text)) is not None


def _told(text: str) -> str:
    found = _LABEL.match(text)
    return found[2] if found else text


def _value(text: str, kinds: Sequence[re.Pattern[str]]) -> tuple[str, ...]:
    """What a case says, as far as it is asked for: amounts, lengths of time, dates."""
    found = [value.strip().lower() for value in _VALUE.findall(_told(text))]
    of_kind = [value for value in found if any(kind.search(value) for kind in kinds)]
    return tuple(of_kind or found)


def _is_short(cases: Sequence[_Case]) -> bool:
    return len(cases) <= 1 or (len(cases) <= SHORT_CASES and sum(len(case.text) for case in cases) <= SHORT_TEXT)


def _short(label: str) -> str:
    label = re.sub(r"\s*[(（][^)）]*[)）]", "", label).strip()
    if len(label) <= LONGEST_LABEL:
        return label
    cut = label[:LONGEST_LABEL]
    return (
        cut[: max(cut.rfind(","), cut.rfind("，"), cut.rfind("、"))]
        if re.search("[,，、]", cut)
        else cut.rsplit(" ", 1)[0]
    ) + " …"
