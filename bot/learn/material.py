"""The file of examples as the learning loop reads it: every line checked, the first bad one named.

A line is what `shopdesk learn examples` writes (`bot.learn.examples`). Where a person corrected a reply, the line may
have `rejected`, the messages that were there before: they become a bad example of the same prompt and origin.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.errors import LearningError
from bot.learn.context import ChatMessage
from bot.learn.examples import Example

ROLES = ("system", "user", "assistant")
ADVICE = "write the file again with `shopdesk learn examples --out FILE`"


@dataclass(frozen=True, slots=True)
class Material:
    """The examples of a file, in its order, and the SHA-256 of the file in hexadecimal digits."""

    examples: tuple[Example, ...]
    sha256: str

    def split(self, name: str) -> list[Example]:
        """Those to train on, `train`, or those that no training sees, `held_out`."""
        return [example for example in self.examples if example.split == name]


def read_material(path: Path) -> Material:
    """The examples in a file. Raises LearningError where there is none, or a line of it is no example."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LearningError(f"{path}: cannot be read ({error.strerror}); {ADVICE}") from error
    if not content.strip():
        raise LearningError(f"{path}: no examples in it; {ADVICE}")
    found = [
        example
        for number, line in enumerate(content.split(b"\n"), 1)
        if line.strip()
        for example in _examples(line, f"{path}, line {number}")
    ]
    return Material(tuple(found), sha256(content).hexdigest())


def _examples(line: bytes, where: str) -> Iterator[Example]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LearningError(f"{where}: is not JSON; {ADVICE}") from error
    if not isinstance(record, dict) or not isinstance(record.get("origin"), dict):
        raise LearningError(f"{where}: is no example with an origin; {ADVICE}")
    if not isinstance(record.get("label"), bool) or record.get("split") not in ("train", "held_out"):
        raise LearningError(f"{where}: needs a label (true, false) and a split (train, held_out); {ADVICE}")
    for name in ("prompt", "completion", *(["rejected"] if record.get("rejected") else [])):
        if not _are_messages(record.get(name)):
            raise LearningError(f"{where}: {name} is no list of messages with role and content; {ADVICE}")
    if not _are_texts(record["origin"].get("statements", [])):
        raise LearningError(f"{where}: origin.statements is no list of texts; {ADVICE}")
    if record["prompt"][-1]["role"] != "user":
        raise LearningError(f"{where}: the prompt does not end with the shopper's message; {ADVICE}")
    prompt, split, origin = record["prompt"], record["split"], record["origin"]
    yield Example(prompt, record["completion"], record["label"], [], split, origin)
    if record.get("rejected"):
        yield Example(prompt, record["rejected"], False, [], split, origin)


def _are_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(
            isinstance(one, dict) and one.get("role") in ROLES and isinstance(one.get("content"), str) for one in value
        )
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def statements_of(example: Example) -> list[str]:
    """What the generator was given, the likeliest first; none where that is not known any more."""
    return list(example.origin.get("statements", ()))


def reply_of(example: Example) -> str:
    """What the desk, or a person at it, said."""
    return "\n".join(message["content"] for message in example.completion)


def asked_in(prompt: Sequence[ChatMessage]) -> str:
    """The message that is replied to."""
    return prompt[-1]["content"]
