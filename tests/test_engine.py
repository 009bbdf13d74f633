"""A whole turn, through the real store and the real retriever: what is promised to a channel, and what goes wrong."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel, FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage

import knowledge
from bot.citing import cited
from bot.conversations import Conversations
from bot.engine import Engine, joined
from bot.errors import GenerationError, InvalidMessage, NoSnapshot, UnknownTurn
from bot.generation.composer import ExtractiveChatModel
from bot.generation.prompts import VERSION
from bot.messages import Done, Event, Reply, Sources, Status, Text, Turn
from bot.phrases import phrases
from bot.settings import Settings
from knowledge.documents import Audience
from retrieval.retriever import Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update
from tests.fakes import HashEmbedder, ScriptedGenerator

TODAY = date(2026, 11, 21)
DOCUMENTS = {
    "policies/returns.md": """\
        ---
        title: Returns policy
        effective_from: 2026-01-01
        effective_until: 2026-12-31
        ---
        # Returns
        You can return unused goods within **30 days** of delivery. Please keep the original box.
        ## Can I return boots I wore once?
        Boots worn outside, even once, cannot be returned. Boots worn indoors on a clean floor are fine.
        """,
    "policies/returns-2025.md": """\
        ---
        title: Returns policy of 2025
        effective_until: 2025-12-31
        ---
        # Returns
        You can return unused goods within **14 days** of delivery.
        """,
    "policies/returns-2027.md": """\
        ---
        title: Returns policy of 2027
        effective_from: 2027-01-01
        ---
        # Returns
        You can return unused goods within **60 days** of delivery.
        """,
    "policies/delivery.md": """\
        ---
        title: Delivery to Ireland
        ---
        # Delivery to Ireland
        ## What does delivery to Ireland cost?
        Delivery to Ireland costs £8.95 by An Post.
        ## How long does delivery to Ireland take?
        A parcel to Ireland takes 4 working days.
        """,
    "policies/warranty.md": """\
        ---
        title: Warranty
        ---
        # Warranty
        | What | Years |
        |---|---|
        | Tents | 3 |
        | Kettles | 2 |
        """,
    "staff/goodwill.md": """\
        ---
        title: Goodwill limits
        audience: staff
        ---
        # Goodwill limits
        The goodwill limit without approval is £25 a customer. Delivery to Ireland goodwill is £6.
        """,
    "zh/tuihuo.md": """\
        ---
        title: 退货政策
        language: zh
        ---
        # 退货政策
        未使用的商品可在收货后30天内退货。穿到室外的靴子不能退货。
        """,
}
RETURNS = "Can I return boots I wore once?"
FIRST, SECOND = "Boots worn outside, even once, cannot be returned.", "Boots worn indoors on a clean floor are fine."


def write(folder: Path) -> Path:
    for name, text in DOCUMENTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line.strip() for line in text.split("\n")), encoding="utf-8")
    return folder


class Desk:
    """An engine over an index, with a store of its own, and a conversation to ask it in."""

    def __init__(
        self,
        home: Path,
        retriever: Retriever,
        generator: BaseChatModel | None = None,
        today: Callable[[], date] = lambda: TODAY,
        **changes: Any,
    ) -> None:
        self.scripted = ScriptedGenerator()
        self.store = Conversations(home / "shopdesk.db")
        values = Settings(home=home, **changes)
        self.engine = Engine(retriever, generator or self.scripted, self.store, values, shop_name="Fell", today=today)
        self.conversation = self.engine.start("web")
        self._number = 0

    def events(self, text: str, message: str | None = None, **options: Any) -> Iterator[Event]:
        self._number += 1
        return self.engine.reply(self.conversation, message or f"message {self._number}", text, **options)

    def ask(self, text: str, message: str | None = None, **options: Any) -> Reply:
        return joined(self.events(text, message, **options))

    def last(self) -> Turn:
        return self.engine.turns(self.conversation)[-1]

    def fresh(self, audience: Audience = "public") -> None:
        self.conversation = self.engine.start("slack", audience=audience)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    folder = tmp_path_factory.mktemp("shop")
    retriever = Retriever(snapshots=Snapshots(folder / "index"), embedder=HashEmbedder())
    update([write(folder / "documents")], retriever.snapshots, retriever.embedder)
    return retriever


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """The demo shop's prose."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(
        Path(knowledge.__file__).parent / "demo",
        folder / "shop",
        ignore=shutil.ignore_patterns("products.csv", "*.pdf*"),
    )
    retriever = Retriever(snapshots=Snapshots(folder / "index"), embedder=HashEmbedder())
    update([folder / "shop"], retriever.snapshots, retriever.embedder)
    return retriever


