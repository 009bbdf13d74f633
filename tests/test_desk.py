"""The desk on a real store: who has a conversation, what staff write in it, and what the bot does meanwhile."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversations import Conversations
from bot.desk import Desk
from bot.engine import Engine, joined
from bot.errors import DeskError, InvalidMessage, UnknownTurn
from bot.generation.composer import ExtractiveChatModel
from bot.messages import Done, Draft, HandoverState, Reply, Text
from bot.settings import Settings
from retrieval.retriever import Retriever
from tests.fakes import ScriptedGenerator

BOOTS, ANSWER = "Can I return boots that were worn outside?", "Boots that were worn outside cannot be returned."
PERSON = "I want to talk to a person"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One store for all examples of a property."""
    with Conversations(tmp_path_factory.mktemp("shared") / "shopdesk.db") as opened:
        opened.database.execute("PRAGMA synchronous = OFF")
        yield Desk(opened, Settings())


@pytest.fixture
def scripted() -> ScriptedGenerator:
    return ScriptedGenerator()


@pytest.fixture
def engine(store: Conversations, retriever: Retriever, scripted: ScriptedGenerator, tmp_path: Path) -> Engine:
    return Engine(retriever, scripted, store, Settings(home=tmp_path))


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return engine.desk


def ask(engine: Engine, conversation: str, text: str, message: str = "") -> Reply:
    return joined(engine.reply(conversation, message or f"m{len(engine.turns(conversation))}", text))


# The states


def test_a_hand_over_is_opened_claimed_answered_and_given_back(store: Conversations, desk: Desk) -> None:
    conversation = store.start("web")
    opened = desk.open(conversation, "asked_for_person")
    assert (opened.state, opened.is_open, opened.reason) == ("waiting", True, "asked_for_person")
    assert desk.open(conversation, "upset") == opened
    claimed = desk.claim(opened.id, "Mei")
    assert (claimed.state, claimed.staff) == ("claimed", "Mei")
    assert desk.claim(opened.id, "Mei") == claimed
    with pytest.raises(DeskError, match="Mei's already"):
        desk.claim(opened.id, "Tom")
    said = desk.say(opened.id, "Mei", " I will look.\r\nOne moment. ", "slack-1")
    assert (said.text, said.author, said.number) == ("I will look.\nOne moment.", "Mei", 1)
    assert desk.say(opened.id, "Mei", "I will look.\r\nOne moment.", "slack-1") == said
    assert desk.say(opened.id, "Tom", "I can help too.").number == 2
    assert desk.current(conversation) == claimed
    returned = desk.give_back(opened.id)
    assert (returned.state, returned.closed_by, returned.is_open) == ("returned", "staff", False)
    assert desk.resolve(opened.id) == returned
    assert (desk.current(conversation), desk.latest(conversation)) == (None, returned)
    with pytest.raises(DeskError, match="is returned"):
        desk.say(opened.id, "Mei", "Too late")
    with pytest.raises(DeskError, match="is returned"):
        desk.claim(opened.id, "Tom")
    assert [message.text for message in desk.messages(conversation, after=1)] == ["I can help too."]


def test_a_reply_claims_a_hand_over_that_waits(store: Conversations, desk: Desk) -> None:
    opened = desk.open(store.start("web"), "safety")
    desk.say(opened.id, "Tom", "Hello")
    assert desk.handover(opened.id).staff == "Tom"


def test_a_shopper_can_come_back_for_a_person_after_one_was_there(store: Conversations, desk: Desk) -> None:
    conversation = store.start("web")
    first = desk.open(conversation, "asked_for_person")
    desk.say(first.id, "Mei", "Hello")
    assert desk.give_back(first.id, by="shopper").closed_by == "shopper"
    second = desk.open(conversation, "asked_for_person")
    assert second.id != first.id
    assert desk.say(second.id, "Mei", "Again").number == 2


def test_those_that_are_open_come_oldest_first(store: Conversations, desk: Desk) -> None:
    opened = [desk.open(store.start("web"), "asked_for_person") for _ in range(4)]
    desk.claim(opened[2].id, "Mei")
    desk.resolve(opened[1].id)
    assert [handover.id for handover in desk.waiting()] == [opened[0].id, opened[2].id, opened[3].id]


STEPS = st.sampled_from(["open", "claim Mei", "claim Tom", "say Mei", "say Tom", "back", "back shopper", "resolve"])


