"""What a document says about itself: title, language, audience, and when it is in force."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from knowledge.documents import Audience
from knowledge.errors import UnreadableDocument
from knowledge.text_files import clean

_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9_-]+)?")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The facts, checked. `title` and `language` are "" where nothing was said; `language` is a bare ISO 639 code."""

    title: str = ""
    language: str = ""
    audience: Audience = "public"
    effective_from: date | None = None
    effective_until: date | None = None


KEYS = tuple(field.name for field in fields(FrontMatter))


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The YAML between the leading `---` lines (empty if there is none) and the text below it.

    Raises UnreadableDocument where it is not YAML.
    """
    try:
        values, body = frontmatter.parse(text, handler=YAMLHandler())
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableDocument(f"front matter is not YAML ({_one_line(error)}); correct it") from None
    # What stands between two rulers and is no mapping is text.
    return (dict(values), str(body)) if values else ({}, text)


def read_yaml(text: str) -> dict[str, Any]:
    """The keys and values of a sidecar file. Raises UnreadableDocument where it is not a YAML mapping."""
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableDocument(f"sidecar is not YAML ({_one_line(error)}); correct it") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UnreadableDocument("sidecar is not YAML of the form `key: value`; correct it")
    return values


def language_code(text: str) -> str:
    """The bare ISO 639 code of a language tag such as `zh-CN`; "" for anything else."""
    code = _LANGUAGE.fullmatch(text.strip().lower())
    return code[1] if code else ""


def check_front_matter(values: Mapping[Any, Any]) -> FrontMatter:
    """The facts among the values; unknown keys pass unless they look like a slip of a known one.

    Raises UnreadableDocument for an audience, date or language that cannot be used: a document whose audience is in
    doubt must not be shown to anyone.
    """
    given = {str(key).strip().lower().replace("-", "_"): value for key, value in values.items()}
    for key in given.keys() - set(KEYS):
        if slip := get_close_matches(key, KEYS, n=1, cutoff=0.8):
            raise UnreadableDocument(f"key {key!r} is not known; did you mean {slip[0]!r}?")
    start, end = _day("effective_from", given), _day("effective_until", given)
    if start and end and start > end:
        raise UnreadableDocument(f"effective_from {start} is after effective_until {end}; correct one of them")
    title = given.get("title")
    return FrontMatter(
        title="" if title is None else " ".join(clean(str(title)).split()),
        language=_language(given.get("language")),
        audience=_audience(given),
        effective_from=start,
        effective_until=end,
    )


def _audience(given: Mapping[str, Any]) -> Audience:
    if "audience" not in given:
        return "public"
    match str(given["audience"]).strip().lower():
        case "public":
            return "public"
        case "staff":
            return "staff"
    raise UnreadableDocument(f"audience {given['audience']!r} is not known; write public or staff")


def _day(key: str, given: Mapping[str, Any]) -> date | None:
    value = given.get(key)
    if isinstance(value, datetime):
        return value.date()
    if value is None or value == "" or isinstance(value, date):
        return value or None
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        raise UnreadableDocument(f"{key} {value!r} is not a date; write it as 2026-12-31") from None


def _language(value: Any) -> str:
    if value is None or value == "":
        return ""
    code = language_code(str(value))
    if not code:
        raise UnreadableDocument(f"language {value!r} is not a language code; write en or zh")
    return code


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
