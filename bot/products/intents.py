"""What a message wants, by its words: facts of a product, products to choose from, advice, or what the shop does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from bot.products.aspects import ATTRIBUTES, OFFERED, without
from bot.products.items import Item, heads
from bot.products.numerals import plainly
from bot.products.scales import COMPARATIVE
from bot.products.vocabulary import GENDERS
from bot.products.words import terms

COMPARES: Final = re.compile(
    r"\b(?:vs?\.?|versus|compared?(?: to| with)?|differ\w*|which (?:one )?(?:is|of|has|weighs|makes)|better|worse"
    rf"|(?:more|less|\w+er)\b.{{0,60}}\bthan|more do (?:i|you|we) get|how much (?:more|less|{COMPARATIVE})"
    rf"|or\b.{{1,40}}\b(?:{COMPARATIVE})|(?:{COMPARATIVE})\b.{{1,60}}\bor)\b"
    r"|区别|对比|比较|哪个更?|差多少|不同",
    re.I,
)
ACCESSORY: Final = re.compile(
    r"\bwhat else\b|\banything else\b|\baccessor\w+\b|\bspares?\b(?: part)?|\b(?:go|goes) with\b|\badd[- ]ons?\b"
    r"|\b(?:what|which|any) (?:\w+ )?(?:goes?|fits?|works?) (?:with|on|to|in)?\b|\breplacement\b|配件|还(?:需要|要买)",
    re.I,
)
_WISHES = (
    r"(?:i|we)(?:'?d| would)? (?:need|want|like|fancy)|(?<!\w )(?:need|want)|needing|wanting|after|looking for"
    r"|searching for|recommend\w*|suggest\w*|show me|find me|any(?:thing)?|something"
)
WISHES: Final = re.compile(rf"\b(?:{_WISHES})\b|推荐|想买|想要|找|需要", re.I)
LOOKS: Final = re.compile(
    rf"\b(?:{_WISHES}|which|looking at|ideas?|got any|is there|are there|options? for"
    r"|(?:have you|do you|you|u) (?:got|have|sell|stock|do|carry)(?! (?:to|a student|student)))\b"
    r"|有没有|推荐|想买|想要|哪款|哪些|找|需要|有什么|卖.{0,12}吗|卖不卖",
    re.I,
)
# What a shop does, rather than what it sells: a question with one of these is answered from the shop's pages.
_DOINGS = (
    r"deliver\w*|ship(?:s|ped|ping|ment)?|postage|post(?:ed|ing|al|s)?|couriers?|di?e?spatch\w*|sen[dt](?:ing|s)?",
    r"arriv\w*|return\w*|refund\w*|exchang\w*|swap\w*|replac\w*|cancel\w*|ordered|my order|an order|order number",
    r"orders|tracking|tracked|parcels?|packages?|invoices?|vat|tax(?:es)?|customs|duty|discounts?|vouchers?",
    r"coupons?|promo\w*|codes?|student|nhs|loyalty|points|member\w*|wrap(?:ped|ping)?|gift[- ]wrap\w*|engrav\w*",
    r"repairs?|repaired|repairing|mend\w*|fix(?:ed|ing)?|claims?|broken?|broke|faulty|torn|tore|ripped|leak\w*",
    r"damaged?|cleaned|clean(?:ing)?|wash(?:ed|ing)?|dryer|drying|dry|look after|store|storing|care for",
    r"maintain\w*|recycl\w*|pay(?:ing|ment|ments|s)?|klarna|paypal|instal?ments?|credit card|account|password",
    r"log ?in|opening|hours of|collect(?:ion|ing|ed)?|pick(?:ed)? up|click and|price[- ]match\w*",
    r"match (?:the|a) price|reserv\w*|recall\w*|hir(?:e|ing)|rent(?:al|ing)?|borrow|surcharges?|fees?|complain\w*",
    r"money back|trade[- ]in|trade price\w*|wholesale|bring (?:it|them) back|take (?:it|them) back|take back",
    r"bring (?:it|them|that)\b",
    r"keep (?:it|them)\b|plane|flight|fly|flying|airport|address|website|app|newsletter|review\w*|reschedul\w*",
    r"charged?",
)
_DOINGS_CHINESE = (
    "配送|运费|運費|邮费|快递|寄|发货|送到|送货|到货|退货|退款|退换|退不|能退|换货|换大|换小|换码|换成|换双|换一|取消|订单",
    "下单|物流|发票|税|优惠|折扣码|积分|会员|包装|刻字|维修|修理|修补|坏了|破了|漏|清洗|洗|烘干|保养|回收|支付|付款|刷",
    "账号|密码|营业|几点|自提|比价|预留|召回|租|投诉|退钱|保修|质保|假货|海关",
)
_DOES = re.compile(rf"\b(?:{'|'.join(_DOINGS)})\b|{'|'.join(_DOINGS_CHINESE)}", re.I)
_OWNS = re.compile(r"\b(?:my|our) ((?:[\w-]+ ){0,2}[\w-]+)|我(?:的|买的)?(\S{2,6})", re.I)
_MINE = re.compile(
    r"\bmine\b|\bi (?:already )?(?:bought|ordered|own)\b|\bi'?ve (?:just )?(?:bought|ordered)\b|我的", re.I
)
_OPENS = r"^\W*(?:(?:so|and|but|ok|okay|hi|hello|hey|sorry|please|also|actually)\W+)*"
ASKS_YES_NO: Final = re.compile(
    rf"{_OPENS}(?:is|are|does|do|can|could|will|would|has|have|did|am|isn'?t|doesn'?t|got)\b|\bisn'?t it\b"
    r"|\b(?:right|yeah|innit|correct)\W*$|[-–:,]\s*(?:is|are|does|do|can|will|ok|has)\b"
    r"|吗|是不是|能不能|有没有|可不可以|行不行|对吧|不\W*$",
    re.I,
)
OPEN: Final = re.compile(r"\b(?:how|what|whats|which|where|when|why|who|any|or)\b|怎么|什么|哪|多少|几|如何", re.I)
# Asks which form of a thing suits somebody: a guide's answer.
ADVICE: Final = re.compile(
    r"\b(?:should i|do i need|for me\b.{0,20}$|fits? me)\b|\b(?:which|what) (?:size|length|width|one should|should)\b"
    r"|(?:选|穿|买)(?:多大|几码|什么码|哪个码)",
    re.I,
)
# No search, though it may name things that are sold.
ASKS_HOW: Final = re.compile(
    r"\b(?:how|why|when|whens|where|wheres|who|what|whats|what's|can|could|may|do|does|did|is|are|was|were|will|would"
    r"|should|has|had|if|i'm|im|i)\b|怎么|为什么|什么时候|哪里|如何|多久|吗",
    re.I,
)
_ANY = re.compile(
    r"\b(?:do|did) (?:you|u|ya) (?:still )?(?:have|do|stock|sell|carry)\b|\b(?:have you|you) got\b|有没有|卖.{0,12}吗",
    re.I,
)
_THIS = re.compile(r"\b(?:the|your|this|that|it|one|in stock|available|left|sizes?)\b|有货|现货", re.I)


def asks_of_shop(line: str, is_own: Callable[[str], bool]) -> bool:
    """Whether it asks for something the shop does; `is_own` says which words a product or the catalogue has itself."""
    return any(not all(map(is_own, terms(match[0]))) for match in _DOES.finditer(line))


def is_of_owned(line: str, item: Item) -> bool:
    """Whether it speaks of a product that the shopper has already."""
    owned = {term for match in _OWNS.finditer(line) for term in terms(match[1] or match[2])} - GENDERS
    return bool(owned & ({*item.title_terms} | heads(item.kind))) or _MINE.search(line) is not None


def is_doing(line: str, item: Item) -> bool:
    """Whether it asks for something the shop does, in words that are not the product's own, or of one that is owned."""
    own = {*item.title_terms, *(term for name in item.facts for term in terms(name))}
    return is_of_owned(line, item) or asks_of_shop(line, own.__contains__)


def is_question(line: str) -> bool:
    """Whether it asks something, rather than telling it, or naming what it is about."""
    return "?" in line or "？" in line or ASKS_YES_NO.search(line) is not None or OPEN.search(line) is not None


def asks_for_any(line: str) -> bool:
    """Whether it asks if there are such things, not if one of them is in stock."""
    return _ANY.search(line) is not None and not _THIS.search(line)


def without_asking(line: str) -> str:
    """The message without its words that ask for a price, stock, or a property; "" where it has none of these."""
    bare = without(line, (*OFFERED, *ATTRIBUTES))
    return "" if bare == plainly(line) else bare
