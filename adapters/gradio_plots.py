"""Plots of the staff page: shares over weeks, counts, and differences with their intervals, as pictures in SVG.

Gradio's own plots run code made of strings, which the page's Content-Security-Policy refuses. A picture runs nothing,
needs nothing of the network, and is 360 units wide, so that its words can be read on a phone.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from html import escape
from typing import Final

WIDTH: Final = 360
COLOURS: Final = ("#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#57534e")
_LEFT, _RIGHT, _TOP, _HIGH = 40, 12, 10, 150  # the field within the picture
_INK, _GRID = "#44403c", "#e7e5e4"
_LETTERS: Final = 50  # that fit above a bar


def shares(series: Mapping[str, Sequence[tuple[str, float]]], weeks: Sequence[str]) -> str:
    """A line for each name, of values in [0, 1] by week; a week without a value is left out of its line."""
    parts = list(_levels([(f"{level:.0%}", 1 - level) for level in (0, 0.25, 0.5, 0.75, 1)]))
    parts += _week_names(weeks)
    for number, (name, values) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        at = [(_across(weeks, week), _TOP + _HIGH * (1 - value)) for week, value in values]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at]
        x, y = _LEFT + 105 * (number % 3), _TOP + _HIGH + 42 + 18 * (number // 3)
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" rx="2" fill="{colour}"/>')
        parts.append(_text(x + 15, y, name))
    return _picture(parts, _TOP + _HIGH + 36 + 18 * -(-len(series) // 3))


def counts(rows: Sequence[tuple[str, int, int]]) -> str:
    """For each text a bar of its count, and a pale one of its count in the period before."""
    most = max((max(now, before) for _, now, before in rows), default=1) or 1
    parts, y = [], 0
    for text, now, before in rows:
        short = text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
        parts.append(_text(4, y + 16, short))
        for count, colour, top in ((now, COLOURS[0], y + 22), (before, "#93c5fd", y + 34)):
            wide = (WIDTH - 50) * count / most
            parts.append(f'<rect x="4" y="{top}" width="{wide:.1f}" height="10" rx="2" fill="{colour}"/>')
            parts.append(_text(wide + 9, top + 9, str(count), 10))
        y += 54
    return _picture(parts, y)


def differences(rows: Sequence[tuple[str, float, float, float]]) -> str:
    """For each name a value with the ends of its interval, beside a line at 0; all in the same unit."""
    low = min([-0.05, *(row[2] for row in rows)])
    high = max([0.05, *(row[3] for row in rows)])

    def across(value: float) -> float:
        return 12 + (WIDTH - 24) * (value - low) / (high - low)

    tall = 44 * len(rows)
    parts: list[str] = []
    for number, (name, value, least, most) in enumerate(rows):
        y, colour = 44 * number, COLOURS[2] if least > 0 else COLOURS[1]
        parts.append(_text(4, y + 14, f"{name}: {value:+.2f} ({least:+.2f} to {most:+.2f})"))
        x = f"{across(0):.1f}"
        parts.append(f'<line x1="{x}" y1="{y + 19}" x2="{x}" y2="{y + 36}" stroke="{_INK}" stroke-dasharray="3"/>')
        parts.append(
            f'<line x1="{across(least):.1f}" y1="{y + 27}" x2="{across(most):.1f}" y2="{y + 27}" stroke="{colour}"'
            f' stroke-width="2"/><circle cx="{across(value):.1f}" cy="{y + 27}" r="4" fill="{colour}"/>'
        )
    return _picture(parts, tall)


def markdown(picture: str, description: str) -> str:
    """A picture as a part of a Markdown text; the description is for those who do not see it."""
    plain = "".join(" " if letter in "[]\\\n" else letter for letter in description)
    return f"![{plain}](data:image/svg+xml;base64,{b64encode(picture.encode()).decode()})"


def _levels(levels: Sequence[tuple[str, float]]) -> Iterator[str]:
    for name, down in levels:
        y = _TOP + _HIGH * down
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{WIDTH - _RIGHT}" y2="{y}" stroke="{_GRID}"/>'
        yield _text(_LEFT - 6, y + 4, name, 10, "end")


def _week_names(weeks: Sequence[str]) -> Iterator[str]:
    every = max(1, -(-len(weeks) // 5))
    for week in weeks[::-1][::every]:  # the latest one has its name
        day = date.fromisoformat(week)
        yield _text(_across(weeks, week), _TOP + _HIGH + 16, f"{day.day} {day:%b}", 10, "middle")


def _across(weeks: Sequence[str], week: str) -> float:
    inner = WIDTH - _LEFT - _RIGHT - 24
    return _LEFT + 12 + inner * (weeks.index(week) / (len(weeks) - 1) if len(weeks) > 1 else 0.5)


def _text(x: float, y: float, words: str, size: int = 12, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{_INK}" text-anchor="{anchor}">{escape(words)}</text>'
    )


def _picture(parts: Sequence[str], height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' font-family="system-ui, sans-serif"><rect width="100%" height="100%" rx="6" fill="#ffffff"/>'
        f"{''.join(parts)}</svg>"
    )
