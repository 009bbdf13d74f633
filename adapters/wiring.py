"""Wires the rooms together: settings in, an index, a retriever or a whole engine out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import GenerationError, KnowledgeError
from bot.settings import Settings
from knowledge.files import ReadOptions, load_options
from retrieval.embedders import SentenceEmbedder
from retrieval.snapshots import Snapshots

if TYPE_CHECKING:  # an ingest needs none of these, and their imports take longer than an update of one document
    from langchain_core.language_models import BaseChatModel

    from bot.approved import ApprovedAnswers
    from bot.conversations import Conversations
    from bot.engine import Engine
    from retrieval.embedders import Embedder
    from retrieval.retriever import Retriever
    from retrieval.update import UpdateReport

log = logging.getLogger(__name__)


def open_snapshots(settings: Settings) -> Snapshots:
    """The builds of the index that the settings name."""
    return Snapshots(settings.home / "indexes" / settings.knowledge)


def open_embedder(settings: Settings) -> SentenceEmbedder:
    """The embedding model; it is loaded when first used."""
    return SentenceEmbedder(settings.embedder, settings.home / "models")


def open_store(settings: Settings) -> Conversations:
    """The conversations; the home folder is made."""
    from bot.conversations import FILE, Conversations

    return Conversations(settings.home / FILE)


def open_retriever(settings: Settings) -> Retriever:
    """A retriever whose index is open. Raises NoSnapshot when nothing was ingested."""
    from retrieval.retriever import Retriever

    retriever = Retriever(snapshots=open_snapshots(settings), embedder=open_embedder(settings))
    retriever.corpus()
    return retriever


def open_generator(settings: Settings) -> BaseChatModel:
    """Who writes the reply: with the LoRA that was promoted, unless the settings name one.

    Raises GenerationError in one line for what is missing.
    """
    from bot.generation.generators import load_generator
    from bot.generation.swapping import learnt

    model = load_generator(settings.generator, lora=settings.lora, max_new_tokens=settings.max_new_tokens)
    return learnt(model, settings.home) if settings.lora is None else model


@contextmanager
def open_engine(
    settings: Settings, today: Callable[[], date] = date.today, *, stand_in: bool = True
) -> Iterator[Engine]:
    """The whole desk, ready to answer; its store is closed at the end. `today` is the day that it answers on.

    The composer stands in for a generator that cannot be loaded, or fails while it writes, with a warning; without
    `stand_in` that is an error, as it has to be where a generator is measured. Raises ShopdeskError in one line for
    what is missing.
    """
    from bot.engine import Engine

    retriever = open_retriever(settings)
    generator = _generator_or_composer(settings, stand_in)
    shop = shop_options(retriever)
    with open_store(settings) as store:
        yield Engine(
            retriever,
            generator,
            store,
            settings,
            stand_in=stand_in,
            shop_name=settings.shop_name or shop.name,
            suggestions=shop.suggestions,
            today=today,
        )


def publish(
    settings: Settings, answers: ApprovedAnswers, knowledge: str, embedder: Embedder | None = None
) -> UpdateReport:
    """Indexes what was approved for the index of that name; a running server notices. Raises as `update` does."""
    snapshots = open_snapshots(settings.model_copy(update={"knowledge": knowledge}))
    return answers.publish(snapshots, embedder or open_embedder(settings))


def _generator_or_composer(settings: Settings, stand_in: bool) -> BaseChatModel:
    from bot.generation.composer import ExtractiveChatModel

    try:
        return open_generator(settings)
    except GenerationError as error:
        if not stand_in:
            raise
        log.warning("%s; until then replies are composed of the documents' own sentences", error)
        return ExtractiveChatModel()


def shop_options(retriever: Retriever) -> ReadOptions:
    """What the first ingested folder that is still there says of its shop."""
    serving = retriever.corpus().number  # checked when it was opened: its manifest alone is read here
    roots = (
        root for snapshot in retriever.snapshots.list() if snapshot.number == serving for root in snapshot.info["roots"]
    )
    for root in roots:
        try:
            options = load_options(Path(root))
        except KnowledgeError:
            continue
        if options.name:
            return options
    return ReadOptions()
