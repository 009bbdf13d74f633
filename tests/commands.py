"""Runs `shopdesk` for the tests: in this process, which is fast, or as a process of its own."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from adapters.cli import main

COMMAND = (sys.executable, "-m", "adapters.cli")

RETURNS = """# Returns

You have 30 days to return anything you bought from us.

## Boots

Boots that were worn outside cannot be returned.
"""
DELIVERY = """# Delivery

## Ireland

Delivery to Ireland costs £9.00. It takes 5 working days to Ireland.
"""
STAFF = """---
audience: staff
---
# Goodwill

Staff may give an umbrella worth £40 as goodwill.
"""
PRODUCTS = [
    {"id": "K1", "title": "Ember kettle", "text": "A red enamel kettle that holds two litres.", "price": "35.00"},
    {"id": "T1", "title": "Fell tent", "text": "A tent for two people that weighs two kilograms.", "price": "240.00"},
]


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def values(self) -> list[Any]:
        """Standard output, each line of it JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def value(self) -> Any:
        (value,) = self.values
        return value

    @property
    def complaint(self) -> str:
        """The one line of standard error, of a command that failed."""
        assert (self.status, self.out) == (1, ""), self
        (line,) = self.err.splitlines()
        assert line.startswith("shopdesk: "), line
        return line


def shopdesk(home: Path, *arguments: object, stdin: str = "", env: Mapping[str, str] | None = None) -> Ran:
    """The command in this process; whatever is not an exit is raised."""
    return typed(_line(home, arguments), stdin, env)


def typed(words: Sequence[str], stdin: str = "", env: Mapping[str, str] | None = None) -> Ran:
    """What is typed behind `shopdesk`, in this process and its working directory."""
    with _own_logging():
        result = CliRunner(env=env).invoke(main, list(words), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.stderr
    return Ran(result.exit_code, result.stdout, result.stderr)


def process(
    home: Path,
    *arguments: object,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    before: tuple[str, ...] = (),
) -> Ran:
    """The command as a process; `before` are words put in front of it, `nice` for one."""
    done = subprocess.run(
        [*before, *COMMAND, *_line(home, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, **(env or {})},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def write_shop(folder: Path) -> Path:
    """A small shop: two policies, a staff document, two products."""
    folder.mkdir()
    (folder / "policies").mkdir()
    (folder / "policies" / "returns.md").write_text(RETURNS)
    (folder / "policies" / "delivery.md").write_text(DELIVERY)
    (folder / "staff.md").write_text(STAFF)
    (folder / "products.jsonl").write_text("".join(json.dumps(product) + "\n" for product in PRODUCTS))
    (folder / "knowledge.toml").write_text('name = "Tarn & Co"\ncurrency = "GBP"\n')
    return folder


def new_home(folder: Path, models: Path) -> Path:
    """An empty home that has the exported model already."""
    folder.mkdir()
    (folder / "models").symlink_to(models)
    return folder


def copied(home: Path, folder: Path) -> Path:
    """A home to spoil."""
    return Path(shutil.copytree(home, folder, symlinks=True))


def write_lines(path: Path, *values: object) -> Path:
    """A JSON Lines file; a string goes in as it is."""
    path.write_text("".join((value if isinstance(value, str) else json.dumps(value)) + "\n" for value in values))
    return path


def read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _line(home: Path, arguments: tuple[object, ...]) -> list[str]:
    return [*map(str, arguments), "--home", str(home)]


@contextmanager
def _own_logging() -> Iterator[None]:
    """The command sets up the log of a process; the tests' own comes back."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    root.handlers = []
    try:
        yield
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
