"""Names of people, by the cues before them and by their form; in English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.learn.spans import HAN, LETTER, UPPER, Span, matches

_WORD = rf"[{UPPER}](?:[{LETTER}'’-]*[{LETTER}]|\.)?"
_GIVEN = rf"(?:{_WORD})(?:[ ](?:(?:van|von|de|da|di|del|der|den|ten|al|bin|la|le)[ ]){{0,2}}{_WORD}){{0,3}}"
_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\b\.?"

# Ends a name that is written small.
_STOP = (
    r"(?!(?:and|but|i|i'm|my|the|from|at|on|in|with|for|to|is|was|not|so|can|could|please|a|an|as|here|who|or|by|it|of|"
    r"you|your|we|have|order|customer|about|account|that|this|sorry|number|email|phone|address)\b)"
)
_SMALL = rf"{_STOP}[{LETTER}][{LETTER}'’-]+(?:[ ]{_STOP}[{LETTER}][{LETTER}'’-]+){{0,2}}"

# A name follows whatever it looks like ...
_SAID = re.compile(
    rf"(?i:\b(?:my(?: full| last| first)? name(?: is|'s)|the name(?: is| of)|under the name|"
    rf"\bname\s?:)[ \t]*:?[ \t]*(?:{_TITLE}[ ])?)({_GIVEN}|{_SMALL})"
)
# ... and where it has a capital.
_CUED = re.compile(
    rf"(?:\b{_TITLE}[ ]+|"
    rf"(?i:\b(?:this is|(?:am|was|is) called|on behalf of|"
    rf"my (?:wife|husband|partner|son|daughter|kid|child|mother|father|mum|mom|dad|"
    rf"brother|sister|friend|neighbou?r|boss|colleague)|"
    rf"addressed to|belongs to|signed(?: for)? by|attention of|attn\.?:?|c/o|speak(?:ing)? (?:to|with)|regards,?|"
    rf"sincerely,?|yours,?|cheers,?|it's under|beneficiary|guardian|follow up with|name is now|correct it to|"
    rf"(?:your|'s) name\??|name on the (?:account|card|order)\?)[ \t]*(?:user: )?\n?[ ]*)(?:{_TITLE}[ ])?)"
    rf"({_GIVEN})"
)
_GREETED = re.compile(rf"(?m:^|(?<=[.!?] ))(?i:hi|hello|dear|hey|thanks|thank you)[ ]({_GIVEN})(?=[,!.\n]|$)")
_SELF = re.compile(rf"(?i:\bI'm|\bI am)[ ]({_WORD}(?:[ ]{_WORD}){{1,2}})")
_SIGNED = re.compile(rf"(?m:^)[>? ]*({_WORD}(?:[ ]{_WORD}){{1,2}})[ ]?(?=\n(?:[>? ]*[^\n\d]{{0,60}}\n){{0,3}}[>? ]*\d)")
_DOING = re.compile(
    rf"\b({_WORD}(?:[ ]{_WORD})?)(?= speaking[.,!]| lives\b|['’]s (?:address|account|order|phone|e-?mail)\b)"
    rf"|(?i:\badd|\bremove) ({_GIVEN})(?= as\b| to my\b| from my\b)"
)
_NO_NAME = re.compile(
    r"(?:All|There|Team|Everyone|Sir|Madam|Customer|Again|Guys|You|Folks|Support|Service|Both|Very|So|For|The|This|Is|"
    r"It|He|She|They|We|Yes|No|Not|Me|Us|I|A|An|Anyone|Someone|Somebody|Your|My|Our|Shopdesk)\b"
)

_SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_NEXT = "想要的是在有我你吗请帮买订退换了和来您，的电手地从住"  # what goes on after a name
_CHINESE = rf"(?:欧阳|司马|上官|诸葛|东方|慕容|[{_SURNAMES}])[{HAN}](?:(?![{_NEXT}])[{HAN}])?"
_SAID_ZH = re.compile(
    rf"(?:我叫|我的名字[是叫]|名字[是叫:]|姓名[是为: ]{{0,2}}|(?:收件人|收货人|联系人|寄件人)[是为叫: ]{{0,2}})[ ]?"
    rf"({_CHINESE}|{_GIVEN})"
)
_TITLED_ZH = re.compile(rf"((?:欧阳|司马|上官|诸葛|[{_SURNAMES}])[{HAN}]{{0,2}}?)(?=先生|女士|小姐|太太)")


def names(text: str) -> Iterator[Span]:
    """Names of people that a cue or a form tells; they may overlap."""
    for pattern in (_SAID, _CUED, _GREETED, _SELF, _SIGNED, _DOING):
        for span in matches("name", pattern, text):
            if not _NO_NAME.match(text[span.start : span.end]):
                yield Span("name", span.start, _without_genitive(text, span))
    yield from matches("name", _SAID_ZH, text)
    yield from matches("name", _TITLED_ZH, text)


def _without_genitive(text: str, span: Span) -> int:
    """Where the name itself ends."""
    return span.end - 2 if text[span.start : span.end].endswith(("'s", "’s")) else span.end