@pytest.fixture
def desk(tmp_path: Path, index: Retriever) -> Iterator[Desk]:
    desk = Desk(tmp_path, index)
    yield desk
    desk.store.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, index: Retriever) -> Iterator[Desk]:
    """For property tests, which ask many times."""
    desk = Desk(tmp_path_factory.mktemp("shared"), index)
    yield desk
    desk.store.close()


@pytest.fixture
def extractive(tmp_path: Path, index: Retriever) -> Iterator[Desk]:
    desk = Desk(tmp_path, index, ExtractiveChatModel())
    yield desk
    desk.store.close()


@pytest.fixture
def demo_desk(tmp_path: Path, demo: Retriever) -> Iterator[Desk]:
    desk = Desk(tmp_path, demo, ExtractiveChatModel())
    yield desk
    desk.store.close()


def documents(reply: Reply) -> list[str]:
    return [source.document for source in reply.sources]


def resting(reply: Reply) -> list[list[str]]:
    """Of each source, the parts of the text that rest on it."""
    return [[reply.text[start:end] for start, end in source.spans] for source in reply.sources]


def until_text(events: Iterator[Event]) -> str:
    return next(event.text for event in events if isinstance(event, Text))


# The stream


def test_events_come_in_order_and_their_text_is_the_reply(desk: Desk) -> None:
    desk.scripted.enqueue(
        "Boots worn outside, even", " once, cannot be", " returned. Boots worn indoors on a clean floor are fine."
    )
    events = list(desk.events(RETURNS))
    kinds = [type(event) for event in events]
    assert kinds == [Status, Status, Text, Text, Sources, Done]
    assert [event.stage for event in events if isinstance(event, Status)] == ["searching", "writing"]
    reply = events[-1].reply  # type: ignore[union-attr]
    assert reply.text == f"{FIRST} {SECOND}"
    assert "".join(event.text for event in events if isinstance(event, Text)) == reply.text
    assert events[-2] == Sources(reply.sources)
    assert desk.last().reply == reply


def test_a_reply_is_on_disk_before_done(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    for event in desk.events(RETURNS):
        if isinstance(event, Done):
            stored = desk.last().reply
            assert stored == event.reply


@settings(max_examples=40)
@given(data=st.data())
def test_where_the_pieces_are_cut_changes_nothing(data: st.DataObject, shared: Desk) -> None:
    text = f"  {FIRST} {SECOND}\n\nPlease keep the\noriginal box.\n- within 30 days\n- of delivery.\n"
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=12)))
    shared.fresh()
    shared.scripted.enqueue(*(text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)))
    assert shared.ask(RETURNS).text == text.strip()


def test_a_sentence_is_released_as_soon_as_the_next_begins(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST, " B", *"oots worn indoors on a clean floor are fine.")
    events = desk.events(RETURNS)
    assert until_text(events) == FIRST
    assert desk.scripted.asked == 2
    joined(events)


