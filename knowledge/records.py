"""A record of a table or a JSON Lines file: which of its fields is which, and the prose document it makes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from knowledge.documents import Document, digest
from knowledge.errors import UnreadableDocument
from knowledge.files import ReadOptions
from knowledge.front_matter import check_front_matter
from knowledge.languages import detect
from knowledge.text_files import clean

# Tried in this order where no mapping says otherwise.
GENERIC: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "sku", "doc_key", "doc_id", "key", "_id"),
    "title": ("title", "name", "question", "标题", "问题"),
    "text": (
        "text", "description", "body", "content", "context", "answer", "short_description", "内容", "答案", "回答",
    ),
    "language": ("language", "lang"),
    "audience": ("audience",),
    "effective_from": ("effective_from",),
    "effective_until": ("effective_until",),
    "price": ("price",),
    "compare_at": ("compare_at", "compare_at_price"),
    "currency": ("currency",),
    "in_stock": ("in_stock", "availability", "available"),
    "quantity": ("quantity", "stock", "inventory_quantity"),
    "vendor": ("vendor", "brand", "supplier", "manufacturer"),
    "kind": ("kind", "type", "product_type", "category"),
    "tags": ("tags",),
    "url": ("url", "link"),
}  # fmt: skip

_ATTRIBUTE_PREFIX = re.compile(r"^attr(?:ibute)?_(?:[a-z]_)?")
_IN_BRACKETS = re.compile(r"__(.+?)_(?=_|$)")
_NOISE = frozenset({
    "img", "image", "images", "thumb", "thumbnail", "thumbnails", "ean", "gtin", "upc", "asin", "uuid", "guid", "url",
    "urls", "link", "href", "embedding", "vector", "hash", "id", "ids", "key", "created", "updated", "timestamp",
})  # fmt: skip
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?")
_LONGEST_TITLE = 100


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `place` is where its file has it (`line 7`), `names` finds a field whatever its case and spacing."""

    values: Mapping[str, Any]
    place: str
    names: Mapping[str, str]

    @classmethod
    def of(cls, values: Mapping[str, Any], place: str) -> Record:
        """The record of these values."""
        return cls(values, place, {_normal(name): name for name in values})

    def pick(self, field: str, options: ReadOptions) -> Any:
        """The first value there is for one of our fields, by the mapping, else by the generic names; None for none.

        Raises UnreadableDocument if a mapped id, title, language, audience or date is not in the record.
        """
        mapped = options.fields.get(field)
        for name in self._matching(mapped) if mapped else self._known(GENERIC[field]):
            if not _is_blank(self.values[name]):
                return self.values[name]
        if mapped and field in ("id", "title", "language", "audience", "effective_from", "effective_until"):
            raise UnreadableDocument(f"no value in {' or '.join(mapped)!r}, which is mapped to {field}")
        return None

    def taken(self, options: ReadOptions) -> set[str]:
        """The names of the fields that are one of ours, and so no attribute."""
        found: set[str] = set()
        for field, generic in GENERIC.items():
            mapped = options.fields.get(field)
            found.update(self._matching(mapped) if mapped else self._known(generic))
        return found

    def text(self, options: ReadOptions) -> str:
        """The prose, "" if there is none: mapped fields each a paragraph, those named by a glob as `- Name: value`."""
        mapped = options.fields.get("text")
        if mapped is None:
            return as_text(self.pick("text", options))
        plain = [as_text(self.values.get(name)) for name in mapped if not _is_glob(name)]
        listed = dict.fromkeys(name for glob in mapped if _is_glob(glob) for name in self._matching((glob,)))
        lines = [f"- {label(name)}: {value}" for name in listed if (value := as_text(self.values[name]))]
        return "\n\n".join(part for part in (*plain, "\n".join(lines)) if part)

    def attributes(self, options: ReadOptions) -> dict[str, str]:
        """The remaining fields that a reader would want, as label and value: no identifiers, addresses or pictures."""
        taken = self.taken(options)
        found: dict[str, str] = {}
        for name, value in self.values.items():
            if name in taken or isinstance(value, dict) or (not name.startswith("attr") and _is_noise(name)):
                continue
            text = as_text(value)
            if text and not text.startswith(("http://", "https://", "data:")):
                found.setdefault(label(name), text)
        return found

    def _known(self, generic: tuple[str, ...]) -> Iterator[str]:
        return (self.names[name] for name in generic if name in self.names)

    def _matching(self, mapped: tuple[str, ...]) -> Iterator[str]:
        for wanted in mapped:
            if _is_glob(wanted):
                yield from (name for name in self.values if matches(name, wanted))
            elif wanted in self.values:
                yield wanted


def prose_document(record: Record, path: str, options: ReadOptions, shared: Mapping[str, Any]) -> Document:
    """The record of the file at `path` as a document, found under `path#id`; `shared` holds for all its records.

    Raises UnreadableDocument if it has neither text nor title, or its audience or dates cannot be used.
    """
    text = record.text(options)
    title = " ".join(as_text(record.pick("title", options)).split())
    if not text and (mapped := options.fields.get("text")):
        raise UnreadableDocument(f"no value in {' or '.join(mapped)!r}, which is mapped to text")
    if not text and not title:
        names = ", ".join(list(record.values)[:12])
        raise UnreadableDocument(f"no text among its fields ({names}); map one to text in knowledge.toml or --field")
    facts = check_front_matter({**shared, **front_matter_of(record, options)})
    identity = as_text(record.pick("id", options)) or digest(title, text)[:12]
    return Document(
        path=f"{path}#{identity}",
        title=title or text.split("\n")[0][:_LONGEST_TITLE],
        text=text or title,
        language=facts.language or detect(f"{title}\n{text}"),
        audience=facts.audience,
        effective_from=facts.effective_from,
        effective_until=facts.effective_until,
    )


def front_matter_of(record: Record, options: ReadOptions) -> dict[str, Any]:
    """The record's own language, audience and dates, where it has any."""
    picked = {key: record.pick(key, options) for key in ("language", "audience", "effective_from", "effective_until")}
    return {key: value for key, value in picked.items() if value is not None}


def as_text(value: Any) -> str:
    """A value in words: yes and no, whole numbers without a point, a list with commas, the day of a time stamp."""
    if isinstance(value, str):
        stamp = _TIMESTAMP.fullmatch(value)
        return stamp[1] if stamp else clean(value).strip()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return (str(int(value)) if value.is_integer() else repr(value)) if math.isfinite(value) else ""
    if isinstance(value, list):
        return ", ".join(text for text in map(as_text, value) if text)
    return "" if value is None or isinstance(value, dict) else str(value)


@lru_cache(maxsize=4096)
def label(name: str) -> str:
    """A field's name for people: `attr_t_contrast_ratio__typical_` is "Contrast ratio (typical)"."""
    words = _IN_BRACKETS.sub(r" (\1)", _ATTRIBUTE_PREFIX.sub("", name)).replace("_", " ")
    words = " ".join(words.split())
    return words[:1].upper() + words[1:]


@lru_cache(maxsize=4096)
def _normal(name: str) -> str:
    return "_".join(name.strip().lower().replace("-", " ").split())


@lru_cache(maxsize=4096)
def _is_noise(name: str) -> bool:
    words = re.split(r"[\W_]+", name.lower())
    return words[0] in _NOISE or words[-1] in _NOISE


@lru_cache(maxsize=65536)
def matches(name: str, glob: str) -> bool:
    """Whether a field's name is the mapped one, which may be a glob."""
    return fnmatchcase(name, glob)


def _is_glob(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value == []
