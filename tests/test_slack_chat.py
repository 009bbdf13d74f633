"""Staff ask in Slack: signed events over HTTP in, calls of the Web API out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_bolt import BoltRequest
from slack_sdk import WebClient

from adapters.slack_app import build
from adapters.slack_posts import Post
from adapters.slack_writing import Writing
from bot.conversations import Conversations
from bot.deliveries import LEASE_SECONDS, Deliveries
from bot.engine import Engine
from bot.errors import GenerationError, SettingsError
from bot.generation.composer import ExtractiveChatModel
from bot.messages import Reply, Source
from bot.settings import Settings
from retrieval.retriever import Retriever
from tests.commands import shopdesk
from tests.fake_slack import BOT, FakeSlack, Workspace, slack_office
from tests.fakes import ScriptedGenerator

GOODWILL = "How much may an umbrella as goodwill be worth?"
IRELAND = "How much does delivery to Ireland cost?"
COST = "Delivery to Ireland costs £9.00."


@pytest.fixture
def engine(store: Conversations, retriever: Retriever, tmp_path: Path) -> Engine:
    return Engine(retriever, ExtractiveChatModel(), store, Settings(home=tmp_path), suggestions=["Can I return boots?"])


@pytest.fixture
def office(engine: Engine, slack: FakeSlack) -> Iterator[Workspace]:
    with slack_office(engine, slack) as opened:
        yield opened


def told(slack: FakeSlack) -> str:
    """All text that was streamed or posted."""
    calls = slack.of("chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage", "chat.update")
    return "\n".join(call.text for call in calls)


def answered(slack: FakeSlack, times: int = 1) -> list[Any]:
    return slack.until(lambda: len(found := slack.of("chat.stopStream")) >= times and found)


def settle(office: Workspace, slack: FakeSlack) -> None:
    """Waits until all that was sent before has been dealt with: one more question is answered."""
    before = len(slack.of("chat.stopStream"))
    office.write(IRELAND, channel="D9", user="USETTLE")
    answered(slack, before + 1)


def test_a_direct_message_is_answered_from_staff_documents_with_sources_and_thumbs(
    office: Workspace, slack: FakeSlack, store: Conversations
) -> None:
    office.write(GOODWILL, channel="D1")
    (stop,) = answered(slack)
    assert "£40" in told(slack)
    (start,) = slack.of("chat.startStream")
    assert (start.arguments["channel"], start.arguments["thread_ts"]) == ("D1", "5001.0")
    assert (start.arguments["recipient_user_id"], start.arguments["recipient_team_id"]) == ("UMEI", "T1")
    assert slack.of("assistant.threads.setStatus")
    sources, feedback = stop.arguments["blocks"]
    assert "staff.md" in sources["elements"][0]["text"]
    (buttons,) = feedback["elements"]
    turn = buttons["positive_button"]["value"].partition(" ")[0]
    (conversation,) = store.recent()
    assert (conversation.channel, conversation.audience) == ("slack", "staff")
    assert [kept.id for kept in store.turns(conversation.id)] == [turn]


@pytest.mark.parametrize("length", [20, 700], ids=["sent at the end", "sent as it comes"])
def test_what_is_streamed_is_marked_with_its_sources(slack: FakeSlack, length: int) -> None:
    text = f"{'Worn boots '.ljust(length, 'x')} stay. So be it."
    source = Source("returns.md", "Returns", "c1", 1.0, "Worn boots stay.", spans=((0, text.index(".") + 1),))
    client = WebClient("xoxb-1", base_url=slack.url)
    writing = Writing(client, Post("ask", "k", "?", "UMEI", "T1", "D1", "5001.0"))
    for start in range(0, len(text), 50):
        writing.add(text[start : start + 50])
    writing.end(Reply("t1", text, "answer", 1.0, (source,)))
    (stop,) = slack.of("chat.stopStream")
    updates = slack.of("chat.update")
    assert len(updates) == (1 if slack.of("chat.appendStream") else 0) == (length > 256)
    assert "stay.[1] So be it." in (updates or slack.of("chat.startStream", "chat.stopStream"))[-1].text
    if updates:
        assert updates[0].arguments["blocks"][1:] == stop.arguments["blocks"]
    else:
        assert told(slack).count("Worn boots x") == 1


def test_a_thread_is_followed_until_people_talk_to_each_other(office: Workspace, slack: FakeSlack) -> None:
    asked = office.write(f"<@{BOT}> {IRELAND}")
    thread = asked["ts"]
    answered(slack)
    office.write("And how long does it take to Ireland?", thread=thread)
    answered(slack, 2)
    assert "5 working days" in told(slack)
    for text, user in [
        ("I thought it was £8?", "UTOM"),  # somebody else joins
        ("No, £9.", "UMEI"),  # who asked now speaks to him
        (IRELAND, "UTOM"),
        (IRELAND, "UMEI"),
    ]:
        office.write(text, thread=thread, user=user)
    office.write(IRELAND)  # a post of its own, without a mention
    office.write(IRELAND, thread="77.0")  # a thread that the bot was never called into
    settle(office, slack)
    assert len(slack.of("chat.stopStream")) == 3
    office.write(f"<@{BOT}> {IRELAND}", thread=thread, user="UTOM")
    answered(slack, 4)
    office.write("And how long does it take to Ireland?", thread=thread, user="UTOM")
    answered(slack, 5)


def test_who_speaks_to_a_colleague_in_the_thread_is_left_alone(office: Workspace, slack: FakeSlack) -> None:
    asked = office.write(f"<@{BOT}> {IRELAND}")
    answered(slack)
    office.write(f"<@UTOM> {IRELAND}", thread=asked["ts"])
    settle(office, slack)
    assert len(slack.of("chat.stopStream")) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"subtype": "bot_message", "bot_id": "B2"},
        {"bot_id": "B1"},
        {"user": BOT},
        {"text": "  "},
    ],
)
def test_edits_bots_and_notices_are_ignored(office: Workspace, slack: FakeSlack, more: dict[str, Any]) -> None:
    office.event({**office.post(IRELAND, channel="D1"), **more})
    settle(office, slack)
    assert len(slack.of("chat.stopStream")) == 1


def test_one_post_is_answered_once_however_often_slack_tells_of_it(
    engine: Engine, slack: FakeSlack, store: Conversations
) -> None:
    with slack_office(engine, slack) as office:
        event = office.post(f"<@{BOT}> {IRELAND}")
        mention = {**event, "type": "app_mention"}
        threads = [threading.Thread(target=office.event, args=(each, "Ev1")) for each in (mention, event, mention)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answered(slack)
    with slack_office(engine, slack) as office:  # a restart
        office.event(mention, "Ev1")
        office.event(event, "Ev2")
        settle(office, slack)
    assert len(slack.of("chat.stopStream")) == 2
    assert sorted(len(store.turns(conversation.id)) for conversation in store.recent()) == [1, 1]


def test_what_a_crash_cut_short_is_answered_after_the_restart(
    engine: Engine, slack: FakeSlack, store: Conversations, monkeypatch: pytest.MonkeyPatch
) -> None:
    with slack_office(engine, slack) as office:
        event = office.post(IRELAND, channel="D1")
        with monkeypatch.context() as dying:
            dying.setattr("adapters.slack_chat.SlackChat.answer", lambda *_: None)
            office.event(event)
    assert not slack.of("chat.startStream")
    assert len(store.database.execute("SELECT 1 FROM deliveries WHERE payload LIKE '%Ireland%'").fetchall()) == 1
    store.database.execute("UPDATE deliveries SET taken_at = taken_at - ?", (LEASE_SECONDS + 1,))
    with slack_office(engine, slack):
        answered(slack)
        slack.until(lambda: not Deliveries(store).overdue())
    assert COST in told(slack)
    assert store.database.execute("SELECT DISTINCT payload, done FROM deliveries").fetchall() == [("", 1)]


def test_slack_is_told_at_once_though_the_model_takes_its_time(
    store: Conversations, retriever: Retriever, tmp_path: Path, slack: FakeSlack
) -> None:
    go = threading.Event()

    class Slow(ExtractiveChatModel):
        def _stream(self, *arguments: Any, **options: Any) -> Any:
            assert go.wait(30)
            yield from super()._stream(*arguments, **options)

    with slack_office(Engine(retriever, Slow(), store, Settings(home=tmp_path)), slack) as office:
        office.write(IRELAND, channel="D1")  # returns only with Slack's acknowledgement
        assert not slack.of("chat.startStream")
        store.database.execute("UPDATE deliveries SET taken_at = taken_at - ?", (LEASE_SECONDS + 1,))
        time.sleep(1.5)  # the watch looks, and leaves alone what is under way
        go.set()
        answered(slack)
    assert len(slack.of("chat.stopStream")) == 1


def test_limits_and_faults_of_slack_are_waited_out(office: Workspace, slack: FakeSlack) -> None:
    slack.fail("chat.startStream", (429, {"Retry-After": "0"}), (500, {}), (503, {}))
    slack.fail("chat.stopStream", (429, {"Retry-After": "0"}))
    office.write(IRELAND, channel="D1")
    answered(slack)
    assert len(slack.of("chat.startStream")) == 1
    assert told(slack).count(COST) == 2  # once in the text, once as what the source says
    assert not slack.of("chat.postMessage")


def test_where_streaming_is_not_to_be_had_the_answer_is_posted_whole(office: Workspace, slack: FakeSlack) -> None:
    slack.fail("chat.startStream", "method_not_supported_for_channel_type")
    office.write(IRELAND, channel="D1")
    (posted,) = slack.until(lambda: slack.of("chat.postMessage"))
    markdown, _, feedback = posted.arguments["blocks"]
    assert markdown["type"] == "markdown"
    assert markdown["text"].startswith(COST)
    assert feedback["type"] == "context_actions"
    assert posted.arguments["thread_ts"] == "5001.0"


def test_a_stream_that_breaks_is_replaced_and_not_repeated(office: Workspace, slack: FakeSlack) -> None:
    slack.fail("chat.stopStream", "message_not_in_streaming_state")
    office.write(IRELAND, channel="D1")
    (updated,) = slack.until(lambda: slack.of("chat.update"))
    assert updated.arguments["blocks"][0]["text"].startswith(COST)
    assert not slack.of("chat.postMessage")


def test_a_question_asked_while_slack_is_down_is_kept_and_answered(
    engine: Engine, slack: FakeSlack, store: Conversations
) -> None:
    with slack_office(engine, slack) as office:
        slack.fail("chat.startStream", *[(500, {})] * 4)
        slack.fail("chat.postMessage", *[(500, {})] * 4)
        office.write(IRELAND, channel="D1")
        slack.until(lambda: not slack.faults["chat.postMessage"])
        assert not slack.of("chat.postMessage")
        store.database.execute("UPDATE deliveries SET taken_at = taken_at - ?", (LEASE_SECONDS + 1,))
        answered(slack)
    (conversation,) = store.recent()
    assert len(store.turns(conversation.id)) == 1


def test_nothing_a_model_writes_calls_anybody(
    store: Conversations, retriever: Retriever, tmp_path: Path, slack: FakeSlack
) -> None:
    scripted = ScriptedGenerator()
    scripted.enqueue(f"{COST} ", "Delivery to Ireland costs £9.00 <!channel> <@U1> @here.")
    with slack_office(Engine(retriever, scripted, store, Settings(home=tmp_path)), slack) as office:
        office.write(f"{IRELAND} <!channel> @here", channel="D1")
        answered(slack)
    assert COST in told(slack)
    assert not any(call in told(slack) for call in ("<!channel", "<@U1", "@here"))


def test_a_failure_is_said_in_the_thread(
    store: Conversations, retriever: Retriever, tmp_path: Path, slack: FakeSlack
) -> None:
    scripted = ScriptedGenerator()
    scripted.enqueue("x", error=GenerationError("the model is not there; start it"))
    with slack_office(Engine(retriever, scripted, store, Settings(home=tmp_path)), slack) as office:
        office.write(IRELAND, channel="D1")
        (posted,) = slack.until(lambda: slack.of("chat.postMessage"))
    assert "I could not answer: the model is not there; start it" in posted.text


def test_a_command_is_answered_to_its_writer_only(office: Workspace, slack: FakeSlack) -> None:
    assert office.command(GOODWILL).text == ""
    assert office.command(GOODWILL).status_code == 200  # the same once more
    (answer,) = slack.until(lambda: slack.of("respond"))
    assert answer.arguments["response_type"] == "ephemeral"
    assert "£40" in answer.arguments["blocks"][0]["text"]
    assert "[1]" in answer.arguments["blocks"][0]["text"]
    assert "/ask" in office.command(" ", trigger="another").text
    settle(office, slack)
    assert len(slack.of("respond")) == 1


def test_a_thumb_down_asks_why(office: Workspace, slack: FakeSlack, store: Conversations) -> None:
    office.write(IRELAND, channel="D1")
    (stop,) = answered(slack)
    (buttons,) = stop.arguments["blocks"][-1]["elements"]
    value = buttons["negative_button"]["value"]
    turn = value.partition(" ")[0]
    office.press("rate", value, channel="D1", kind="feedback_buttons")
    (opened,) = slack.until(lambda: slack.of("views.open"))
    assert store.ratings(turn)[0].label == "down"
    office.submit(opened.arguments["view"], "It forgot the islands.")
    slack.until(lambda: store.ratings(turn)[0].reason)
    assert store.ratings(turn)[0].reason == "It forgot the islands."
    office.press("rate", buttons["positive_button"]["value"], channel="D1", kind="feedback_buttons")
    slack.until(lambda: store.ratings(turn)[0].label == "up")
    office.press("rate", "nothing up", channel="D1", kind="feedback_buttons")
    assert [rating.rater for rating in store.ratings(turn)] == ["slack:UMEI"]


def test_suggested_questions_wait_in_an_empty_conversation(office: Workspace, slack: FakeSlack) -> None:
    office.event({"type": "app_home_opened", "tab": "messages", "user": "UMEI", "channel": "D1"})
    (call,) = slack.until(lambda: slack.of("assistant.threads.setSuggestedPrompts"))
    assert call.arguments["prompts"] == [{"title": "Can I return boots?", "message": "Can I return boots?"}]


def test_a_shopper_cannot_guess_the_key_to_a_staff_conversation(
    office: Workspace, slack: FakeSlack, store: Conversations
) -> None:
    office.write(GOODWILL, channel="D1")
    answered(slack)
    (conversation,) = store.recent()
    assert "D1" not in conversation.id
    assert "5001" not in conversation.id
    assert len(conversation.id) == 32


def test_in_socket_mode_the_same_is_heard(engine: Engine, slack: FakeSlack) -> None:
    channel = build(engine, engine.settings.model_copy(update={**slack.settings, "slack_app_token": "xapp-1"}))
    event = Workspace("", slack).post(IRELAND, channel="D1")
    body = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event}
    for _ in range(2):
        assert channel.app.dispatch(BoltRequest(body=body, mode="socket_mode")).status == 200
    answered(slack)
    channel.close()
    assert len(slack.of("chat.stopStream")) == 1


def test_no_message_is_in_the_log(office: Workspace, slack: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    slack.fail("chat.startStream", "not_in_channel")
    slack.fail("chat.postMessage", "not_in_channel")
    office.write(IRELAND, channel="D1")
    slack.until(lambda: "no answer could be posted" in caplog.text)
    office.event({"type": "reaction_added", "user": "UMEI", "reaction": "eyes", "item": {"text": IRELAND}}, status=404)
    assert "not_in_channel" in caplog.text
    assert "Ireland" not in caplog.text


def test_the_manifest_has_what_the_app_listens_to_and_calls(tmp_path: Path) -> None:
    printed = yaml.safe_load(shopdesk(tmp_path, "slack", "manifest").out)
    events = printed["settings"]["event_subscriptions"]["bot_events"]
    assert {"app_mention", "message.im", "message.channels", "message.groups", "app_home_opened"} <= set(events)
    scopes = set(printed["oauth_config"]["scopes"]["bot"])
    assert {"app_mentions:read", "im:history", "channels:history", "groups:history"} <= scopes  # to hear
    assert {"chat:write", "commands", "users:read", "reactions:write", "assistant:write"} <= scopes  # to call
    assert printed["features"]["slash_commands"][0]["command"] == "/ask"
    assert printed["settings"]["socket_mode_enabled"]
    assert printed["settings"]["interactivity"]["is_enabled"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [({}, "SLACK_BOT_TOKEN"), ({"slack_bot_token": "xoxb-1"}, "SLACK_APP_TOKEN")],
)
def test_a_token_that_is_missing_is_named(engine: Engine, given: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        build(engine, engine.settings.model_copy(update=given))


def test_tokens_that_slack_refuses_are_said_in_one_line(engine: Engine, slack: FakeSlack) -> None:
    slack.fail("auth.test", "invalid_auth")
    channel = build(engine, engine.settings.model_copy(update={**slack.settings, "slack_signing_secret": "s"}))
    with pytest.raises(SettingsError, match=r"does not take these tokens \(invalid_auth\)"):
        channel.start()
    channel.close()
