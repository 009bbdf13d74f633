"""Postal addresses and postcodes, by the cues before them and by their form; in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.learn.spans import HAN, LETTER, UPPER, Span, matches

_NAME = rf"[{UPPER}](?:[{LETTER}'’-]*[{LETTER}]|\.)?"
_STREET = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Crescent|Gardens|"
    r"Grove|Hill|Row|Mews|Boulevard|Blvd|Highway|Hwy|Parkway|Pkwy|Circle|Cir|Walk|Quay|Wharf|Strasse|Straße|str)"
)
_UNIT_WORD = r"(?:Flat|Apt|Apartment|Suite|Unit|Room|Floor|Box)\b"
_UNIT = rf"(?:{_UNIT_WORD}\.? ?#?\d+[A-Za-z]?)"
_UK_CODE = r"(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?\d[A-HJKMNP-Y\d]? ?\d[ABD-HJLNP-UW-Z]{2})"
_GAP = r"[ ]?,?[ ]?(?:\n[>? ]*){0,2},?[ ]?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_PLACE = rf"(?:(?:de|da|do|di|del|la|le|of|upon|nan) )*(?!{_MONTH})[{UPPER}][{LETTER}'’-]+"
_REST = rf"(?:{_GAP}(?:{_UNIT}|{_UK_CODE}|[A-Z]{{2}}\b|\d{{4,6}}(?:-\d{{4}})?\b|{_PLACE})){{0,8}}"
_NUMBERED = re.compile(
    rf"(?<![\w£$€.-])((?:{_UNIT},? )?(?:\d{{1,6}} )?\d{{1,5}}[A-Za-z]?,? (?:{_NAME} ){{1,4}}?{_STREET}\b{_REST})"
)
_NUMBERED_SMALL = re.compile(
    r"(?<![\w£$€.-])(\d{1,4}[a-z]?,? (?:(?!(?:to|mm|cm|m|km|for|the|of|on|in|by|per|or|and)\b)[a-z]+ ){1,2}"
    r"(?:street|road|avenue|lane|crescent|terrace|gardens))\b",
    re.IGNORECASE,
)
# The number behind the street, as on the continent: with a flat behind it, or two numbers around it.
_CONTINENTAL = re.compile(
    rf"(?<![\w£$€.-])((?:\d{{1,6}} (?!{_MONTH})[{LETTER}]|(?!{_UNIT_WORD})[{UPPER}])[{LETTER}'’.-]+"
    rf"(?: (?!{_UNIT_WORD})[{LETTER}][{LETTER}'’.-]*){{0,4}} \d{{1,5}}\.?"
    rf"{_GAP}{_UNIT}{_REST}|\d{{2,6}} (?:{_PLACE} ){{1,4}}\d{{1,5}}\b{_REST})"
)
_UNIT_ALONE = re.compile(rf"\b({_UNIT}|(?:apt|apartment|suite)\b\.? ?#?\d+[a-z]?)(?! ?(?:g|kg|cm|mm|m)\b)")
_PO_BOX = re.compile(r"\b(P\.?\s?O\.? ?Box \d+|Postbox \d+)", re.IGNORECASE)
_MILITARY = re.compile(
    r"\b((?:(?:PSC|Unit|USNS|USNV|USCGC|USS) \w+,? ?(?:Box \d+)?\s{0,3})?(?:FPO|APO|DPO) A[APE] \d{5})\b", re.IGNORECASE
)
# After a cue: to the end of the line or sentence, where a number comes soon. No price, no share, no clause.
_CORNER = re.compile(
    r"\b(the corner of [^;!?\n@]{3,60}? and [^.,;!?\n@]{3,30}?)(?=[.,;!?\n]|$| (?:last|instead|please)\b)",
    re.IGNORECASE,
)
_OF_ADDRESS = (
    r"\baddress(?:es)?(?: is now| is| to(?: the same)?|"
    r" of [\w .&,'-]{1,40} is|, here they are|\? it is|[ ]*(?=:)):?[ \n]{1,9}"
)
_TO_ADDRESS = (
    r"\b(?:deliver|ship|post|send|sent|arrive|return|live|locate)(?:ped|ed|d|s)?(?: it| them| this| that)? "
    r"(?:to|at|on|in) (?=\d+[A-Za-z]?,? (?-i:[A-Z\d]))"
)
_SAID_ADDRESS = re.compile(
    rf"(?:{_OF_ADDRESS}|{_TO_ADDRESS})"
    r"(?=\d+[A-Za-z]?,? (?-i:[A-Z\d])|(?-i:[A-Z]))(?!\d{1,3}\.\d|[0-9a-f]*:)"
    r"((?=(?:(?! and | or )[^.;!?@€£$₹%]){0,40}\d)[^;!?\n@€£$₹%]{3,80}?(?:,?\n[^;!?\n:@]{2,40}){0,4}?)"
    r"(?=[.;!?](?:\s|$)|, and |\n\n|\s*$| (?:last|instead|please|by|but|because|in case)\b)",
    re.IGNORECASE,
)
_LIVED_IN = re.compile(
    rf"\b(?:live|lives|lived|located) (?:at|in|on) ({_PLACE}(?: {_PLACE}){{0,3}} \d{{1,5}}[a-z]?)(?= street|[.,\n]|$)"
)
_UK_POSTCODE = re.compile(rf"\b{_UK_CODE.replace(' ?', ' ')}\b")  # without its space it may be a part's number
_UK_SMALL = re.compile(r"\b[a-pr-uwyz][a-hk-y]?\d[a-hjkmnp-y\d]? \d(?!nd|rd|st|th)[abd-hjlnp-uw-z]{2}\b")
_STATE_ZIP = re.compile(r"\b[A-Z]{2},? (\d{5}(?:-\d{4})?)\b")
_SAID_CODE = re.compile(
    r"(?:\b(?:zip(?:[ -]?code)?|post[ -]?code|postal code)(?: is)?|邮编|邮政编码)[是为: ]{1,3}"
    r"([A-Za-z]{0,2}[ -]?\d[\dA-Za-z]{2,5}(?:[ -]\d[\dA-Za-z]{1,3})?)(?![\w-])",
    re.IGNORECASE,
)

_OF_PLACE = rf"(?:(?![寄送到往在住是从去，])[{HAN}])"
_NUMBER_ZH = r"(?:[\dA-Za-z一二三四五六七八九十百-]{1,6}(?:号楼|号院|号|弄|栋|幢|座|单元|楼|层|室))"
_STREET_ZH = re.compile(
    rf"((?:{_OF_PLACE}{{2,7}}?(?:省|自治区))?(?:{_OF_PLACE}{{2,6}}?市)?(?:{_OF_PLACE}{{1,6}}?[区县镇])?"
    rf"{_OF_PLACE}{{2,8}}?(?:大道|大街|胡同|[路街道巷村]){_NUMBER_ZH}{_NUMBER_ZH}{{0,5}}(?:{_OF_PLACE}{{2,8}}?{_NUMBER_ZH}{{1,5}})?)"
)
_SAID_ZH_ADDRESS = re.compile(
    r"(?:地址[是为:改成到]{1,3}|寄到|送到|住在|邮寄到|寄往)[ ]?"
    r"((?=[^，。；！？,\n]*(?:号|室|路|街|村|栋))[^，。；！？,\n吗呢]{4,50})"
)


def addresses(text: str) -> Iterator[Span]:
    """Postal addresses and postcodes; they may overlap."""
    for pattern in (
        _NUMBERED,
        _NUMBERED_SMALL,
        _UNIT_ALONE,
        _PO_BOX,
        _MILITARY,
        _SAID_ADDRESS,
        _LIVED_IN,
        _CORNER,
        _CONTINENTAL,
    ):
        yield from matches("address", pattern, text)
    yield from matches("address", _STREET_ZH, text)
    yield from matches("address", _SAID_ZH_ADDRESS, text)
    for pattern in (_UK_POSTCODE, _UK_SMALL, _STATE_ZIP, _SAID_CODE):
        yield from matches("postcode", pattern, text)
