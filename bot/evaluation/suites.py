"""Suites of cases: what a shopper writes, and what a right reply has and has not.

A suite is one `.jsonl` file, which is run against the index that the settings name, or a folder with a `suite.toml`
and any number of `.jsonl` files:

    documents = "../../../knowledge/demo"    # or a list: what the suite's own index holds, relative to the folder
    day = 2026-11-21                         # what the desk takes for today

A case is one line: `{"id", "kind", "turns", "expect"}`, and where they apply `"must"`, `"must_not"`,
`"gold_documents"` and `"note"`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from bot.errors import BadSuite
from bot.messages import Outcome
from knowledge.documents import digest

TOML = "suite.toml"
REGEX = "re:"
OUTCOMES: tuple[str, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation and what its last reply must be.

    Of each group of `must` one alternative has to be in the reply, and none of `must_not`; both are substrings, or
    regular expressions behind `re:`. Any of `gold_documents` is a right source. `planted`: its documents carry
    injections.
    """

    id: str
    kind: str
    turns: tuple[str, ...]
    expect: str
    must: tuple[tuple[str, ...], ...] = ()
    must_not: tuple[str, ...] = ()
    gold_documents: tuple[str, ...] = ()
    note: str = ""
    planted: bool = False

    @property
    def content_hash(self) -> str:
        """Changes when what is asked or checked changes; a note is neither."""
        return digest(json.dumps(asdict(replace(self, note="")), sort_keys=True))


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases, and what they are run against: no `documents` means the index of the settings, no `day` today.

    `problems` are one line for each line of the files that had to be left out.
    """

    name: str
    cases: tuple[Case, ...]
    documents: tuple[Path, ...] = ()
    day: date | None = None
    problems: tuple[str, ...] = ()

    @property
    def content_hash(self) -> str:
        """Changes when a case changes, comes or goes."""
        return digest(*(case.content_hash for case in self.cases))[:12]

    @property
    def knowledge(self) -> str:
        """The name of the index of its own documents, the same at every run."""
        name = re.sub(r"[^A-Za-z0-9._-]", "-", self.name)[:40]
        return f"suite-{name}-{digest(*map(str, self.documents))[:8]}"


def load_suite(path: Path) -> Suite:
    """The suite in a file or a folder; raises BadSuite when there is none, or not one case of it can be read."""
    if not path.exists():
        raise BadSuite(f"{path}: there is no such suite; give a .jsonl file, or a folder with a {TOML}")
    folder = path.is_dir()
    documents, day = _described(path / TOML) if folder else ((), None)
    name = path.resolve().name if folder else path.stem
    cases: list[Case] = []
    problems: list[str] = []
    for file in sorted(path.glob("*.jsonl")) if folder else [path]:
        known = {case.id for case in cases}
        found, bad = _read(file, known, planted="planted" in (name, file.stem))
        cases.extend(found)
        problems.extend(bad)
    if not cases:
        raise BadSuite("; ".join([f"{path}: not one case can be read", *problems[:1]]))
    return Suite(name, tuple(cases), documents, day, tuple(problems))


def _described(path: Path) -> tuple[tuple[Path, ...], date | None]:
    """The documents and the day of a `suite.toml`."""
    try:
        given = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadSuite(f"{path}: cannot be read ({reason}); a suite folder needs one with `documents`") from None
    if unknown := set(given) - {"documents", "day"}:
        raise BadSuite(f"{path}: key {min(unknown)!r} is not known; the keys are documents, day")
    day = given.get("day")
    if day is not None and (not isinstance(day, date) or isinstance(day, datetime)):
        raise BadSuite(f"{path}: day = {day!r}: expected a date without quotes, such as 2026-11-21")
    names = given.get("documents", [])
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise BadSuite(f"{path}: documents = {names!r}: expected a path, or a list of them")
    documents = tuple((path.parent / name).resolve() for name in names)
    if missing := [name for name, found in zip(names, documents, strict=True) if not found.exists()]:
        raise BadSuite(f"{path}: documents = {missing[0]!r}: there is no such file or folder; it is relative to {TOML}")
    return documents, day


def _read(path: Path, known: Iterable[str], planted: bool) -> tuple[list[Case], list[str]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadSuite(f"{path}: {error.strerror}; check the path and its rights") from None
    cases: list[Case] = []
    problems: list[str] = []
    seen = Counter(known)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = parse_case(json.loads(line.decode("utf-8-sig")), planted)
            if seen[case.id]:
                raise ValueError(f"id {case.id!r} was there before; give each case its own")
        except (ValueError, RecursionError) as error:
            problems.append(f"{path}, line {number}: {error or 'nested too deeply'}; left out")
        else:
            seen[case.id] += 1
            cases.append(case)
    return cases, problems


def parse_case(record: Any, planted: bool = False) -> Case:
    """A case from what its line holds; raises ValueError that says which key is wrong, and how."""
    if not isinstance(record, dict):
        raise ValueError("expected an object")
    keys = [field.name for field in fields(Case) if field.name != "planted"]
    for key in record:
        if key not in keys:
            near = get_close_matches(str(key), keys, 1)
            raise ValueError(f"key {key!r} is not known; {f'did you mean {near[0]!r}?' if near else ', '.join(keys)}")
    expect = record.get("expect")
    if expect not in OUTCOMES:
        raise ValueError(f"expect = {expect!r}: expected one of {', '.join(OUTCOMES)}")
    groups = record.get("must", [])
    if not isinstance(groups, list) or not all(isinstance(group, list) and group for group in groups):
        raise ValueError(f"must = {groups!r}: expected a list of lists of alternatives")
    note = record.get("note", "")
    if not isinstance(note, str):
        raise ValueError(f"note = {note!r}: expected words")
    return Case(
        id=_words(record, "id"),
        kind=_words(record, "kind"),
        turns=_several(record, "turns", at_least=1),
        expect=expect,
        must=tuple(_patterns("must", group) for group in groups),
        must_not=_patterns("must_not", _several(record, "must_not")),
        gold_documents=_several(record, "gold_documents"),
        note=note,
        planted=planted,
    )


def _words(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} = {value!r}: expected words")
    return value


def _several(record: dict[str, Any], key: str, at_least: int = 0) -> tuple[str, ...]:
    value = record.get(key, [])
    if not isinstance(value, list) or len(value) < at_least or not all(isinstance(v, str) and v.strip() for v in value):
        raise ValueError(f"{key} = {value!r}: expected a list of {'one string or more' if at_least else 'strings'}")
    return tuple(value)


def _patterns(key: str, alternatives: Sequence[Any]) -> tuple[str, ...]:
    """The alternatives, each of which asks for something."""
    for alternative in alternatives:
        if not isinstance(alternative, str) or not alternative.removeprefix(REGEX).strip():
            raise ValueError(f"{key} has {alternative!r}: expected words, or a regular expression behind {REGEX}")
        if alternative.startswith(REGEX):
            try:
                empty = re.search(alternative.removeprefix(REGEX), "") is not None
            except re.error as error:
                raise ValueError(f"{key} has {alternative!r}: {error}") from None
            if empty:
                raise ValueError(f"{key} has {alternative!r}: it fits every reply")
    return tuple(alternatives)
