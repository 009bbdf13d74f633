"""What the shop has on each question of a message: facts of its catalogue, or passages and their ranked statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from langchain_core.language_models import BaseChatModel

from bot import policy, ranking
from bot.approved import approved_answer
from bot.conduct.guard import Guard
from bot.conduct.planted import disarmed, is_armed
from bot.conduct.reading import Reading
from bot.errors import GenerationError
from bot.evidence.contradictions import contradictions, without_contradicted
from bot.generation import prompts
from bot.generation.house_chat import HouseChatModel
from bot.messages import Turn
from bot.products.reply import ProductReply, about_products
from bot.products.untold import Untold, pages
from bot.ranking import NOTHING, Ranking, best_passages
from bot.statements import Statement
from bot.trace import Trace
from bot.understanding.expansion import other_words, translated
from bot.understanding.parts import asked_parts
from bot.understanding.questions import asked_words
from bot.understanding.standalone import standalone
from knowledge.documents import Audience
from retrieval.corpus import Corpus
from retrieval.retriever import Filters, Hit

if TYPE_CHECKING:
    from bot.engine import Engine

LOOKED_AT = 12  # passages whose statements are ranked: of questions that avoid a page's words, 95 % are answered there
DEEP = 3  # times as many are searched: some are in another language, or are not looked at


@dataclass(frozen=True, slots=True)
class Part:
    """One question of a message: as it was asked, with what it leans on, and what was found for it."""

    asked: str
    question: str
    hits: tuple[Hit, ...] = ()
    ranked: Ranking = NOTHING
    about: ProductReply | None = None
    must_be_sure: bool = False  # a fact of a product that the catalogue does not have: a page must say it for sure


@dataclass(frozen=True, slots=True)
class Found:
    """The questions of a message, and those among them that are answered."""

    parts: tuple[Part, ...]
    answered: tuple[Part, ...]

    @property
    def confidence(self) -> float:
        """That of the least sure answer; where there is none, of the least sure question."""
        told = self.answered or self.parts
        return min((part.ranked.confidence for part in told if not part.about), default=1.0)


@dataclass(slots=True)
class Lookup:
    """Looks up one message for one audience in one snapshot, in the light of what was said before."""

    engine: Engine
    corpus: Corpus
    generator: BaseChatModel
    audience: Audience
    language: str
    reading: Reading
    earlier: Sequence[Turn]  # with what each message really asked
    last: Turn | None  # the latest, whatever it asked
    trace: Trace

    def find(self, message: str) -> Found:
        """What there is on each of the message's questions."""
        if approved := self._approved(message):
            return Found((approved,), (approved,))
        parts = [self._looked_up(part, standalone(part, self.earlier)) for part in asked_parts(message)]
        answered = self._answered(parts)
        if not answered and len(parts) > 1:  # what is cut in two says less: "what is it to grind a nib and how long"
            parts = [self._looked_up(message, standalone(message, self.earlier))]
            answered = self._answered(parts)
        return Found(tuple(parts), tuple(answered))

    def guard(self, hits: Sequence[Hit]) -> Guard:
        """What may be said over these passages."""
        settings = self.engine.settings
        return Guard(
            passages=[hit.chunk.context for hit in hits],
            trusted=[hit.chunk.context for hit in hits if hit.chunk.document not in self.trace.armed],
            contact=settings.contact,
            allowed=[host.strip() for host in settings.allowed_hosts.split(",") if host.strip()],
        )

    def objects(self, guard: Guard, sentence: str) -> bool:
        """Whether the guard holds a sentence back; why is told in the turn's explanation."""
        if objection := guard.objection(sentence):
            self.trace.explanation.setdefault("held_back", []).append(objection)
        return bool(objection)

    def _approved(self, message: str) -> Part | None:
        """The whole message as one part, where staff approved an answer to just this question."""
        question = standalone(message, self.earlier)
        about = approved_answer(question, self.corpus, self.audience, self.engine.today())
        if about is None:
            return None
        self._explain(question, [hit for hit, _ in about.sources])
        self.trace.explanation["approved"] = about.sources[0][0].chunk.document
        return Part(message, question, about=about)

    def _looked_up(self, asked: str, question: str) -> Part:
        """What the catalogue or the documents have for one of the message's questions."""
        about = None if self.reading.outside else self._about_products(question)
        if isinstance(about, ProductReply):
            self._explain(question, [hit for hit, _ in about.sources])
            return Part(asked, question, about=about)
        own, *others = self._search(asked, question, only_pages=about is not None)
        part = self._ranked_part(asked, question, own, about)
        if part.ranked.confidence < policy.NOTHING_NEAR[self.language]:
            parts = [part, *(self._ranked_part(asked, question, hits, about) for hits in others)]
            part = max(parts, key=lambda each: each.ranked.confidence)
        self._explain(question, part.hits)
        return part

    def _ranked_part(self, asked: str, question: str, hits: Sequence[Hit], about: Untold | None) -> Part:
        """What these passages have for a question, those that have it best."""
        with self.trace.timed("ranking"):
            found = self._rank(question, hits)
            said = policy.to_the_point(question, policy.reranked(found.statements, self.last))
            best, said = best_passages(hits, said, self.engine.settings.passages)
        with self.trace.timed("contradictions"):
            apart = contradictions(said, best)
            said = without_contradicted(said, apart)
        if apart:
            self.trace.explanation.setdefault("contradictions", []).extend(map(str, apart))
        must_be_sure = about is not None and about.is_fact
        ranked = Ranking(said, self._confidence(asked, said, found.confidence))
        return Part(asked, question, tuple(best), ranked, must_be_sure=must_be_sure)

    def _confidence(self, asked: str, said: Sequence[Statement], of_ranking: float) -> float:
        """How sure it is that the statements answer, by the ranking and by a generator that has learnt to decline."""
        if not isinstance(self.generator, HouseChatModel) or of_ranking < policy.NOTHING_NEAR["en"]:
            return of_ranking
        with self.trace.timed("doubt"):
            messages = prompts.with_statements(asked, prompts.talk(self.earlier), said)
            try:
                doubt = self.generator.doubt(messages)
            except GenerationError:  # what writes the reply fails, too, and says so
                return of_ranking
        return of_ranking if doubt is None else policy.with_doubt(of_ranking, doubt)

    def _answered(self, parts: Sequence[Part]) -> list[Part]:
        """The parts that are answered: where one is for sure, the others need less."""
        answered = [part for part in parts if part.about or self._is_enough(part)]
        if answered:
            answered = [part for part in parts if part in answered or self._is_enough(part, policy.ENOUGH_BESIDE)]
        return [part for part in answered if self._is_own(part)] or answered

    def _is_enough(self, part: Part, least: float = 1.0) -> bool:
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

    def _is_own(self, part: Part) -> bool:
        """Whether a part is answered in the asker's language: a reply in two would be a muddle."""
        return part.about is not None or part.hits[0].chunk.language == self.language

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
            hits = pages(hits, self.corpus)
        return [found[:wanted] for found in _by_language(hits, self.language)] or [[]]

    def _found(self, question: str, k: int) -> list[Hit]:
        with self.trace.timed("search"):
            other = other_words(question, self.corpus.lexical.rarity)
            filters = Filters(self.audience, self.engine.today())
            hits = self.engine.retriever.search(question, k, filters, other, self.corpus)
        return [self._disarmed(hit) for hit in hits]

    def _disarmed(self, hit: Hit) -> Hit:
        """The hit without what somebody planted in it; where somebody did is remembered."""
        if not is_armed(hit.chunk):
            return hit
        self.trace.armed.add(hit.chunk.document)
        return replace(hit, chunk=disarmed(hit.chunk))

    def _explain(self, question: str, hits: Sequence[Hit]) -> None:
        self.trace.explanation["snapshot"] = self.corpus.number
        self.trace.explanation["question"] = question
        self.trace.explanation["chunks"] = [[h.chunk.id, h.chunk.content_hash, round(h.score, 4)] for h in hits]

    def _about_products(self, question: str) -> ProductReply | Untold | None:
        """What the catalogue's typed facts say to a question about products, or that they do not; None to any other."""
        retriever, last = self.engine.retriever, self.last.reply if self.last else None
        audience, day = self.audience, self.engine.today()
        with self.trace.timed("products"):
            about = about_products(
                question,
                self.corpus,
                lambda words, k: retriever.search(words, k, Filters(audience, day), corpus=self.corpus),
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
        guard = self.guard([hit for hit, _ in about.sources])
        return None if any(self.objects(guard, sentence) for sentence in about.sentences) else about

    def _rank(self, question: str, hits: Sequence[Hit]) -> Ranking:
        engine = self.engine
        rarity, embedder = self.corpus.lexical.rarity, engine.retriever.embedder
        language = hits[0].chunk.language if hits else self.language
        if language != self.language:
            question = translated(question, "zh" if language == "zh" else "en") or question
        known = embedder.name == ranking.load_weights().embedder
        return ranking.rank(question, hits, rarity, embedder.compared if known else None)


def _by_language(hits: Sequence[Hit], first: str) -> list[list[Hit]]:
    """The hits of each language for themselves, those of the `first` first."""
    languages = sorted(dict.fromkeys(hit.chunk.language for hit in hits), key=lambda language: language != first)
    return [[hit for hit in hits if hit.chunk.language == language] for language in languages]
