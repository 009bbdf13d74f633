"""One reply in the making: understand -> look up -> policy -> prompt -> generate, each sentence checked -> store."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from bot import given, policy
from bot.approved import whole_answer
from bot.choices import underspecified
from bot.citing import sources_of, sources_of_products
from bot.conduct.handover import Reason
from bot.conduct.reading import Reading, read
from bot.conduct.steering import heard
from bot.desk import ATTENDED, with_words_of_staff
from bot.errors import GenerationError, ShopdeskError
from bot.evidence import gate
from bot.generation import prompts
from bot.generation.checkpoints import first_line
from bot.generation.composer import ExtractiveChatModel
from bot.generation.generators import describe
from bot.generation.swapping import speaking
from bot.generation.transformers_chat import plain_text
from bot.lookup import Found, Lookup, Part
from bot.messages import Event, Outcome, Reply, Source, Status, Text, Turn
from bot.phrases import phrases
from bot.products.reply import ProductReply
from bot.statements import Statement
from bot.trace import Trace
from knowledge.documents import Audience
from knowledge.languages import detect
from knowledge.sentences import split_paragraph
from retrieval.retriever import Hit

if TYPE_CHECKING:
    from bot.engine import Engine

log = logging.getLogger(__name__)

HISTORY = 6  # turns a question may lean on
Lack = Literal["failed", "unsupported"]  # the generator did, and nothing that it wrote is in the documents


class Answering:
    """One reply in the making: what was found, what was said so far, and how long each stage took."""

    def __init__(
        self, engine: Engine, turn: Turn, cancelled: threading.Event, audience: Audience | None = None
    ) -> None:
        self.engine, self.turn, self.cancelled = engine, turn, cancelled
        self.conversation = engine.store.conversation(turn.conversation)
        self.generator = speaking(engine.generator, turn.conversation)  # one for the whole reply, whatever is promoted
        self.audience = audience or self.conversation.audience
        self.language = detect(turn.question)
        self.phrases = phrases(self.language)
        self.said: list[str] = []
        self.sources: tuple[Source, ...] = ()
        self.outcome: Outcome = "answer"
        self.reason = ""
        self.earlier: list[Turn] = []
        self.reading = Reading(turn.question)
        self.confidence = 1.0
        self.stopped = False
        self.trace = Trace()
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

    def drafted(self, earlier: Sequence[Turn]) -> Reply | None:
        """What the reply would be, whoever has the conversation; nothing is stored. None where there is no answer."""
        self.earlier = self._answered_by_all(earlier)
        for _ in self._answer():
            pass
        return self._reply() if self.outcome == "answer" and self.said else None

    def _speak(self) -> Iterator[Event]:
        turns = self.engine.store.turns(self.turn.conversation, HISTORY + 1)
        self.earlier = self._answered_by_all(turn for turn in turns if turn.id != self.turn.id)
        if not (yield from self._settles()):
            yield from self._answer()

    def _answered_by_all(self, turns: Iterable[Turn]) -> list[Turn]:
        """The turns that have a reply, with what staff wrote there."""
        said = self.engine.desk.messages(self.turn.conversation)
        return with_words_of_staff([turn for turn in turns if turn.reply is not None], said)

    def _answer(self) -> Iterator[Event]:
        yield Status("searching")
        earlier = _asked(self.earlier)
        lookup = self._lookup(earlier)
        found = lookup.find(self.turn.question)
        self.confidence = found.confidence
        if not found.answered:
            yield from self._turn_away(found)
            return
        yield Status("writing")
        for part in found.answered:
            if part.about:
                yield from self._tell(part.about)
            elif whole := whole_answer(part.hits[part.ranked.statements[0].passage]):
                yield from self._tell(whole)
            elif len(found.parts) == 1 and (choices := self._choices(part)):
                yield from self._ask_back(choices)
            else:
                self._keep(found)
                yield from self._write(part, earlier, lookup)
        if self.stopped:
            return
        if not self.said:  # nothing that was written could be released
            yield from self._decline(found)
        elif self.outcome == "answer" and len(found.answered) < len(found.parts):
            yield from self._say(self.phrases.rest_not_found)

    def _lookup(self, earlier: Sequence[Turn]) -> Lookup:
        last = self.earlier[-1] if self.earlier else None
        corpus, generator = self.engine.retriever.corpus(), self.generator
        reading, trace = self.reading, self.trace
        return Lookup(self.engine, corpus, generator, self.audience, self.language, reading, earlier, last, trace)

    def _keep(self, found: Found) -> None:
        """Keeps what the reply is written from, or declines over; for several questions that is no one list."""
        if len(found.parts) == 1:
            self.trace.explanation[given.KEY] = given.places(found.parts[0].ranked.statements)

    def _turn_away(self, found: Found) -> Iterator[Event]:
        if self.reading.outside:
            yield from self._turn_down("out_of_scope")
        elif self.reading.steered:
            yield from self._turn_down("steering")
        elif kind := self.reading.likely_small_talk():
            yield from self._say(getattr(self.phrases, kind))
        else:
            yield from self._decline(found)

    def _tell(self, about: ProductReply) -> Iterator[Event]:
        self.outcome, before = about.outcome, len(self.said)
        try:
            yield from self._say(*about.sentences)
        finally:
            self.sources += sources_of_products(self.said, about.sources, before)

    def _choices(self, part: Part) -> list[str] | None:
        last = self.earlier[-1] if self.earlier else None
        documents = [hit.chunk.document for hit in part.hits]
        return underspecified(part.question, part.ranked.statements, last, documents)

    def _ask_back(self, choices: Sequence[str]) -> Iterator[Event]:
        self.outcome = "clarify"
        yield from self._say(self.phrases.depends.format(choices=self.phrases.comma.join(choices)))

    def _settles(self) -> Generator[Event, None, bool]:
        """Speaks what needs no search: a hand-over, small talk, the refusal to be steered. Says whether that was all.

        What is left to ask of a message that steers takes its place from here on.
        """
        self.reading = read(self.turn.question, self.earlier, self.engine.shop_name, self.engine.retriever)
        if not self.reading.question:
            yield from self._turn_down("steering")
        elif self.reading.reason:
            yield from self._hand_over(self.reading.reason)
        elif self.reading.small_talk:
            yield from self._say(getattr(self.phrases, self.reading.small_talk))
        else:
            self.turn = replace(self.turn, question=self.reading.question)
            return False
        return True

    def _hand_over(self, reason: Reason) -> Iterator[Event]:
        self.outcome, self.reason = "handover", reason
        yield from self._say(getattr(self.phrases, reason), *self._reach())

    def _turn_down(self, reason: Literal["out_of_scope", "steering"]) -> Iterator[Event]:
        self.outcome, self.reason = "decline", reason
        yield from self._say(getattr(self.phrases, reason))

    def _write(self, part: Part, earlier: Sequence[Turn], lookup: Lookup) -> Iterator[Event]:
        hits, ranked, before = part.hits, part.ranked.statements, len(self.said)
        try:
            if lacks := (yield from self._written(part, earlier, lookup)):  # a composed reply is better than none
                yield from self._composed(part, lookup, lacks)
        finally:
            if self._refuses("".join(self.said)):
                self.outcome, self.reason = "decline", "not_found"
            else:
                self.sources += sources_of(self.said, ranked, hits, before)
        self.stopped = self.cancelled.is_set()
        if self.outcome == "decline" and not self.stopped:
            yield from self._say(self.phrases.offer_person, *self._reach())

    def _written(self, part: Part, earlier: Sequence[Turn], lookup: Lookup) -> Generator[Text, None, Lack | None]:
        """What the generator writes: whole sentences, each checked. Returns why the composer has to write instead."""
        before = len(self.said)
        try:
            with self.trace.timed("prompt"):
                messages = self._prompt(part.asked, part.hits, part.ranked.statements, earlier)
            yield from self._supported(part, lookup, self.generator, messages)
        except GenerationError as error:
            if not self.engine.stand_in:
                raise
            log.warning("%s; this reply is composed of the documents' own sentences", error)
            return "failed"
        nothing = len(self.said) == before and not self.cancelled.is_set()
        return "unsupported" if nothing and not isinstance(self.generator, ExtractiveChatModel) else None

    def _composed(self, part: Part, lookup: Lookup, why: Lack) -> Iterator[Text]:
        """The documents' own sentences in place of what a model was to write; why is told in the turn's explanation."""
        self.trace.explanation["composed"] = why
        messages = prompts.with_statements(part.asked, (), part.ranked.statements)
        yield from self._supported(part, lookup, ExtractiveChatModel(), messages)

    def _supported(
        self, part: Part, lookup: Lookup, model: BaseChatModel, messages: list[BaseMessage]
    ) -> Iterator[Text]:
        """The sentences that the model writes, those that the passages say and that were not said before."""
        passages, guard, before = [hit.chunk.context for hit in part.hits], lookup.guard(part.hits), len(self.said)
        began = time.perf_counter()
        try:
            with closing(self._pieces(model, messages)) as pieces:
                for sentence in _sentences(pieces):
                    if self.cancelled.is_set():
                        break
                    if self._refuses(sentence) or (
                        not self._repeats(sentence, before)
                        and gate.supported(sentence, passages)
                        and not lookup.objects(guard, sentence)
                    ):
                        yield from self._release(sentence)
        finally:
            self.trace.timings["generate"] = time.perf_counter() - began

    def _repeats(self, sentence: str, before: int) -> bool:
        """Whether an earlier part of the reply, of so many sentences, has said just this, or ends one with it."""
        own = sentence.strip().rstrip(".。")
        return bool(own) and any(said.rstrip(".。").endswith(own) for said in self.said[:before])

    def _refuses(self, text: str) -> bool:
        return self.phrases.not_found.rstrip(".。") in text

    def _release(self, sentence: str) -> Iterator[Text]:
        text = self._joined(sentence.rstrip())
        if text.strip():
            self.trace.timings.setdefault("first_text", time.perf_counter() - self._began)
            self.said.append(text)
            yield Text(text)

    def _prompt(
        self, asked: str, hits: Sequence[Hit], ranked: Sequence[Statement], earlier: Sequence[Turn]
    ) -> list[BaseMessage]:
        engine = self.engine
        room = getattr(self.generator, "context_length", None)
        limit = None if room is None else room - engine.settings.max_new_tokens
        messages = prompts.build(
            asked,
            hits,
            prompts.talk(earlier),
            ranked,
            shop=engine.shop_name,
            day=engine.today(),
            language=self.language,
            not_found=self.phrases.not_found,
            fits=lambda m: limit is None or self.generator.get_num_tokens_from_messages(m) <= limit,
        )
        # The passages are told by their ids and hashes; their text is not kept a second time.
        self.trace.explanation["prompt"] = {"version": prompts.VERSION, "history": (len(messages) - 2) // 2}
        return messages

    def _pieces(self, model: BaseChatModel, messages: list[BaseMessage]) -> Generator[str, None, None]:
        if self.cancelled.is_set():
            return
        stream = model.stream(messages)
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

    def _decline(self, found: Found) -> Iterator[Event]:
        if reason := self.reading.instead_of_decline(self.earlier):
            yield from self._hand_over(reason)
            return
        self.outcome, self.reason = "decline", "not_found"
        self._keep(found)
        near = policy.nearest(self.turn.question, found.parts[0].hits)
        nearest = [self.phrases.nearest.format(title=near)] if near else []
        yield from self._say(self.phrases.not_found, *nearest, self.phrases.offer_person, *self._reach())

    def _reach(self) -> list[str]:
        contact = self.engine.settings.contact
        return [self.phrases.reach.format(contact=contact)] if contact else []

    def _joined(self, sentence: str) -> str:
        """A sentence as it goes on from what was said: with a space in between, but after Chinese stops."""
        if not self.said:
            return sentence.lstrip()
        apart = sentence[:1].isspace() or self.said[-1].endswith(tuple("。！？；：”）」》"))
        return sentence if apart else f" {sentence}"

    def _say(self, *sentences: str) -> Iterator[Event]:
        for sentence in sentences:
            piece = self._joined(sentence)
            self.said.append(piece)
            yield Text(piece)

    def _reply(self) -> Reply:
        self.trace.timings["total"] = time.perf_counter() - self._began
        return Reply(
            turn=self.turn.id,
            text="".join(self.said),
            outcome=self.outcome,
            confidence=round(self.confidence, 4),
            sources=self.sources,
            timings={stage: round(seconds, 6) for stage, seconds in self.trace.timings.items()},
            stopped=self.stopped,
            reason=self.reason,
        )

    def _store(self) -> Reply:
        reply = self._reply()
        if self.outcome == "handover" and self.conversation.channel in ATTENDED:
            self.engine.desk.open(self.conversation.id, self.reason)  # first: a crash in between loses no shopper
        if self.reason:
            self.trace.explanation["reason"] = self.reason
        if self.reading.steered:
            self.trace.explanation["steered"] = True
        self.engine.store.finish_turn(self.turn.id, reply, {**self.trace.explanation, **describe(self.generator)})
        return reply


def _asked(turns: Sequence[Turn]) -> list[Turn]:
    """The turns with what each message really asked; those that did nothing but steer are left out."""
    asked = [replace(turn, question=heard(turn.question).question) for turn in turns]
    return [turn for turn in asked if turn.question]


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
