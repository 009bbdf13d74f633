"""A reply held against its case: pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import lru_cache

from bot.evaluation.suites import REGEX, Case
from bot.messages import Reply, Source
from bot.phrases import phrases
from knowledge.sentences import split

Checker = Callable[[str, Sequence[str]], bool]
"""Whether a sentence is supported by passages."""

_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "−": "-", "‑": "-"})
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reply has and lacks. The sources are None where the case does not ask for any."""

    expected: str
    outcome: str
    missing: tuple[tuple[str, ...], ...]
    forbidden: tuple[str, ...]
    source_first: bool | None
    source_any: bool | None
    first_source: str

    @property
    def correct(self) -> bool:
        """Whether the outcome is the expected one, everything that must be said is said, and nothing that must not."""
        return self.outcome == self.expected and not self.missing and not self.forbidden

    @property
    def failures(self) -> list[str]:
        """What is wrong, a few words each; a wrong first source is named, though the reply may be correct."""
        found = [] if self.outcome == self.expected else [f"{self.outcome}, not {self.expected}"]
        found += [f"lacks {' | '.join(group)}" for group in self.missing]
        found += [f"has {pattern}" for pattern in self.forbidden]
        if self.source_first is False:
            found.append(f"first source {self.first_source or 'none'}")
        return found


def judged(case: Case, reply: Reply) -> Verdict:
    """The verdict on a reply."""
    documents = [source.document for source in reply.sources]
    right = [document in case.gold_documents for document in documents]
    asks_source = case.expect == "answer" and bool(case.gold_documents)
    return Verdict(
        case.expect,
        reply.outcome,
        tuple(group for group in case.must if not any(says(reply.text, pattern) for pattern in group)),
        tuple(pattern for pattern in case.must_not if says(reply.text, pattern)),
        any(right[:1]) if asks_source else None,
        any(right) if asks_source else None,
        documents[0] if documents else "",
    )


def says(text: str, pattern: str) -> bool:
    """Whether a text has a pattern, in any case; its white space counts as single spaces.

    Typographic quotes and dashes also count as the plain ones.
    """
    folded = " ".join(text.split())
    plain = folded.translate(_PLAIN)
    if pattern.startswith(REGEX):
        return any(_compiled(pattern.removeprefix(REGEX)).search(form) for form in (folded, plain))
    wanted = " ".join(pattern.split()).casefold()
    return wanted in folded.casefold() or wanted.translate(_PLAIN) in plain.casefold()


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def claims(reply: Reply) -> list[str]:
    """The sentences of an answer that say something of the shop: all but the desk's own greetings and offers."""
    if reply.outcome != "answer":
        return []
    return [sentence for sentence in split(reply.text) if sentence not in _own_sentences()]


@lru_cache(maxsize=1)
def _own_sentences() -> frozenset[str]:
    """Every sentence of the desk's phrases that has no fields to fill."""
    said = [text for language in ("en", "zh") for text in asdict(phrases(language)).values()]
    return frozenset(sentence for text in said if "{" not in text for sentence in split(text))


def passages(sources: Sequence[Source]) -> list[str]:
    """What was cited, as it is indexed: the title and the headings, then the passage."""
    return ["\n".join((" > ".join((source.title, *source.heading)), source.passage)) for source in sources]


def stray_numbers(sentence: str, cited: Sequence[str]) -> bool:
    """Whether a sentence has a number that no passage has; 9, 9.00 and 1,000 are the numbers they mean."""
    return bool(_numbers(sentence) - frozenset[Decimal]().union(*map(_numbers, cited)))


def _numbers(text: str) -> frozenset[Decimal]:
    found = (_THOUSANDS.sub("", number).replace(",", ".") for number in _NUMBER.findall(text))
    parts = (piece for number in found for piece in ([number] if number.count(".") < 2 else number.split(".")))
    return frozenset(Decimal(piece) for piece in parts)
