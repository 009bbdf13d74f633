"""What the passages say, sentence by sentence: which of it answers a question, and whether a sentence is supported.

A statement is a sentence, a list item, or a table row put into words, with the heading it stands under. How well it
answers is a weighted sum of the embedding's cosine to the question, the share of the question's words (by their
rarity) that it and its headings have, whether it has the kind of thing asked for (an amount, a length of time, ...),
its passage's own score, and a little for coming first under its heading, where writers put the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from knowledge.documents import Chunk
from knowledge.languages import detect, is_cjk
from knowledge.markdown import TABLE_RULE, Block, blocks
from knowledge.sentences import split
from retrieval.lexical import STOPWORDS, units
from retrieval.retriever import Hit

_BOLD_QUESTION = re.compile(r"^\s*\*{1,2}(?:\d+[.)]\s*)?([^*\n]+[?？])\*{1,2}\s*")
_ONLY_LINK = re.compile(r"\s*\[[^\]]*\]\([^)]*\)[\s.。]*")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"\*{1,3}|`|(?<![\w])_{1,2}|_{1,2}(?![\w])")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")

_MONEY = re.compile(r"[£$€¥]|\b(?:GBP|EUR|USD|free|pounds?)\b|免费|英镑|元", re.I)
_DURATION = re.compile(
    r"\b(?:minutes?|hours?|days?|weeks?|months?|years?|24 h|\d+\s*h)\b|\d\s*(?:分钟|小时|天|日|周|个月|年|个工作日)", re.I
)
_CLOCK = re.compile(r"\b\d{1,2}[:.]\d{2}\b|\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\b|\b\d{1,2}\s?[ap]m\b|周[一二三四五六日]", re.I)
_RULE = re.compile(
    r"\b(?:can|cannot|can't|may|must|not|never|no|yes|only|unless|except|always|fine|don't|doesn't|do|does|won't|will)\b"
    r"|不能|可以|不可|必须|只|除|不",
    re.I,
)
_ASKING = frozenset("much many long take takes need want know tell got use".split())  # ask, without saying about what
_BARE = re.compile(r"[\d.,½¼¾+–-]+")
_NUMERAL = re.compile(r"\d")
# What the question asks for, and what a statement that answers it has.
_ASKED: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (re.compile(r"\bhow much\b|\b(?:cost|costs|price|fee|charge|spend)\b|多少钱|运费|价格|费用", re.I), _MONEY),
    (re.compile(r"\bhow (?:long|soon|fast|quickly)\b|\bwhen (?:will|does|do)\b|多久|多长时间|几天|几年|有效期", re.I), _DURATION),
    (re.compile(r"\b(?:opening|open|close|hours|what time|which days)\b|几点|什么时候", re.I), _CLOCK),
    (re.compile(r"\bhow (?:many|big|heavy|warm|tall)\b|\bwhat (?:size|temperature)\b|多少|多大|几", re.I), _NUMERAL),
    (re.compile(r"^\W*(?:can|could|may|do|does|is|are|will|would|am)\b|吗|能不能|可不可以", re.I), _RULE),
)

COSINE, COVERAGE, KIND, PASSAGE, LEAD = 0.45, 0.3, 0.15, 0.2, 0.08
PRODUCT_SHARE = 0.85  # a product's facts count this much for a question about how the shop does things
_ABOUT_SHOP = re.compile(
    r"^\W*(?:how (?:do|can|should)|can i|could i|may i|am i|do you (?!have|sell|stock|do)|who|when|what if|what happens)\b", re.I
)
HEADING_SHARE = 0.7  # a word of the question that only the headings have counts this much


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing a passage says. `passage` and `order` say where; `quote` is its text as the document has it.

    `heading` is the question or heading right above it, `subject` the product it is about, if it is one's fact;
    a `row` of a table stands alone. `score` is how well it answers, about 0 to 1;
    `coverage` the share of the question's words that it, its headings and its passage have.
    """

    text: str
    quote: str
    heading: str
    passage: int
    order: int
    subject: str = ""
    row: bool = False
    score: float = 0.0
    coverage: float = 0.0


def plain(text: str) -> str:
    """Markdown as it is read: no emphasis, no code marks, links as their text."""
    return " ".join(_MARKS.sub("", _LINK.sub(r"\1", text)).split())


def statements(chunk: Chunk, passage: int = 0) -> list[Statement]:
    """What a passage says, in reading order."""
    heading = (chunk.heading or (chunk.title,))[-1]
    subject = chunk.title if "#" in chunk.document else ""
    found: list[Statement] = []
    local, header = heading, list[str]()

    def add(words: str, quote: str, row: bool = False) -> None:
        if words.strip(" .:"):
            found.append(Statement(words, quote, local, passage, len(found), subject, row))

    parts = blocks(chunk.text)
    for at, block in enumerate(parts):
        if block.kind == "row":
            if TABLE_RULE.fullmatch(block.text):
                continue
            cells = _cells(block)
            if at + 1 < len(parts) and parts[at + 1].kind == "row" and TABLE_RULE.fullmatch(parts[at + 1].text):
                header = cells
                continue
            add(_row_in_words(header, cells), block.text, row=True)
        elif block.kind == "heading":
            local = plain(block.text)
        else:
            body = block.text
            if asked := _BOLD_QUESTION.match(body):
                local, body = asked[1], body[asked.end() :]
            for sentence in split(body):
                if not _ONLY_LINK.fullmatch(sentence):
                    add(plain(sentence), sentence)
    return found


