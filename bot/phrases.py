"""What the desk says in its own words, in the shopper's language. Everything else comes from the documents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """The desk's own sentences. The fields of a phrase are in braces."""

    not_found: str
    nearest: str
    offer_person: str
    hand_over: str
    reach: str
    greeting: str
    thanks: str
    goodbye: str
    offer: str
    in_stock: str
    sold_out: str
    none_fits: str
    also: str
    comma: str


_ENGLISH = Phrases(
    not_found="I could not find that in our documents.",
    nearest="The nearest I have is “{title}”.",
    offer_person="Would you like to talk to a person?",
    hand_over="Of course: this is one for a person.",
    reach="You can reach us here: {contact}.",
    greeting="Hello! What can I look up for you: delivery, returns, a product?",
    thanks="You're welcome. Anything else I can look up for you?",
    goodbye="Goodbye, and thank you for stopping by.",
    offer="{title} is {price}{stock}.",
    in_stock=" and in stock",
    sold_out=", but sold out at the moment",
    none_fits="I found nothing that fits all of that. The nearest:",
    also="There is also {others}.",
    comma=", ",
)
_CHINESE = Phrases(
    not_found="我在我们的资料里没有找到这一点。",
    nearest="最接近的资料是《{title}》。",
    offer_person="需要我帮您转人工客服吗？",
    hand_over="好的，这个问题请人工客服来处理。",
    reach="您可以通过这里联系我们：{contact}。",
    greeting="您好！想了解配送、退货，还是某件商品？",
    thanks="不客气。还有什么想了解的吗？",
    goodbye="再见，感谢您的光临。",
    offer="{title}：{price}{stock}。",
    in_stock="，有货",
    sold_out="，目前缺货",
    none_fits="没有完全符合要求的商品。最接近的是：",
    also="另外还有：{others}。",
    comma="、",
)


def phrases(language: str) -> Phrases:
    """The phrases of a language; English where there are none."""
    return _CHINESE if language == "zh" else _ENGLISH
