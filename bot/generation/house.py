"""What the house generator reads and writes. It is small, so it gets the best statements one by one, not whole pages.

The prompt is the question, the numbered statements, the talk so far, the question again. What it writes begins with the
numbers of the statements that the reply rests on, so that it has chosen before its first word: "[2] [5] Yes, ...". A
number of 0 stands for none of them, and is followed by the sentence that declines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from bot.messages import Message
from bot.phrases import phrases
from bot.statements import Statement

MOST_STATEMENTS = 8
WORDS = 60  # of a statement
NONE = 0  # the number that stands for no statement
NOT_FOUND = phrases("en").not_found
# The question stands before the statements, so that each is read with it in mind, and again where the reply begins.
TEMPLATE = (
    "{%- set said = namespace(asked='', statements='') -%}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'user' -%}{%- set said.asked = message.content -%}"
    "{%- elif message.role == 'system' -%}{%- set said.statements = message.content -%}{%- endif -%}"
    "{%- endfor -%}"
    "{{- '[CLS] ' + said.asked + ' [SEP] ' + said.statements + ' [SEP]' -}}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'user' -%}{{- ' shopper: ' + message.content + ' [SEP]' -}}"
    "{%- elif message.role == 'assistant' -%}"
    "{{- ' desk:' -}}{%- generation -%}{{- ' ' + message.content + ' [SEP]' -}}{%- endgeneration -%}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- ' desk:' -}}{%- endif -%}"
)
_NUMBERS = re.compile(r"\s*((?:\[\s*\d\s*\]\s*)+)")


class Written(NamedTuple):
    """What the model wrote: the statements it rests on, counted from 0, and its words. None of them for a decline."""

    chosen: tuple[int, ...]
    text: str
    declines: bool


def line(heading: str, text: str) -> str:
    """A statement as the model reads it: behind its heading, cut where it is too long."""
    whole = f"{heading}: {text}" if heading else text
    return " ".join(whole.split()[:WORDS])


def lines(ranked: Sequence[Statement]) -> list[str]:
    """The best of the ranked statements as the model reads them."""
    return [line(s.subject or s.heading, s.whole) for s in ranked[:MOST_STATEMENTS]]


def numbered(said: Iterable[str]) -> str:
    """Lines behind their numbers, from 1."""
    return "\n".join(f"[{number}] {text}" for number, text in enumerate(said, 1))


def messages(
    question: str,
    history: Sequence[Message],
    said: Sequence[str],
    fits: Callable[[list[BaseMessage]], bool] = lambda whole: True,
) -> list[BaseMessage]:
    """The messages for the model, reduced until `fits` says so or only the question and one statement are left.

    The oldest turns leave first, then the statements of least rank, which are the last ones. Never the question.
    """
    said, turns = list(said), list(history)
    while True:
        talk = [HumanMessage(turn.text) if turn.role == "user" else AIMessage(turn.text) for turn in turns]
        whole: list[BaseMessage] = [SystemMessage(numbered(said)), *talk, HumanMessage(question)]
        if fits(whole) or (not turns and len(said) <= 1):
            return whole
        if turns:
            del turns[:2]
        else:
            said.pop()


def wanted(reply: str, chosen: Sequence[int]) -> str:
    """What the model is to write: the numbers of the statements, counted from 0, and the reply.

    A dash is an en dash: its tokenizer does not tell " - " from the hyphen of a word.
    """
    return " ".join([*(f"[{at + 1}]" for at in chosen), reply.replace(" - ", " – ").replace("—", "–")])


def declined() -> str:
    """What the model is to write where nothing answers."""
    return f"[{NONE}] {NOT_FOUND}"


def read(written: str) -> Written:
    """What the model's text means. A text without numbers rests on nothing that it named."""
    match = _NUMBERS.match(written)
    if match is None:
        return Written((), written.strip(), declines=False)
    numbers = [int(digit) for digit in re.findall(r"\d", match[1])]
    chosen = tuple(dict.fromkeys(number - 1 for number in numbers if number != NONE))
    return Written(chosen, written[match.end() :].strip(), declines=not chosen)
