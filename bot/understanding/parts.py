"""A message cut into the separate questions it asks: a pure function over words, for English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.understanding.leaning import leans
from bot.understanding.topics import names
from knowledge.languages import CJK, detect
from knowledge.sentences import split_paragraph

MOST = 3
LETTER = 1000  # characters; a message as long as that is not cut
SHORT, SHORT_ZH = 2, 4  # a part that names no more than this keeps the question before it as its context

_BE_OR_DO = "(?:is|are|was|were|do|does|did|can|could|will|would|should|may|must|has|have|am)(?:n'?t)?"
_SUBJECT = (
    "(?:i|you|u|ya|we|they|it|he|she|that|this|these|those|the|my|our|your|their|its|there|any|anyone|an?|some|all)"
)
_JOINS = r"\W*(?:(?:and|also|plus|but|then|so|or else|if so|if yes|if not|lastly|finally)\b[\s,]*)*"
_WH = (
    "(?:how (?:much|many|long|soon|far|often|quick|quickly|fast|big|heavy|old|tall|wide|late|early|to)"
    f"|(?:how|when|where|why|who|which|what)(?: {_BE_OR_DO}|'?s|'?re))"
)
# What a question opens with. A "which is" or "when I" goes on with the clause before it.
_ASKS = re.compile(
    rf"{_JOINS}(?:(?!am (?!i\b)|have (?!i|you|u|we|they)){_BE_OR_DO} {_SUBJECT}"
    rf"|(?!which(?: is| are| was| has|'?s)\b){_WH}"
    r"|what(?! (?:i|you|we|they|it|he|she)\b)|which(?! (?:i|you|we|they|it|is|are|was|has)\b)"
    r"|who (?:pays?|makes?|delivers?|covers?)|(?:how|why|when|where)\W*$)(?!\w)",
    re.I,
)
_ASKS_INSIDE = re.compile(
    rf"\b(?:(?!which ){_WH}"
    r"|(?:do|does|did|can|could|will|would|should|is|are|has|have) (?:i|you|u|we|they|it|there))\b",
    re.I,
)
# "and is VAT knocked off": only after another question, and not "and is very light".
_ASKS_TOO = re.compile(
    rf"\W*(?:and|also|plus)\s+{_BE_OR_DO}"
    r" (?!(?:very|too|not|also|so|still|only|really|quite|now|always|never|more)\b)\w",
    re.I,
)
_RELATIVE = re.compile(r"\b(?:that|which|who) (?:is|are|was|were|do|does|can|has|have)\b", re.I)
_GREETING = re.compile(
    r"\W*(?:(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening)|ok(?:ay)?|thanks|thank you)(?: there| all)?\b\W*)+",
    re.I,
)
_BREAK = re.compile(r"\s*[,;]\s*|\s+-+\s+|\s*[–—]\s*|\s+(?=(?:and|also|plus|but)\s)", re.I)
_WRAPPED = re.compile(r"(?<![.!?:;,\n])\n(?=[a-z])")  # a line that goes on in the next one
_LINK = re.compile(r"[\s,;–—-]*(?:(?:and|also|plus|but)\b[\s,;]*)*", re.I)
_SUBORDINATE = re.compile(
    rf"{_JOINS}(?:if|when|once|after|before|because|since|as|unless|although|for|with|in|on|at|to)\b", re.I
)
# Asks nothing more than the rest of the message does.
_COURTESY = re.compile(
    r"\W*(?:(?:and|so|but)\s+)?(?:(?:can|could|would) (?:you|u|someone|anyone) (?:please |pls |plz )?"
    r"(?:help|advise|assist|explain|check|confirm|tell me|let me know|look into (?:it|this|that))(?: me)?(?: out)?"
    r"|any (?:ideas?|help|advice|thoughts|clue)|do you (?:know|understand)"
    r"|(?:is|would|will) (?:that|this|it)(?: be)?(?: all)?"
    r" (?:ok(?:ay)?|possible|right|correct|true|allowed|fine|normal|so)"
    r"|right|correct|ok(?:ay)?|yes|no|eh|huh|you know|(?:you|anyone|anybody) there|how are you(?: doing)?"
    r"|how'?s it going|what(?:'?s| is)?"
    r" (?:now|then|up|wrong|happen(?:s|ed|ing)|going on|to do|do you think|(?:can|should|do|must) (?:i|we) do)"
    r"|why(?: is (?:that|this|it))?|how come|is there (?:a|any) way|is there anything (?:i|you|we) can do)"
    r"(?: (?:about|with|to|for) (?:it|this|that|me)| please| pls| thanks| here| now| then)*\W*",
    re.I,
)
_CLAUSE_ZH = re.compile(rf"(?:[^。！？!?；;，,\s]|\s+(?![{CJK}])|(?<![{CJK}])\s+)+[。！？!?；;，,]*")
_ASKS_ZH = re.compile(
    r"(?:[吗嗎呢么麼]|(?<![特分个區级告辨差识])[不没否](?:有)?)(?:\W|$)|[？?]|多少|(?<![好了这過过没前后十])[几幾](?!(?:天|年|个月|次)?[了前后])"
    r"|多[久长長大重]|[什怎]么|[什怎]麼|怎样|如何|哪|谁|誰|能不能|可不可以|是否|是不是|有没有|有沒有|会不会|會不會|要不要|行不行|为什么"
)
_COURTESY_ZH = re.compile(
    r"\W*(?:请问|那|这样|這樣)*(?:可以|行|好|是|对|對|能|可行|知道|明白|在|正常)?(?:吗|嗎|么|不|不行|呢)\W*"
    r"|\W*(?:请问|怎么办|怎麼辦|怎么回事|为什么|什么意思|怎么样)呢?\W*"
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a message, which asks or tells; `breath` numbers the sentence it is in."""

    text: str
    asks: bool
    breath: int