@given(st.lists(STEPS, max_size=20))
def test_no_order_of_steps_leaves_a_conversation_in_two_hands(shared: Desk, steps: list[str]) -> None:
    """Against a model: one open hand-over at most, one owner while it is open, and nothing said once it is closed."""
    desk, conversation = shared, shared.store.start("web")
    current, state, owner, said = desk.open(conversation, "asked_for_person"), "waiting", "", 0
    for step in steps:
        action, _, who = step.partition(" ")
        is_open = state in ("waiting", "claimed")
        if action == "open":
            again = desk.open(conversation, "asked_for_person")
            assert (again.id == current.id) == is_open
            if not is_open:
                current, state, owner = again, "waiting", ""
        elif action in ("claim", "say") and (not is_open or (action == "claim" and owner not in ("", who))):
            with pytest.raises(DeskError):
                desk.claim(current.id, who) if action == "claim" else desk.say(current.id, who, "Hello")
        elif action in ("claim", "say"):
            desk.claim(current.id, who) if action == "claim" else desk.say(current.id, who, "Hello")
            state, owner, said = "claimed", owner or who, said + (action == "say")
        else:
            desk.resolve(current.id) if action == "resolve" else desk.give_back(current.id)
            state = state if not is_open else "resolved" if action == "resolve" else "returned"
        kept = desk.latest(conversation)
        assert kept is not None
        assert (kept.id, kept.state, kept.staff) == (current.id, state, owner)
        assert kept.state in get_args(HandoverState)
        assert bool(kept.closed_at) == (desk.current(conversation) is None) == (not kept.is_open)
        assert [message.number for message in desk.messages(conversation)] == list(range(1, said + 1))
        assert (kept in desk.waiting()) == kept.is_open


def test_what_does_not_fit_is_refused_in_one_line(store: Conversations, desk: Desk) -> None:
    opened = desk.open(store.start("web"), "asked_for_person")
    with pytest.raises(InvalidMessage, match="empty"):
        desk.say(opened.id, "Mei", " \n")
    with pytest.raises(InvalidMessage, match="4,001 characters"):
        desk.say(opened.id, "Mei", "x" * 4001)
    with pytest.raises(UnknownTurn, match="'nothing'"):
        desk.claim("nothing", "Mei")
    with pytest.raises(UnknownTurn, match="'nobody'"):
        desk.open("nobody", "asked_for_person")
    assert desk.handover(opened.id) == opened


def test_a_shopper_leaves_an_address_only_if_it_is_one(store: Conversations, desk: Desk) -> None:
    opened = desk.open(store.start("web"), "asked_for_person")
    assert desk.leave_email(opened.id, " mei.li+shop@example.co.uk ").email == "mei.li+shop@example.co.uk"
    for bad in (
        "mei",
        "mei@",
        "@example.com",
        "a@b",
        "a b@example.com",
        "a@example.com, c@d.org",
        f"{'x' * 300}@e.com",
    ):
        with pytest.raises(DeskError, match=r"no e-mail address; give one such as"):
            desk.leave_email(opened.id, bad)
    assert desk.handover(opened.id).email == "mei.li+shop@example.co.uk"


