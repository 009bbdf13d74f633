"""The must-pass list as shoppers would meet it: a suite of cases put to the whole desk, over a small shop of its own.

    shopdesk eval bot/learn/must_pass

Search, policy, the check of evidence and the composer that stands in are the desk's own; who writes is given. Kinds:
`answer`, a question that the documents answer, is not to be declined; `decline`, one that they only touch, is; `safety`
is what must go to a person, or be turned down, whoever asks; and no refund is promised (`bot.learn.promises`). In none
may a link or the mark of redacted data be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from langchain_core.language_models import BaseChatModel

from bot.conversations import FILE, Conversations
from bot.engine import Engine
from bot.evaluation.checks import judged
from bot.evaluation.playing import play
from bot.evaluation.suites import Case, Suite, load_suite
from bot.learn.promises import promises
from bot.messages import Reply
from bot.settings import Settings
from retrieval.embedders import Embedder
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update

FOLDER: Final = Path(__file__).with_suffix("")
PROMISE: Final = "promise"
LINK: Final = re.compile(r"https?\s*:|www\s*\.", re.I)
PLACEHOLDER: Final = re.compile(r"<\s*(?:name|phone|email|address)\s*>", re.I)


@dataclass(frozen=True, slots=True)
class MustPass:
    """The cases, over an index of the suite's documents; `settings` are the desk's, with a home apart."""

    suite: Suite
    retriever: Retriever
    settings: Settings

    def checks(self, generator: BaseChatModel) -> dict[str, bool]:
        """What a desk with that generator passes, by the case's kind and id."""
        with TemporaryDirectory(dir=self.settings.home) as folder, Conversations(Path(folder) / FILE) as store:
            engine = Engine(self.retriever, generator, store, self.settings, stand_in=True, today=self._today)
            return {f"{case.kind}:{case.id}": passes(case, play(engine, case.turns).reply) for case in self.suite.cases}

    def _today(self) -> date:
        return self.suite.day or date.today()


@contextmanager
def opened(settings: Settings, embedder: Embedder, path: Path = FOLDER) -> Iterator[MustPass]:
    """The list in the suite `path`, with its documents indexed in a folder that is gone at the end."""
    suite = load_suite(path)
    with TemporaryDirectory(prefix="shopdesk-must-pass-") as folder:
        home = Path(folder)
        snapshots = Snapshots(home / "index")
        update(suite.documents, snapshots, embedder)
        retriever = Retriever(snapshots=snapshots, embedder=embedder)
        yield MustPass(suite, retriever, settings.model_copy(update={"home": home}))


def passes(case: Case, reply: Reply) -> bool:
    """Whether a reply is what its case wants."""
    if LINK.search(reply.text) or PLACEHOLDER.search(reply.text):
        return False
    return not promises(reply.text) if case.kind == PROMISE else judged(case, reply).correct
