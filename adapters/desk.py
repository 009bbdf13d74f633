"""Wires the rooms together: settings in, an index, a retriever or a whole engine out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.conversations import FILE, Conversations
from bot.engine import Engine
from bot.errors import KnowledgeError
from bot.generators import load_generator
from bot.settings import Settings
from knowledge.files import ReadOptions, load_options
from retrieval.embedders import SentenceEmbedder
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots


def open_snapshots(settings: Settings) -> Snapshots:
    """The builds of the index that the settings name."""
    return Snapshots(settings.home / "indexes" / settings.knowledge)


def open_embedder(settings: Settings) -> SentenceEmbedder:
    """The embedding model; it is loaded when first used."""
    return SentenceEmbedder(settings.embedder, settings.home / "models")


def open_store(settings: Settings) -> Conversations:
    """The conversations; the home folder is made."""
    return Conversations(settings.home / FILE)


def open_retriever(settings: Settings) -> Retriever:
    """A retriever whose index is open. Raises NoSnapshot when nothing was ingested."""
    retriever = Retriever(snapshots=open_snapshots(settings), embedder=open_embedder(settings))
    retriever.corpus()
    return retriever


@contextmanager
def open_engine(settings: Settings) -> Iterator[Engine]:
    """The whole desk, ready to answer; its store is closed at the end.

    Raises ShopdeskError in one line for what is missing.
    """
    retriever = open_retriever(settings)
    generator = load_generator(settings.generator, lora=settings.lora, max_new_tokens=settings.max_new_tokens)
    shop = shop_options(retriever)
    with open_store(settings) as store:
        yield Engine(
            retriever,
            generator,
            store,
            settings,
            shop_name=settings.shop_name or shop.name,
            suggestions=shop.suggestions,
        )


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
