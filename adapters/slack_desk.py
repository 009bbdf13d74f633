"""Slack as the desk: a hand-over opens as a thread in the desk channel, and what staff write there goes to the shopper.

`look` brings Slack up to date with the store, whoever wrote it: the web page, the command line, a button in Slack. What
it posts is taken in `Deliveries` first, so that a restart or a second process posts nothing again.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_bolt import App, BoltContext, BoltResponse
from slack_sdk import WebClient

from adapters.slack_desk_blocks import draft_blocks, home_view, root, said_block, transcript_blocks, turn_blocks
from adapters.slack_posts import FAILED, Post, is_by_person
from adapters.slack_text import escaped, modal
from bot.deliveries import Deliveries
from bot.engine import Engine
from bot.errors import DeskError, InvalidMessage, UnknownTurn
from bot.messages import Draft, Handover
from bot.settings import Settings

SETTLING = timedelta(seconds=3)  # how long a hand-over waits for the reply that opened it to be stored
REMEMBERED = timedelta(days=1)  # how long after its end a thread is still told of it
STAFF_ONLY = ":warning: This rests on a document that shoppers may not see. Read it over before you send it."
log = logging.getLogger(__name__)


class SlackDesk:
    """The desk channel of one Slack workspace."""

    def __init__(self, engine: Engine, settings: Settings, client: WebClient, deliveries: Deliveries) -> None:
        self.engine, self.desk, self.client, self.deliveries = engine, engine.desk, client, deliveries
        self.channel = settings.slack_desk_channel
        self._names: dict[str, str] = {}
        self._drafts: dict[tuple[str, int], Draft] = {}
        self._looking = threading.Lock()

    def add_to(self, app: App) -> None:
        """Tells a Bolt app what to call. Before the chat: its threads are of people, not of the bot."""
        app.event("message", matchers=[self._is_to_shopper], middleware=[self._take])(self._deliver)
        app.action("claim")(self._acting(lambda handover, name: self.desk.claim(handover, name)))
        app.action("return")(self._acting(lambda handover, _: self.desk.give_back(handover)))
        app.action("resolve")(self._acting(lambda handover, _: self.desk.resolve(handover)))
        app.action("draft")(self._open_draft)
        app.view("draft")(self._send_draft)

    def look(self) -> None:
        """Posts what is new in the store. What Slack does not take now is tried again later."""
        if not self.channel:
            return
        with self._looking:
            for handover in self.desk.waiting():
                if handover.thread:
                    self._go_on(handover)
                elif self._has_settled(handover):
                    self._open(handover)
            since = (datetime.now(UTC) - REMEMBERED).isoformat(timespec="milliseconds")
            for handover in self.desk.closed_since(since):
                if handover.thread:
                    self._go_on(handover)

    def deliver(self, post: Post) -> None:
        """What a member of staff wrote in a thread of the desk goes to the shopper; a tick says so."""
        handover = self.desk.in_thread(post.place)
        if handover is None:
            self.deliveries.done(post.key)
            return
        try:
            with self._looking:
                said = self.desk.say(handover.id, self._name(post.user), post.text, post.key)
                self._settle(f"desk:said:{said.id}")
        except (DeskError, InvalidMessage) as error:
            self._whisper(post.channel, post.user, f"The shopper did not get this: {error}", post.thread)
        else:
            with suppress(*FAILED):
                time = post.key.rpartition(":")[2]
                self.client.reactions_add(channel=post.channel, timestamp=time, name="white_check_mark")
        self.deliveries.done(post.key)
        self.look()

    def show_home(self, user: str) -> None:
        """The Home tab: who waits, and the figures of today."""
        midnight = datetime.now(self.desk.hours.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        since = midnight.astimezone(UTC).isoformat(timespec="milliseconds")
        with suppress(*FAILED):
            view = home_view(self.desk.waiting(), self.desk.figures(since))
            self.client.views_publish(user_id=user, view=view)

    def _has_settled(self, handover: Handover) -> bool:
        turns = self.engine.turns(handover.conversation)
        age = datetime.now(UTC) - datetime.fromisoformat(handover.opened_at)
        return age > SETTLING or all(turn.reply is not None for turn in turns)

    def _open(self, handover: Handover) -> None:
        with self._once(f"desk:open:{handover.id}") as mine:
            if not mine:
                return
            posted = self.client.chat_postMessage(channel=self.channel, **root(handover, self.desk))
            channel, time = str(posted["channel"]), str(posted["ts"])
            handover = self.desk.set_thread(handover.id, f"{channel}:{time}")
            self._settle(_standing(handover))
        if handover.thread:
            self._go_on(handover)

    def _go_on(self, handover: Handover) -> None:
        """Tells a thread what is new: what was said before, what the shopper or staff wrote, and where it stands."""
        if not self._has_transcript(handover):
            return
        for turn in self.engine.turns(handover.conversation) if handover.is_open else ():
            if turn.reply is not None:
                with self._once(f"desk:turn:{turn.id}") as mine:
                    if mine:
                        self._say(handover, turn.question, turn_blocks(turn))
        for message in self.desk.messages(handover.conversation):
            if message.handover == handover.id:
                with self._once(f"desk:said:{message.id}") as mine:
                    if mine:
                        self._say(handover, message.text, [said_block(message)])
        with self._once(_standing(handover)) as mine:
            if mine:
                channel, _, time = handover.thread.partition(":")
                self.client.chat_update(channel=channel, ts=time, **root(handover, self.desk))
                if handover.closed_by == "shopper":
                    self._say(handover, "The shopper went on with the assistant.", [])

    def _has_transcript(self, handover: Handover) -> bool:
        """Posts what was said before the hand-over, and a draft, if nobody has; whether it is there."""
        key = f"desk:transcript:{handover.id}"
        with self._once(key) as mine:
            if mine:
                turns = self.engine.turns(handover.conversation)
                self._say(handover, "What was said", transcript_blocks(turns))
                for turn in turns:
                    self._settle(f"desk:turn:{turn.id}")
                self._say(handover, "Draft", draft_blocks(self._draft(handover)))
        return self.deliveries.is_done(key)

    def _settle(self, key: str) -> None:
        """Nobody need do this any more."""
        self.deliveries.take(key)
        self.deliveries.done(key)

    @contextmanager
    def _once(self, key: str) -> Iterator[bool]:
        """Whether this is still to be done; done once the block ends. Slack's failures end the block, and wait."""
        mine = self.deliveries.take(key)
        try:
            yield mine
        except FAILED as error:
            log.warning("the desk channel could not be written to: %s", type(error).__name__)
        else:
            if mine:
                self.deliveries.done(key)

    def _say(self, handover: Handover, text: str, blocks: list[dict[str, Any]]) -> None:
        channel, _, time = handover.thread.partition(":")
        self.client.chat_postMessage(channel=channel, thread_ts=time, text=escaped(text[:300]), blocks=blocks or None)

    def _draft(self, handover: Handover) -> Draft:
        at = (handover.conversation, len(self.engine.turns(handover.conversation)))
        if at not in self._drafts:
            self._drafts.clear()  # one is asked for again and again, and is of use for minutes
            self._drafts[at] = self.engine.draft(handover.conversation)
        return self._drafts[at]

    def _is_to_shopper(self, event: dict[str, Any], context: BoltContext) -> bool:
        if not is_by_person(event) or "thread_ts" not in event or f"<@{context.bot_user_id}>" in event.get("text", ""):
            return False  # who mentions the bot asks it, and does not speak to the shopper
        return self.desk.in_thread(f"{event['channel']}:{event['thread_ts']}") is not None

    def _take(self, event: dict[str, Any], context: BoltContext, next: Callable[[], object]) -> BoltResponse | None:
        post = Post.of_event("staff", event, context.bot_user_id or "")
        if not self.deliveries.take(post.key, post.payload):
            return BoltResponse(status=200)
        context["post"] = post
        next()
        return None

    def _deliver(self, context: BoltContext) -> None:
        self.deliver(context["post"])

    def _acting(self, act: Callable[[str, str], object]) -> Callable[..., None]:
        def pressed(ack: Callable[[], object], body: dict[str, Any], action: dict[str, Any]) -> None:
            ack()
            user = body["user"]["id"]
            try:
                act(action["value"], self._name(user))
            except (DeskError, UnknownTurn) as error:
                self._whisper(body["channel"]["id"], user, str(error))
            self.look()

        return pressed

    def _open_draft(self, ack: Callable[[], object], body: dict[str, Any], action: dict[str, Any]) -> None:
        ack()
        user, channel = body["user"]["id"], body["channel"]["id"]
        try:
            handover = self.desk.handover(action["value"])
            draft = self._draft(handover)
        except UnknownTurn as error:
            self._whisper(channel, user, str(error))
            return
        metadata = json.dumps({"handover": handover.id, "channel": channel})
        note = STAFF_ONLY if draft.staff_only else ""
        view = modal("draft", "Reply to the shopper", "Reply", metadata=metadata, initial=draft.text, note=note)
        try:
            self.client.views_open(trigger_id=body["trigger_id"], view=view)
        except FAILED:  # a trigger lives for three seconds, and a draft may take longer; it is there the next time
            self._whisper(channel, user, "The draft was not ready in time. Press Use draft again.")

    def _send_draft(self, ack: Callable[[], object], body: dict[str, Any], view: dict[str, Any]) -> None:
        ack()
        sent, user = json.loads(view["private_metadata"]), body["user"]["id"]
        try:
            text = view["state"]["values"]["text"]["text"]["value"] or ""
            self.desk.say(sent["handover"], self._name(user), text, f"slack:view:{view['id']}")
        except (DeskError, InvalidMessage, UnknownTurn) as error:
            self._whisper(sent["channel"], user, f"The shopper did not get this: {error}")
        self.look()

    def _name(self, user: str) -> str:
        """The name that a shopper sees."""
        if user not in self._names:
            try:
                found = self.client.users_info(user=user)["user"]
            except FAILED:
                return "Support"
            profile = found.get("profile", {})
            self._names[user] = profile.get("display_name") or found.get("real_name") or found.get("name") or "Support"
        return self._names[user]

    def _whisper(self, channel: str, user: str, text: str, thread: str = "") -> None:
        """A line that only this member of staff sees."""
        with suppress(*FAILED):
            self.client.chat_postEphemeral(channel=channel, user=user, text=text, thread_ts=thread or None)


def _standing(handover: Handover) -> str:
    return f"desk:standing:{handover.id}:{handover.state}:{handover.staff}:{bool(handover.email)}"
