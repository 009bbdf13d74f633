"""The Slack channel: a Bolt app over the engine, in Socket Mode or behind `/slack/events`, and a watch over the store.

shopdesk slack            # alone, in Socket Mode
shopdesk serve            # beside the chat page, when the tokens are set
shopdesk slack manifest   # what to paste where Slack asks for an app manifest
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from slack_bolt import App, BoltContext, BoltResponse
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)

from adapters.slack_chat import SlackChat
from adapters.slack_desk import SlackDesk
from adapters.slack_posts import FAILED, Post, why
from bot.deliveries import Deliveries
from bot.engine import Engine
from bot.errors import SettingsError, ShopdeskError
from bot.settings import Settings

LISTENERS = 16  # threads that answer
LOOK_SECONDS = 0.5  # between two glances at the store
PRUNE = 172_800  # glances, a day of them, after which what was done long ago is forgotten
LOOK_ANYWAY = 20  # glances, after which all is gone through though nobody has written
log = logging.getLogger(__name__)


class SlackChannel:
    """The Bolt app, and the thread that watches the store. `start` it, and `close` it."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings = engine, settings
        self._threads = ThreadPoolExecutor(LISTENERS, thread_name_prefix="slack")
        self.app = App(
            token=settings.slack_bot_token,  # of a client made here Bolt would complain where SLACK_BOT_TOKEN is set
            signing_secret=settings.slack_signing_secret or "not used in Socket Mode",
            request_verification_enabled=False,  # `adapters.slack_http` has done it, and does not fall over
            token_verification_enabled=False,
            listener_executor=self._threads,
        )
        self.client = _patient(self.app.client, settings.slack_api_url)
        self.deliveries = Deliveries(engine.store)
        self.chat = SlackChat(engine, settings, self.client, self.deliveries)
        self.desk = SlackDesk(engine, settings, self.client, self.deliveries)
        self.desk.add_to(self.app)
        self.chat.add_to(self.app)
        self.app.event("app_home_opened")(self._home)
        self.app.error(_failed)
        self._socket: SocketModeHandler | None = None
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._watching, name="slack-watch", daemon=True)

    def start(self) -> None:
        """Begins to watch, and to listen where there is a token for it. Raises SettingsError when Slack refuses it."""
        try:
            self.client.auth_test()
            if self.settings.slack_app_token:
                self._socket = SocketModeHandler(self.app, self.settings.slack_app_token)
                self._socket.connect()  # type: ignore[no-untyped-call]
        except FAILED as error:
            raise SettingsError(
                f"Slack does not take these tokens ({why(error)}); mend slack_bot_token or slack_app_token"
            ) from error
        self._watch.start()

    def close(self) -> None:
        """Stops listening; replies under way are finished."""
        self._ended.set()
        if self._socket is not None:
            self._socket.close()  # type: ignore[no-untyped-call]
        if self._watch.is_alive():
            self._watch.join()
        self._threads.shutdown()

    def catch_up(self) -> None:
        """Posts what is new in the store, and does what a crash or a fault of Slack left undone."""
        self.desk.look()
        for key, payload in self.deliveries.overdue():
            if key not in self.chat.under_way and self.deliveries.take(key):
                post = Post.restored(payload)
                self._threads.submit(self.chat.answer if post.kind == "ask" else self.desk.deliver, post)

    def _home(self, event: dict[str, Any], context: BoltContext) -> None:
        if event.get("tab") == "home":
            self.desk.show_home(event["user"])
        else:
            self.chat.suggest(event["channel"])

    def _watching(self) -> None:
        seen, glances = None, 0
        while not self._ended.wait(LOOK_SECONDS):
            try:
                if glances % PRUNE == 0:
                    self.deliveries.prune()
                glances += 1
                version = self.engine.store.version()
                if version != seen or glances % LOOK_ANYWAY == 0:
                    seen = version
                    self.catch_up()
            except (ShopdeskError, *FAILED) as error:  # the watch goes on; what failed is done when it can be
                log.warning("the desk channel is behind: %s", _first_line(error))


def build(engine: Engine, settings: Settings) -> SlackChannel:
    """The channel. Raises SettingsError when a token is missing."""
    if not settings.slack_bot_token:
        raise SettingsError("setting 'slack_bot_token' is empty; set SLACK_BOT_TOKEN to the token that begins xoxb-")
    if not settings.slack_app_token and not settings.slack_signing_secret:
        raise SettingsError(
            "settings 'slack_app_token' and 'slack_signing_secret' are empty; set SLACK_APP_TOKEN (xapp-...) for Socket"
            " Mode, or SLACK_SIGNING_SECRET for HTTP"
        )
    return SlackChannel(engine, settings)


def _patient(client: WebClient, address: str) -> WebClient:
    """The client of Slack's Web API, waiting out its limits and faults."""
    client.base_url = address.rstrip("/") + "/"
    client.retry_handlers = [
        ConnectionErrorRetryHandler(max_retry_count=2),
        RateLimitErrorRetryHandler(max_retry_count=5),
        ServerErrorRetryHandler(max_retry_count=3),
    ]
    return client


def _failed(error: Exception) -> BoltResponse:
    """Answers 503 to what Slack should send again, 400 to what it would not send; logs no message's text."""
    log.error("an event from Slack was not handled: %s", type(error).__name__)
    return BoltResponse(status=503 if isinstance(error, ShopdeskError) else 400)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
