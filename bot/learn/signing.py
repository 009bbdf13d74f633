"""Signatures of what the learning loop decides: HMAC-SHA256 over its JSON, by the home's key (`bot.learn.keys`)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.learn.keys import key


def signature(home: Path, record: Mapping[str, Any]) -> str:
    """That of a record of JSON values, in hexadecimal digits; the key is made where there is none."""
    content = json.dumps(record, sort_keys=True).encode()
    return hmac.new(key(home), content, sha256).hexdigest()


def is_signed(home: Path, record: Mapping[str, Any], signed: object) -> bool:
    """Whether that is the record's signature, by this home."""
    return isinstance(signed, str) and hmac.compare_digest(signed.encode(), signature(home, record).encode())
