"""What a message names, by its words, for English and Chinese.

Words that ask for a property without saying of what ("how much", "which colours", "the requirements") name nothing.
"""

from __future__ import annotations

import re

from bot.understanding.questions import content_words
from knowledge.languages import detect
from retrieval.lexical import STOPWORDS, units

# Words that ask for a property, a way or a time, or say what anybody may say about anything.
_NAMES_NOTHING = STOPWORDS | frozenset(
    units(
        """
        much many long far often soon quick fast big small tall wide deep heavy warm high low old new late early
        cost price fee charge pay paid spend amount total worth expensive cheap cheaper cheapest better best worse
        bigger smaller lighter heavier thicker longer shorter quieter warmer faster time date deadline minimum maximum
        least most limit size colour color weight height width length depth capacity material made version type kind
        sort model option choice difference different other another else more less rather instead same both either
        besides information info detail requirement condition criteria procedure process step way place reason example
        question problem matter thing stuff anything something nothing everything someone anyone whole part bit need
        require know tell show give get go come use take make keep put say said mean find look try start begin end
        happen work apply qualify eligible register allow include possible available stock order buy understand
        explain help let please yes yeah yep no nope ok okay thanks thank sure right really actually maybe also too
        still again now today tomorrow already only even always never ever anyway hmm oh ah well cool great good nice
        fine wow exactly yet ago later quite lot back pls plz ur im ive like whats hows wheres whos thats isnt doesnt
        dont cant wont didnt don doesn isn didn won couldn wouldn shouldn aren wasn weren haven hasn hadn ve ll re
        after before during without over under through within until since because around between upon per via first
        few wanted wonder regard relate concern ask hello hi hey morning afternoon evening somebody anybody people
        person case able off away toward against across
        """
    )
)
_ASKING_ZH = re.compile(
    r"多少钱|多少|多久|多长时间|多长|多大|多重|几[天年个月号点级折]|什么时候|什么|怎么样|怎么|怎样|如何|为什么"
    r"|哪[里个些款天种]?|是否|是不是|能不能|可不可以|可以|需要|应该|会不会|有没有|要不要|请问|一下|或者|还是|时候|时间"
    r"|价格|颜色|尺码|一样|真的|谢谢|你们|我们|其他|其它|别的|还有|另外|如果|要是|不过|但是|可是|所以"
    r"|这[个些款种样双]|那[个些款种样双里边]"
    r"|[它的了吗呢吧啊呀么嘛是在我你您有和就都也还要会能可不没买用到给把被让那这想问请再又只最很太]"
)


def names(text: str) -> frozenset[str]:
    """What a message names: its content words without those that name nothing; for Chinese, pairs of characters."""
    if detect(text) == "zh":
        return frozenset(word for run in runs(text) for word in content_words(run) if len(word) > 1)
    # A single letter is what is left of "I'm", mostly.
    return frozenset(w for w in units(text) if w not in _NAMES_NOTHING and not (len(w) == 1 and w.isalpha()))


def runs(text: str) -> list[str]:
    """The characters of a Chinese message that may name something, as they stand together."""
    return [run for run in re.split(r"\W+", _ASKING_ZH.sub(" ", text)) if run]
