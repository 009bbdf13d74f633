"""One reply in the making: understand -> search -> policy -> prompt -> generate, each sentence checked -> store."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import BaseMessage

from bot import policy, ranking
from bot.choices import underspecified
from bot.citing import sources_of, sources_of_products
from bot.conduct.guard import Guard
from bot.conduct.handover import Reason
from bot.conduct.planted import disarmed, is_armed
from bot.conduct.reading import Reading, read
from bot.conduct.steering import heard
from bot.desk import ATTENDED, with_words_of_staff
from bot.errors import GenerationError, ShopdeskError
from bot.evidence import gate
from bot.evidence.contradictions import contradictions, without_contradicted
from bot.generation import prompts
from bot.generation.checkpoints import first_line
from bot.generation.generators import describe
from bot.generation.swapping import speaking
from bot.generation.transformers_chat import plain_text
from bot.messages import Event, Message, Outcome, Reply, Source, Status, Text, Turn
from bot.phrases import phrases
from bot.products.reply import ProductReply, about_products
from bot.products.untold import Untold, pages
from bot.ranking import NOTHING, Ranking, best_passages
from bot.statements import Statement
from bot.understanding.expansion import other_words, translated
from bot.understanding.parts import asked_parts
from bot.understanding.questions import asked_words
from bot.understanding.standalone import standalone
from knowledge.documents import Audience
from knowledge.languages import detect
from knowledge.sentences import split_paragraph
from retrieval.retriever import Filters, Hit

if TYPE_CHECKING:
    from bot.engine import Engine

LOOKED_AT = 12  # passages whose statements are ranked: of questions that avoid a page's words, 95 % are answered there
DEEP = 3  # times as many are searched: some are in another language, or are not looked at
HISTORY = 6  # turns a question may lean on
PROMPT_HISTORY = 3  # turns that the prompt repeats


@dataclass(frozen=True, slots=True)
class _Part:
    """One question of a message: as it was asked, with what it leans on, and what was found for it."""

    asked: str
    question: str
    hits: tuple[Hit, ...] = ()
    ranked: Ranking = NOTHING
    about: ProductReply | None = None
    must_be_sure: bool = False  # a fact of a product that the catalogue does not have: a page must say it for sure


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
        self.armed: set[str] = set()  # documents found in which somebody planted instructions
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
        parts = [self._looked_up(part, standalone(part, earlier)) for part in asked_parts(self.turn.question)]
        answered = self._answered(parts)
        if not answered and len(parts) > 1:  # what is cut in two says less: "what is it to grind a nib and how long"
            parts = [self._looked_up(self.turn.question, standalone(self.turn.question, earlier))]
            answered = self._answered(parts)
        self.confidence = min((part.ranked.confidence for part in answered or parts if not part.about), default=1.0)
        if not answered:
            yield from self._turn_away(parts[0].hits)
            return
        yield Status("writing")
        for part in answered:
            if part.about:
                yield from self._tell(part.about)
            elif len(parts) == 1 and (choices := self._choices(part)):
                yield from self._ask_back(choices)
            else:
                yield from self._write(part, earlier)
        if self.stopped:
            return
        if not self.said:  # nothing that was written could be released
            yield from self._decline(parts[0].hits)
        elif self.outcome == "answer" and len(answered) < len(parts):
            yield from self._say(self.phrases.rest_not_found)

    def _looked_up(self, asked: str, question: str) -> _Part:
        """What the catalogue or the documents have for one of the message's questions."""
        about = None if self.reading.outside else self._about_products(question)
        if isinstance(about, ProductReply):
            self._explain(question, [hit for hit, _ in about.sources])
            return _Part(asked, question, about=about)
        own, *others = self._search(asked, question, only_pages=about is not None)
        part = self._ranked_part(asked, question, own, about)
        if part.ranked.confidence < policy.NOTHING_NEAR[self.language]:
            parts = [part, *(self._ranked_part(asked, question, hits, about) for hits in others)]
            part = max(parts, key=lambda each: each.ranked.confidence)
        self._explain(question, part.hits)
        return part

    def _ranked_part(self, asked: str, question: str, hits: Sequence[Hit], about: Untold | None) -> _Part:
        """What these passages have for a question, those that have it best."""
        with self._timed("ranking"):
            found = self._rank(question, hits)
            last = self.earlier[-1] if self.earlier else None
            said = policy.to_the_point(question, policy.reranked(found.statements, last))
            best, said = best_passages(hits, said, self.engine.settings.passages)
        with self._timed("contradictions"):
            apart = contradictions(said, best)
            said = without_contradicted(said, apart)
        if apart:
            self.explanation.setdefault("contradictions", []).extend(map(str, apart))
        must_be_sure = about is not None and about.is_fact
        return _Part(asked, question, tuple(best), Ranking(said, found.confidence), must_be_sure=must_be_sure)

    def _answered(self, parts: Sequence[_Part]) -> list[_Part]:
        """The parts that are answered: where one is for sure, the others need less."""
        answered = [part for part in parts if part.about or self._is_enough(part)]
        if answered:
            answered = [part for part in parts if part in answered or self._is_enough(part, policy.ENOUGH_BESIDE)]
        return [part for part in answered if self._is_own(part)] or answered

    def _is_enough(self, part: _Part, least: float = 1.0) -> bool:
        """Whether the desk answers; a message that is outside its business, or steers, must be answered for certain.

        `least` is enough for a message that does neither.
        """
        careful = self.reading.steered or self.reading.is_doubtful or part.must_be_sure
        language = part.hits[0].chunk.language if part.hits else self.language
        usual = min(policy.ENOUGH_CONFIDENCE[language], least)
        if language != self.language:
            usual = max(usual, policy.ENOUGH_ELSEWHERE)
        enough = policy.SURE_STEERED if careful else usual
        if self.reading.outside:
            enough = policy.SURE_OUTSIDE
        return part.ranked.confidence >= enough

    def _is_own(self, part: _Part) -> bool:
        """Whether a part is answered in the asker's language: a reply in two would be a muddle."""
        return part.about is not None or part.hits[0].chunk.language == self.language

    def _turn_away(self, hits: Sequence[Hit]) -> Iterator[Event]:
        if self.reading.outside:
            yield from self._turn_down("out_of_scope")
        elif self.reading.steered:
            yield from self._turn_down("steering")
        elif kind := self.reading.likely_small_talk():
            yield from self._say(getattr(self.phrases, kind))
        else:
            yield from self._decline(hits)

    def _tell(self, about: ProductReply) -> Iterator[Event]:
        self.outcome, before = about.outcome, len(self.said)
        try:
            yield from self._say(*about.sentences)
        finally:
            self.sources += sources_of_products(self.said, about.sources, before)

    def _choices(self, part: _Part) -> list[str] | None:
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

    def _search(self, asked: str, question: str, only_pages: bool) -> list[list[Hit]]:
        """The passages to look at, of each language for itself, the asker's first; at least one list.

        Statements in two languages do not compare, and make no reply.
        """
        wanted = max(LOOKED_AT, self.engine.settings.passages)
        hits = self._found(question, DEEP * wanted)
        if question != asked and len(asked_words(asked)) > 1:  # the topic may have moved on
            alone = self._found(asked, wanted // 4)
            hits = [*alone, *(hit for hit in hits if hit.chunk.id not in {own.chunk.id for own in alone})]
        if only_pages:
            hits = pages(hits, self.engine.retriever.corpus())
        return [found[:wanted] for found in _by_language(hits, self.language)] or [[]]

    def _found(self, question: str, k: int) -> list[Hit]:
        with self._timed("search"):
            retriever = self.engine.retriever
            other = other_words(question, retriever.corpus().lexical.rarity)
            hits = retriever.search(question, k, Filters(self.audience, self.engine.today()), other)
        return [self._disarmed(hit) for hit in hits]

    def _disarmed(self, hit: Hit) -> Hit:
        """The hit without what somebody planted in it; where somebody did is remembered."""
        if not is_armed(hit.chunk):
            return hit
        self.armed.add(hit.chunk.document)
        return replace(hit, chunk=disarmed(hit.chunk))

    def _explain(self, question: str, hits: Sequence[Hit]) -> None:
        self.explanation["snapshot"] = self.engine.retriever.corpus().number
        self.explanation["question"] = question
        self.explanation["chunks"] = [[h.chunk.id, h.chunk.content_hash, round(h.score, 4)] for h in hits]

    def _about_products(self, question: str) -> ProductReply | Untold | None:
        """What the catalogue's typed facts say to a question about products, or that they do not; None to any other."""
        retriever, last = self.engine.retriever, self.earlier[-1].reply if self.earlier else None
        audience, day = self.audience, self.engine.today()
        with self._timed("products"):
            about = about_products(
                question,
                retriever.corpus(),
                lambda words, k: retriever.search(words, k, Filters(audience, day)),
                self.language,
                audience=audience,
                day=day,
                mentioned=[source.document for source in last.sources] if last else (),
                may_ask=last is None or last.outcome != "clarify",
                embed=retriever.embed,
            )
        if not isinstance(about, ProductReply):
            return about
        sources = tuple((self._disarmed(hit), quote) for hit, quote in about.sources)
        about = replace(about, sources=sources)
        guard = self._guard([hit for hit, _ in about.sources])
        return None if any(self._objects(guard, sentence) for sentence in about.sentences) else about

    def _rank(self, question: str, hits: Sequence[Hit]) -> Ranking:
        engine = self.engine
        rarity, embedder = engine.retriever.corpus().lexical.rarity, engine.retriever.embedder
        language = hits[0].chunk.language if hits else self.language
        if language != self.language:
            question = translated(question, "zh" if language == "zh" else "en") or question
        known = embedder.name == ranking.load_weights().embedder
        return ranking.rank(question, hits, rarity, embedder.compared if known else None)

    def _write(self, part: _Part, earlier: Sequence[Turn]) -> Iterator[Event]:
        hits, ranked, before = part.hits, part.ranked.statements, len(self.said)
        with self._timed("prompt"):
            messages = self._prompt(part.asked, hits, ranked, earlier)
        passages = [hit.chunk.context for hit in hits]
        guard = self._guard(hits)
        began = time.perf_counter()
        try:
            with closing(self._pieces(messages)) as pieces:
                for sentence in _sentences(pieces):
                    if self.cancelled.is_set():
                        break
                    if self._refuses(sentence) or (
                        not self._repeats(sentence, before)
                        and gate.supported(sentence, passages)
                        and not self._objects(guard, sentence)
                    ):
                        yield from self._release(sentence)
        finally:
            self.timings["generate"] = time.perf_counter() - began
            if self._refuses("".join(self.said)):
                self.outcome, self.reason = "decline", "not_found"
            else:
                self.sources += sources_of(self.said, ranked, hits, before)
        self.stopped = self.cancelled.is_set()
        if self.outcome == "decline" and not self.stopped:
            yield from self._say(self.phrases.offer_person, *self._reach())

    def _guard(self, hits: Sequence[Hit]) -> Guard:
        settings = self.engine.settings
        return Guard(
            passages=[hit.chunk.context for hit in hits],
            trusted=[hit.chunk.context for hit in hits if hit.chunk.document not in self.armed],
            contact=settings.contact,
            allowed=[host.strip() for host in settings.allowed_hosts.split(",") if host.strip()],
        )

    def _objects(self, guard: Guard, sentence: str) -> bool:
        """Whether the guard holds a sentence back; why is told in the turn's explanation."""
        if objection := guard.objection(sentence):
            self.explanation.setdefault("held_back", []).append(objection)
        return bool(objection)

    def _repeats(self, sentence: str, before: int) -> bool:
        """Whether an earlier part of the reply, of so many sentences, has said just this, or ends one with it."""
        own = sentence.strip().rstrip(".。")
        return bool(own) and any(said.rstrip(".。").endswith(own) for said in self.said[:before])

    def _refuses(self, text: str) -> bool:
        return self.phrases.not_found.rstrip(".。") in text

    def _release(self, sentence: str) -> Iterator[Text]:
        text = self._joined(sentence.rstrip())
        if text.strip():
            self.timings.setdefault("first_text", time.perf_counter() - self._began)
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
            _history(earlier[-PROMPT_HISTORY:]),
            ranked,
            shop=engine.shop_name,
            day=engine.today(),
            language=self.language,
            not_found=self.phrases.not_found,
            fits=lambda m: limit is None or self.generator.get_num_tokens_from_messages(m) <= limit,
        )
        # The passages are told by their ids and hashes; their text is not kept a second time.
        self.explanation["prompt"] = {"version": prompts.VERSION, "history": (len(messages) - 2) // 2}
        return messages

    def _pieces(self, messages: list[BaseMessage]) -> Generator[str, None, None]:
        if self.cancelled.is_set():
            return
        stream = self.generator.stream(messages)
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
        if reason := self.reading.instead_of_decline(self.earlier):
            yield from self._hand_over(reason)
            return
        self.outcome, self.reason = "decline", "not_found"
        near = policy.nearest(self.turn.question, hits)
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
        self.timings["total"] = time.perf_counter() - self._began
        return Reply(
            turn=self.turn.id,
            text="".join(self.said),
            outcome=self.outcome,
            confidence=round(self.confidence, 4),
            sources=self.sources,
            timings={stage: round(seconds, 6) for stage, seconds in self.timings.items()},
            stopped=self.stopped,
            reason=self.reason,
        )

    def _store(self) -> Reply:
        reply = self._reply()
        if self.outcome == "handover" and self.conversation.channel in ATTENDED:
            self.engine.desk.open(self.conversation.id, self.reason)  # first: a crash in between loses no shopper
        if self.reason:
            self.explanation["reason"] = self.reason
        if self.reading.steered:
            self.explanation["steered"] = True
        self.engine.store.finish_turn(self.turn.id, reply, {**self.explanation, **describe(self.generator)})
        return reply

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.timings[stage] = time.perf_counter() - began


def _by_language(hits: Sequence[Hit], first: str) -> list[list[Hit]]:
    """The hits of each language for themselves, those of the `first` first."""
    languages = sorted(dict.fromkeys(hit.chunk.language for hit in hits), key=lambda language: language != first)
    return [[hit for hit in hits if hit.chunk.language == language] for language in languages]


def _asked(turns: Sequence[Turn]) -> list[Turn]:
    """The turns with what each message really asked; those that did nothing but steer are left out."""
    asked = [replace(turn, question=heard(turn.question).question) for turn in turns]
    return [turn for turn in asked if turn.question]


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
