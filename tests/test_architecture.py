"""The map of the house, enforced: who may import whom, where each library lives, and the tree of errors."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import bot.errors
from knowledge.errors import ShopdeskError

ROOT = Path(__file__).parents[1]
ROOMS = {
    "knowledge": {"knowledge"},
    "retrieval": {"knowledge", "retrieval"},
    "bot": {"knowledge", "retrieval", "bot"},
    "adapters": {"knowledge", "retrieval", "bot", "adapters"},
}
MODELS = (
    "bot/generation/generators.py",
    "bot/generation/transformers_chat.py",
    "bot/generation/checkpoints.py",
    "bot/generation/batching.py",
    "bot/generation/decoding.py",
    "bot/generation/lanes.py",
    "bot/learn/*",
    "retrieval/embedders.py",
)
HOMES = {
    "faiss": ("retrieval/index.py",),
    "sqlite_utils": ("bot/conversations.py",),
    "fastapi": ("adapters/*",),
    "starlette": ("adapters/*",),
    "uvicorn": ("adapters/*",),
    "slack_bolt": ("adapters/slack_*.py",),
    "slack_sdk": ("adapters/slack_*.py",),
    "gradio": ("adapters/gradio_*.py",),
    "trl": ("bot/learn/*",),
    "opacus": ("bot/learn/budget.py",),
    "torch": MODELS,
    "transformers": MODELS,
    "sentence_transformers": MODELS,
    "peft": MODELS,
}
MODULES = sorted(path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imports(tree: ast.AST) -> Iterator[str]:
    """Top-level names of all that a module imports, inside functions and by `import_module("name")` too."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module.partition(".")[0]


def misplaced(path: str, source: str) -> list[str]:
    """What the module at that path may not import."""
    allowed = ROOMS[path.partition("/")[0]]
    return [
        name
        for name in imports(ast.parse(source))
        if (name in ROOMS and name not in allowed)
        or (name in HOMES and not any(fnmatch(path, home) for home in HOMES[name]))
    ]


def reads_environment(source: str) -> bool:
    nodes = list(ast.walk(ast.parse(source)))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    return bool((attributes | names) & {"environ", "environb", "getenv", "getenvb"})


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_imports_go_one_way_and_each_library_has_one_home() -> None:
    assert MODULES
    assert {path: names for path in MODULES if (names := misplaced(path, read(path)))} == {}


def test_the_walk_sees_every_way_to_import() -> None:
    source = "import retrieval.index\nfrom bot import errors\ndef f():\n    import faiss.x\nimport_module('torch.nn')"
    assert misplaced("knowledge/x.py", source) == ["retrieval", "bot", "faiss", "torch"]
    assert misplaced("adapters/x.py", source) == ["faiss", "torch"]
    assert misplaced("bot/learn/train.py", "import trl, torch\nfrom adapters import cli") == ["adapters"]


def test_only_the_settings_look_at_the_environment() -> None:
    assert [path for path in MODULES if reads_environment(read(path))] == ["bot/settings.py"]


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "misc"}
    assert [path for path in MODULES if drawers & set(Path(path).with_suffix("").parts)] == []


def drawn_parents(drawing: str) -> dict[str, str]:
    """Class -> parent, as the indentation says; the root's parent is Exception."""
    above: list[str] = []
    parents = {}
    for branch, name in re.findall(r"^((?:[│ ]   )*(?:[├└]── )?)([A-Z]\w+)  ", drawing, re.MULTILINE):
        depth = len(branch) // 4
        parents[name] = above[depth - 1] if depth else "Exception"
        above[depth:] = [name]
    return parents


def subclasses(error: type[Exception]) -> Iterator[type[Exception]]:
    yield error
    for child in error.__subclasses__():
        yield from subclasses(child)


def test_the_drawn_errors_are_the_errors() -> None:
    for path in MODULES:
        if not path.endswith("__main__.py"):
            import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    ours = [error for error in subclasses(ShopdeskError) if error.__module__.partition(".")[0] in ROOMS]
    real = {error.__name__: ", ".join(base.__name__ for base in error.__bases__) for error in ours}
    assert drawn_parents(bot.errors.__doc__ or "") == real
    assert set(bot.errors.__all__) == set(real)


def test_a_stray_network_call_fails_its_test_even_when_swallowed(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(read("tests/conftest.py"), encoding="utf-8")
    (tmp_path / "test_calls.py").write_text(
        "import contextlib, socket\n"
        "def test_near():\n"
        "    with socket.create_server(('127.0.0.1', 0)) as server:\n"
        "        socket.create_connection(('localhost', server.getsockname()[1])).close()\n"
        "def test_far():\n"
        "    with contextlib.suppress(OSError), socket.socket() as far:\n"
        "        far.connect(('192.0.2.1', 9))\n"
        "def test_name():\n"
        "    with contextlib.suppress(OSError):\n"
        "        socket.create_connection(('shop.invalid', 80))\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # what its fixtures are made of
        check=False,
    )
    assert "3 passed, 2 errors" in run.stdout, run.stdout
    assert "tried to reach 192.0.2.1" in run.stdout
    assert "tried to reach shop.invalid" in run.stdout
