"""Numbers that are somebody's own: of a phone, a card, a bank account, an identity. An order's number is not.

Check digits are python-stdnum's, the countries' numbering plans those of phonenumbers (Google's libphonenumber).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import phonenumbers
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.es import nif

from bot.learn.spans import Kind, Span, matches

REGIONS = ("GB", "US", "CN")  # whose numbers are known without a country code
BEFORE = 40  # characters before a number that may say what it is

# What a number of these is called just before it; such a number stays.
_SHOPS = re.compile(
    r"(?:\b(?:order|parcel|tracking|shipment|consignment|invoice|sku|ean|gtin|isbn|item|product|article|model|part|"
    r"reference|ref|ticket|case|voucher|serial)s?\b|订单|运单|快递单|物流单|单号|货号|商品|产品|型号|条码|发票)"
    r"[\s\w.:#'(-]{0,16}$",
    re.IGNORECASE,
)
_PHONE_CUE = re.compile(
    r"(?:\b(?:tele)?phone|\b(?:tel|mobile|cell|mob|fax|call|calls|called|calling|ring|text|sms|whats ?app|messages? to|"
    r"contact|reach|registered|number is)\b|电话|手机|联系|微信|致电|拨打|号码)[^\d\n]{0,24}\n?[^\d\n]{0,6}$",
    re.IGNORECASE,
)
_CARD_CUE = re.compile(r"(?:\bcard|\bcc\b|visa|mastercard|amex|银行卡|信用卡|储蓄卡|卡号)[^\d\n]{0,24}$", re.IGNORECASE)

# ASCII: a number may stand right beside Chinese, whose characters are letters else.
_DIGITS = r"\d(?:[ -]?\d)"
_CARD = re.compile(rf"(?<![\w.-]){_DIGITS}{{11,18}}(?![\w-])", re.ASCII)
_ISSUER = re.compile(r"3[0-9]|4|5[0-9]|6|2[2-7]|1800|2131|9[0-9]")
_IBAN = re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{2,4}){3,8}\b", re.ASCII)
_ACCOUNT = re.compile(
    r"(?:\b(?:account|acct|a/c|sort code|routing)(?: (?:number|no\.?|code))?|账号|账户|帐号)[ :#.is是为]{0,6}"
    r"(\d[\d -]{3,22}\d)(?![\w-])",
    re.IGNORECASE | re.ASCII,
)
_SORT_CODE = re.compile(r"(?<![\w-])(\d{2}-\d{2}-\d{2}[ ,/]{1,3}\d{8})(?!\w)", re.ASCII)
_IDENTITY = re.compile(
    r"(?:\b(?:passport|(?:driver'?s?|driving) licen[cs]e|licen[cs]e|national id|identity card|social security|ssn)\b|"
    r"护照|驾照|驾驶证)[^\w\n]{0,3}(?:number|no\.?|号码|号)?[ :#.是为]{0,3}(?:is )?[ :#]?"
    r"((?=[A-Za-z-]*\d)[A-Za-z0-9](?:-?[A-Za-z0-9]){5,17})(?![\w-])",
    re.IGNORECASE | re.ASCII,
)
_US_SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", re.ASCII)
_UK_NINO = re.compile(r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b", re.ASCII)
_CN_ID = re.compile(r"(?<![A-Za-z0-9])\d{17}[\dXx](?![A-Za-z0-9])", re.ASCII)
_DNI = re.compile(r"\b[XYZxyz]?\d{7,8}-?[A-Za-z]\b", re.ASCII)

_PHONE = re.compile(r"(?<![\w.#@-])(?:\+ ?|\()?\d(?:[ ()./-]{0,3}\d){5,14}(?!\w|-\d)", re.ASCII)
_DATE = re.compile(r"(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d$")
_CN_MOBILE = re.compile(r"(?<![\d.-])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![\d-])", re.ASCII)


def numbers(text: str) -> Iterator[Span]:
    """Every such number of the text; they may overlap."""
    if not any(char.isdigit() for char in text):
        return
    yield from (span for span in matches("card", _CARD, text) if _is_card(text, span))
    yield from _ibans(text)
    yield from matches("account", _ACCOUNT, text)
    yield from matches("account", _SORT_CODE, text)
    yield from matches("id", _IDENTITY, text)
    yield from _checked("id", _CN_ID, text, ric.is_valid)
    yield from _checked("id", _DNI, text, nif.is_valid)
    yield from matches("id", _US_SSN, text)
    yield from matches("id", _UK_NINO, text)
    yield from _phones(text)


def _checked(kind: Kind, pattern: re.Pattern[str], text: str, is_valid: Callable[[str], bool]) -> Iterator[Span]:
    yield from (span for span in matches(kind, pattern, text) if is_valid(text[span.start : span.end]))


def _is_card(text: str, span: Span) -> bool:
    digits = re.sub(r"\D", "", text[span.start : span.end])
    if not luhn.is_valid(digits) or _is_shops(text, span.start):
        return False
    return bool(_CARD_CUE.search(_before(text, span.start)) or (len(digits) > 12 and _ISSUER.match(digits)))


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        # The words behind it look like more of its groups.
        ends = [match.end(), *(match.start() + gap.start() for gap in reversed(list(re.finditer("[ -]", match[0]))))]
        for end in ends:
            if iban.is_valid(text[match.start() : end]):
                yield Span("iban", match.start(), end)
                break


def _phones(text: str) -> Iterator[Span]:
    for match in _CN_MOBILE.finditer(text):
        if not _is_shops(text, match.start()):
            yield Span("phone", match.start(), match.end())
    for region in REGIONS:
        for found in phonenumbers.PhoneNumberMatcher(text, region):
            plain = found.raw_string.isdigit() and found.raw_string[0] != "0"  # as an order's number may look
            ranges = "–" in found.raw_string  # from one hour, or one number, to another
            if not ranges and not _is_shops(text, found.start) and not (plain and not _has_cue(text, found.start)):
                yield Span("phone", found.start, found.end)
    for match in _PHONE.finditer(text):
        if _looks_like_phone(match[0], text, match.start()):
            yield Span("phone", match.start(), match.end())


def _looks_like_phone(number: str, text: str, start: int) -> bool:
    """Whether a number of no plan that is known is one all the same: by a cue, or by how phone numbers alone begin."""
    if _DATE.match(number) or _is_shops(text, start):
        return False
    return number.startswith("+") or _has_cue(text, start)


def _has_cue(text: str, start: int) -> bool:
    return bool(_PHONE_CUE.search(_before(text, start)))


def _is_shops(text: str, start: int) -> bool:
    return bool(_SHOPS.search(_before(text, start)))


def _before(text: str, start: int) -> str:
    return text[max(0, start - BEFORE) : start]
