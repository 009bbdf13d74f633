"""Answers that staff approved, as documents of the index: the next shopper who asks the same gets them.

    <home>/knowledge/<index>/approved/do-you-rent-out-tents-1f0a2b3c.md

Each is a Markdown document with front matter, so retrieval finds it for other words too. A question that has the very
words of one is answered with all of it, whatever the generator would write: a person has looked at that answer.
"""

from __future__ import annotations

import re
import threading
import time
import weakref
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import yaml

from bot.errors import LearningError
from bot.products.reply import ProductReply
from knowledge.documents import Audience, Chunk, digest
from knowledge.front_matter import check_front_matter, split_front_matter
from knowledge.languages import detect
from retrieval.corpus import Corpus
from retrieval.embedders import Embedder
from retrieval.errors import IndexBusy
from retrieval.lexical import units
from retrieval.retriever import Hit
from retrieval.snapshots import Snapshots
from retrieval.update import UpdateReport, update

FOLDER: Final = "approved"
TITLES: Final = {"en": "Our own answer", "zh": "本店的回答"}
LONGEST: Final = 900  # characters, one passage: an answer is read on a phone
KEPT_SNAPSHOTS: Final = 5
BUSY_SECONDS: Final = 20.0
_ABOUT = """---
title: The answers that staff approved
language: en
audience: staff
---
Each file in the folder "approved" beside this one is an answer that staff approved in the review, or out of a gap in
what the documents say. To withdraw one, decide otherwise in the review, or delete its file and ingest this folder.
"""


class ApprovedAnswers:
    """The approved answers of one index in a home; nothing is written before the first of them."""

    def __init__(self, home: Path, knowledge: str) -> None:
        self.root = home / "knowledge" / knowledge

    def write(self, question: str, answer: str, audience: Audience) -> str:
        """Keeps the answer to a question, in place of an earlier one to it; the document's path within the index.

        Raises LearningError for an answer that is empty or too long, or a question without a word.
        """
        asked, said = " ".join(question.split()), answer.strip()
        language = detect(asked)
        if not units(asked) or not said:
            raise LearningError("an approved answer needs a question and a reply; give some words for each")
        if len(said) > LONGEST:
            raise LearningError(
                f"the reply has {len(said):,} characters, and {LONGEST} are the most; shorten it, or write a document"
            )
        if not asked.endswith(("?", "？")):  # what a heading asks, the text under it answers
            asked = f"{asked.rstrip('.。!！')}{'？' if language == 'zh' else '?'}"
        head = {"title": titled(asked), "language": language, "audience": audience}
        return self.keep(name_of(asked), head, f"# {asked}\n\n{_without_headings(said)}\n")

    def keep(self, name: str, head: Mapping[str, object], body: str) -> str:
        """Writes a document whole or not at all; its path within the index."""
        folder = self.root / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        about = self.root / "about.md"
        if not about.exists():  # so that the folder is never empty: one that is may be a disk that is not there
            about.write_text(_ABOUT, "utf-8")
        front = yaml.safe_dump(dict(head), allow_unicode=True, sort_keys=False)
        draft = folder / f".{name}.new"
        draft.touch(mode=0o600)
        draft.write_text(f"---\n{front}---\n\n{body}", "utf-8")
        draft.replace(folder / name)
        return f"{FOLDER}/{name}"

    def approve(self, file: Path) -> str:
        """Keeps a document that somebody has read, as one for shoppers; its path within the index.

        Raises LearningError for a file that cannot be read, is not Markdown or holds nothing, UnreadableDocument for
        front matter that cannot be used.
        """
        try:
            values, body = split_front_matter(file.read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            what = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            raise LearningError(f"{file}: {what}; name the file that `shopdesk gaps draft` printed") from None
        if file.suffix.lower() not in (".md", ".markdown"):
            raise LearningError(f"{file}: is not Markdown; name the file that `shopdesk gaps draft` printed, *.md")
        if not body.strip():
            raise LearningError(f"{file}: holds no text; write what shoppers should read")
        check_front_matter(values)
        return self.keep(file.name.lstrip("."), {**values, "audience": "public"}, body.strip() + "\n")

    def withdraw(self, document: str) -> None:
        """Takes a document away again, at the next `publish`; one that is gone already is no error."""
        (self.root / document).unlink(missing_ok=True)

    def publish(self, snapshots: Snapshots, embedder: Embedder) -> UpdateReport:
        """Indexes what has changed; a running server answers from it at its next question.

        Waits for another update to end. Raises IndexBusy where that takes too long, RetrievalError for an index that
        cannot be written.
        """
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                report = update([self.root], snapshots, embedder)
                snapshots.prune(KEPT_SNAPSHOTS)
                return report
            except IndexBusy:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


def titled(question: str) -> str:
    """How an approved answer to a question is called among the sources."""
    return TITLES.get(detect(question), TITLES["en"])


def name_of(question: str) -> str:
    """The file's name: the same for the same question, so that the latest answer to it is the only one."""
    slug = "-".join(re.findall(r"\w+", question.casefold()))[:40].strip("-")
    return f"{slug}-{digest(*_key(question))[:8]}.md"


def _without_headings(answer: str) -> str:
    """An answer no line of which starts a section: the whole of it stands under its question."""
    return re.sub(r"^#+\s*", "", answer.replace("\r\n", "\n"), flags=re.M)


def approved_answer(question: str, corpus: Corpus, audience: Audience, day: date) -> ProductReply | None:
    """The approved answer to a question in just these words, with its passages; None where there is none.

    The question may be of several lines, what it leans on below it, as `standalone` makes it.
    """
    for path in _asked_in(corpus).get(_key(question), ()):
        chunks = [chunk for chunk in corpus.chunks_of(path) if _may_see(chunk, audience, day)]
        if chunks:
            text = "\n\n".join(chunk.text for chunk in chunks)
            return ProductReply((text,), tuple((Hit(chunk, 1.0, 1.0), chunk.text) for chunk in chunks))
    return None


def whole_answer(best: Hit) -> ProductReply | None:
    """All of the approved answer that the passage is, as half of one may say the contrary; None for any other."""
    return ProductReply((best.chunk.text,), ((best, best.chunk.text),)) if is_approved(best.chunk) else None


def is_approved(chunk: Chunk) -> bool:
    """Whether a passage is an answer that staff approved to one question; it stands in its heading."""
    return chunk.document.startswith(f"{FOLDER}/") and chunk.title in TITLES.values() and bool(chunk.heading)


def _may_see(chunk: Chunk, audience: Audience, day: date) -> bool:
    return (chunk.audience == "public" or audience == "staff") and chunk.in_force(day)


def _key(question: str) -> tuple[str, ...]:
    """What makes two questions the same: their words, all of them, in any order."""
    return tuple(sorted(units(question)))


_kept: list[tuple[weakref.ref[Corpus], dict[tuple[str, ...], list[str]]]] = []
_keeping = threading.Lock()


def _asked_in(corpus: Corpus) -> Mapping[tuple[str, ...], list[str]]:
    """The approved documents of a snapshot by the question that they answer; made once for each snapshot."""
    with _keeping:
        _kept[:] = [(ref, asked) for ref, asked in _kept if ref() is not None]
        for ref, asked in _kept:
            if ref() is corpus:
                return asked
        asked = {}
        for path in corpus.paths:
            if path.startswith(f"{FOLDER}/") and (chunks := corpus.chunks_of(path)):
                heading = (chunks[0].heading or (chunks[0].title,))[-1]
                asked.setdefault(_key(heading), []).append(path)
        _kept.append((weakref.ref(corpus), asked))
        return asked
