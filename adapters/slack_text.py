"""Text on its way to Slack and from it: what pings nobody, what fits, and the blocks of a reply."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bot.messages import Source

LONGEST_MARKDOWN = 12_000  # characters of the markdown of one message
LONGEST_SECTION = 3_000  # of one text object
MOST_SOURCES = 8  # of the ten elements of a context block
_NOBODY = "\u200b"  # between "<" and "!channel", "@" and "here": it reads the same, and calls nobody
_CALLS = re.compile(r"(?<=<)(?=[!@#])|(?<=@)(?=(?:channel|here|everyone)\b)", re.I)
_REFERENCE = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")

Block = dict[str, Any]


def harmless(markdown: str) -> str:
    """Markdown in which `<!channel>`, `<@U1>`, `@here` and the like are words and call nobody."""
    return _CALLS.sub(_NOBODY, markdown)


def escaped(text: str) -> str:
    """Text for a `mrkdwn` object: nothing in it is a mention or a link."""
    return html.escape(_CALLS.sub(_NOBODY, text), quote=False)


def plain(text: str) -> str:
    """What a person typed into Slack, as they saw it: links and mentions spelled out, entities decoded."""
    return html.unescape(_REFERENCE.sub(_spelled, text)).strip()


def _spelled(found: re.Match[str]) -> str:
    sign, target, label = found.groups()
    if not sign:
        return target.removeprefix("mailto:") if not label or label in target else f"{label} ({target})"
    mark = "@" if sign == "!" else sign
    return label if label and label.startswith(mark) else mark + (label or target.partition("^")[0])


def parts(markdown: str, longest: int = LONGEST_MARKDOWN) -> list[str]:
    """The text in pieces that fit: cut between paragraphs, a paragraph that is too long between lines or words."""
    pieces: list[str] = []
    for paragraph in _fitting(markdown, longest):
        if pieces and len(pieces[-1]) + len(paragraph) <= longest:
            pieces[-1] += paragraph
        else:
            pieces.append(paragraph)
    return [piece.strip() for piece in pieces if piece.strip()]


def _fitting(markdown: str, longest: int) -> Iterator[str]:
    for paragraph in re.split(r"(?<=\n)(?=\n)|(?<=\n\n)", markdown):
        while len(paragraph) > longest:
            room = paragraph[:longest]
            end = next((at + 1 for mark in ("\n", "。", " ") if (at := room.rfind(mark)) > longest // 2), longest)
            yield paragraph[:end]
            paragraph = paragraph[end:]
        yield paragraph


def short(text: str, longest: int = LONGEST_SECTION) -> str:
    """The text, cut with an ellipsis where it is too long for one block."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def section(text: str) -> Block:
    """A block of `mrkdwn`, which must be escaped already."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": short(text)}}


def sources_block(sources: Sequence[Source]) -> list[Block]:
    """What a reply rests on, one line a source, linked where its document is a web page; nothing for none."""
    lines = [f"[{number}] {_source(source)}" for number, source in enumerate(sources[:MOST_SOURCES], 1)]
    elements = [{"type": "mrkdwn", "text": short(line, 1_900)} for line in lines]
    return [{"type": "context", "elements": elements}] if elements else []


def _source(source: Source) -> str:
    where = escaped(" > ".join(dict.fromkeys((source.title, *source.heading[-1:]))))
    document = escaped(source.document)
    if re.match(r"https?://[^\s|<>]+$", source.document):
        return f"<{document}|{where}>: “{escaped(short(source.quote, 400))}”"
    return f"*{where}* ({document}): “{escaped(short(source.quote, 400))}”"


def feedback_block(turn: str) -> Block:
    """Thumbs under a reply; their value is the turn and the label."""
    good = {"text": {"type": "plain_text", "text": "Good answer"}, "value": f"{turn} up"}
    bad = {"text": {"type": "plain_text", "text": "Bad answer"}, "value": f"{turn} down"}
    buttons = {"type": "feedback_buttons", "action_id": "rate", "positive_button": good, "negative_button": bad}
    return {"type": "context_actions", "elements": [buttons]}


def button(text: str, action: str, value: str, style: str = "") -> Block:
    """A button; `style` is "primary" or "danger"."""
    made = {"type": "button", "text": {"type": "plain_text", "text": text}, "action_id": action, "value": value}
    return {**made, "style": style} if style else made


def modal(callback: str, title: str, label: str, *, metadata: str, initial: str = "", note: str = "") -> Block:
    """A window with one text to write; its value is at `values["text"]["text"]["value"]` of the view's state."""
    element: Block = {"type": "plain_text_input", "action_id": "text", "multiline": True, "max_length": 3000}
    if initial:
        element["initial_value"] = short(initial)
    asked = {"type": "input", "block_id": "text", "element": element, "label": {"type": "plain_text", "text": label}}
    return {
        "type": "modal",
        "callback_id": callback,
        "private_metadata": metadata,
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Send"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [*([section(note)] if note else []), asked],
    }
