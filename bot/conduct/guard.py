"""What is released, whoever wrote it: no foreign link or number, no mark-up that loads or runs, none of the prompt,
nothing that speaks to a model.

This stands after the model and beside the check against the passages (`bot.evidence.gate`): it holds for a model that
was talked into something as well as for a document that somebody tampered with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.conduct.disguise import unfolded
from bot.conduct.planted import speaks_to_model
from bot.generation.prompts import INSTRUCTIONS

# All of them in ASCII, so that a Chinese character beside a word ends it.
_ASCII = re.I | re.A
_MARK_UP = re.compile(
    r"!\[|<[/!]?[a-z][^<>]*>?|&lt;\s*[a-z]+|\b(?:javascript|vbscript|data):\s*\S|\bon(?:click|error|load)\s*="
    r"|\]\(\s*(?!https?://)",
    _ASCII,
)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s<>()\[\]\"'\u0080-\U0010ffff]*", _ASCII)
_EMAIL = re.compile(rf"[\w.+-]+@((?:{_LABEL}\.)+[a-z]{{2,24}}|{_LABEL})", _ASCII)
_HOST = re.compile(rf"(?<![\w@.-])((?:{_LABEL}\.)+([a-z]{{2,24}}))(?![\w-])(?:/\S*)?", _ASCII)
_OBFUSCATED = re.compile(rf"\b{_LABEL}\s*(?:\[\.\]|\(\.\)|\[dot\]|\(dot\)| dot )\s*[a-z]{{2,24}}\b|\bhxxps?\b", _ASCII)
_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)", _ASCII)
# A telephone number: seven digits or more, in groups or with a plus; not a price, a date, or part of a longer code.
_PHONE = re.compile(r"(?<![\w£$€¥.,-])(?:\+|00)?\(?\d[\d ()/-]{5,18}\d(?![\w%]|[.,]\d)", _ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[/-]\d{1,2}[/-]\d{2,4}|\d{1,2}\s?-\s?\d{1,2}")
# The name of an account to write to: one that is no word.
_HANDLE = re.compile(
    r"(?:微信|weixin|wechat|whats ?app|telegram|\bqq\b)(?:号|群|id)?[\s:：是为]{0,3}@?"
    r"((?=[a-z-]*[\d_])[a-z\d][\w-]{4,})",
    _ASCII,
)
_SUFFIX_OF_A_FILE = frozenset(
    ("md", "html", "htm", "pdf", "docx", "xlsx", "csv", "txt", "json", "jpg", "png", "eg", "ie")
)
_CODE = re.compile(
    r"(?<![\w/.@-])(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9][A-Z0-9-]{3,19}(?![\w/-])"
    r"|(?<!\w)[A-Z]{6,16}(?!\w)",
    re.A,
)
_OF_CODES = re.compile(r"\b(?:codes?|vouchers?|coupons?|discounts?)\b|(?:优惠|折扣|兑换|券|代)码|口令", _ASCII)
_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s?(?:%|％|per ?cent\b)", _ASCII)
_TENTHS = re.compile(r"(\d(?:\.?\d)?|[一二三四五六七八九]{1,2})\s?折(?!叠)")  # "85折": 85 of 100 are paid
_NUMERALS = str.maketrans("一二三四五六七八九", "123456789")
_COPIED = 5  # words in a row that make it a copy of the prompt
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Guard:
    """What a reply may name beyond words: made of the passages it rests on, the contact and the hosts of the shop.

    Links, addresses and telephone numbers pass from `trusted`, which are the passages of documents that nobody
    tampered with; percentages and codes from all `passages`. Where hosts are `allowed` by name, only those and the
    contact's pass.
    """

    passages: Sequence[str]
    trusted: Sequence[str]
    contact: str = ""
    allowed: Sequence[str] = ()

    def objection(self, sentence: str) -> str:
        """Why a sentence may not be released, as a word for the turn's record; "" where it may."""
        sentence = unfolded(sentence)
        checks = (
            ("mark-up", _MARK_UP.search(sentence) is not None),
            ("host", _OBFUSCATED.search(sentence) is not None or not all(map(self._is_known, hosts(sentence)))),
            ("contact", not self._has_contacts(sentence)),
            ("prompt", _copies_prompt(sentence)),
            ("discount", not self._has_offers(sentence)),
            ("planted", speaks_to_model(sentence)),
        )
        return next((name for name, objected in checks if objected), "")

    def _is_known(self, host: str) -> bool:
        own = {*map(str.lower, self.allowed), *hosts(self.contact)}
        if any(host == name or host.endswith(f".{name}") for name in own):
            return True
        return not self.allowed and any(host in hosts(passage) for passage in self.trusted)

    def _has_contacts(self, sentence: str) -> bool:
        """Whether every e-mail address, telephone number and name of an account is one of the shop's."""
        known = "\n".join((*self.trusted, self.contact)).lower()
        emails = {found[0] for found in _EMAIL.finditer(known)}
        digits = _digits(known)
        return (
            all(found[0].lower() in emails for found in _EMAIL.finditer(sentence))
            and all(re.search(rf"{number}(?!\d)", digits) for number in _phones(sentence))
            and all(found[1].lower() in known for found in _HANDLE.finditer(sentence))
        )

    def _has_offers(self, sentence: str) -> bool:
        """Whether every percentage, and every code beside one or beside "code", is in a passage."""
        known = "\n".join(self.passages)
        if not _shares(sentence) <= _shares(known):
            return False
        codes = _CODE.finditer(sentence) if _OF_CODES.search(sentence) else ()
        return all(found[0].lower() in known.lower() for found in codes)


