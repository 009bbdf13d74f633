"""What comes from Slack, as the rest of the channel knows it: who wrote what, where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError

from adapters.slack_text import plain

BY_PEOPLE = (None, "file_share", "thread_broadcast")  # subtypes; the others are edits, joins, bots and the like
FAILED = (SlackClientError, URLError, OSError)  # what a call to Slack raises once its retries are used up


@dataclass(frozen=True, slots=True)
class Post:
    """A message that somebody wrote. `key` names it once and for all, `thread` is the time of the post it hangs under.

    A question to the bot ("ask"), or words of staff to a shopper ("staff"). A command has a `response_url`, no thread.
    """

    kind: Literal["ask", "staff"]
    key: str
    text: str
    user: str
    team: str
    channel: str
    thread: str = ""
    response_url: str = ""

    @classmethod
    def of_event(cls, kind: Literal["ask", "staff"], event: Mapping[str, Any], bot: str) -> Self:
        """The post of a `message` or `app_mention` event, without the bot's own name in it: both give the same key."""
        return cls(
            kind,
            key=f"slack:{event['channel']}:{event['ts']}",
            text=plain(event.get("text", "").replace(f"<@{bot}>", " ")),
            user=event["user"],
            team=event.get("team", ""),
            channel=event["channel"],
            thread=event.get("thread_ts") or event["ts"],
        )

    @classmethod
    def of_command(cls, command: Mapping[str, Any]) -> Self:
        """What was written behind a command."""
        return cls(
            "ask",
            key=f"slack:command:{command['trigger_id']}",
            text=plain(command.get("text", "")),
            user=command["user_id"],
            team=command.get("team_id", ""),
            channel=command["channel_id"],
            response_url=command["response_url"],
        )

    @classmethod
    def restored(cls, payload: str) -> Self:
        """A post from the store."""
        return cls(**json.loads(payload))

    @property
    def payload(self) -> str:
        """The post for the store."""
        return json.dumps(asdict(self))

    @property
    def place(self) -> str:
        """The thread, or the command, in one string."""
        return f"{self.channel}:{self.thread}" if self.thread else self.key


def is_by_person(event: Mapping[str, Any]) -> bool:
    """Whether somebody wrote this just now: no edit, no bot, no notice of the system."""
    return bool(event.get("user")) and "bot_id" not in event and event.get("subtype") in BY_PEOPLE


def will_pass(error: BaseException) -> bool:
    """Whether a failed call may well succeed later: Slack is down or overloaded, and did not refuse what was asked."""
    if isinstance(error, SlackApiError):
        return int(getattr(error.response, "status_code", 200)) >= 429
    return not isinstance(error, SlackClientError)


def why(error: BaseException) -> str:
    """What went wrong with a call, without the text that was to be posted."""
    if isinstance(error, SlackApiError) and hasattr(error.response, "get"):
        return str(error.response.get("error"))
    return type(error).__name__
