"""`shopdesk doctor`: what is installed, on which device, with which models and snapshot, and what to mend."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from adapters.wiring import open_embedder, open_generator, open_snapshots, open_store
from bot.conversations import FILE
from bot.errors import GenerationError, RetrievalError, ShopdeskError
from bot.generation.generators import describe
from bot.settings import Settings

_PACKAGES = ("shopdesk", "torch", "transformers", "sentence-transformers", "faiss-cpu", "langchain-core", "onnxruntime",
             "sqlite-utils", "fastapi", "peft")  # fmt: skip
_LOW_DISK = 500 * 2**20


def examine(settings: Settings) -> dict[str, Any]:
    """Everything found, and under `problems` a line for each thing to mend.

    The models are loaded as a start would load them, the embedding model once there is an index to search.
    """
    problems: list[str] = []

    def tried(look: Callable[[], Any]) -> Any:
        try:
            return look()
        except (ShopdeskError, OSError) as error:
            problems.append(str(error))
            return None

    snapshot = tried(lambda: _snapshot(settings))
    found = {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "settings": settings.model_dump(mode="json"),
        "snapshot": snapshot,
        "embedder": tried(lambda: _embedder(settings, snapshot)),
        "generator": tried(lambda: _generator(settings)),
        "conversations": tried(lambda: _conversations(settings, problems)),
    }
    existing = next(folder for folder in (settings.home, *settings.home.resolve().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < _LOW_DISK:
        problems.append(f"{existing}: {free // 2**20} MB of disk left; an update of the index may fail, make room")
    return {**found, "free_disk_mb": free // 2**20, "problems": problems}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _snapshot(settings: Settings) -> dict[str, Any]:
    current = open_snapshots(settings).current()
    return {"number": current.number, "created_at": current.created_at, **current.info}


def _embedder(settings: Settings, snapshot: dict[str, Any] | None) -> dict[str, Any]:
    embedder = open_embedder(settings)
    found = {"name": embedder.name, "device": embedder.device}
    if snapshot is None:
        return found  # loading it would only fill a home that has nothing to search
    made_with = snapshot["embedder"]["name"]
    if made_with != embedder.name:
        raise RetrievalError(
            f"the index was made with the embedder {made_with!r}, not {embedder.name!r}; "
            "run `shopdesk ingest` again, or set SHOPDESK_EMBEDDER back"
        )
    return {**found, "dimensions": embedder.dimensions}


def _generator(settings: Settings) -> dict[str, str]:
    try:
        return describe(open_generator(settings))
    except GenerationError as error:
        raise GenerationError(f"{error}; until then replies are composed of the documents' own sentences") from error


def _conversations(settings: Settings, problems: list[str]) -> dict[str, Any] | None:
    if not (settings.home / FILE).exists():
        return None
    with open_store(settings) as store:
        latest = store.recent(1)
        today = store.turns_since((datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="milliseconds"))
    failed = sum(turn.explanation.get("composed") == "failed" for turn in today)
    if failed:
        problems.append(
            f"the generator failed in {failed} of the last day's {len(today)} replies, which the composer wrote; "
            "the log of `shopdesk serve` says how"
        )
    return {"latest": latest[0].created_at if latest else None, "composed_for_generator": failed}