def _cells(row: Block) -> list[str]:
    return [plain(cell.strip()) for cell in row.text.strip().strip("|").split("|")]


def _row_in_words(header: list[str], cells: list[str]) -> str:
    """ "Standard: Royal Mail, £4.50, 2-4 working days"; a bare number gets its column's name: "Tents: 3 years"."""
    names = header if len(header) == len(cells) else [""] * len(cells)
    filled = [(name, cell) for name, cell in zip(names[1:], cells[1:], strict=True) if cell.strip("-–— ")]
    one = len(filled) == 1
    named = [_named(name, cell, one) if _BARE.fullmatch(cell) else cell for name, cell in filled]
    return ": ".join(part for part in (cells[0], ", ".join(named)) if part)


def _named(name: str, cell: str, one: bool) -> str:
    """A bare number with what its column counts: as a unit in a table of two columns, as a label in a wider one."""
    if not name:
        return cell
    lower = name[:1].lower() + name[1:] if name[1:2].islower() else name
    return f"{cell} {lower}" if one else f"{lower} {cell}"


def _words(text: str) -> list[str]:
    """Content words; for Chinese, characters and pairs of neighbouring ones, since either may be a word."""
    found = units(text)
    pairs = [a + b for a, b in pairwise(found) if is_cjk(a) and is_cjk(b) and not {a, b} & STOPWORDS]
    return [word for word in found if word not in STOPWORDS] + pairs


def answering(
    question: str,
    hits: Sequence[Hit],
    rarity: Callable[[str], float],
    embed: Callable[[Sequence[str]], NDArray[np.float32]] | None,
) -> list[Statement]:
    """Every statement of the hits, scored, best first. `embed` gives unit rows; None leaves the cosine out."""
    said = [statement for number, hit in enumerate(hits) for statement in statements(hit.chunk, number)]
    if not said:
        return []
    words = dict.fromkeys(_words(question))
    asked = {word: rarity(word) for word in words if word not in _ASKING} or dict.fromkeys(words, 1.0)
    total = sum(asked.values()) or 1.0
    cosines = _cosines(question, said, embed)
    kinds = [answer for ask, answer in _ASKED if ask.search(question)]
    weights = (COSINE if embed else 0.0) + COVERAGE + (KIND if kinds else 0.0) + PASSAGE + LEAD
    about_shop = _ABOUT_SHOP.match(question) is not None
    first: dict[tuple[int, str], int] = {}
    for statement in said:
        first.setdefault((statement.passage, statement.heading), statement.order)
    scored = []
    for statement, cosine in zip(said, cosines, strict=True):
        hit = hits[statement.passage]
        own = set(_words(statement.text))
        above = set(_words("\n".join((hit.chunk.title, *hit.chunk.heading, statement.heading))))
        around = set(_words(hit.chunk.text))
        near = sum(w * (1.0 if t in own else HEADING_SHARE if t in above else 0.0) for t, w in asked.items()) / total
        wide = sum(weight for term, weight in asked.items() if term in own | above | around) / total
        kind = sum(bool(answer.search(statement.text)) for answer in kinds) / len(kinds) if kinds else 0.0
        lead = 1.0 / (1 + statement.order - first[statement.passage, statement.heading])
        score = (COSINE * cosine + COVERAGE * near + KIND * kind + PASSAGE * hit.score + LEAD * lead) / weights
        if statement.subject and about_shop:
            score *= PRODUCT_SHARE
        scored.append(replace(statement, score=score, coverage=wide))
    return sorted(scored, key=lambda s: -s.score)


def _cosines(
    question: str, said: Sequence[Statement], embed: Callable[[Sequence[str]], NDArray[np.float32]] | None
) -> list[float]:
    if embed is None:
        return [0.0] * len(said)
    rows = embed([question, *(f"{s.heading}. {s.text}" for s in said)])
    return [float(max(cosine, 0.0)) for cosine in rows[1:] @ rows[0]]


def supported(sentence: str, passages: Sequence[str]) -> bool:
    """Whether a sentence may be released: its numbers are in the passages, and so are at least half of its words.

    A sentence without numbers and with fewer than four content words of its own ("Happy to help!") claims nothing.
    """
    text = " ".join(passages)
    if not set(_NUMBER.findall(sentence)) <= set(_NUMBER.findall(text)):
        return False
    own = _words(sentence)
    if len(own) < (8 if detect(sentence) == "zh" else 4):
        return True
    there = set(_words(text))
    return 2 * sum(word in there for word in own) >= len(own)


def origin(sentence: str, said: Sequence[Statement]) -> Statement | None:
    """The statement that a sentence rests on: the one that shares most of its words; None when none shares any."""
    own = set(units(sentence))
    best = max(said, key=lambda s: len(own & set(units(s.text))) / (1 + len(set(units(s.text)) - own) / 8), default=None)
    return best if best is not None and own & set(units(best.text)) else None
