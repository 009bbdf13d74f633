"""The curriculum's questions with what the desk itself brings for them: whole shops are indexed and asked.

A generator that learnt from statements in an order by lot knows what answers; from these it learns what the desk's own
ranking gets wrong, and when none of what looks like an answer is one. For half of the questions the ranking goes by
words alone: the embedding model was trained on these shops, and is surer on them than it will ever be again.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bot.generation.composer import compose
from bot.generation.house import MOST_STATEMENTS, lines
from bot.learn.cases import Case
from bot.learn.pairs import states
from bot.learn.ranking import PASSAGES, Shops, opened
from bot.learn.replies import RIGHT, by_weight
from bot.messages import Message
from bot.ranking import Ranking, rank
from bot.understanding.expansion import other_words
from retrieval.embedders import Embedder
from retrieval.retriever import Hit, Retriever

BY_WORDS = 0.5  # the share of questions that are ranked by words alone
SAID = 2  # sentences of what the desk said before
_CASES = TypeAdapter(list[Case])


def kept_cases(file: Path, shops: Shops, embedder: Embedder, seed: int = 0) -> list[Case]:
    """The cases of the shops, from the file if it is there, else made, which takes minutes, and kept in it."""
    if not file.exists():
        with tempfile.TemporaryDirectory() as folder:
            found = list(ranked_cases(shops, embedder, Path(folder), random.Random(seed)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_suffix(".new").write_bytes(_CASES.dump_json(found))
        file.with_suffix(".new").replace(file)
    return _CASES.validate_json(file.read_bytes())


def ranked_cases(shops: Shops, embedder: Embedder, folder: Path, chance: random.Random) -> Iterator[Case]:
    """Every question of the shops, and the unanswerable ones; the indexes are made in `folder`, which is empty."""
    for _, documents, retriever in opened(shops, embedder, folder):
        for at, record in enumerate(documents):
            for asked in [*record["questions"], *map(_unanswerable, record["unanswerable"])]:
                yield _case(retriever, f"{at}.md", asked, chance.random() < BY_WORDS)


def _unanswerable(entry: dict[str, Any]) -> dict[str, Any]:
    return {"turns": [entry["question"]], "reply": "", "evidence": []}


def _case(retriever: Retriever, document: str, asked: dict[str, Any], by_words: bool) -> Case:
    turns, evidence = asked["turns"], asked["evidence"]
    hits, ranked = _looked_up(retriever, turns, by_words)
    given = lines(ranked.statements)
    right = [
        text
        for text, statement in zip(given, ranked.statements[:MOST_STATEMENTS], strict=True)
        if evidence and hits[statement.passage].chunk.document == document and states(statement, evidence)
    ]
    best = by_weight(dict.fromkeys(right), asked["reply"])[:RIGHT]
    others = tuple(text for text in dict.fromkeys(given) if text in best or text not in right)
    talk = tuple(_talk(retriever, turns, by_words))
    return Case(talk, asked["reply"], tuple(best), (), "desk", given=others)


def _talk(retriever: Retriever, turns: Sequence[str], by_words: bool) -> Iterator[Message]:
    """What was said up to the question, the desk's part as the composer would have it."""
    for number, turn in enumerate(turns[:-1], 1):
        yield Message("user", turn)
        said = compose(_looked_up(retriever, turns[:number], by_words)[1].statements)[:SAID]
        yield Message("assistant", " ".join(said))
    yield Message("user", turns[-1])


def _looked_up(retriever: Retriever, turns: Sequence[str], by_words: bool) -> tuple[list[Hit], Ranking]:
    question = "\n".join(turns[::-1])
    rarity = retriever.corpus().lexical.rarity
    hits = retriever.search(question, PASSAGES, other=other_words(question, rarity))
    return hits, rank(question, hits, rarity, None if by_words else retriever.embedder.compared)
