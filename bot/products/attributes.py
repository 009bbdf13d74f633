"""Values with units: what a catalogue's attributes say, and what a shopper writes, in one scale per dimension.

Mass is in grams, length in millimetres, volume in millilitres, time in seconds, temperature in degrees Celsius; other
dimensions are in the unit named here. A number without a unit has the dimension "count"; `¤` stands for a currency.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf
from typing import Final

COUNT: Final = "count"
# A unit's ways to be written (lower case) by the dimension and the factor to its scale.
_WRITTEN: Mapping[tuple[str, float], str] = {
    ("mass", 0.001): "mg 毫克", ("mass", 1.0): "g gr gram grams gramme grammes 克",
    ("mass", 1000.0): "kg kgs kilo kilos kilogram kilograms 公斤 千克", ("mass", 500.0): "斤",
    ("mass", 28.3495): "oz ounce ounces", ("mass", 453.592): "lb lbs", ("mass", 6350.29): "stone",
    ("mass", 1e6): "tonne tonnes 吨",
    ("length", 1.0): "mm millimetre millimetres millimeter millimeters 毫米",
    ("length", 10.0): "cm cms centimetre centimetres centimeter centimeters 厘米 公分",
    ("length", 1000.0): "m metre metres meter meters 米", ("length", 25.4): "inch inches 英寸",
    ("length", 1e6): "km kilometre kilometres kilometer 公里 千米", ("length", 304.8): "ft foot feet 英尺",
    ("length", 0.001): "micron microns µm 微米",
    ("volume", 1.0): "ml millilitre millilitres milliliter milliliters cc 毫升", ("volume", 10.0): "cl",
    ("volume", 1000.0): "l lt ltr ltrs litre litres liter liters 升", ("volume", 568.261): "pint pints",
    ("volume", 4546.09): "gallon gallons",
    ("temperature", 1.0): "°c ℃ degrees degree deg 度 摄氏度",
    ("time", 1.0): "s sec secs second seconds 秒", ("time", 60.0): "min mins minute minutes 分钟",
    ("time", 3600.0): "h hr hrs hour hours 小时 个小时", ("time", 86400.0): "day days 天",
    ("time", 604800.0): "week weeks 周",
    ("time", 2629800.0): "month months 个月", ("time", 31557600.0): "year years yr yrs 年",
    ("power", 1.0): "w watt watts 瓦", ("power", 1000.0): "kw kilowatt kilowatts 千瓦",
    ("voltage", 1.0): "v volt volts 伏",
    ("charge", 1.0): "mah 毫安 毫安时", ("charge", 1000.0): "ah", ("energy", 1.0): "wh", ("energy", 1000.0): "kwh",
    ("light", 1.0): "lm lumen lumens 流明", ("light intensity", 1.0): "lux", ("sound", 1.0): "db decibel decibels 分贝",
    ("frequency", 1.0): "hz", ("frequency", 1e6): "mhz", ("frequency", 1e9): "ghz", ("data", 1.0): "mb",
    ("data", 1e3): "gb", ("data", 1e6): "tb", ("pressure", 1.0): "bar bars", ("pressure", 0.0689476): "psi",
    ("speed", 1.0): "km/h kmh kph", ("speed", 1.60934): "mph", ("rotation", 1.0): "rpm", ("share", 1.0): "% percent",
    ("area", 1.0): "m² m2 sqm", ("weight of cloth", 1.0): "g/m² g/m2 gsm", ("fineness", 1.0): "denier",
    ("pixels", 1.0): "mp megapixel megapixels", ("resolution", 1.0): "dpi", ("current", 1.0): "amp amps",
    ("price", 1.0): "¤", ("energy of food", 1.0): "kcal calories 卡路里 千卡", ("energy of food", 0.239): "kj",
}  # fmt: skip
UNITS: Final[Mapping[str, tuple[str, float]]] = {
    written: scale for scale, names in _WRITTEN.items() for written in names.split()
}
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
NUMBER: Final = r"\d+(?:[.,]\d+)*"
_AMOUNT = re.compile(
    rf"(?P<sign>[+−]|(?<![\w)¤])[-–])?(?P<number>{NUMBER})(?:[\s-]?(?P<unit>{_UNIT})(?![a-z²/]))?", re.I
)
_UNIT_BEHIND = re.compile(rf"(?P<name>.*\w)(?:\s*[(\[]\s*|,?\s+)(?P<unit>{_UNIT}|c)\s*[)\]]?", re.I)
_SHOWN = {"c": "°C", "w": "W", "kw": "kW", "v": "V", "wh": "Wh", "mah": "mAh", "hz": "Hz", "db": "dB", "m2": "m²"}
_ONLY_NUMBERS = re.compile(rf"[+−–-]?{NUMBER}(?:\s*[-–—/×x]\s*{NUMBER})*", re.I)
_RANGE = re.compile(r"\s*(?:[-–—~～至到]|to)\s*", re.I)
_TIMES = re.compile(r"\s*[×x*]\s*", re.I)
_LIST = re.compile(r"\s*[/,+]\s*")


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount from `low` to `high` (often the same) of one dimension, and where the text has it.

    `sides` counts the amounts multiplied: 3 for `50 × 30 × 20 cm`, whose low and high are its shortest and longest.
    """

    low: float
    high: float
    dimension: str
    start: int = 0
    end: int = 0
    sides: int = 1


