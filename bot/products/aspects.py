"""What may be asked of a product, and how shoppers ask for it, in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bot.products.numerals import plainly
from bot.products.words import terms


@dataclass(frozen=True, slots=True)
class Aspect:
    """Something asked of a product.

    An attribute answers it whose name has one of `names` (stems) and whose value one of `dimensions`, where there are
    any; or else one of these dimensions alone.
    """

    name: str
    pattern: re.Pattern[str]
    dimensions: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()


def _aspect(name: str, english: str, chinese: str, dimensions: str = "", names: str = "") -> Aspect:
    pattern = re.compile("|".join(part for part in (english, chinese) if part), re.I)
    return Aspect(name, pattern, tuple(dimensions.split()), frozenset(terms(names)))


PRICE: Final = _aspect(
    "price",
    r"\bhow much (?:is|are|does|do|would|will|'?s|for|more|less|cheaper|dearer|extra)\b(?! (?:\w+ )*?(?:weigh|hold))"
    r"|\bhow much\W*$|\bhow much\b(?=[^a-z]*[,;])|\bprices?\b|\bpriced\b|\bcosts?\b|\bcosting\b|\bgoing for\b"
    r"|\bhow expensive\b|\bwhat do you (?:want|charge|ask) for\b|\bset me back\b",
    "多少钱|多少錢|幾錢|几钱|价格|价钱|售价|怎么卖|卖多少|几块",
)
STOCK: Final = _aspect(
    "stock",
    r"\b(?:in|out of|back in) stock\b|\bavailab\w+\b|\bsold out\b|\bstock(?:ed)?\b|\bin or not\b"
    r"|\bhave you (?:still )?(?:got|any)\b|\b(?:do|did) (?:you|u|ya) (?:still )?(?:have|do|stock|sell|carry|got)\b"
    r"|\b(?:got|is there|are there) (?:any|one|some|it|them)\b|\b(?:any|some|many|one) left\b"
    r"|\bcan i (?:still )?(?:get|buy|order) (?:it|one|that|them|this|the|a)\b"
    r"|\b(?:is|are) (?:it|that|they|those|these) in\b",
    "有货|现货|有没有货|缺货|还有(?:吗|没有)|有吗|断货|库存",
)
REDUCED: Final = _aspect(
    "reduced",
    r"\b(?:on sale|reduced|on offer|special offer|in the sale|marked down|original price|was price)\b",
    "打折|特价|降价|原价",
)
_FORM = r"(?:colou?rs?|sizes?|shades?|lengths?|versions?|options?|variants?|styles?)"
OPTIONS: Final = _aspect(
    "options",
    rf"\b(?:what|which|any other|other|more|all the) (?:\w+ )?{_FORM}\b"
    r"|\b(?:colou?rs?|sizes?|options|versions|variants)\b.{0,20}\b(?:come in|available|have|there|get|do you)\b"
    r"|\bcomes? in what\b|\bcolou?r choices?\b",
    "(?:什么|哪些|哪几种?|几种|有几个)(?:颜色|尺码|尺寸|码|规格|款式)|颜色有|尺码有",
)
OFFERED: Final = (PRICE, STOCK, REDUCED, OPTIONS)  # what is sold, how, and for how much; the rest is in attributes
_BEARS = r"(?:take|support|hold|carry|bear)"
_LASTS = r"(?:last|run|burn|charge|keep|stay|hot|warm|cold|work|boil|hold)"
_NO_PEOPLE = r"(?! ?(?:quid|pounds?|days?|weeks?|hours?|years?|months?|nights?|£|%|kg|g\b|l\b|cm))"
ATTRIBUTES: Final = (
    _aspect(
        "load",
        r"\bmax(?:imum)? (?:load|weight)\b|\bweight limit\b|\bhow much weight\b|\buser weight\b"
        rf"|\bload (?:limit|capacity)\b|\b{_BEARS} (?:a |an |up to )?(?:\w+ )?(?:heavy|weight)\w*\b"
        rf"|\b{_BEARS} (?:a |an |up to )?(?:\w+ )?\d+ ?(?:kg|kilos?|stone|lbs?)\b",
        "承重|承载|载重",
        "mass",
        "load limit maximum max rider user",
    ),
    _aspect(
        "weight",
        r"\bhow (?:heavy|light)\b|\bweigh(?:s|t|ing)?\b|\b(?:lighter|heavier)\b",
        "多重|重量|多少(?:克|公斤|斤)|几斤|重不重|(?:更|哪个|谁)(?:轻|重)|(?:轻|重)多少",
        "mass",
        "weight mass 重量 净重",
    ),
    _aspect(
        "capacity",
        r"\bcapacity\b|\bvolume\b|\bhow (?:many|much) (?:lit(?:re|er)s?|ml|water|cups|pints)\b"
        r"|\bhow much (?:does|will|can|do) (?:it|they|the .{1,40}?) (?:hold|take|fit)\b",
        "容量|几升|多少升|多少毫升|装多少",
        "volume data charge",
        "capacity volume content 容量",
    ),
    _aspect(
        "lasting",
        rf"\bhow (?:long|many hours)\b.{{0,60}}\b{_LASTS}\w*\b"
        r"|\b(?:battery|run|burn|boil|charging|charge) ?(?:life|time)\b",
        "续航|能用多久|几个?小时|多长时间|用多久",
        "time",
        "time runtime life last run hour keep at burn boil",
    ),
    _aspect(
        "keeping hot",
        r"\b(?:keeps?|stays?) (?:\w+ )?(?:hot|warm|cold)\b",
        "保温|保冷",
        "time",
        "keep hot warm cold 保温",
    ),
    _aspect("range", r"\bhow far\b|\brange\b", "续航里程|能跑多远|多远", "length", "range distance 里程"),
    _aspect("height", r"\bhow (?:tall|high)\b|\bheight\b", "多高|高度", "length", "height tall high 高度"),
    _aspect("width", r"\bhow wide\b|\bwidth\b", "多宽|宽度", "length", "width wide 宽度"),
    _aspect("thickness", r"\bhow thick\b|\bthickness\b", "多厚|厚度", "length", "thickness thick 厚度"),
    _aspect("depth", r"\bhow deep\b|\bdepth\b", "多深|深度", "length", "depth deep 深度"),
    _aspect("diameter", r"\bdiameter\b", "直径", "length", "diameter 直径"),
    _aspect(
        "packed size",
        r"\bpack(?:ed|s)?(?: down| up)? (?:size|length|small|to|dimensions)\b"
        r"|\bhow (?:small|big|long)\b.{0,40}\b(?:packed|folded|rolled)\b",
        "收纳|折叠后",
        "length volume",
        "packed folded pack stowed 收纳",
    ),
    _aspect("length", r"\bhow long (?:is|are)\b|\blength\b", "多长|长度", "length", "length long 长度"),
    _aspect(
        "size",
        r"\bdimensions?\b|\bmeasurements?\b|\bmeasure\b|\bhow (?:big|large|small)\b|\bwhat size (?:is|are)\b"
        r"|\bsize of\b",
        "尺寸|多大|大小",
        "length volume area",
        "dimensions size measurements length width height depth diameter 尺寸",
    ),
    _aspect(
        "temperature",
        r"\bhow (?:warm|cold|hot)\b|\btemperatures?\b|\btemps?\b|\bdegrees?\b|\bcomfort\b",
        "温度|温标|零下|几度|多少度",
        "temperature",
        "temperature comfort rating 温度 温标",
    ),
    _aspect(
        "power",
        r"\bhow (?:powerful|many watts?)\b|\bwatt(?:s|age)?\b|\bpower\b",
        "功率|多少瓦|几瓦",
        "power",
        "power 功率 wattage",
    ),
    _aspect("voltage", r"\bvolt(?:s|age)?\b", "电压", "voltage", "voltage 电压"),
    _aspect(
        "brightness",
        r"\bhow bright\b|\blumens?\b|\bbrightness\b",
        "亮度|流明|多亮",
        "light",
        "brightness max output lumen 亮度",
    ),
    _aspect("noise", r"\bhow (?:loud|noisy|quiet)\b|\bdecibels?\b", "噪音|多吵", "sound", "noise sound 噪音"),
    _aspect(
        "people",
        r"\bhow many (?:people|persons?|adults|does it sleep|will it sleep|seats)\b|\bsleeps?\b|\bseats\b"
        rf"|\bfor \d+\b{_NO_PEOPLE}",
        "几个?人",
        names="sleeps people persons seats berths 人数",
    ),
    _aspect(
        "age",
        r"\bwhat age\b|\bhow old\b|\bage (?:range|group|limit)\b",
        "几岁|多大年龄|年龄",
        names="age 年龄",
    ),
    _aspect(
        "origin",
        r"\b(?:made|manufactured|produced|comes?|from) (?:in|from|where)\b"
        r"|\bwhere.{1,40}\b(?:made|from|manufactured)\b|\borigin\b",
        "产地|哪里(?:生产|产|造)|哪国",
        names="made origin country 产地",
    ),
    _aspect(
        "brand",
        r"\bwhat (?:brand|make)\b|\bwho (?:makes|made|manufactures)\b|\b(?:brand|maker|manufacturer)\b",
        "什么牌子|品牌",
        names="brand maker manufacturer 品牌",
    ),
    _aspect(
        "material",
        r"\b(?:made|consist) (?:of|from|out of|with)\b|\bmaterials?\b|\bfabric\b|\bwhat.{1,30}\bmade\b",
        "材质|材料|面料|什么做的",
        names="material fabric upper shell composition 材质 材料 面料",
    ),
    _aspect(
        "warranty",
        r"\bhow long.{0,40}\b(?:guarantee|warranty|guaranteed)\b|\b(?:guarantee|warranty) (?:period|length|on|for)\b",
        "保修(?:期|多久|几年)|质保(?:期|多久|几年)",
        names="warranty guarantee 保修 质保",
    ),
    _aspect(
        "fitting",
        r"\b(?:fits?|fitting|compatible|compatibility|goes? (?:on|with|in)|works? (?:with|on|in)|suits?|suitable)\b",
        "适合|适用|兼容|能用在|配",
        names="fits compatible compatibility suits suitable works hobs for 适用 兼容",
    ),
    _aspect(
        "water",
        r"\bhow water(?:proof|[- ]resistant)\b|\bip(?:x)? ?rating\b|\bhydrostatic\b|\bwaterproof (?:rating|level)\b",
        "防水|(?<![a-z])ipx?(?![a-z])",
        names="ip hydrostatic waterproof resistance 防水",
    ),
)
_CALLED = frozenset[str]().union(*(aspect.names for aspect in ATTRIBUTES)) - frozenset(terms("at for high keep run"))


def is_of_aspect(name: str) -> bool:
    """Whether an attribute is called like something that is asked for in words of its own: a `Weight` is no load."""
    return not _CALLED.isdisjoint(terms(name))


def without(text: str, aspects: Iterable[Aspect]) -> str:
    """The text, numbers in digits, without the words that ask for these."""
    text = plainly(text)
    for aspect in aspects:
        text = aspect.pattern.sub(" ", text)
    return text
