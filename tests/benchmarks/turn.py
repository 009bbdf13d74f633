"""A turn without its models: how long everything around them takes, and whether a long conversation costs more.

    python -m tests.benchmarks turn

The engine over the demo shop's index, with a chat model that at once streams the best statement it was given, word by
word, and an embedder that hashes words; the time inside the two is subtracted. Everything else is real: search,
evidence, prompt, checks, and the turn on the disk. Then 1,000 turns in one conversation: the first twenty of them
beside the last twenty, which ask the same, and the size of the store beside that of the questions and replies.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from numpy.typing import NDArray

from bot.conversations import FILE, Conversations
from bot.engine import Engine, joined
from bot.generation.composer import STATEMENTS
from bot.generation.transformers_chat import StreamedChatModel
from bot.messages import Reply
from bot.settings import load_settings
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.benchmarks.desk import DEMO
from tests.benchmarks.measuring import Report, options, ratio
from tests.benchmarks.memory import QUESTIONS
from tests.fakes import HashEmbedder


class Meter:
    """Seconds spent inside the models."""

    seconds = 0.0


METER = Meter()


class MeteredEmbedder(HashEmbedder):
    """A HashEmbedder that remembers its vectors, and whose time is counted."""

    languages: frozenset[str] | None = None

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        began = time.perf_counter()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, super().embed(new), strict=True))
        rows = np.array([self._known[text] for text in texts], np.float32).reshape(len(texts), self.dimensions)
        METER.seconds += time.perf_counter() - began
        return rows


class InstantChatModel(StreamedChatModel):
    """Streams the best statement, word by word; the time to make the words is counted."""

    @property
    def _llm_type(self) -> str:
        return "instant"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        began = time.perf_counter()
        statement = messages[-1].additional_kwargs[STATEMENTS][0]
        chunks = [ChatGenerationChunk(message=AIMessageChunk(content=f"{word} ")) for word in statement.quote.split()]
        METER.seconds += time.perf_counter() - began
        yield from chunks


def main() -> None:
    given = options(__doc__)
    report = Report("turn", given.scale)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        embedder, snapshots = MeteredEmbedder(), Snapshots(home / "index")
        update([DEMO], snapshots, embedder)
        with Conversations(home / FILE) as store:
            retriever = Retriever(snapshots=snapshots, embedder=embedder)
            engine = Engine(retriever, InstantChatModel(), store, load_settings(home=home))
            measure_short(engine, report)
            measure_long(engine, max(40, int(1000 * given.scale)), report)
    report.show()


def measure_short(engine: Engine, report: Report) -> None:
    """Conversations of four turns."""
    outcomes: list[str] = []
    taken: list[float] = []
    for round_ in range(11):
        for start in range(0, len(QUESTIONS), 4):
            conversation = engine.start("terminal")
            for question in QUESTIONS[start : start + 4]:
                spent, reply = turn(engine, conversation, question)
                if round_:  # the first one warms up
                    taken.append(spent)
                    outcomes.append(reply.outcome)
    report.add("turn without models, p50", 1e3 * median(taken), "ms", at_most=5)
    report.add("turn without models, p95", 1e3 * quantiles(taken, n=20)[-1], "ms")
    report.add("share of these turns that was answered", outcomes.count("answer") / len(outcomes))


def measure_long(engine: Engine, turns: int, report: Report) -> None:
    """One long conversation, in a store of its own."""
    path = engine.settings.home / "long" / FILE
    with Conversations(path) as store:
        engine = Engine(engine.retriever, engine.generator, store, engine.settings)
        conversation = engine.start("terminal")
        taken, text = [], 0
        for number in range(turns):
            question = QUESTIONS[number % len(QUESTIONS)]
            spent, reply = turn(engine, conversation, question)
            taken.append(spent)
            text += len(question.encode()) + len(reply.text.encode())
        assert len(engine.turns(conversation)) == turns
    once = len(QUESTIONS)
    late = ratio(taken[-once:], taken[:once])
    report.add(f"turns {turns - once + 1} to {turns} beside turns 1 to {once}", late, "x")
    size = sum(file.stat().st_size for file in path.parent.iterdir())
    report.add(f"bytes on disk for a byte of text, {turns:,} turns", size / text, "x")


def turn(engine: Engine, conversation: str, question: str) -> tuple[float, Reply]:
    """One turn, and its seconds outside of the models."""
    message = str(time.perf_counter_ns())
    before, began = METER.seconds, time.perf_counter()
    reply = joined(engine.reply(conversation, message, question))
    return time.perf_counter() - began - (METER.seconds - before), reply


if __name__ == "__main__":
    main()