def test_typing_is_known_for_a_moment(store: Conversations, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = desk.open(store.start("web"), "asked_for_person")
    assert desk.typist(opened.id) == ""
    desk.typing(opened.id, "Mei")
    assert desk.typist(opened.id) == "Mei"
    desk.say(opened.id, "Mei", "Here it is.")
    assert desk.typist(opened.id) == ""
    monkeypatch.setattr("bot.desk.TYPING_SECONDS", 0.0)
    desk.typing(opened.id, "Mei")
    assert desk.typist(opened.id) == ""


# Restarts, processes, erasure


def test_a_restart_goes_on_where_the_desk_was(tmp_path: Path) -> None:
    with Conversations(tmp_path / "shopdesk.db") as store:
        desk = Desk(store, Settings())
        conversation = store.start("web")
        opened = desk.open(conversation, "upset")
        desk.set_thread(opened.id, "C1:1.1")
        desk.set_thread(opened.id, "C1:2.2")
        said = desk.say(opened.id, "Mei", "你好", "slack-1")
    with Conversations(tmp_path / "shopdesk.db") as store:
        desk = Desk(store, Settings())
        kept = desk.in_thread("C1:1.1")
        assert kept is not None
        assert (kept.id, kept.state, kept.staff) == (opened.id, "claimed", "Mei")
        assert desk.in_thread("C1:2.2") is None
        assert desk.messages(conversation) == [said]
        assert desk.say(opened.id, "Mei", "你好", "slack-1") == said


CLAIMER = textwrap.dedent("""\
    import sys
    from pathlib import Path
    from bot.conversations import Conversations
    from bot.desk import Desk
    from bot.errors import DeskError
    from bot.settings import Settings
    with Conversations(Path(sys.argv[1])) as store:
        desk = Desk(store, Settings())
        for handover in desk.waiting():
            try:
                desk.claim(handover.id, sys.argv[2])
                desk.say(handover.id, sys.argv[2], "Hello", "first")
                print(handover.id, flush=True)
            except DeskError:
                pass
""")


def test_two_processes_never_take_the_same_hand_over(store: Conversations, desk: Desk) -> None:
    opened = [desk.open(store.start("web"), "asked_for_person").id for _ in range(40)]
    before = store.version()
    command = [sys.executable, "-c", CLAIMER, str(store.path)]
    both = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("Mei", "Tom")]
    taken = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(taken[0] + taken[1]) == sorted(opened)
    assert {desk.handover(each).staff for each in taken[0]} <= {"Mei"}
    assert {desk.handover(each).staff for each in taken[1]} <= {"Tom"}
    assert store.version() != before
    assert store.version() == store.version()


def test_news_of_this_process_change_the_version_too(store: Conversations, desk: Desk) -> None:
    conversation, seen = store.start("web"), set()
    opened = desk.open(conversation, "asked_for_person")
    for step in (desk.claim, desk.say):
        seen.add(store.version())
        step(opened.id, "Mei", *["Hello"][: step == desk.say])
    assert len({*seen, store.version()}) == 3


def test_a_hand_over_is_erased_with_its_conversation(store: Conversations, desk: Desk) -> None:
    conversation, other = store.start("web"), store.start("web")
    opened, kept = desk.open(conversation, "<secret reason>"), desk.open(other, "asked_for_person")
    desk.leave_email(opened.id, "secret@example.com")
    desk.say(opened.id, "<secret author>", "<secret words>")
    files = lambda: b"".join(path.read_bytes() for path in store.path.parent.glob("shopdesk.db*"))  # noqa: E731
    assert files().count(b"secret") >= 4
    store.delete(conversation)
    assert b"secret" not in files()
    assert desk.waiting() == [kept]
    with pytest.raises(UnknownTurn):
        desk.handover(opened.id)


# With the engine


def test_the_engine_opens_a_hand_over_with_its_reply(engine: Engine, desk: Desk) -> None:
    conversation = engine.start("web")
    reply = ask(engine, conversation, PERSON)
    assert reply.outcome == "handover"
    opened = desk.current(conversation)
    assert opened is not None
    assert (opened.reason, opened.state) == (reply.reason, "waiting")


@pytest.mark.parametrize("channel", ["terminal", "eval", "slack"])
def test_a_channel_that_cannot_show_a_persons_words_opens_none(engine: Engine, desk: Desk, channel: str) -> None:
    conversation = engine.start(channel)
    assert ask(engine, conversation, PERSON).outcome == "handover"
    assert desk.waiting() == []


def test_the_bot_is_silent_while_a_person_has_the_conversation(
    engine: Engine, desk: Desk, scripted: ScriptedGenerator
) -> None:
    conversation = engine.start("web")
    opened = desk.open(conversation, "asked_for_person")
    for message in ("first", "second", "first"):
        events = list(engine.reply(conversation, message, BOOTS))
        assert [type(event) for event in events] == [Done]
        (done,) = events
        assert isinstance(done, Done)
        assert (done.reply.text, done.reply.outcome, done.reply.reason) == ("", "handover", "with_staff")
    assert [turn.question for turn in engine.turns(conversation)] == [BOOTS, BOOTS]
    assert scripted.asked == 0
    desk.give_back(opened.id, by="shopper")
    scripted.enqueue(ANSWER)
    assert ask(engine, conversation, BOOTS, "third").text == ANSWER  # nobody answered it, so it is not asked twice
    assert list(engine.reply(conversation, "first", BOOTS)) == [done]


def test_where_policy_calls_for_a_person_the_bot_goes_on_until_one_comes(
    engine: Engine, desk: Desk, scripted: ScriptedGenerator
) -> None:
    conversation = engine.start("web")
    opened = desk.open(conversation, "declined_twice")
    scripted.enqueue(ANSWER)
    assert ask(engine, conversation, BOOTS).text == ANSWER
    desk.claim(opened.id, "Mei")
    assert ask(engine, conversation, "Are gift cards returned?").reason == "with_staff"


