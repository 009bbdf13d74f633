"""The trial of a canary: `shopdesk learn canary`, and a look at it each minute while the desk serves.

shopdesk learn canary
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from adapters.background import beside
from adapters.command import command
from adapters.learn_commands import learn
from adapters.output import print_json

if TYPE_CHECKING:
    import threading

    from bot.conversations import Conversations
    from bot.learn.trial import Bounds
    from bot.settings import Settings

EACH = 60.0  # seconds between two looks
_log = logging.getLogger(__name__)


@learn.command()
@command
def canary(settings: Settings) -> None:
    """Compare the canary's ratings with the others'; it is rolled back where they are worse by more than the bound."""
    from adapters.wiring import open_store
    from bot.learn.trial import settle

    with open_store(settings) as store:
        print_json(settle(settings.home, store, bounds(settings)))


def bounds(settings: Settings) -> Bounds:
    """Those of the settings."""
    from bot.learn.trial import Bounds

    return Bounds(settings.canary_fall, settings.canary_at_least, settings.canary_promotes)


@contextmanager
def watched(store: Conversations, settings: Settings, each: float = EACH) -> Iterator[None]:
    """Looks at the trial while the desk serves, where there can be one."""
    from bot.learn.cycle import is_local

    if settings.lora is not None or not is_local(settings.generator):
        yield
        return
    with beside("canary", partial(_watch, store, settings, each)):
        yield


def _watch(store: Conversations, settings: Settings, each: float, over: threading.Event) -> None:
    from bot.errors import ShopdeskError
    from bot.learn.trial import settle

    told = ""
    while not over.wait(each):
        try:
            settle(settings.home, store, bounds(settings))
            told = ""
        except (ShopdeskError, OSError) as error:
            if str(error) != told:  # once, not each minute
                told = str(error)
                _log.warning("the trial of the canary goes on: %s", error)
