"""The parts of a web page that no reader sees. What nobody can read is no knowledge, and often was put there to steer.

What the page itself opens (a tab, an accordion) is closed, not hidden, and stays. Style sheets are not read: whether
a class hides something, and whether a click shows it again, cannot be told without running the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4.element import Tag

_UNSEEN_CLASSES = frozenset({"sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "assistive-text"})
_OPENERS = ("aria-controls", "data-target", "data-bs-target", "href", "for", "popovertarget", "data-toggle-target")
_ROOTS = frozenset({"html", "body"})
_ZERO = re.compile(r"[+-]?0*(?:\.0+)?(?:px|em|rem|ex|ch|pt|%|vw|vh)?")
_TINY = re.compile(r"(?:0*\.\d+|0|1(?:\.0*)?)(?:px|pt)?|0*\.0\d*(?:em|rem)|0*(?:\.0+)?(?:em|rem|%)")
_FAR_AWAY = re.compile(r"-\s*(?:\d{3,}(?:\.\d+)?(?:px|pt)?|\d{2,}(?:\.\d+)?(?:em|rem)|\d{3,}(?:vw|vh|%))")
_CLIPPED = re.compile(r"rect\(\s*(?:0(?:px)?|1px)[\s,]+(?:0(?:px)?|1px)[\s,].*|inset\(\s*(?:50|100)%.*")
_WHITE = re.compile(r"white|#f{3,4}|#f{6}(?:f{2})?|rgba?\(\s*255\s*,\s*255\s*,\s*255\s*(?:,\s*1(?:\.0)?\s*)?\)")
_NO_COLOUR = re.compile(r"transparent|rgba\([^)]*,\s*0(?:\.0+)?\s*\)|#[0-9a-f]{3}0|#[0-9a-f]{6}00")
Style = dict[str, str]


def drop_hidden(root: Tag) -> None:
    """Removes every element that a reader of the page never sees, by its attributes and its inline style."""
    opened = _opened(root)
    for element in [*root.find_all(True)]:
        if not element.decomposed and element.name not in _ROOTS and _is_hidden(element, opened):
            element.decompose()


def _opened(root: Tag) -> frozenset[str]:
    """The ids that something on the page shows or jumps to."""
    return frozenset(
        name
        for element in root.find_all(True)
        for opener in _OPENERS
        for value in element.get_attribute_list(opener)
        for name in str(value or "").replace("#", " ").split()
        if opener != "href" or str(value).startswith("#")
    )


def _is_hidden(element: Tag, opened: frozenset[str]) -> bool:
    style = _style(element)
    if _is_out_of_sight(style) or _has_colour_of_ground(element, style):
        return True
    if not _UNSEEN_CLASSES.isdisjoint(str(name) for name in element.get_attribute_list("class")):
        return True
    closed = (
        style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or (element.has_attr("hidden") and str(element["hidden"]).lower() != "until-found")
        or str(element.get("aria-hidden") or "").lower() == "true"
    )
    shown_later = str(element.get("id") or "") in opened or element.get("role") == "tabpanel"
    return closed and not shown_later and element.find("h1") is None  # a page that fades in hides all of itself


def _style(element: Tag) -> Style:
    pairs = (part.partition(":") for part in str(element.get("style") or "").lower().split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs if value.strip()}


def _is_out_of_sight(style: Style) -> bool:
    """Whether text in this style takes no room, is seen through, or lies off the page."""
    away = style.get("position") in ("absolute", "fixed") and any(
        _FAR_AWAY.fullmatch(style.get(side, "")) for side in ("left", "right", "top", "bottom")
    )
    shut = style.get("overflow") == "hidden" and any(
        _TINY.fullmatch(style[side]) for side in ("height", "width", "max-height", "max-width") if side in style
    )
    return (
        away
        or shut
        or any(_TINY.fullmatch(size) for size in _values(style, "font-size"))
        or any(_ZERO.fullmatch(value) for value in _values(style, "opacity"))
        or any(_FAR_AWAY.fullmatch(value) for value in _values(style, "text-indent"))
        or any(_CLIPPED.fullmatch(value) for value in _values(style, "clip", "clip-path"))
        or any(_NO_COLOUR.fullmatch(value) for value in _values(style, "color"))
        or any("scale(0" in value for value in _values(style, "transform"))
    )


def _values(style: Style, *names: str) -> Iterator[str]:
    return (style[name] for name in names if name in style)


def _has_colour_of_ground(element: Tag, style: Style) -> bool:
    """Whether the text has the colour of what lies behind it: of the nearest ground given inline, else white.

    White text on no ground is left where a class or an id may paint one.
    """
    colour = style.get("color", str(element.get("color") or "").lower())
    if not colour:
        return False
    painted = False
    for around in (element, *element.parents):
        if ground := _ground(around):
            return ground == colour or (_is_white(ground) and _is_white(colour))
        painted |= around.has_attr("class") or around.has_attr("id") or "background-image" in _style(around)
    return _is_white(colour) and not painted


def _ground(element: Tag) -> str:
    style = _style(element)
    given = style.get("background-color") or style.get("background") or str(element.get("bgcolor") or "").lower()
    return given.split(" ")[0] if given and not given.startswith("rgb") else given


def _is_white(colour: str) -> bool:
    return _WHITE.fullmatch(colour) is not None
