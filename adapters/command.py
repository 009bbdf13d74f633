"""What every command shares: its `--home` and `--knowledge`, its settings, and errors of one line."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import update_wrapper
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from adapters.output import say
from bot.errors import SettingsError, ShopdeskError

ROOMS = ("knowledge", "retrieval", "bot", "adapters")


class Lines(click.Group):
    """Errors of the project are one line on standard error and exit status 1, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # a disk that is full shows here, not when the interpreter has gone
            return result
        except ShopdeskError as error:
            say(f"shopdesk: {error}")
            ctx.exit(1)
        except BrokenPipeError:  # `| head` has seen enough; click knows
            raise
        except OSError as error:  # a full disk, a folder that cannot be written
            say(f"shopdesk: {error.filename or 'output'}: {error.strerror or error}; mend it and try again")
            _forget_output()
            ctx.exit(1)
        except KeyboardInterrupt:
            say("shopdesk: stopped; what was there before is as it was")
            ctx.exit(130)


def _forget_output() -> None:
    """What could not be written to standard output would be tried again, and complained of, at the very end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Adds `--home` and `--knowledge`, and gives the function the settings as its first argument."""

    def run(home: Path | None, knowledge: str | None, **options: Any) -> None:
        from bot.settings import load_settings

        settings = load_settings(home=home, knowledge=knowledge)
        _prepare_streams(settings.log_level.upper())
        if settings.home.exists() and not settings.home.is_dir():
            raise SettingsError(f"home {settings.home} is a file; give a folder with --home or SHOPDESK_HOME")
        function(settings, **options)

    run = update_wrapper(run, function)
    run = click.option("--knowledge", metavar="NAME", help="Name of the index (default: `default`).")(run)
    folder = click.Path(path_type=Path)
    return click.option("--home", type=folder, metavar="DIR", help="Folder of all state (default: .shopdesk).")(run)


def _prepare_streams(level: str) -> None:
    """Our own log at that level, everyone else's from warnings up; no character is a reason to fall over."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s", force=True)
    for room in ROOMS:
        logging.getLogger(room).setLevel(level)
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
