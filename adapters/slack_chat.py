"""Slack for staff: a question in a direct message, by mention or with /ask, answered from staff documents too.

A question is in the store before Slack is told that it arrived, under the channel and time of its post: what Slack
sends twice, or as a mention and as a message, is answered once, and what a crash cut short is answered later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from slack_bolt import App, BoltContext, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from adapters.slack_posts import FAILED, Post, is_by_person, why, will_pass
from adapters.slack_text import feedback_block, modal, sources_block
from adapters.slack_writing import Writing, messages
from bot.citing import cited
from bot.deliveries import Deliveries
from bot.engine import Engine, joined
from bot.errors import ShopdeskError, UnknownTurn
from bot.messages import Done, Label, Text
from bot.settings import Settings

HOW = "Write your question behind the command: `/ask How long is the warranty?`"
log = logging.getLogger(__name__)


class SlackChat:
    """Questions in, answers out. `deliveries` knows what was taken on before."""

    def __init__(self, engine: Engine, settings: Settings, client: WebClient, deliveries: Deliveries) -> None:
        self.engine, self.settings, self.client, self.deliveries = engine, settings, client, deliveries
        self.under_way: set[str] = set()  # keys of what this process is answering, however long the model takes

    def add_to(self, app: App) -> None:
        """Tells a Bolt app what to call."""
        app.event("app_mention", middleware=[self._taken(self._mentioned)])(self._answer)
        app.event("message", middleware=[self._taken(self._heard)])(self._answer)
        app.command("/ask")(self._command)
        app.action("rate")(self._rate)
        app.view("reason")(self._reason)

    def answer(self, post: Post) -> None:
        """Answers a question that was taken. When Slack is down it stays in the store, for later."""
        writing = None if post.response_url else Writing(self.client, post)
        self.under_way.add(post.key)
        try:
            self._speak(post, writing)
        except FAILED as error:
            log.warning("no answer could be posted to Slack: %s", why(error))
            if will_pass(error):
                return
        finally:
            self.under_way.discard(post.key)
        self.deliveries.done(post.key)

    def suggest(self, channel: str) -> None:
        """The shop's suggested questions, in an empty conversation with the bot."""
        prompts = [{"title": text[:75], "message": text} for text in self.engine.suggestions[:4]]
        if prompts:
            with suppress(*FAILED):
                self.client.assistant_threads_setSuggestedPrompts(channel_id=channel, prompts=prompts)

    def _speak(self, post: Post, writing: Writing | None) -> None:
        conversation = self.engine.start("slack", audience="staff", conversation=self._conversation(post.place))
        try:
            events = self.engine.reply(conversation, post.key, post.text)
            if writing is None:
                reply = joined(events)
                blocks = [*sources_block(reply.sources), feedback_block(reply.turn)]
                self._respond(post, messages(cited(reply.text, reply.sources), blocks))
                return
            self._say_thinking(post)
            for event in events:
                if isinstance(event, Text):
                    writing.add(event.text)
                elif isinstance(event, Done):
                    writing.end(event.reply)
        except ShopdeskError as error:
            log.warning("a question from Slack was not answered: %s", type(error).__name__)
            line = f"I could not answer: {error}"
            if writing is None:
                self._respond(post, messages(line, []))
            else:
                writing.fail(line)

    def _say_thinking(self, post: Post) -> None:
        with suppress(*FAILED):  # not every thread has a status, and none needs it
            self.client.assistant_threads_setStatus(
                channel_id=post.channel, thread_ts=post.thread, status="is looking it up…"
            )

    def _respond(self, post: Post, payloads: list[dict[str, Any]]) -> None:
        webhook = WebhookClient(post.response_url, retry_handlers=self.client.retry_handlers)
        for payload in payloads:
            response = webhook.send(response_type="ephemeral", replace_original=False, **payload)
            if response.status_code >= 300:
                raise SlackApiError("the answer was refused", response)  # type: ignore[no-untyped-call]

    def _conversation(self, place: str) -> str:
        """The thread's conversation. Whoever knows channel and time cannot guess it: on the web an id is a key."""
        return hmac.new(self.settings.slack_bot_token.encode(), place.encode(), hashlib.sha256).hexdigest()[:32]

    def _taken(self, wanted: Callable[[dict[str, Any], str], Post | None]) -> Callable[..., BoltResponse | None]:
        """A step before the acknowledgement: goes on with a post that is wanted and new, and ends any other."""

        def take(event: dict[str, Any], context: BoltContext, next: Callable[[], object]) -> BoltResponse | None:
            post = wanted(event, context.bot_user_id or "")
            if post is None or not self.deliveries.take(post.key, post.payload, post.place, post.user):
                return BoltResponse(status=200)
            context["post"] = post
            next()
            return None

        return take

    def _answer(self, context: BoltContext) -> None:
        self.answer(context["post"])

    def _mentioned(self, event: dict[str, Any], bot: str) -> Post | None:
        post = Post.of_event("ask", event, bot) if is_by_person(event) else None
        return post if post and post.text else None

    def _heard(self, event: dict[str, Any], bot: str) -> Post | None:
        direct = event.get("channel_type") == "im"
        if not is_by_person(event) or (not direct and f"<@{bot}>" in event.get("text", "")):  # that comes as a mention
            return None
        post = Post.of_event("ask", event, bot)
        return post if post.text and (direct or self._follows(event, post)) else None

    def _follows(self, event: dict[str, Any], post: Post) -> bool:
        """Whether a message in a thread is for the bot: by whoever asked it there and was the last to speak.

        Once somebody else has written, or is addressed, people talk to each other; the bot waits to be called again.
        """
        last = self.deliveries.last_author(post.place) if "thread_ts" in event else ""
        if last and (last != post.user or "<@" in event["text"]):
            self.deliveries.take(f"quiet:{post.key}", place=post.place, author="people")
            self.deliveries.done(f"quiet:{post.key}")
            return False
        return bool(last)

    def _command(self, ack: Callable[..., object], command: dict[str, Any]) -> None:
        post = Post.of_command(command)
        is_new = bool(post.text) and self.deliveries.take(post.key, post.payload, post.place, post.user)
        ack() if post.text else ack(HOW)
        if is_new:
            self.answer(post)

    def _rate(self, ack: Callable[[], object], body: dict[str, Any]) -> None:
        ack()
        turn, _, label = str(body["actions"][0].get("value", "")).partition(" ")
        rater = f"slack:{body['user']['id']}"
        if label not in ("up", "down") or not self._rated(turn, rater, cast("Label", label)):
            return
        if label == "down":
            view = modal("reason", "What was wrong?", "It helps to mend it", metadata=json.dumps({"turn": turn}))
            with suppress(*FAILED):
                self.client.views_open(trigger_id=body["trigger_id"], view=view)

    def _reason(self, ack: Callable[[], object], body: dict[str, Any], view: dict[str, Any]) -> None:
        ack()
        reason = view["state"]["values"]["text"]["text"]["value"] or ""
        self._rated(json.loads(view["private_metadata"])["turn"], f"slack:{body['user']['id']}", "down", reason)

    def _rated(self, turn: str, rater: str, label: Label, reason: str = "") -> bool:
        try:
            self.engine.rate(turn, rater, label, reason)
        except UnknownTurn:  # it was erased in the meantime
            return False
        return True
