"""The desk in Slack: a shopper's conversation as a thread, and staff's words on their way to the shopper."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.conversations import Conversations
from bot.desk import Desk
from bot.engine import Engine, joined
from bot.generation.composer import ExtractiveChatModel
from bot.messages import Handover
from bot.settings import Settings
from retrieval.retriever import Retriever
from tests.fake_slack import BOT, DESK, Call, FakeSlack, Workspace, slack_office

IRELAND = "How much does delivery to Ireland cost?"
PERSON = "I want to talk to a person"


@pytest.fixture
def engine(retriever: Retriever, tmp_path: Path) -> Iterator[Engine]:
    with Conversations(tmp_path / "shopdesk.db") as store:
        yield Engine(retriever, ExtractiveChatModel(), store, Settings(home=tmp_path))


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return engine.desk


@pytest.fixture
def office(engine: Engine, slack: FakeSlack) -> Iterator[Workspace]:
    with slack_office(engine, slack) as opened:
        yield opened


def ask(engine: Engine, conversation: str, text: str) -> str:
    return joined(engine.reply(conversation, f"m{len(engine.turns(conversation))}", text)).text


def handed_over(engine: Engine, slack: FakeSlack) -> tuple[str, Handover]:
    """A shopper who asked, and asked for a person; it returns once Slack has the whole thread."""
    conversation = engine.start("web")
    ask(engine, conversation, IRELAND)
    ask(engine, conversation, PERSON)
    slack.until(lambda: len(slack.of("chat.postMessage")) >= 3)
    handover = engine.desk.current(conversation)
    assert handover is not None
    return conversation, handover


def buttons(call: Call) -> dict[str, str]:
    return {
        element["action_id"]: element["value"]
        for block in call.arguments["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    }


def test_a_hand_over_opens_as_a_thread_with_all_that_staff_need(
    office: Workspace, engine: Engine, slack: FakeSlack
) -> None:
    _, handover = handed_over(engine, slack)
    head, transcript, draft = slack.of("chat.postMessage")
    assert head.arguments["channel"] == DESK
    assert "asked for a person" in head.text
    assert buttons(head) == dict.fromkeys(["claim", "draft", "return", "resolve"], handover.id)
    assert all(call.arguments["thread_ts"] == handover.thread.partition(":")[2] for call in (transcript, draft))
    assert IRELAND in transcript.text
    assert "policies/delivery.md" in transcript.text
    assert "£9.00" in draft.text


def test_staff_claim_answer_in_the_thread_and_give_it_back(office: Workspace, engine: Engine, slack: FakeSlack) -> None:
    conversation, handover = handed_over(engine, slack)
    thread = handover.thread.partition(":")[2]
    office.press("claim", handover.id, user="UMEI")
    (claimed,) = slack.until(lambda: slack.of("chat.update"))
    assert "Mei has this" in claimed.text
    assert "claim" not in buttons(claimed)
    office.press("claim", handover.id, user="UTOM")
    (refused,) = slack.until(lambda: slack.of("chat.postEphemeral"))
    assert refused.arguments["user"] == "UTOM"
    assert "Mei's already" in refused.text
    event = office.write("It is &lt;£9&gt;, see <https://x.example/delivery|our page>.", channel=DESK, thread=thread)
    office.event(event)  # Slack sends it again
    (said,) = slack.until(lambda: engine.desk.messages(conversation))
    assert (said.author, said.text) == ("Mei", "It is <£9>, see our page (https://x.example/delivery).")
    (tick,) = slack.until(lambda: slack.of("reactions.add"))
    assert tick.arguments["timestamp"] == event["ts"]
    ask(engine, conversation, "Thank you. And to Iceland?")
    mirrored = slack.until(lambda: [call for call in slack.of("chat.postMessage") if "Iceland" in call.text])
    assert len(mirrored) == 1
    office.press("return", handover.id)
    slack.until(lambda: any("Given back" in call.text for call in slack.of("chat.update")))
    assert not buttons(slack.of("chat.update")[-1])
    assert "cannot be returned" in ask(engine, conversation, "Can I return boots that were worn outside?")
    office.write("Too late", channel=DESK, thread=thread)
    late = slack.until(lambda: [call for call in slack.of("chat.postEphemeral") if "did not get this" in call.text])
    assert "is returned" in late[0].text
    assert len(engine.desk.messages(conversation)) == 1


def test_a_draft_is_read_over_before_it_is_sent(office: Workspace, engine: Engine, slack: FakeSlack) -> None:
    conversation, handover = handed_over(engine, slack)
    office.press("draft", handover.id)
    (opened,) = slack.until(lambda: slack.of("views.open"))
    view = opened.arguments["view"]
    assert "£9.00" in view["blocks"][0]["element"]["initial_value"]
    assert engine.desk.messages(conversation) == []
    office.submit(view, "Delivery to Ireland costs £9.00, says Mei.")
    office.submit(view, "Delivery to Ireland costs £9.00, says Mei.")
    slack.until(lambda: any("Mei has this" in call.text for call in slack.of("chat.update")))
    assert [message.text for message in engine.desk.messages(conversation)] == [
        "Delivery to Ireland costs £9.00, says Mei."
    ]
    assert any("wrote to the shopper" in call.text for call in slack.of("chat.postMessage"))


def test_a_draft_from_a_staff_document_warns(office: Workspace, engine: Engine, slack: FakeSlack) -> None:
    conversation = engine.start("web")
    engine.desk.open(conversation, "asked_for_person")
    ask(engine, conversation, "How much may an umbrella as goodwill be worth?")
    slack.until(lambda: len(slack.of("chat.postMessage")) >= 3)
    handover = engine.desk.current(conversation)
    assert handover is not None
    office.press("draft", handover.id)
    (opened,) = slack.until(lambda: slack.of("views.open"))
    assert "shoppers may not see" in opened.arguments["view"]["blocks"][0]["text"]["text"]


def test_who_mentions_the_bot_in_the_thread_asks_it_and_not_the_shopper(
    office: Workspace, engine: Engine, slack: FakeSlack
) -> None:
    conversation, handover = handed_over(engine, slack)
    thread = handover.thread.partition(":")[2]
    office.write(f"<@{BOT}> How much may an umbrella as goodwill be worth?", channel=DESK, thread=thread)
    slack.until(lambda: slack.of("chat.stopStream"))
    office.write("Here is a word from me.", channel=DESK, thread=thread)
    slack.until(lambda: engine.desk.messages(conversation))
    assert [message.text for message in engine.desk.messages(conversation)] == ["Here is a word from me."]
    assert len(slack.of("chat.stopStream")) == 1


def test_what_is_done_elsewhere_shows_in_the_thread(office: Workspace, engine: Engine, slack: FakeSlack) -> None:
    _, handover = handed_over(engine, slack)
    with Conversations(engine.store.path) as other:  # as `shopdesk desk` does
        desk = Desk(other, engine.settings)
        desk.say(handover.id, "Tom", "Written <!channel> in a terminal.")
        slack.until(lambda: any("Tom has this" in call.text for call in slack.of("chat.update")))
        slack.until(lambda: any("in a terminal" in call.text for call in slack.of("chat.postMessage")))
        desk.leave_email(handover.id, "mei@example.com")
        slack.until(lambda: any("mei@example.com" in call.text for call in slack.of("chat.update")))
        desk.give_back(handover.id, by="shopper")
        slack.until(lambda: any("went on with the assistant" in call.text for call in slack.of("chat.postMessage")))
    assert not any("<!channel" in call.text for call in slack.calls)


def test_a_restart_and_a_second_process_open_no_thread_twice(engine: Engine, slack: FakeSlack) -> None:
    with slack_office(engine, slack), slack_office(engine, slack):
        handed_over(engine, slack)
    with slack_office(engine, slack) as office:
        office.event({"type": "app_home_opened", "tab": "home", "user": "UMEI", "channel": "D1"})
        slack.until(lambda: slack.of("views.publish"))
        second = engine.start("web")
        ask(engine, second, PERSON)
        slack.until(lambda: len(slack.of("chat.postMessage")) >= 6)
    assert sum("Hand-over:" in call.text for call in slack.of("chat.postMessage")) == 2
    assert len(slack.of("chat.postMessage")) == 6


def test_a_hand_over_of_while_slack_was_away_opens_later(engine: Engine, slack: FakeSlack) -> None:
    conversation = engine.start("web")
    ask(engine, conversation, PERSON)
    with slack_office(engine, slack):
        slack.until(lambda: len(slack.of("chat.postMessage")) >= 3)
    handover = engine.desk.current(conversation)
    assert handover is not None
    assert handover.thread.startswith(DESK)


def test_the_home_tab_has_who_waits_and_the_figures_of_today(
    office: Workspace, engine: Engine, slack: FakeSlack
) -> None:
    conversation, handover = handed_over(engine, slack)
    engine.rate(engine.turns(conversation)[0].id, "visitor", "up")
    engine.desk.claim(handover.id, "Mei <!here>")
    office.event({"type": "app_home_opened", "tab": "home", "user": "UTOM", "channel": "D1"})
    (home,) = slack.until(lambda: slack.of("views.publish"))
    assert home.arguments["user_id"] == "UTOM"
    assert "the shopper asked for a person" in home.text
    assert "2 questions · 1 answered · 0 not known · 1 handed over · 1 thumbs up · 0 thumbs down" in home.text
    assert "<!here" not in home.text


def test_a_shopper_waits_for_no_slack(engine: Engine, slack: FakeSlack) -> None:
    """A desk channel that cannot be written to holds up neither the bot nor the store."""
    slack.fail("chat.postMessage", *["channel_not_found"] * 50)
    with slack_office(engine, slack):
        conversation = engine.start("web")
        ask(engine, conversation, PERSON)
        slack.until(lambda: len(slack.faults["chat.postMessage"]) < 50)
        done = threading.Event()
        threading.Thread(target=lambda: (ask(engine, conversation, IRELAND), done.set())).start()
        assert done.wait(10)
    assert engine.desk.current(conversation) is not None
