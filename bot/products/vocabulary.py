"""Words of everyday retail, in English and Chinese: data, and no word of one shop's trade or brands.

What a shop's own words mean (its types, titles, attributes, colours, sizes) comes from its catalogue, see `shelf`.
Terms in here are as `terms` gives them where a comment does not say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.products.attributes import UNITS
from retrieval.lexical import units

# Words that mean the same, the first for all: British and American usage, and who a thing is for. Whatever else is
# alike in meaning, the retriever's embedding finds.
_SAME = """
men man male gents gent gentleman gentlemen his him husband boyfriend mens
women woman female ladies lady womens her wife girlfriend
kid kids child children childrens junior boys girls toddler youth son daughter grandson granddaughter
rucksack backpack daypack knapsack
trouser trousers pants
jumper sweater pullover
trainer trainers sneaker sneakers
headtorch headlamp headtorches
torch flashlight
sofa couch settee
tap faucet
nappy diaper
pram stroller pushchair
colour color
grey gray
aluminium aluminum alu
person people persons adult adults folk
waterproof watertight
rechargeable chargeable
regular normal standard
knife knive
shelf shelv
scarf scarv
loaf loav
leaf leav
foot feet
tooth teeth
"""
_UNITS = {
    "kilo": "kg", "kilogram": "kg", "gram": "g", "gramm": "g", "litr": "l", "liter": "l", "ltr": "l", "lt": "l",
    "metr": "metre", "meter": "metre", "centimetr": "cm", "centimet": "cm", "millimetr": "mm", "watt": "w",
    "lumen": "lm", "hr": "h", "hour": "h",
}  # fmt: skip
CANONICAL: Final[Mapping[str, str]] = {
    unit: units(line.split()[0])[0]
    for line in _SAME.strip().splitlines()
    for word in line.split()
    for unit in units(word)[:1]
} | _UNITS
UNIT_WORDS: Final = (
    frozenset(_UNITS.values())
    | frozenset(UNITS)
    | {"kw", "mah", "wh", "gb", "tb", "v", "cup", "pack", "set", "pc", "pcs", "piec", "x"}
)
GENDERS: Final = frozenset(("men", "women", "kid"))
# Words that tell one form of a thing from another, but by themselves are no name.
MODIFIERS: Final = GENDERS | frozenset(
    units(
        "small medium large big long short tall high low wide narrow light heavy warm hot cold mini maxi extra pro plus"
        " set pack pair spare black white"
    )
)
# A material is refused with all that is made of it.
INCLUDES: Final[Mapping[str, frozenset[str]]] = {
    units(name)[0]: frozenset(units(parts))
    for name, parts in {
        "leather": "suede nubuck",
        "animal": "leather suede nubuck wool down feather silk fur beeswax",
        "plastic": "polypropylene polyester acrylic pvc",
        "metal": "steel aluminium iron brass",
        "nuts": "hazelnut almond walnut cashew peanut",
    }.items()
}
# Attributes that say what a product goes with.
FITTING: Final = frozenset(units("fits compatible compatibility suits suitable 适用 兼容"))
# Words that say nothing of which product is meant, in a question or a wish.
CHATTER: Final = frozenset(
    units(
        """
        please pls plz thanks thank ta cheers hi hello hey mate ok okay yes yeah so well just really actually maybe
        perhaps quite very still now today right want need look looking after get got buy purchase order like fancy
        prefer thinking think wonder wondering know tell show find see check help try use used using thing things stuff
        item items product products something anything one ones type kind sort style sorts model version range idea
        ideas option options choice good best nice decent great proper suitable cheap cheaper cheapest dearer budget
        affordable expensive dear pricey much many more most less least than about around roughly under over below above
        between up max maximum minimum min plus higher lower bigger smaller biggest smallest largest lighter lightest
        heavier heaviest longer longest price prices cost costs money pound pounds quid euro euros dollar dollars bucks
        gbp eur usd stock available availability sold left currently moment mo asap soon week colour colours color
        colors size sizes sell have has carry recommend suggest recommendation going trip present gift birthday
        christmas xmas stocking filler dad mum mom mother father brother sister friend uncle aunt gran grandad nan
        partner boss colleague someone somebody likes loves im ive id whats hows wheres its dont doesnt isnt cant wont
        arent u ur ya r me my mine we us our they them those these that this it he she his her him not no without
        nothing none any some all every each both either other another else only also too again back away out off on in
        at by for from with to of possible could would should might must cannot doing does did done make makes come
        comes came go goes say says said mean means work works hope love a an the and or but if then there here when
        what which who how often why where as is are was were be been being do am way new bit lot lots pair pairs couple
        single per each number
        """
    )
)
# The same for a Chinese pair of characters with one of these.
CHATTER_CHINESE: Final = frozenset(
    "的了吗呢吧是在我你您们有和就都也请问要想给这那个款双件把只哪几多少大小高长重钱卖买还能不可以会啊呀么什对吧没到上下里个元镑英货价格现找用带最又"
)