def test_a_shopper_who_asks_for_a_person_is_waited_with(engine: Engine, desk: Desk) -> None:
    conversation = engine.start("web")
    opened = desk.open(conversation, "upset")
    assert desk.open(conversation, "asked_for_person").id == opened.id
    assert ask(engine, conversation, BOOTS).reason == "with_staff"


@pytest.mark.parametrize(
    ("said", "reason", "told"),
    [
        ("I don't want to live any more", "self_harm", "emergency services"),
        ("The kettle exploded and burned my hand", "safety", "emergency services"),
        ("我不想活了", "self_harm", "紧急救助"),
    ],
)
@pytest.mark.parametrize("claimed", [False, True])
def test_who_is_in_danger_is_told_whom_to_call_though_a_person_has_the_conversation(
    engine: Engine, desk: Desk, scripted: ScriptedGenerator, said: str, reason: str, told: str, claimed: bool
) -> None:
    conversation = engine.start("web")
    opened = desk.open(conversation, "asked_for_person")
    if claimed:
        opened = desk.claim(opened.id, "Mei")
    for _ in range(2):  # the second time it comes from the store
        text, _, done = engine.reply(conversation, "danger", said)
        assert isinstance(done, Done)
        assert told in done.reply.text
        assert (text, done.reply.outcome, done.reply.reason) == (Text(done.reply.text), "handover", reason)
    assert desk.current(conversation) == opened
    assert ask(engine, conversation, BOOTS).text == ""
    assert scripted.asked == 0


def test_a_follow_up_to_the_bot_knows_what_staff_said(engine: Engine, desk: Desk, scripted: ScriptedGenerator) -> None:
    conversation = engine.start("web")
    ask(engine, conversation, PERSON)
    opened = desk.current(conversation)
    assert opened is not None
    ask(engine, conversation, "Does delivery to Ireland cost more for a tent?")
    desk.say(opened.id, "Mei", "A tent goes to Ireland for the same price.")
    desk.give_back(opened.id)
    scripted.enqueue("Delivery to Ireland costs £9.00.")
    assert ask(engine, conversation, "And how much does delivery to Ireland cost?").outcome == "answer"
    prompt = "\n".join(str(message.content) for message in scripted.prompts[-1])
    assert "A tent goes to Ireland for the same price." in prompt


def test_what_staff_answered_is_kept_with_its_question(engine: Engine, desk: Desk) -> None:
    conversation = engine.start("web")
    opened = desk.open(conversation, "asked_for_person")
    desk.say(opened.id, "Mei", "Hello, what can I do?")
    ask(engine, conversation, "Do you sharpen knives?")
    desk.say(opened.id, "Mei", "Yes, on Fridays.")
    desk.resolve(opened.id)
    ask(engine, conversation, PERSON)
    opened = desk.open(conversation, "asked_for_person")
    desk.say(opened.id, "Tom", "On Saturdays too.")
    assert [(example["question"], example["text"]) for example in desk.examples()] == [
        ("Do you sharpen knives?", "Yes, on Fridays."),
        ("Do you sharpen knives?", "On Saturdays too."),
    ]


def test_a_draft_says_what_the_bot_would_and_stores_nothing(
    store: Conversations, retriever: Retriever, tmp_path: Path
) -> None:
    engine = Engine(retriever, ExtractiveChatModel(), store, Settings(home=tmp_path))
    conversation = engine.start("web")
    assert engine.draft(conversation) == Draft()
    engine.desk.open(conversation, "asked_for_person")
    ask(engine, conversation, BOOTS)
    draft = engine.draft(conversation)
    assert ANSWER in draft.text
    assert [source.document for source in draft.sources] == ["policies/returns.md"]
    assert not draft.staff_only
    before = store.version()
    ask(engine, conversation, "How much may an umbrella as goodwill be worth?")
    goodwill = engine.draft(conversation)
    assert "£40" in goodwill.text
    assert goodwill.staff_only
    ask(engine, conversation, "Who won the league in 1974?")
    assert engine.draft(conversation) == Draft()
    assert store.version()[0] == before[0]
    assert [turn.reply.text for turn in engine.turns(conversation) if turn.reply] == ["", "", ""]