def number(text: str) -> float:
    """The number in `1,299.5`, `1.5` or `1,5`."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        return float(text.replace(",", ""))
    whole, _, decimals = text.replace(",", ".").partition(".")
    return float(f"{whole}.{decimals.replace('.', '') or 0}")


@lru_cache(maxsize=16_384)
def with_unit(name: str, value: str) -> tuple[str, str]:
    """An attribute with the unit of its name at its value: `Height (cm): 130`, `Height cm: 130` as `Height: 130 cm`."""
    found = _UNIT_BEHIND.fullmatch(name.strip())
    if not found or not _ONLY_NUMBERS.fullmatch(value.strip()):
        return name, value
    unit = found["unit"].lower()
    if unit == "c" and "temp" not in name.lower():
        return name, value
    return found["name"], f"{value.strip()} {_SHOWN.get(unit, unit)}"


@lru_cache(maxsize=4096)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The amounts of a text, in order: `42 × 15 cm` and `60–100 °C` are one each, `3 min 30 s` too."""
    found: list[Quantity] = []
    amounts = list(_AMOUNT.finditer(text))
    for at, match in enumerate(amounts):
        unit = match["unit"] or _borrowed(text, amounts, at)
        dimension, factor = UNITS[unit.lower()] if unit else (COUNT, 1.0)
        value = number(match["number"]) * factor * (-1 if match["sign"] in ("−", "-", "–") else 1)
        open_ended = dimension == COUNT and text.startswith("+", match.end())  # "3+"
        found.append(Quantity(value, inf if open_ended else value, dimension, match.start(), match.end()))
    return tuple(_joined(text, found))


def _borrowed(text: str, amounts: list[re.Match[str]], at: int) -> str:
    """The unit of the next amount with one, with only signs in between that share a unit: the cm of `42 × 15 cm`."""
    for here, following in zip(amounts[at:], amounts[at + 1 :], strict=False):
        between = text[here.end() : following.start()]
        if not (_RANGE.fullmatch(between) or _TIMES.fullmatch(between) or _LIST.fullmatch(between)):
            return ""
        if following["unit"]:
            return following["unit"]
    return ""


def _joined(text: str, found: list[Quantity]) -> list[Quantity]:
    joined: list[Quantity] = []
    for quantity in found:
        last = joined[-1] if joined else None
        between = text[last.end : quantity.start] if last else ""
        if last is None or last.dimension != quantity.dimension:
            joined.append(quantity)
        elif _TIMES.fullmatch(between):
            low, high = min(last.low, quantity.low), max(last.high, quantity.high)
            joined[-1] = replace(last, low=low, high=high, end=quantity.end, sides=last.sides + 1)
        elif _RANGE.fullmatch(between) and last.sides == 1 and last.low <= quantity.low:
            joined[-1] = replace(last, high=quantity.high, end=quantity.end)
        elif not between.strip() and quantity.dimension == "time" and last.low > quantity.low:
            joined[-1] = replace(last, low=last.low + quantity.low, high=last.high + quantity.high, end=quantity.end)
        else:
            joined.append(quantity)
    return joined
