"""`shopdesk serve` as a process of its own, with Slack beside the chat page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.commands import COMMAND, process
from tests.fake_slack import DESK, SECRET, FakeSlack, Workspace

IRELAND, COST = "How much does delivery to Ireland cost?", "£9.00"


def variables(slack: FakeSlack) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": SECRET,
        "SHOPDESK_SLACK_DESK_CHANNEL": DESK,
        "SHOPDESK_SLACK_API_URL": slack.url,
    }


@contextmanager
def served(home: Path, slack: FakeSlack) -> Iterator[str]:
    """The address of a server; it has ended well afterwards."""
    command = [*COMMAND, "serve", "--port", "0", "--home", str(home)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables(slack)}) as server:
        assert server.stderr is not None
        try:
            told = "".join(server.stderr.readline() for _ in range(3))
            address = re.search(r"http://127\.0\.0\.1:\d+", told)
            assert address is not None, told
            assert "Slack is on" in told
            yield address[0]
        finally:
            server.send_signal(signal.SIGTERM)
        assert (server.wait(60), server.stderr.read()) == (0, "")


def test_slack_is_heard_over_http_and_the_chat_page_is_there(home: Path, slack: FakeSlack) -> None:
    with served(home, slack) as address:
        office = Workspace(address, slack)
        office.write(IRELAND, channel="D1")
        slack.until(lambda: slack.of("chat.stopStream"))
        assert any(COST in call.text for call in slack.of("chat.startStream", "chat.appendStream", "chat.stopStream"))
        assert httpx.post(f"{address}/slack/events", content=b"{}").status_code == 401
        shopper = httpx.post(f"{address}/api/conversations").json()["conversation"]
        httpx.post(f"{address}/api/conversations/{shopper}/handover")
        (head, *_) = slack.until(lambda: slack.of("chat.postMessage"))
        assert head.arguments["channel"] == DESK


def test_a_token_that_slack_refuses_ends_it_with_one_line(home: Path, slack: FakeSlack) -> None:
    slack.fail("auth.test", "invalid_auth")
    ran = process(home, "serve", "--port", "0", env=variables(slack))
    assert "Slack does not take these tokens (invalid_auth)" in ran.complaint
