"""The secret of a home, `HOME/learn/key`: it signs the gate's reports, and private training draws its noise from it.

Whoever has it can sign, and can take the noise out of a LoRA again; it is readable by its owner alone.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def key(home: Path) -> bytes:
    """The 32 bytes of this home, made once; whole from the moment that they are there."""
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