@lru_cache(maxsize=4096)
def hosts(text: str) -> frozenset[str]:
    """The hosts that a text names: of links, of e-mail addresses, and bare ones, lower case, without "www."."""
    found = [_host_of(url[0]) for url in _URL.finditer(text)]
    found += [email[1] for email in _EMAIL.finditer(text)]
    found += [host[1] for host in _HOST.finditer(text) if _is_host(host[1], host[2])]
    found += [address[0] for address in _ADDRESS.finditer(text)]
    return frozenset(host.lower().removeprefix("www.") for host in found if host)


def _host_of(url: str) -> str:
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    return authority.rpartition("@")[2].partition(":")[0]


def _is_host(host: str, suffix: str) -> bool:
    """Whether a dotted word is a host: "fell.example" is, "e.g", "1.5l" and "returns.md" are not."""
    return suffix.lower() not in _SUFFIX_OF_A_FILE and not host[0].isdigit() and len(host.split(".")[-2]) > 1


def _shares(text: str) -> set[float]:
    """The percentages of a text; Chinese tells the tenths that are left to pay, which count as what is taken off."""
    tenths = (found[1].translate(_NUMERALS).replace(".", "") for found in _TENTHS.finditer(text))
    off = {100.0 - (int(paid) if len(paid) > 1 else 10 * int(paid)) for paid in tenths}
    return off | {float(found[1].replace(",", ".")) for found in _PERCENT.finditer(text)}


def _phones(text: str) -> Iterable[str]:
    for found in _PHONE.finditer(_EMAIL.sub(" ", _URL.sub(" ", text))):
        number = found[0].strip()
        if sum(map(str.isdigit, number)) >= 7 and not _DATE.search(number):
            yield _digits(number)


def _digits(text: str) -> str:
    """The digits, with those of one number joined."""
    return re.sub(r"(?<=\d)[ ()/-]+(?=\d)", "", re.sub(r"[()]", "", text)).replace("+", "")


@lru_cache(maxsize=1)
def _prompt_runs() -> frozenset[tuple[str, ...]]:
    return frozenset(run for part in re.split(r"\{\w+\}", INSTRUCTIONS) for run in _runs(part))


def _runs(text: str) -> list[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return [tuple(words[at : at + _COPIED]) for at in range(len(words) - _COPIED + 1)]


def _copies_prompt(sentence: str) -> bool:
    return not _prompt_runs().isdisjoint(_runs(sentence))
