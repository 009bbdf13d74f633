"""The README is true: its tree is the disk, its tour runs, its names are the code's."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from adapters.web_problems import PROBLEMS
from tests.commands import new_home, typed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
ROOMS = ("knowledge", "retrieval", "bot", "adapters")


def test_the_tree_is_the_disk() -> None:
    tree = README.split("```text\n")[1].split("```")[0]
    drawn: dict[str, set[str]] = {}
    room = ""
    for line in tree.splitlines():
        if heading := re.match(r"(\w+)/", line):
            room = heading[1]
            drawn[room] = set()
        elif entry := re.match(r" +([\w.]+/?) ", line):
            drawn[room].add(entry[1])
    for name in ROOMS:
        files = {path.name for path in (ROOT / name).glob("*.py")} - {"__init__.py"}
        folders = {f"{path.name}/" for path in (ROOT / name).iterdir() if path.is_dir() and path.name != "__pycache__"}
        assert drawn[name] == files | folders


def test_the_tour_works_as_written(blank: Path, exported_models: Path) -> None:
    """Its commands in this process, one after another: that each works in one of its own is tests/test_cli.py's."""
    tour = README.split("## A tour of one minute")[1].split("\n## ")[0]
    blocks = re.findall(r"```bash\n(.*?)```", tour, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    commands = [line for line in lines if line and not line.startswith(". .venv")]
    assert sum(command.startswith("shopdesk ") for command in commands) >= 7
    shutil.copytree(ROOT / "knowledge" / "demo", blank / "knowledge" / "demo")
    for home in (".shopdesk", "my-home"):
        new_home(blank / home, exported_models)
    said = {}
    # The first is what `make serve` did, but for the rest of the shop, all of which the tour itself ingests.
    for command in ("shopdesk ingest knowledge/demo/policies", *commands):
        name, *words = shlex.split(command)
        if name == "shopdesk":
            ran = typed(words)
            assert ran.status == 0, f"{command}: {ran.err}"
            said[command] = ran.out
        else:
            subprocess.run(command, shell=True, check=True)
    assert "£7.50" in said['shopdesk ask "How much is next day delivery?"']
    assert "£9.00" in said['shopdesk ask "Do you repair umbrellas?" --home my-home']


def test_every_make_target_it_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", README)) | set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))
    assert named
    assert named <= targets


def test_every_kind_of_problem_is_listed() -> None:
    assert all(f"`{slug}`" in README for slug in PROBLEMS)
