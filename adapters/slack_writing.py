"""One reply on its way into a Slack thread: streamed as it comes, or posted in one piece where that fails."""

from __future__ import annotations

import logging
from contextlib import suppress

from slack_sdk import WebClient
from slack_sdk.web.chat_stream import ChatStream

from adapters.slack_posts import FAILED, Post
from adapters.slack_text import LONGEST_MARKDOWN, Block, feedback_block, harmless, parts, sources_block
from bot.citing import cited
from bot.messages import Reply

STREAMED = 256  # characters that are sent in one call
log = logging.getLogger(__name__)


class Writing:
    """A reply under way: `add` its pieces, then `end` it. What a broken stream left is replaced, not repeated.

    What rests on which source is known at the end only: the marks stand in what was not sent before, or else come with
    an update of the message.
    """

    def __init__(self, client: WebClient, post: Post) -> None:
        self._client, self._post = client, post
        self._unsent = ""
        self._left: str | None = None  # the time of the message that a broken stream left behind
        self._stream: ChatStream | None = client.chat_stream(
            channel=post.channel,
            thread_ts=post.thread,
            recipient_team_id=post.team or None,
            recipient_user_id=post.user,
            buffer_size=1,  # what waits does so here, where the marks are put in
        )

    def add(self, text: str) -> None:
        """The next piece."""
        self._unsent += text
        while self._stream is not None and len(self._unsent) >= STREAMED:
            piece, self._unsent = self._unsent[:LONGEST_MARKDOWN], self._unsent[LONGEST_MARKDOWN:]
            try:
                self._stream.append(markdown_text=harmless(piece))
            except FAILED as error:
                self._give_up(error)

    def end(self, reply: Reply) -> None:
        """Finishes the message, with sources and thumbs under it. Raises one of FAILED when Slack takes no message."""
        text = cited(reply.text, reply.sources)
        blocks = [*sources_block(reply.sources), feedback_block(reply.turn)]
        if self._stream is not None:
            whole = self._stream.ts is None
            try:
                self._stream.stop(markdown_text=harmless(text if whole else self._unsent), blocks=blocks)
            except FAILED as error:
                self._give_up(error)
            else:
                if not whole and text != reply.text:
                    self._mark(self._stream.ts, messages(text, blocks))
                return
        for payload in messages(text, blocks):
            self._put(payload)

    def _mark(self, time: str | None, payloads: list[Block]) -> None:
        if len(payloads) == 1:  # a longer one stays as it was streamed
            with suppress(*FAILED):  # it reads well without the marks, and its sources are under it
                self._client.chat_update(channel=self._post.channel, ts=str(time), **payloads[0])

    def fail(self, line: str) -> None:
        """Says why there is no reply, after what may have been said of it."""
        self._stream = None
        self._put({"text": line, "blocks": [{"type": "markdown", "text": line}]})

    def _put(self, payload: Block) -> None:
        if self._left is not None:
            self._client.chat_update(channel=self._post.channel, ts=self._left, **payload)
            self._left = None
        else:
            self._client.chat_postMessage(channel=self._post.channel, thread_ts=self._post.thread, **payload)

    def _give_up(self, error: Exception) -> None:
        log.warning("a Slack stream failed (%s); the reply is posted in one piece", type(error).__name__)
        if self._stream is not None:
            self._left, self._stream = self._stream.ts, None


def messages(text: str, blocks: list[Block]) -> list[Block]:
    """A text as messages that Slack takes, the blocks under the last."""
    pieces = parts(harmless(text)) or ["…"]
    made: list[Block] = [{"text": piece[:300], "blocks": [{"type": "markdown", "text": piece}]} for piece in pieces]
    made[-1]["blocks"] += blocks
    return made
