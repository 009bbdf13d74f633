"""Prices as merchants write them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_SYMBOLS = {"£": "GBP", "€": "EUR", "$": "USD", "¥": "CNY", "￥": "CNY"}
_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$", "CNY": "¥", "JPY": "¥"}
_AMOUNT = re.compile(r"\d+(?:[.,' ]\d+)*")
_CODE = re.compile(r"\b[A-Z]{3}\b")


def parse_price(value: Any, currency: str = "") -> tuple[Decimal, str] | None:
    """The amount and its currency (ISO 4217) in `89`, `"£1,299.00"`, `"15.00 USD"` or `"1.299,00 €"`; None for blank.

    `currency` is that of an amount which names none, and settles what a bare sign such as `$` stands for.
    Raises ValueError for anything else, negative amounts included.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    amount = _AMOUNT.search(text)
    rest = text.replace(amount.group(), "", 1).strip() if amount else text
    code = _CODE.search(rest.upper())
    leftover = _CODE.sub("", rest.upper(), count=1).strip(" ." + "".join(_SYMBOLS))
    if amount is None or leftover or isinstance(value, bool):
        raise ValueError(f"{text!r} is not a price")
    signs = [name for sign, name in _SYMBOLS.items() if sign in rest]
    return Decimal(_plain(amount.group())), code.group() if code else currency or (signs[0] if signs else "")


def format_price(amount: Decimal, currency: str) -> str:
    """`£89.00`, or `89.00 SEK` where the currency has no sign of its own here, or `89.00` where none is known."""
    digits = f"{amount:,.0f}" if currency == "JPY" else f"{amount:,.2f}"
    return f"{_SIGNS[currency]}{digits}" if currency in _SIGNS else f"{digits} {currency}".strip()


def _plain(digits: str) -> str:
    """The number with a point for decimals and no separators of thousands."""
    digits = digits.replace("'", "").replace(" ", "")
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma > point:
        decimals = len(digits) - comma - 1
        if point >= 0 or (digits.count(",") == 1 and decimals in (1, 2)):
            return digits.replace(".", "").replace(",", ".")
        return digits.replace(",", "")
    if digits.count(".") > 1:
        return digits.replace(".", "")
    return digits.replace(",", "")
