"""Signatures of what the learning loop decides: HMAC-SHA256 over its JSON, by a key of the home (`HOME/learn/key`)."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any


def signature(home: Path, record: Mapping[str, Any]) -> str:
    """That of a record of JSON values, in hexadecimal digits; the key is made where there is none."""
    content = json.dumps(record, sort_keys=True).encode()
    return hmac.new(_key(home), content, sha256).hexdigest()


def is_signed(home: Path, record: Mapping[str, Any], signed: object) -> bool:
    """Whether that is the record's signature, by this home."""
    return isinstance(signed, str) and hmac.compare_digest(signed.encode(), signature(home, record).encode())


def _key(home: Path) -> bytes:
    """The key of this home, made once; whole from the moment that it is there."""
    path = home / "learn" / "key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"key.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # the first of two at once wins
            os.link(draft, path)
        draft.unlink()
    return bytes.fromhex(path.read_text("ascii"))
