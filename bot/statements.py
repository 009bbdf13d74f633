"""What a passage says, as statements: its sentences, list items and table rows, each under its own heading."""

from __future__ import annotations

import re
from dataclasses import dataclass

from knowledge.documents import Chunk
from knowledge.languages import is_cjk
from knowledge.markdown import ITEM, TABLE_RULE, Block, blocks
from knowledge.sentences import split

_BOLD_QUESTION = re.compile(r"^\s*\*{1,2}(?:\d+[.)]\s*)?([^*\n]+[?？])\*{1,2}\s*")
# "**Where:** the whole of Austria", "**Where**: ...", "**Where.** ..."
_BOLD_LABEL = re.compile(r"^\s*\*{2}([^*\n.?!？]{2,60}?)(?:[.:：]\*{2}|\*{2}[.:：])\s*(?=\S)")
_ONLY_LINK = re.compile(r"\s*(?:[^\[\]:：.]{1,40}[:：]\s*)?\[[^\]]*\]\([^)]*\)[\s.。]*")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"\*{1,3}|`|(?<![\w])_{1,2}|_{1,2}(?![\w])")
_IN_CAPITALS = re.compile(r"[^\d.!。！]{4,60}\.?")
_AMOUNT = re.compile(r"[£$€¥]\s?[\d.,]+")
_BARE = re.compile(r"[\d.,½¼¾+–-]+")


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing a passage says. `passage` and `order` say where; `quote` is its text as the document has it.

    `heading` is the question or heading right above it, `lead` what leads into its list or table ("If it is faulty"),
    `subject` the product it is about, if it is one's fact; a `row` of a table stands alone. `score` is how likely it
    answers, in [0, 1].
    """

    text: str
    quote: str
    heading: str
    passage: int
    order: int
    subject: str = ""
    row: bool = False
    score: float = 0.0
    lead: str = ""

    @property
    def whole(self) -> str:
        """Its text behind what leads into it."""
        return led(self.lead, self.text)

    def at(self, passage: int) -> Statement:
        """The same statement of a passage at another place."""
        return self._with(passage, self.score)

    def scored(self, score: float) -> Statement:
        """The same statement with another score."""
        return self._with(self.passage, score)

    def _with(self, passage: int, score: float) -> Statement:  # a turn makes 200: `replace` would take it a millisecond
        return Statement(
            self.text, self.quote, self.heading, passage, self.order, self.subject, self.row, score, self.lead
        )


def led(lead: str, text: str) -> str:
    """A text behind what leads into it, in its language's manner."""
    if not lead:
        return text
    return f"{lead}：{text}" if is_cjk(lead[-1]) else f"{lead}: {text}"


def plain(text: str) -> str:
    """Markdown as it is read: no emphasis, no code marks, links as their text."""
    return " ".join(_MARKS.sub("", _LINK.sub(r"\1", text)).split())


def statements(chunk: Chunk, passage: int = 0) -> list[Statement]:
    """What a passage says, in reading order."""
    above = (chunk.heading or (chunk.title,))[-1]
    subject = chunk.title if "#" in chunk.document else ""
    found: list[Statement] = []
    local, header, lead = above, list[str](), ""

    def add(words: str, quote: str, row: bool = False) -> None:
        if words.strip(" .:"):
            leads = lead if row or block.kind == "item" else ""
            found.append(Statement(words, quote, local, passage, len(found), subject, row, lead=leads))

    parts = blocks(chunk.text)
    for at, block in enumerate(parts):
        if block.kind == "row":
            if TABLE_RULE.fullmatch(block.text):
                continue
            cells = _cells(block)
            if at + 1 < len(parts) and parts[at + 1].kind == "row" and TABLE_RULE.fullmatch(parts[at + 1].text):
                header = cells
                continue
            local = above
            add(_row_in_words(header, cells), block.text, row=True)
        elif block.kind == "heading":
            above, lead = plain(block.text), ""
        else:
            body = ITEM.sub("", block.text, count=1) if block.kind == "item" else block.text
            if asked := _BOLD_QUESTION.match(body):
                above, body = asked[1], body[asked.end() :]
            label = _BOLD_LABEL.match(body)
            local, body = (plain(label[1]), body[label.end() :]) if label else (above, body)
            sentences = split(body)
            for sentence in sentences:
                if _is_heading(sentence):
                    local = plain(sentence)
                elif not _ONLY_LINK.fullmatch(sentence):
                    add(plain(sentence), sentence)
            if block.kind != "item" and sentences and _is_heading(sentences[-1]):
                above = local
            if block.kind != "item":
                lead = plain(sentences[-1]).rstrip(" :：") if sentences and body.rstrip().endswith((":", "：")) else ""
    return found


def _is_heading(sentence: str) -> bool:
    """Whether a sentence only leads on to what follows: a question of the page's own, a line in capitals."""
    return sentence.endswith(("?", "？")) or (sentence.isupper() and _IN_CAPITALS.fullmatch(sentence) is not None)


def _cells(row: Block) -> list[str]:
    return [plain(cell.strip()) for cell in row.text.strip().strip("|").split("|")]


def _row_in_words(header: list[str], cells: list[str]) -> str:
    """ "Standard: Royal Mail, £4.50, 2-4 working days"; a bare number, or one of two prices, gets its
    column's name: "Tents: 3 years"."""
    names = header if len(header) == len(cells) else [""] * len(cells)
    filled = [(name, cell) for name, cell in zip(names[1:], cells[1:], strict=True) if cell.strip("-–— ")]
    amounts = sum(_AMOUNT.fullmatch(cell) is not None for _, cell in filled)
    named = [
        _named(name, cell, len(filled) == 1)
        if _BARE.fullmatch(cell) or (amounts > 1 and _AMOUNT.fullmatch(cell))
        else cell
        for name, cell in filled
    ]
    return ": ".join(part for part in (cells[0], ", ".join(named)) if part)


def _named(name: str, cell: str, one: bool) -> str:
    """A bare number with what its column counts: as a unit in a table of two columns, as a label in a wider one."""
    if not name:
        return cell
    lower = name[:1].lower() + name[1:] if name[1:2].islower() else name
    return f"{cell} {lower}" if one else f"{lower} {cell}"