def asked_parts(text: str) -> list[str]:
    """The separate questions of a message, in order, 1 to 3; `[text]` where it asks one thing, or nothing.

    A part has lines, as a stand-alone question has: what is asked, then its context: the question before it, where
    it leans on that or was asked in the same breath, and what is told beside the questions.
    """
    chinese = detect(text) == "zh"
    pieces = list(_joined(_pieces_zh(text) if chinese else _pieces(text), _COURTESY_ZH if chinese else _COURTESY))
    asked = [piece for piece in pieces if piece.asks]
    if len(asked) < 2 or len(text) > LETTER:
        return [text]
    told = [piece.text for piece in pieces if not piece.asks and names(piece.text)]
    parts: list[list[str]] = []
    before: _Piece | None = None
    for piece in asked:
        context = [before.text] if before is not None and _needs(piece, before, chinese) else []
        if len(parts) == MOST:
            parts[-1][0] += f" {piece.text}"
        else:
            parts.append([piece.text, *context, *told])
        before = piece if before is None or names(piece.text) else before
    return ["\n".join(lines) for lines in parts]


def _needs(piece: _Piece, before: _Piece, chinese: bool) -> bool:
    few = len(names(piece.text)) <= (SHORT_ZH if chinese else SHORT)
    return (few and piece.breath == before.breath) or leans(piece.text, names(before.text))


def _joined(pieces: Iterator[_Piece], courtesy: re.Pattern[str]) -> Iterator[_Piece]:
    """The pieces, a courtesy ("is that OK?") with the piece before it."""
    held: _Piece | None = None
    for piece in pieces:
        if held is not None and courtesy.fullmatch(piece.text):
            held = replace(held, text=f"{held.text} {piece.text}")
        else:
            if held is not None:
                yield held
            held = replace(piece, asks=piece.asks and not courtesy.fullmatch(piece.text))
    if held is not None:
        yield held


def _pieces(text: str) -> Iterator[_Piece]:
    lines = _WRAPPED.sub(" ", text).split("\n")
    sentences = (sentence for line in lines for sentence in split_paragraph(line))
    named = False
    for breath, sentence in enumerate(sentences):
        for part, asks in _cut(_GREETING.sub("", sentence, count=1) if _GREETING.match(sentence) else sentence, named):
            named = named or bool(names(part))
            yield _Piece(part, asks, breath)


def _asks(part: str) -> bool:
    return part.endswith("?") or _ASKS.match(part) is not None or _ASKS_INSIDE.search(part) is not None


def _cut(sentence: str, named: bool) -> Iterator[tuple[str, bool]]:
    """A sentence cut before each question that follows another one, or something told.

    `named` says that the message has named something before: then a question may name nothing ("how much").
    """
    start, asks = 0, False
    for gap in _BREAK.finditer(sentence):
        held, rest = sentence[start : gap.start()], sentence[gap.end() :]
        asks = asks or _asks(held)
        says = bool(names(held)) or (named and asks and len(held.split()) > 1)
        waits = _SUBORDINATE.match(held) is not None and not asks  # "if it does not fit, ..."
        follows = asks and _ASKS_TOO.match(rest) is not None and _RELATIVE.search(held) is None
        if says and not waits and held.count("(") <= held.count(")") and (follows or _ASKS.match(rest)):
            yield _bare(held), asks
            start, asks, named = gap.end(), follows, True
    if rest := _bare(sentence[start:]):
        yield rest, asks or _asks(rest)


def _bare(part: str) -> str:
    return _LINK.sub("", part, count=1).strip()


def _pieces_zh(text: str) -> Iterator[_Piece]:
    breath = 0
    for clause in _CLAUSE_ZH.finditer(text):
        part = clause[0].strip()
        if part:
            yield _Piece(part.rstrip("，,；;"), _ASKS_ZH.search(part) is not None, breath)
        breath += part.endswith(("。", "！", "？", "!", "?"))
