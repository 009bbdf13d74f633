"""A sentence as what it claims, and what of that stands where in the passages that are to support it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from bot.evidence.amounts import Value
from bot.evidence.clauses import Clause, absolutes, body, claiming_words, clauses
from bot.evidence.dates import DAY_WORDS, MONTH_WORDS
from bot.evidence.premises import Line, Pair, Premise, pairs
from bot.evidence.values import says, values
from bot.understanding.questions import content_words
from knowledge.languages import Language, detect
from retrieval.lexical import units

LOOKED_AT = 16  # lines, those that share most of the words: the others make no difference but to the time it takes
COPIED = 0.7  # a sentence with so much of its words in one statement says that statement, or a changed one
_OTHER_FORM = 0.3
_STEM = 5  # letters that two forms of a word share: "deliver", "delivery"
_COUNTED = frozenset(
    units("second minute hour day week month year night fortnight working business 天 日 周 年 月 小 时 个")
)
_NAME = re.compile(r"(?<=[a-z,;] )(?![A-Z]{1,4}s?\b)[A-Z][\w'’-]*")  # not TV, UK, ID: words for what is written out


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence as what it claims; `text`, `words` and the rest are without the courtesies in `sentence`."""

    sentence: str
    text: str
    language: Language
    words: frozenset[str]
    values: tuple[Value, ...]
    clauses: tuple[Clause, ...]
    pairs: frozenset[Pair]
    absolutes: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """Whether it claims nothing."""
        return not self.words and not self.values


@lru_cache(maxsize=512)
def claim(sentence: str) -> Claim:
    """What a sentence claims."""
    text = body(sentence)
    words = claiming_words(text)
    return Claim(sentence, text, detect(sentence), words, values(text), clauses(text), pairs(text), absolutes(text))


@dataclass(frozen=True)
class Coverage:
    """What of a claim stands where in the passages."""

    said: Claim
    premises: Sequence[Premise]

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of the passages."""
        return frozenset[str]().union(*(found.words for found in self.premises))

    @cached_property
    def lines(self) -> list[Line]:
        """The lines that share most of the claim's words, best first."""
        every = [line for found in self.premises for line in found.lines]
        shared = [len(self.wordy & line.words) for line in every]
        order = sorted(range(len(every)), key=lambda at: -shared[at])
        return [every[at] for at in order[:LOOKED_AT]]

    @cached_property
    def wordy(self) -> frozenset[str]:
        """The claim's words that are no numbers."""
        return frozenset(word for word in self.said.words if not word[0].isdigit())

    @cached_property
    def shares(self) -> list[float]:
        """For each line, the share of those words that it has."""
        return [len(self.wordy & line.words) / len(self.wordy) if self.wordy else 1.0 for line in self.lines]

    @cached_property
    def says(self) -> list[list[bool]]:
        """For each line, which of the claim's values it states."""
        return [[says(line.values, value) for value in self.said.values] for line in self.lines]

    @cached_property
    def at_best(self) -> int:
        """Which line is nearest: by its words, and a little by its values."""
        return max(range(len(self.lines)), key=lambda at: self.shares[at] + 0.3 * mean(self.says[at]))

    @property
    def best(self) -> Line:
        """The nearest line."""
        return self.lines[self.at_best]

    @cached_property
    def copied(self) -> list[Line]:
        """The lines with most of the claim's words, apart from its numbers and what they count."""
        words = self.wordy - _COUNTED or self.wordy
        return [line for line in self.lines if words and len(words & line.own) >= COPIED * len(words)]

    @cached_property
    def missing(self) -> frozenset[str]:
        """The claim's words that no passage has."""
        return self.said.words - self.words

    @cached_property
    def unknown(self) -> frozenset[str]:
        """Those of the missing words that are no other form of a word of the passages."""
        return _unknown(self.missing, self.words)

    def lack(self, word: str) -> float:
        """How far the passages lack a word: 1, or less where they have another form of it, or 0."""
        if word in self.words:
            return 0.0
        return 1.0 if _unknown(frozenset((word,)), self.words) else _OTHER_FORM

    @cached_property
    def unknown_names(self) -> list[str]:
        """The claim's names that no passage has: words with a capital that do not begin it."""
        names = (name for name in _NAME.findall(self.said.text) if name.lower() not in DAY_WORDS | MONTH_WORDS)
        return [name for name in names if (own := frozenset(content_words(name))) and own <= _unknown(own, self.words)]

    @cached_property
    def values_anywhere(self) -> float:
        """The share of the claim's values that are in the passages."""
        return mean([any(says(found.values, value) for found in self.premises) for value in self.said.values])

    @cached_property
    def values_beside(self) -> float:
        """The largest share of the values that stand beside one of the copied lines; 1 where there is none."""
        return max((self._near(line) for line in self.copied), default=1.0)

    @cached_property
    def values_near(self) -> float:
        """The largest share of the values that stand in one place."""
        return max(map(self._near, self.lines))

    def _near(self, line: Line) -> float:
        return mean([says(line.values_near, value) for value in self.said.values])

    @cached_property
    def rival(self) -> float:
        """How much more of the words stand with another value of the kind than with the value that the claim names."""
        most = 0.0
        for at, value in enumerate(self.said.values):
            own = max((share for share, said in zip(self.shares, self.says, strict=True) if said[at]), default=0.0)
            others = (
                share
                for share, said, line in zip(self.shares, self.says, self.lines, strict=True)
                if share > own and not said[at] and any(value.kind == that.kind for that in line.values)
            )
            most = max(most, max(others, default=own) - own)
        return most

    @cached_property
    def denial(self) -> float:
        """How alike a clause is to the nearest one of the passages, where one of them denies and the other affirms."""
        least = 4 if self.said.language == "zh" else 2  # words: in Chinese, characters and pairs of them
        most = 0.0
        for clause in self.said.clauses:
            near = {True: 0.0, False: 0.0}  # by whether it denies
            for other in (other for line in self.lines for other in line.clauses):
                shared = len(clause.words & other.words)
                if shared >= least and clause.supposes == other.supposes:
                    alike = shared / (max(len(clause.words), len(other.words)) + 0.5)
                    near[other.denies] = max(near[other.denies], alike)
            if near[not clause.denies] > near[clause.denies]:
                most = max(most, near[not clause.denies])
        return most

    @property
    def weakest_clause(self) -> float:
        """The share of its words that the best line has for it, of the clause that has least."""
        told = (clause.words for clause in self.said.clauses if len(clause.words) > 1)
        return min((most(words, self.lines, lambda line: line.words) for words in told), default=1.0)


def most(own: frozenset[str], lines: Sequence[Line], of: Callable[[Line], frozenset[str]]) -> float:
    """The largest share of the words that one of the lines has; 1 for no words."""
    return max(len(own & of(line)) for line in lines) / len(own) if own else 1.0


def mean(stated: Sequence[bool]) -> float:
    """The share of what is true; 1 for nothing."""
    return sum(stated) / len(stated) if stated else 1.0


def _unknown(words: frozenset[str], there: frozenset[str]) -> frozenset[str]:
    """Those of the words that are not there, in no form."""
    left = words - there
    if not left:
        return left
    stems = {word[:_STEM] for word in there}
    return frozenset(word for word in left if word[:_STEM] not in stems)
