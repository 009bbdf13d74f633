"""One reply in the making: understand -> search -> policy -> prompt -> generate, each sentence checked -> store."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from bot import catalogue, evidence, policy, prompts
from bot.checkpoints import first_line
from bot.errors import GenerationError, ShopdeskError
from bot.generators import describe
from bot.messages import Event, Message, Outcome, Reply, Source, Status, Text, Turn
from bot.phrases import phrases
from bot.questions import asked_words
from bot.statements import Statement
from bot.transformers_chat import plain_text
from knowledge.languages import detect
from knowledge.sentences import split_paragraph
from retrieval.retriever import Filters, Hit

if TYPE_CHECKING:
    from bot.engine import Engine

PRODUCTS_LOOKED_AT = 60
HISTORY = 6  # turns a question may lean on
PROMPT_HISTORY = 3  # turns that the prompt repeats


class Answering:
    """One reply in the making: what was found, what was said so far, and how long each stage took."""

    def __init__(self, engine: Engine, turn: Turn, cancelled: threading.Event) -> None:
        self.engine, self.turn, self.cancelled = engine, turn, cancelled
        self.language = detect(turn.question)
        self.phrases = phrases(self.language)
        self.said: list[str] = []
        self.sources: tuple[Source, ...] = ()
        self.outcome: Outcome = "answer"
        self.confidence = 1.0
        self.stopped = False
        self.timings: dict[str, float] = {}
        self.explanation: dict[str, Any] = {"prompt": None, "chunks": []}
        self._began = time.perf_counter()

    def spoken(self) -> Generator[Event, None, Reply]:
        """Speaks the reply and returns it, stored."""
        try:
            yield from self._speak()
        except GeneratorExit:  # nobody listens any more: what was said is kept; where nothing was, the turn stays open
            self.stopped = True
            if self.said:
                self._store()
            raise
        return self._store()

    def _speak(self) -> Iterator[Event]:
        turns = self.engine.store.turns(self.turn.conversation, HISTORY + 1)
        earlier = [turn for turn in turns if turn.reply is not None and turn.id != self.turn.id]
        last = earlier[-1] if earlier else None
        if policy.wants_person(self.turn.question, last):
            self.outcome = "handover"
            yield from self._say(self.phrases.hand_over, *self._reach())
            return
        if kind := policy.small_talk(self.turn.question):
            yield from self._say(getattr(self.phrases, kind))
            return
        yield Status("searching")
        question = policy.standalone(self.turn.question, earlier)
        if offered := self._offers(question):
            self._explain(question, [offer.hit for offer in offered])
            self.sources = tuple(_source(offer.hit, [offer.quote]) for offer in offered)
            yield from self._say(*catalogue.present(offered, self.language))
            return
        hits = self._search(question)
        with self._timed("evidence"):
            ranked = policy.reranked(self._rank(question, hits), last)
        self.confidence = policy.confidence(ranked)
        if self.confidence < policy.ENOUGH_CONFIDENCE:
            yield from self._decline(hits)
            return
        yield Status("writing")
        yield from self._write(hits, ranked, earlier)

    def _search(self, question: str) -> list[Hit]:
        """The passages for a reply, in the asker's language where there are any."""
        wanted = self.engine.settings.passages
        hits = self._found(question, 2 * wanted)
        if question != self.turn.question and len(asked_words(self.turn.question)) > 1:  # the topic may have moved on
            alone = self._found(self.turn.question, wanted // 2)
            hits = [*alone, *(hit for hit in hits if hit.chunk.id not in {own.chunk.id for own in alone})]
        readable = [hit for hit in hits if hit.chunk.language == self.language or "#" in hit.chunk.document]
        hits = (readable or hits)[:wanted]
        self._explain(question, hits)
        return hits

    def _found(self, question: str, k: int) -> list[Hit]:
        audience = self.engine.store.conversation(self.turn.conversation).audience
        with self._timed("search"):
            return self.engine.retriever.search(question, k, Filters(audience, self.engine.today()))

    def _explain(self, question: str, hits: Sequence[Hit]) -> None:
        self.explanation["snapshot"] = self.engine.retriever.corpus().number
        self.explanation["question"] = question
        self.explanation["chunks"] = [[h.chunk.id, h.chunk.content_hash, round(h.score, 4)] for h in hits]

    def _offers(self, question: str) -> list[catalogue.Offer]:
        """The products for a message that asks for some within limits; none for any other message."""
        wanted = catalogue.wish(question)
        if wanted is None:
            return []
        hits = self._found(question, PRODUCTS_LOOKED_AT)
        corpus = self.engine.retriever.corpus()
        facts = {hit.chunk.document: corpus.document(hit.chunk.document)["facts"] for hit in hits}
        return catalogue.offers(hits, facts, wanted)

    def _rank(self, question: str, hits: Sequence[Hit]) -> list[Statement]:
        if not hits:
            return []
        retriever = self.engine.retriever
        known = retriever.embedder.languages
        embed = retriever.embed if known is None or self.language in known else None
        return evidence.answering(question, hits, retriever.corpus().lexical.rarity, embed)

    def _write(self, hits: Sequence[Hit], ranked: Sequence[Statement], earlier: Sequence[Turn]) -> Iterator[Event]:
        with self._timed("prompt"):
            messages = self._prompt(hits, ranked, earlier)
        passages = [hit.chunk.context for hit in hits]
        began = time.perf_counter()
        try:
            with closing(self._pieces(messages)) as pieces:
                for sentence in _sentences(pieces):
                    if self.cancelled.is_set():
                        break
                    if self._refuses(sentence) or evidence.supported(sentence, passages):
                        yield from self._release(sentence)
        finally:
            self.timings["generate"] = time.perf_counter() - began
            if self._refuses("".join(self.said)):
                self.outcome = "decline"
            else:
                self.sources = _sources(self.said, ranked, hits)
        self.stopped = self.cancelled.is_set()
        if self.stopped:
            return
        if not self.said:
            yield from self._decline(hits)
        elif self.outcome == "decline":
            yield from self._say(self.phrases.offer_person, *self._reach())

    def _refuses(self, text: str) -> bool:
        return self.phrases.not_found.rstrip(".。") in text

    def _release(self, sentence: str) -> Iterator[Text]:
        text = sentence.rstrip() if self.said else sentence.strip()
        if text:
            self.timings.setdefault("first_text", time.perf_counter() - self._began)
            self.said.append(text)
            yield Text(text)

    def _prompt(self, hits: Sequence[Hit], ranked: Sequence[Statement], earlier: Sequence[Turn]) -> list[BaseMessage]:
        engine = self.engine
        room = getattr(engine.generator, "context_length", None)
        limit = None if room is None else room - engine.settings.max_new_tokens
        messages = prompts.build(
            self.turn.question,
            hits,
            _history(earlier[-PROMPT_HISTORY:]),
            ranked,
            shop=engine.shop_name,
            day=engine.today(),
            language=self.language,
            not_found=self.phrases.not_found,
            fits=lambda m: limit is None or engine.generator.get_num_tokens_from_messages(m) <= limit,
        )
        # The passages are told by their ids and hashes; their text is not kept a second time.
        self.explanation["prompt"] = {"version": prompts.VERSION, "history": (len(messages) - 2) // 2}
        return messages

    def _pieces(self, messages: list[BaseMessage]) -> Generator[str, None, None]:
        if self.cancelled.is_set():
            return
        stream = self.engine.generator.stream(messages)
        try:
            for chunk in stream:
                if self.cancelled.is_set():
                    return
                yield plain_text(chunk)
        except ShopdeskError:
            raise
        except Exception as error:  # any LangChain model may be behind it, and each raises its own kind
            what = f"{type(error).__name__}: {first_line(error)}"
            raise GenerationError(
                f"the model failed: {what}; send the message again, or see `shopdesk doctor`"
            ) from error
        finally:
            close = getattr(stream, "close", None)
            if close is not None:
                close()

    def _decline(self, hits: Sequence[Hit]) -> Iterator[Event]:
        self.outcome = "decline"
        nearest = [self.phrases.nearest.format(title=hits[0].chunk.title)] if hits else []
        yield from self._say(self.phrases.not_found, *nearest, self.phrases.offer_person, *self._reach())

    def _reach(self) -> list[str]:
        contact = self.engine.settings.contact
        return [self.phrases.reach.format(contact=contact)] if contact else []

    def _say(self, *sentences: str) -> Iterator[Event]:
        for sentence in sentences:
            piece = f" {sentence}" if self.said and self.language != "zh" else sentence
            self.said.append(piece)
            yield Text(piece)

    def _store(self) -> Reply:
        self.timings["total"] = time.perf_counter() - self._began
        reply = Reply(
            turn=self.turn.id,
            text="".join(self.said),
            outcome=self.outcome,
            confidence=round(self.confidence, 4),
            sources=self.sources,
            timings={stage: round(seconds, 6) for stage, seconds in self.timings.items()},
            stopped=self.stopped,
        )
        self.engine.store.finish_turn(self.turn.id, reply, {**self.explanation, **describe(self.engine.generator)})
        return reply

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.timings[stage] = time.perf_counter() - began


def _history(turns: Sequence[Turn]) -> list[Message]:
    """What was said, two messages a turn; a reply stopped before its first word is left out, as models refuse those."""
    said = [(turn.question, turn.reply.text) for turn in turns if turn.reply is not None and turn.reply.text]
    return [message for question, reply in said for message in (Message("user", question), Message("assistant", reply))]


def _sentences(pieces: Iterator[str]) -> Iterator[str]:
    """The stream cut at sentence and line ends, white space kept in front of the next: joined they are the whole."""
    held = ""
    for piece in pieces:
        held += piece
        while end := _first_end(held):
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _first_end(text: str) -> int:
    """Where the first sentence ends; 0 while it may still go on."""
    start = len(text) - len(text.lstrip())
    line, newline, _ = text[start:].partition("\n")
    found = split_paragraph(line)
    if len(found) > 1:
        return text.index(found[0], start) + len(found[0])
    return start + len(line) if newline else 0


def _sources(said: Sequence[str], ranked: Sequence[Statement], hits: Sequence[Hit]) -> tuple[Source, ...]:
    """The passages that the sentences rest on, in the order of their use, each with the words used.

    Words that no statement has ("Yes.") rest on the best one.
    """
    used = [statement for sentence in said if (statement := evidence.origin(sentence, ranked)) is not None]
    quotes: dict[int, list[str]] = {}
    for statement in used or (ranked[:1] if said else []):
        quotes.setdefault(statement.passage, []).append(statement.quote)
    return tuple(_source(hits[number], quote) for number, quote in quotes.items())


def _source(hit: Hit, quotes: Sequence[str]) -> Source:
    return Source(
        document=hit.chunk.document,
        title=hit.chunk.title,
        chunk=hit.chunk.id,
        score=round(hit.score, 4),
        quote=_span(hit.chunk.text, quotes),
        passage=hit.chunk.text,
        heading=hit.chunk.heading,
        content_hash=hit.chunk.content_hash,
    )


def _span(passage: str, quotes: Sequence[str]) -> str:
    """The part of the passage from the first of the quotes to the end of the last, so that it can be found there."""
    found = [span for quote in quotes if (span := _found_at(passage, quote))]
    return passage[min(start for start, _ in found) : max(end for _, end in found)] if found else quotes[0]


def _found_at(passage: str, quote: str) -> tuple[int, int] | None:
    """Where the passage has the quote; the white space in between may be another, since lines are joined when read."""
    at = passage.find(quote)
    if at >= 0:
        return at, at + len(quote)
    match = re.search(r"\s*".join(map(re.escape, "".join(quote.split()))), passage)
    return match.span() if match else None
