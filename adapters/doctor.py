"""`shopdesk doctor`: what is installed, on which device, with which models and snapshot, and what to mend."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from adapters.desk import open_embedder, open_snapshots, open_store
from bot.errors import ShopdeskError
from bot.generators import describe, load_generator
from bot.settings import Settings

_PACKAGES = ("shopdesk", "torch", "transformers", "sentence-transformers", "faiss-cpu", "langchain-core", "onnxruntime",
             "sqlite-utils", "fastapi", "peft")  # fmt: skip
_LOW_DISK = 500 * 2**20


def examine(settings: Settings) -> dict[str, Any]:
    """Everything found, and under `problems` a line for each thing to mend; no models are downloaded."""
    problems: list[str] = []

    def tried(look: Any) -> Any:
        try:
            return look()
        except (ShopdeskError, OSError) as error:
            problems.append(str(error))
            return None

    found = {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "settings": {name: str(value) for name, value in settings.model_dump().items()},
        "snapshot": tried(lambda: _snapshot(settings)),
        "embedder": tried(lambda: _embedder(settings)),
        "generator": tried(lambda: describe(load_generator(settings.generator, lora=settings.lora))),
        "conversations": tried(lambda: _conversations(settings)),
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


def _embedder(settings: Settings) -> dict[str, Any]:
    embedder = open_embedder(settings)
    return {"name": embedder.name, "device": embedder.device, "dimensions": embedder.dimensions}


def _conversations(settings: Settings) -> dict[str, Any]:
    with open_store(settings) as store:
        return {"latest": [conversation.created_at for conversation in store.recent(1)]}
