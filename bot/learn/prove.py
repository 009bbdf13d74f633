"""How good the house generator is, on shops that nothing was trained on, beside the composer.

Each question goes through the desk's own search and ranking, and all that write read the same statements. Right are the
curriculum's own reply and evidence; a share has Wilson's interval, F1 the bootstrap's.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from bot import policy, ranking
from bot.evaluation.answers import token_f1
from bot.evaluation.intervals import bootstrap, wilson
from bot.evidence import gate
from bot.generation.composer import STATEMENTS, compose
from bot.generation.house import MOST_STATEMENTS, NOT_FOUND
from bot.learn.pairs import states
from bot.learn.ranking import PASSAGES, Shops, opened
from bot.ranking import Ranking, rank
from bot.statements import Statement
from bot.understanding.expansion import other_words
from knowledge.sentences import split
from retrieval.embedders import Embedder
from retrieval.retriever import Retriever

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a shop as the generators get it; `right` are the places of the statements that answer it, among
    those that are given, and `reply` is the curriculum's, empty where its documents do not answer."""

    turns: tuple[str, ...]
    reply: str
    ranked: Ranking
    given: tuple[Statement, ...]
    right: frozenset[int]
    passages: tuple[str, ...]


class Said(NamedTuple):
    """A reply, the places of the statements that it says it rests on, and whether it declines."""

    text: str
    chosen: tuple[int, ...]
    declines: bool


class Share(NamedTuple):
    """A figure in [0, 1] with its 95 % interval, and over how many cases."""

    figure: float
    low: float
    high: float
    of: int

    def __str__(self) -> str:
        return f"{100 * self.figure:.1f} % ({100 * self.low:.0f} to {100 * self.high:.0f}, of {self.of})"


Writer = Callable[[Question], Said]


def questions(shops: Shops, embedder: Embedder, folder: Path, sample: int | None, seed: int = 0) -> list[Question]:
    """Questions of the shops, so many by lot; the indexes are made in `folder`, which is empty."""
    found = [
        asked for _, documents, retriever in opened(shops, embedder, folder) for asked in _of(documents, retriever)
    ]
    chosen = found if sample is None else random.Random(seed).sample(found, min(sample, len(found)))
    return [look() for look in chosen]


def _of(documents: Sequence[Mapping[str, Any]], retriever: Retriever) -> Iterator[Callable[[], Question]]:
    """A shop's questions, looked up only when they are called for."""
    for at, record in enumerate(documents):
        for entry in record["questions"]:
            yield partial(_asked, retriever, entry["turns"], entry["reply"], f"{at}.md", entry["evidence"])
        for entry in record["unanswerable"]:
            yield partial(_asked, retriever, [entry["question"]], "", "", ())


def _asked(retriever: Retriever, turns: Sequence[str], reply: str, document: str, evidence: Sequence[str]) -> Question:
    """A question through search and ranking, as the engine has them."""
    question = "\n".join(turns[::-1])
    rarity = retriever.corpus().lexical.rarity
    hits = retriever.search(question, PASSAGES, other=other_words(question, rarity))
    known = retriever.embedder.name == ranking.load_weights().embedder
    ranked = rank(question, hits, rarity, retriever.embedder.compared if known else None)
    given = ranked.statements[:MOST_STATEMENTS]
    right = frozenset(
        at
        for at, statement in enumerate(given)
        if hits[statement.passage].chunk.document == document and states(statement, evidence)
    )
    return Question(tuple(turns), reply, ranked, tuple(given), right, tuple(hit.chunk.context for hit in hits))


def composer(question: Question) -> Said:
    """The composer behind the desk's own bound: it picks the best statement, and what completes it."""
    return behind(lambda asked: Said(" ".join(compose(asked.ranked.statements)), (0,), declines=False))(question)


def writer(model: BaseChatModel) -> Writer:
    """A chat model that is given the statements, and decides by itself whether they answer."""

    def write(question: Question) -> Said:
        earlier = [HumanMessage(turn) for turn in question.turns[:-1]]
        asked = HumanMessage(question.turns[-1], additional_kwargs={STATEMENTS: question.given})
        said = model.invoke([*earlier, asked])
        chosen = tuple(said.response_metadata.get("statements", ()))
        return Said(str(said.text), chosen, declines=NOT_FOUND.rstrip(".") in str(said.text))

    return write


def behind(write: Writer, least: float = policy.ENOUGH_CONFIDENCE["en"]) -> Writer:
    """A writer that is asked only where the ranking is so sure that something answers, as in the engine."""
    declined = Said(NOT_FOUND, (), declines=True)
    return lambda question: write(question) if question.ranked.confidence >= least else declined


def remembered(write: Writer) -> Writer:
    """A writer that is asked once for each question."""
    said = dict[int, Said]()

    def write_once(question: Question) -> Said:
        if id(question) not in said:
            said[id(question)] = write(question)
        return said[id(question)]

    return write_once


def figures(asked: Sequence[Question], write: Writer) -> dict[str, Share]:
    """What a writer reaches. Where the right statement was not among the given, it is only measured whether it answers.

    "numbers right": of the replies to questions whose right reply has numbers that were given, those that have all of
    them. "unsupported": of the sentences of answers, those that the evidence gate would hold back.
    """
    said = [(question, write(question)) for question in asked]
    answerable = [(q, s) for q, s in said if q.reply]
    given = [(q, s) for q, s in answerable if q.right]
    spoken = [(q, s) for q, s in given if not s.declines]
    counted = [(q, s, wanted) for q, s in given if (wanted := _wanted(q))]
    sentences = [(q, text) for q, s in said if not s.declines for text in split(s.text)]
    return {
        "F1": _mean([token_f1(s.text, [q.reply]) if not s.declines else 0.0 for q, s in answerable]),
        "F1 where the statement was given": _mean(
            [0.0 if s.declines else token_f1(s.text, [q.reply]) for q, s in given]
        ),
        "numbers right": _share([not s.declines and wanted <= _numbers(s.text) for _, s, wanted in counted]),
        "numbers from nowhere": _share([not _numbers(s.text) <= _known(q) for q, s in said if _numbers(s.text)]),
        "right statement chosen": _share([bool(q.right.intersection(s.chosen[:1])) for q, s in spoken]),
        "unsupported sentences": _share([not gate.supported(text, q.passages) for q, text in sentences]),
        "rightly declined": _share([s.declines for q, s in said if not q.reply]),
        "over-refusal": _share([s.declines for q, s in answerable]),
        "over-refusal where the statement was given": _share([s.declines for q, s in given]),
    }


def better(asked: Sequence[Question], write: Writer, than: Writer) -> Share:
    """By how much more F1 a writer has than another over the answerable questions, paired."""
    right = [question for question in asked if question.reply]
    return _mean([_f1(write(question), question) - _f1(than(question), question) for question in right])


def _f1(said: Said, question: Question) -> float:
    return 0.0 if said.declines else token_f1(said.text, [question.reply])


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(text))


def _known(question: Question) -> set[str]:
    return _numbers(" ".join((*question.passages, *question.turns)))


def _wanted(question: Question) -> set[str]:
    """The numbers of the right reply that the right statements have."""
    return _numbers(question.reply) & _numbers(" ".join(question.given[at].whole for at in question.right))


def _share(values: Iterable[bool]) -> Share:
    found = list(values)
    return Share(sum(found) / len(found), *wilson(sum(found), len(found)), len(found)) if found else Share(0, 0, 1, 0)


def _mean(values: Sequence[float]) -> Share:
    return Share(sum(values) / len(values), *bootstrap(values), len(values)) if values else Share(0, 0, 1, 0)