def test_a_listener_that_stops_asking_after_the_text_holds_nobody_up(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    desk.scripted.enqueue(SECOND)
    abandoned = desk.events(RETURNS)
    while not isinstance(next(abandoned), Sources):
        pass
    assert desk.ask("Can I return boots I only wore indoors?").text == SECOND
    abandoned.close()  # type: ignore[attr-defined]


# One reply to one message


def test_a_known_message_gets_the_same_reply_without_a_second_generation(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    first = desk.ask(RETURNS, "m")
    events = list(desk.events(RETURNS, "m"))
    assert [type(event) for event in events] == [Text, Sources, Done]
    assert events[-1] == Done(first)
    assert len(desk.engine.turns(desk.conversation)) == 1


def test_a_new_process_gives_the_stored_reply(desk: Desk, tmp_path: Path, index: Retriever) -> None:
    desk.scripted.enqueue(FIRST)
    first = desk.ask(RETURNS, "m")
    desk.store.close()
    later = Desk(tmp_path, index)
    later.conversation = desk.conversation
    assert later.ask(RETURNS, "m") == first
    later.store.close()


def test_a_message_sent_twice_at_once_is_answered_once(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    together = threading.Barrier(2)

    def ask(_: int) -> Reply:
        together.wait(30)
        return desk.ask(RETURNS, "m")

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(ask, range(2))
    assert one == other
    assert len(desk.scripted.prompts) == 1


def test_a_message_id_with_another_text_is_refused(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    desk.ask(RETURNS, "m")
    with pytest.raises(InvalidMessage, match="another text"):
        desk.ask("Something else?", "m")


def test_conversations_are_answered_beside_each_other(tmp_path: Path, index: Retriever) -> None:
    generator = ScriptedGenerator(together=threading.Barrier(3))  # breaks unless three calls are under way at once
    desk = Desk(tmp_path, index, generator)
    for _ in range(3):
        generator.enqueue(FIRST)
    conversations = [desk.engine.start("web") for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        replies = threads.map(lambda c: joined(desk.engine.reply(c, "m", RETURNS)), conversations)
        assert [reply.text for reply in replies] == [FIRST] * 3
    desk.store.close()


def test_two_messages_of_a_conversation_are_answered_one_after_the_other(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST, " Boots worn indoors", " on a clean floor are fine.")
    desk.scripted.enqueue(SECOND)
    events = desk.events(RETURNS, "first")
    until_text(events)
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(desk.ask, "Can I return boots I wore indoors?", "second")
        first = joined(events)
        second.result(60)
    assert first.text in [message.text for message in desk.scripted.prompts[1]]


# What it answers


def test_the_answer_and_the_words_it_rests_on(extractive: Desk) -> None:
    reply = extractive.ask(RETURNS)
    assert reply.outcome == "answer"
    assert "cannot be returned" in reply.text
    assert documents(reply) == ["policies/returns.md"]
    assert "cannot be returned" in reply.sources[0].quote


def test_a_follow_up_is_understood_from_the_history(extractive: Desk) -> None:
    cost = extractive.ask("What does delivery to Ireland cost?")
    assert "£8.95" in cost.text
    reply = extractive.ask("and how long does it take?")
    assert "4 working days" in reply.text
    assert documents(reply) == ["policies/delivery.md"]


def test_a_follow_up_does_not_reach_into_another_conversation(extractive: Desk) -> None:
    extractive.ask("What does delivery to Ireland cost?")
    extractive.ask("and how long does it take?")
    assert "Ireland" in extractive.last().explanation["question"]
    extractive.fresh()
    extractive.ask("and how long does it take?")
    assert "Ireland" not in extractive.last().explanation["question"]


def test_a_table_is_answered_in_words(extractive: Desk) -> None:
    reply = extractive.ask("How many years is the warranty on tents?")
    assert "3" in reply.text
    assert "|" not in reply.text
    assert reply.sources[0].quote in reply.sources[0].passage


def test_a_chinese_question_gets_the_chinese_document_and_a_chinese_reply(extractive: Desk) -> None:
    reply = extractive.ask("靴子穿到室外还能退货吗？")
    assert "不能退货" in reply.text
    assert documents(reply) == ["zh/tuihuo.md"]


@pytest.mark.parametrize(
    ("question", "chinese"),
    [
        (RETURNS, False),
        ("What does delivery to Ireland cost?", False),
        ("靴子穿到室外还能退货吗？", True),
        ("寄到爱尔兰要多少钱？", False),  # only an English page says it
        ("电水壶保修几年？", False),
        ("return 退货 boots within 30 days", False),
    ],
)
def test_passages_are_in_the_askers_language_or_all_in_the_one_that_has_the_answer(
    desk: Desk, question: str, chinese: bool
) -> None:
    desk.scripted.enqueue(FIRST)
    desk.ask(question)
    chunks = [chunk for chunk, *_ in desk.last().explanation["chunks"]]
    assert chunks
    assert {chunk.startswith("zh/") for chunk in chunks} == {chinese}


@pytest.mark.parametrize(
    ("day", "days"),
    [(date(2025, 12, 31), "14 days"), (date(2026, 1, 1), "30 days"), (TODAY, "30 days"), (date(2027, 1, 1), "60 days")],
)
def test_only_what_is_in_force_today_is_used(tmp_path: Path, index: Retriever, day: date, days: str) -> None:
    desk = Desk(tmp_path, index, ExtractiveChatModel(), today=lambda: day)
    reply = desk.ask("Within how many days can I return unused goods?")
    assert days in reply.text
    assert not [other for other in {"14 days", "30 days", "60 days"} - {days} if other in reply.text]
    desk.store.close()


def test_staff_are_told_what_shoppers_are_not(extractive: Desk) -> None:
    question = "What is the goodwill limit without approval?"
    public = extractive.ask(question)
    assert public.outcome == "decline"
    assert "25" not in public.text
    assert "Goodwill" not in public.text
    extractive.fresh(audience="staff")
    assert "£25" in extractive.ask(question).text


def test_a_staff_passage_is_in_no_prompt_of_a_shopper(desk: Desk) -> None:
    desk.scripted.enqueue("Delivery to Ireland costs £8.95 by An Post.")
    desk.ask("What does delivery to Ireland cost, and what is the goodwill limit?")
    assert "goodwill is" not in desk.scripted.prompts[0][0].text.lower()
    assert not [chunk for chunk, *_ in desk.last().explanation["chunks"] if chunk.startswith("staff/")]


def test_every_answer_has_sources_whose_quote_can_be_found_in_the_passage(extractive: Desk) -> None:
    for question in (
        RETURNS,
        "What does delivery to Ireland cost?",
        "How many years is the warranty on kettles?",
        "靴子能退货吗？",
    ):
        reply = extractive.ask(question)
        assert reply.outcome == "answer", question
        assert reply.sources, question
        for source in reply.sources:
            assert source.quote
            assert source.quote in source.passage
            assert source.chunk.startswith(f"{source.document}@")
            assert source.content_hash


def test_a_quote_of_two_sentences_can_be_found_too(desk: Desk) -> None:
    desk.scripted.enqueue(f"{SECOND} ", f"{FIRST}")
    (source,) = desk.ask(RETURNS).sources
    assert source.quote == f"{FIRST} {SECOND}"


def test_a_quote_over_a_line_break_can_be_found_as_well(tmp_path: Path) -> None:
    wrapped = "boots " * 8 + "\nboots \n£4.50 a pair, resoled."  # the break is read twice, as meant and as a wrap
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "resoling.md").write_text(f"# Resoling boots\n\n{wrapped}\n", encoding="utf-8")
    retriever = Retriever(snapshots=Snapshots(tmp_path / "index"), embedder=HashEmbedder())
    update([tmp_path / "documents"], retriever.snapshots, retriever.embedder)
    desk = Desk(tmp_path, retriever, ExtractiveChatModel())
    (source,) = desk.ask("How much is resoling a pair of boots?").sources
    assert "£4.50 a pair" in source.quote
    assert source.quote in source.passage
    desk.store.close()


def test_sources_are_the_passages_used_in_the_order_of_their_use(desk: Desk) -> None:
    desk.scripted.enqueue("A parcel to Ireland takes 4 working days. ", FIRST)
    reply = desk.ask("How long does a parcel to Ireland take?")
    assert documents(reply) == ["policies/delivery.md", "policies/returns.md"]
    assert resting(reply) == [["A parcel to Ireland takes 4 working days."], [FIRST]]
    assert cited(reply.text, reply.sources) == f"A parcel to Ireland takes 4 working days.[1] {FIRST}[2]"


def test_sentences_in_a_row_that_rest_on_one_passage_are_one_span(desk: Desk) -> None:
    ireland = "A parcel to Ireland takes 4 working days."
    desk.scripted.enqueue(f"{FIRST} ", f"{SECOND}\n\n", f"{ireland} ", f"{FIRST[:-1]}, sorry.")
    reply = desk.ask("How long does a parcel to Ireland take?")
    assert documents(reply) == ["policies/returns.md", "policies/delivery.md"]
    assert resting(reply) == [[f"{FIRST} {SECOND}", f"{FIRST[:-1]}, sorry."], [ireland]]
    assert desk.last().reply == reply  # the store keeps where they stand


def test_a_bare_yes_rests_on_the_passage_that_says_so(desk: Desk) -> None:
    desk.scripted.enqueue("No.")
    reply = desk.ask(RETURNS)
    assert resting(reply) == [["No."]]


def test_nothing_rests_on_a_source_where_the_documents_do_not_say(desk: Desk) -> None:
    reply = desk.ask("Do you rent out tents?")
    assert cited(reply.text, reply.sources) == reply.text


def test_of_two_pages_that_contradict_each_other_the_newer_speaks_and_the_staff_are_told(tmp_path: Path) -> None:
    pages = {"faq.md": ("2024-01-01", "14 days"), "returns.md": ("2026-01-01", "30 days")}
    for name, (since, days) in pages.items():
        text = f"---\ntitle: Returns\neffective_from: {since}\n---\n\nUnworn boots can be returned within {days}.\n"
        (tmp_path / name).write_text(text, "utf-8")
    embedder, snapshots = HashEmbedder(), Snapshots(tmp_path / "index")
    update([tmp_path / name for name in pages], snapshots, embedder)
    desk = Desk(tmp_path, Retriever(snapshots=snapshots, embedder=embedder), ExtractiveChatModel())
    reply = desk.ask("Can unworn boots be returned?")
    assert "30 days" in reply.text
    assert "14 days" not in reply.text
    (told,) = desk.last().explanation["contradictions"]
    assert "returns.md says" in told
    assert "faq.md says" in told
    desk.store.close()


def test_both_questions_of_a_message_are_answered_each_from_its_own_passages(extractive: Desk) -> None:
    reply = extractive.ask("How much is delivery to Ireland? Can I return boots I wore once outside?")
    assert "£8.95" in reply.text
    assert "cannot be returned" in reply.text
    assert documents(reply) == ["policies/delivery.md", "policies/returns.md"]


def test_what_one_part_of_a_reply_has_said_the_next_one_does_not_repeat(desk: Desk) -> None:
    desk.scripted.enqueue("Delivery to Ireland costs £8.95 by An Post.")
    desk.scripted.enqueue("Delivery to Ireland costs £8.95 by An Post. ", "A parcel to Ireland takes 4 working days.")
    reply = desk.ask("What does delivery to Ireland cost? How long does a parcel to Ireland take?")
    assert reply.text == "Delivery to Ireland costs £8.95 by An Post. A parcel to Ireland takes 4 working days."


def test_a_model_may_say_a_word_again_within_a_part(desk: Desk) -> None:
    desk.scripted.enqueue("No, boots worn outside, even once, cannot be returned. ", "No.")
    assert desk.ask(RETURNS).text == "No, boots worn outside, even once, cannot be returned. No."


def test_what_is_not_found_of_two_questions_is_said(extractive: Desk) -> None:
    reply = extractive.ask("How much is delivery to Ireland? Do you stuff live penguins?")
    assert "£8.95" in reply.text
    assert phrases("en").rest_not_found in reply.text
    assert reply.outcome == "answer"


def test_a_bare_yes_still_has_a_source(desk: Desk) -> None:
    desk.scripted.enqueue("Yes.")
    reply = desk.ask(RETURNS)
    assert reply.text == "Yes."
    assert documents(reply) == ["policies/returns.md"]


# What it does not answer


@pytest.mark.parametrize("question", ["Do you sell live penguins?", "你们卖企鹅吗？"])
def test_what_the_documents_do_not_say_is_declined_with_the_offer_of_a_person(desk: Desk, question: str) -> None:
    reply = desk.ask(question)
    own = phrases("zh" if "企" in question else "en")
    assert reply.outcome == "decline"
    assert own.not_found in reply.text
    assert own.offer_person in reply.text
    assert reply.sources == ()
    assert desk.scripted.prompts == []  # nothing to write from, so no model is asked


def test_yes_to_the_offer_is_a_hand_over(tmp_path: Path, index: Retriever) -> None:
    desk = Desk(tmp_path, index, contact="help@fell.example")
    assert "help@fell.example" in desk.ask("Do you sell live penguins?").text
    reply = desk.ask("yes")
    assert reply.outcome == "handover"
    assert "help@fell.example" in reply.text
    desk.store.close()


def test_a_failed_message_in_between_does_not_take_the_offer_back(desk: Desk) -> None:
    assert desk.ask("Do you sell live penguins?").outcome == "decline"
    desk.scripted.enqueue("x", error=RuntimeError("out of memory"))
    with pytest.raises(GenerationError):
        desk.ask(RETURNS)
    assert desk.ask("yes").outcome == "handover"


def test_yes_to_an_answer_is_no_hand_over(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    desk.ask(RETURNS)
    desk.scripted.enqueue(FIRST)
    assert desk.ask("yes").outcome != "handover"


@pytest.mark.parametrize("text", ["Can I talk to a person?", "I need a human", "转人工客服"])
def test_who_wants_a_person_gets_one_at_once(desk: Desk, text: str) -> None:
    reply = desk.ask(text)
    assert reply.outcome == "handover"
    assert reply.sources == ()
    assert desk.scripted.prompts == []


def test_small_talk_is_answered_without_a_search(desk: Desk) -> None:
    events = list(desk.events("Hello!"))
    assert [type(event) for event in events] == [Text, Sources, Done]
    assert desk.ask("thanks").text == phrases("en").thanks
    assert desk.ask("你好").text == phrases("zh").greeting
    assert desk.scripted.prompts == []


def test_an_invented_number_is_not_released(desk: Desk) -> None:
    desk.scripted.enqueue("You can return boots within 45 days. ", FIRST)
    reply = desk.ask(RETURNS)
    assert reply.text == FIRST
    assert reply.outcome == "answer"


def test_a_reply_without_a_supported_sentence_is_composed_of_the_documents_own(desk: Desk) -> None:
    desk.scripted.enqueue(
        "Returns are free for 99 days. ", "Our spaceships collect unwanted elephants on alternate Tuesdays."
    )
    events = list(desk.events(RETURNS))
    reply = events[-1].reply  # type: ignore[union-attr]
    assert reply.outcome == "answer"
    assert documents(reply) == ["policies/returns.md"]
    assert "99" not in reply.text
    assert "spaceships" not in reply.text
    assert "".join(event.text for event in events if isinstance(event, Text)) == reply.text
    assert desk.last().explanation["composed"] == "unsupported"


def test_a_model_that_declines_by_itself_offers_a_person_too(desk: Desk) -> None:
    desk.scripted.enqueue("\n", phrases("en").not_found)
    events = list(desk.events(RETURNS))
    reply = events[-1].reply  # type: ignore[union-attr]
    assert reply.outcome == "decline"
    assert reply.sources == ()
    assert reply.text == f"{phrases('en').not_found} {phrases('en').offer_person}"
    assert "".join(event.text for event in events if isinstance(event, Text)) == reply.text


def test_where_a_model_says_nothing_the_documents_do(desk: Desk) -> None:
    desk.scripted.enqueue("", " ", "\n")
    reply = desk.ask(RETURNS)
    assert reply.outcome == "answer"
    assert documents(reply) == ["policies/returns.md"]


# Stopped


def test_a_cancelled_reply_stops_the_model_and_is_stored_as_stopped(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST, " B", *["oots worn indoors on a clean floor are fine. Boots"] * 20)
    cancelled = threading.Event()
    events = desk.events(RETURNS, cancelled=cancelled)
    until_text(events)
    asked = desk.scripted.asked
    cancelled.set()
    reply = joined(events)
    assert desk.scripted.asked <= asked + 2
    assert desk.scripted.closed == 1
    assert reply.stopped
    assert reply.text == FIRST
    assert documents(reply) == ["policies/returns.md"]
    assert desk.last().reply == reply


def test_a_reply_cancelled_before_its_first_word_is_empty_and_not_a_decline(desk: Desk) -> None:
    cancelled = threading.Event()
    cancelled.set()
    reply = desk.ask(RETURNS, "m", cancelled=cancelled)
    assert reply.stopped
    assert reply.text == ""
    assert reply.sources == ()
    assert desk.scripted.asked == 0
    desk.scripted.enqueue(FIRST)
    desk.ask(RETURNS, "n")
    assert "" not in [message.text for message in desk.scripted.prompts[0]]  # models refuse an empty message


def test_closing_the_stream_keeps_what_was_said(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST, " B", "oots worn indoors on a clean floor are fine.")
    events = desk.events(RETURNS, "m")
    until_text(events)
    events.close()  # type: ignore[attr-defined]
    assert desk.scripted.closed == 1
    stored = desk.last().reply
    assert stored is not None
    assert stored.stopped
    assert stored.text == FIRST
    assert documents(stored) == ["policies/returns.md"]
    assert desk.ask(RETURNS, "m") == stored


def test_closing_in_another_thread_frees_the_conversation(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST, " B", "oots worn indoors on a clean floor are fine.")
    desk.scripted.enqueue(SECOND)
    events = desk.events(RETURNS)
    until_text(events)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(events.close).result(30)  # type: ignore[attr-defined]
        assert threads.submit(desk.ask, RETURNS).result(30).text == SECOND


def test_closing_before_anything_is_said_leaves_the_turn_open_to_try_again(desk: Desk) -> None:
    events = desk.events(RETURNS, "m")
    assert next(events) == Status("searching")
    events.close()  # type: ignore[attr-defined]
    assert desk.last().reply is None
    desk.scripted.enqueue(FIRST)
    assert desk.ask(RETURNS, "m").text == FIRST
    assert len(desk.engine.turns(desk.conversation)) == 1


# Failures


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory\nTried to allocate"), GenerationError("no key")])
@pytest.mark.parametrize("at", [0, 2])
def test_a_failing_model_is_one_clear_error_and_the_message_can_be_sent_again(
    desk: Desk, error: Exception, at: int
) -> None:
    desk.scripted.enqueue(FIRST, " ", SECOND, error=error, error_at=at)
    with pytest.raises(GenerationError, match=r"out of memory|no key") as raised:
        desk.ask(RETURNS, "m")
    assert "\n" not in str(raised.value)
    assert desk.last().question == RETURNS
    assert desk.last().reply is None
    desk.scripted.enqueue(FIRST)
    assert desk.ask(RETURNS, "m").text == FIRST
    assert [turn.message_id for turn in desk.engine.turns(desk.conversation)] == ["m"]


def test_without_an_index_the_question_is_kept_and_answered_later(tmp_path: Path) -> None:
    retriever = Retriever(snapshots=Snapshots(tmp_path / "index"), embedder=HashEmbedder())
    desk = Desk(tmp_path, retriever, ExtractiveChatModel())
    with pytest.raises(NoSnapshot):
        desk.engine.ready()
    with pytest.raises(NoSnapshot):
        desk.ask(RETURNS, "m")
    assert [(turn.question, turn.reply) for turn in desk.engine.turns(desk.conversation)] == [(RETURNS, None)]
    update([write(tmp_path / "documents")], retriever.snapshots, retriever.embedder)
    assert "cannot be returned" in desk.ask(RETURNS, "m").text
    desk.store.close()


def test_an_unknown_conversation_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownTurn, match="nowhere"):
        joined(desk.engine.reply("nowhere", "m", RETURNS))
    with pytest.raises(UnknownTurn):
        desk.engine.turns("nowhere")


@pytest.mark.parametrize("text", ["", "   \n\t", "\x00\x07", "\u200b\ufeff"])
def test_an_empty_message_is_refused_and_not_stored(desk: Desk, text: str) -> None:
    with pytest.raises(InvalidMessage, match="empty"):
        desk.ask(text)
    assert desk.engine.turns(desk.conversation) == []


def test_a_message_that_is_too_long_is_refused_with_the_limit(desk: Desk) -> None:
    with pytest.raises(InvalidMessage, match=r"100,000 characters.*4,000"):
        desk.ask("a" * 100_000)
    assert desk.engine.turns(desk.conversation) == []


def test_control_characters_are_dropped_and_words_stay_whole(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    desk.ask("Can I re\u200bturn boots\x00I wore\r\nonce\u202e?")
    assert desk.last().question == "Can I return boots I wore\nonce?"


@settings(max_examples=60)
@given(text=st.text(st.characters(exclude_categories=[]), max_size=60))
def test_any_message_gets_a_reply_or_is_refused_in_one_line(text: str, shared: Desk) -> None:
    shared.fresh()
    shared.scripted.enqueue(FIRST)
    try:
        said = shared.ask(text).text
    except InvalidMessage as error:
        said = str(error)
        assert "\n" not in said
    assert said
    shared.scripted.forget()


# Accounting for it


def test_a_turn_can_be_explained_later(desk: Desk, index: Retriever) -> None:
    desk.scripted.enqueue(FIRST)
    reply = desk.ask(RETURNS)
    explained = desk.last().explanation
    assert explained["prompt"]["version"] == VERSION
    assert explained["snapshot"] == index.corpus().number
    assert explained["model"] == "scripted"
    assert explained["lora"] == "seventh"
    kept = {chunk: content_hash for chunk, content_hash, _ in explained["chunks"]}
    assert kept[reply.sources[0].chunk] == reply.sources[0].content_hash
    corpus = index.corpus()
    assert kept.items() <= {corpus.chunk(n).id: corpus.chunk(n).content_hash for n in range(len(corpus))}.items()


def test_a_decline_can_be_explained_too(desk: Desk, index: Retriever) -> None:
    desk.ask("Do you sell live penguins?")
    explained = desk.last().explanation
    assert explained["snapshot"] == index.corpus().number
    assert explained["question"] == "Do you sell live penguins?"


def test_timings_name_the_stages_and_no_stage_is_longer_than_the_whole(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    timings = desk.ask(RETURNS).timings
    assert {"search", "ranking", "prompt", "generate", "first_text", "total"} <= set(timings)
    assert all(0 <= seconds <= timings["total"] for seconds in timings.values())


def test_confidence_is_higher_for_an_answer_than_for_a_decline(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    assert 0 <= desk.ask("Do you sell live penguins?").confidence < desk.ask(RETURNS).confidence <= 1


def test_the_latest_rating_of_a_rater_counts(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    turn = desk.ask(RETURNS).turn
    desk.engine.rate(turn, "shopper", "down", "too\x00short")
    desk.engine.rate(turn, "shopper", "up")
    desk.engine.rate(turn, "staff", "down", "wrong\x00")
    kept = {rating.rater: (rating.label, rating.reason) for rating in desk.store.ratings(turn)}
    assert kept == {"shopper": ("up", ""), "staff": ("down", "wrong")}
    with pytest.raises(UnknownTurn):
        desk.engine.rate("nothing", "shopper", "up")


def test_ready_says_what_would_answer(desk: Desk, index: Retriever) -> None:
    ready = desk.engine.ready()
    assert ready["documents"] == len(DOCUMENTS)
    assert ready["snapshot"] == index.corpus().number
    assert ready["model"] == "scripted"


# Any LangChain model, and the prompt it gets


@pytest.mark.parametrize(
    "model",
    [
        lambda text: GenericFakeChatModel(messages=iter([AIMessage(text)])),
        lambda text: FakeListChatModel(responses=[text]),
    ],
)
def test_any_langchain_chat_model_drops_in(
    tmp_path: Path, index: Retriever, model: Callable[[str], BaseChatModel]
) -> None:
    desk = Desk(tmp_path, index, model(f"{FIRST} {SECOND}"))
    reply = desk.ask(RETURNS)
    assert reply.text == f"{FIRST} {SECOND}"
    assert documents(reply) == ["policies/returns.md"]
    assert desk.last().explanation["model"]
    desk.store.close()


def test_the_prompt_has_the_shop_the_day_the_passages_and_the_talk_so_far(desk: Desk) -> None:
    desk.scripted.enqueue(FIRST)
    desk.ask(RETURNS)
    desk.scripted.enqueue(SECOND)
    desk.ask("And boots I wore indoors, can I return those?")
    system, asked, answered, question = desk.scripted.prompts[1]
    assert "Fell" in system.text
    assert "2026-11-21" in system.text
    assert FIRST in system.text
    assert (asked.text, answered.text) == (RETURNS, FIRST)
    assert question.text == "And boots I wore indoors, can I return those?"


# The demo shop


def test_the_first_question_of_the_tour(demo_desk: Desk) -> None:
    reply = demo_desk.ask("can I send back boots I wore once?")
    assert reply.outcome == "answer"
    assert "worn outside" in reply.text
    assert "policies/returns.md" in documents(reply)


def test_the_demo_shops_staff_pages_reach_staff_only(demo_desk: Desk) -> None:
    question = "How much goodwill may I give without approval?"
    public = demo_desk.ask(question)
    kept = [chunk for chunk, *_ in demo_desk.last().explanation["chunks"]]
    assert not [name for name in (*documents(public), *kept) if name.startswith("staff/")]
    assert "team lead" not in public.text
    demo_desk.fresh(audience="staff")
    assert any(name.startswith("staff/") for name in documents(demo_desk.ask(question)))


@pytest.mark.parametrize("question", ["睡袋保修几年？", "靴子穿过一次可以退货吗？", "到爱尔兰的运费是多少？"])
def test_the_demo_shop_answers_chinese_from_its_chinese_pages(demo_desk: Desk, question: str) -> None:
    reply = demo_desk.ask(question)
    assert reply.outcome == "answer"
    assert all(name.startswith("zh/") for name in documents(reply))


def test_a_superseded_policy_of_the_demo_shop_is_not_used(demo_desk: Desk) -> None:
    demo_desk.ask("How many days do I have to return something, and what does the return label cost?")
    kept = [chunk for chunk, *_ in demo_desk.last().explanation["chunks"]]
    assert [chunk for chunk in kept if chunk.startswith("policies/returns.md@")]
    assert not [chunk for chunk in kept if chunk.startswith(("policies/returns-2024.md", "policies/delivery-2025.md"))]
