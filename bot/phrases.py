"""What the desk says in its own words, in the shopper's language. Everything else comes from the documents."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """The desk's own sentences. The fields of a phrase are in braces."""

    not_found: str
    nearest: str
    rest_not_found: str
    depends: str
    offer_person: str
    reach: str
    # Why a person takes over, by `bot.conduct.handover.Reason`.
    self_harm: str
    safety: str
    legal: str
    payment_dispute: str
    asked_for_person: str
    upset: str
    declined_twice: str
    repeated_question: str
    emergency: str  # to a message about danger while a person has the conversation, who may not be reading just now
    # What is declined without a search.
    out_of_scope: str
    steering: str
    # Small talk, by `bot.conduct.small_talk.Kind`.
    greeting: str
    thanks: str
    goodbye: str
    how_are_you: str
    about_bot: str
    abilities: str
    compliment: str
    wrong_window: str
    okay: str
    offer: str
    in_stock: str
    sold_out: str
    none_fits: str
    also: str
    comma: str
    because: str
    misses: str
    is_sold_out: str
    # About a product that was named.
    yes: str
    no: str
    fact: str
    price_of: str
    from_to: str
    was: str
    to_order: str
    yes_stock: str
    in_brackets: str
    partly: str
    no_stock: str
    no_to_order: str
    no_such_form: str
    instead: str
    comes_in: str
    option: str
    gone: str
    which_one: str
    fits_it: str
    one: str
    price_difference: str
    same_price: str
    versus: str
    versus_short: str
    apart: str


_ENGLISH = Phrases(
    not_found="I could not find that in our documents.",
    nearest="The nearest I have is “{title}”.",
    rest_not_found="About the rest I found nothing in our documents.",
    depends="That depends. Which is it: {choices}?",
    offer_person="Would you like to talk to a person?",
    reach="You can reach us here: {contact}.",
    self_harm="I'm so sorry you are feeling like this. You deserve to be heard by a person, so one of our team takes"
    " over here. If you may be in danger, please call your local emergency services now, or go to somebody you trust.",
    safety="I'm sorry this happened, and I hope everyone is all right. Anything about safety goes straight to a person:"
    " one of our team takes over here. Please stop using the product, and if anyone is hurt or in danger, call your"
    " local emergency services first.",
    legal="I understand, and you should have a considered answer: legal matters are for a person, so one of our team"
    " takes over here.",
    payment_dispute="I'm sorry about the worry. Only a person can look into a payment, so one of our team takes over"
    " here. Please don't send card details in this chat.",
    asked_for_person="Of course: one of our team takes over here.",
    upset="I'm sorry; I can see how much trouble this has been. You should not have to explain it to a machine, so one"
    " of our team takes over here.",
    declined_twice="I could not find this in our documents either, so rather than keep you waiting I pass it on: one of"
    " our team takes over here.",
    repeated_question="I'm sorry, my answer has not helped. One of our team takes over here, so that your question gets"
    " a proper one.",
    emergency="I'm so sorry. Please don't wait for a reply in this chat: if you or anyone else may be in danger, call"
    " your local emergency services now, or go to somebody you trust.",
    out_of_scope="That is outside what I can help with. I can look up our products, delivery, payment and returns.",
    steering="I can't help with that. I answer questions about our products, delivery, payment and returns.",
    greeting="Hello! What can I look up for you: delivery, returns, a product?",
    thanks="You're welcome. Anything else I can look up for you?",
    goodbye="Goodbye, and thank you for stopping by.",
    how_are_you="All well here, thank you for asking. What can I look up for you?",
    about_bot="I'm an automated assistant, not a person: I look things up in the shop's own documents. If you would"
    " rather talk to a person, just say so.",
    abilities="Ask me about our products, prices and stock, delivery, payment, returns and warranty: I look it up in"
    " the shop's own documents. If you would rather talk to a person, just say so.",
    compliment="Thank you, that is kind of you. Anything else I can look up for you?",
    wrong_window="No problem at all. I'm here if there is anything to look up.",
    okay="All right. I'm here if there is anything else to look up.",
    offer="{title} is {price}{stock}.",
    in_stock=" and in stock",
    sold_out=", but sold out at the moment",
    none_fits="I found nothing that fits all of that. The nearest:",
    also="There is also {others}.",
    comma=", ",
    because=": {reasons}",
    misses=", but {misses}",
    is_sold_out="sold out at the moment",
    yes="Yes. ",
    no="No. ",
    fact="{title}: {facts}.",
    price_of="{title} is {price}.",
    from_to="{low} to {high}",
    was="{price} (was {was})",
    to_order=", not in stock yet but can be ordered",
    yes_stock="Yes, {title} is in stock{forms}.",
    in_brackets=" ({text})",
    partly="{title} is in stock in {there}; sold out in {gone}.",
    no_stock="No, {title} is sold out at the moment.",
    no_to_order="{title} is not in stock yet, but can be ordered ahead.",
    no_such_form="There is no {title} in {forms}; it comes in {others}.",
    instead=" In stock: {forms}.",
    comes_in="{title} comes in {options}.",
    option="{name} {values}",
    gone="sold out: {forms}",
    fits_it="For {title} there is {others}.",
    which_one="Which {common} do you mean: {choices}?",
    one="one",
    price_difference="{first} is {first_price}, {second} is {second_price}: {difference} apart.",
    same_price="{first} and {second} are both {price}.",
    versus="{name}: {first} {mine}, {second} {other}{difference}.",
    versus_short="{name}: {mine} against {other}.",
    apart=" ({amount} apart)",
)
_CHINESE = Phrases(
    not_found="我在我们的资料里没有找到这一点。",
    nearest="最接近的资料是《{title}》。",
    rest_not_found="其余的问题我在我们的资料里没有找到。",
    depends="这要看具体情况。请问是哪一种：{choices}？",
    offer_person="需要我帮您转人工客服吗？",
    reach="您可以通过这里联系我们：{contact}。",
    self_harm="听到您这样说，我真的很难过。您值得有人好好倾听，接下来由我们的同事来陪您沟通。如果您可能有危险，请马上联系当地的紧急救助，"
    "或告诉您信任的人。",
    safety="很抱歉发生了这样的事，希望大家都平安。涉及安全的问题必须由人来处理，接下来由我们的同事跟进。请先停止使用该商品；如果有人受伤或有危险，"
    "请先拨打当地的急救电话。",
    legal="我明白，这件事应该得到慎重的答复：法律方面的问题由人工处理，接下来由我们的同事跟进。",
    payment_dispute="很抱歉让您担心了。付款问题只有人工才能核查，接下来由我们的同事跟进。请不要在这里发送银行卡信息。",
    asked_for_person="好的，接下来由人工客服为您服务。",
    upset="非常抱歉，给您添了这么多麻烦。这件事不该让您对着机器再说一遍，接下来由人工客服为您处理。",
    declined_twice="这个问题我在资料里还是没有找到，不耽误您的时间，接下来由人工客服为您解答。",
    repeated_question="抱歉，我的回答没有帮到您。接下来由人工客服为您认真解答。",
    emergency="听到您这样说，我真的很难过。请不要在这里等回复：如果您或身边的人可能有危险，请马上联系当地的紧急救助，或告诉您信任的人。",
    out_of_scope="这个问题超出了我能帮忙的范围。我可以为您查询商品、配送、付款和退货。",
    steering="这个我帮不了您。我可以回答关于商品、配送、付款和退货的问题。",
    greeting="您好！想了解配送、退货，还是某件商品？",
    thanks="不客气。还有什么想了解的吗？",
    goodbye="再见，感谢您的光临。",
    how_are_you="我很好，谢谢关心。想了解点什么？",
    about_bot="我是自动客服，不是真人，会在本店的资料里为您查找答案。如果想和人工客服沟通，告诉我就行。",
    abilities="您可以问我商品、价格和库存、配送、付款、退换货和保修，我会在本店的资料里为您查找。如果想和人工客服沟通，告诉我就行。",
    compliment="谢谢您的夸奖。还有什么想了解的吗？",
    wrong_window="没关系。有需要随时告诉我。",
    okay="好的。有需要随时告诉我。",
    offer="{title}：{price}{stock}。",
    in_stock="，有货",
    sold_out="，目前缺货",
    none_fits="没有完全符合要求的商品。最接近的是：",
    also="另外还有：{others}。",
    comma="、",
    because="：{reasons}",
    misses="，不过{misses}",
    is_sold_out="目前缺货",
    yes="是的。",
    no="不是。",
    fact="{title}：{facts}。",
    price_of="{title}：{price}。",
    from_to="{low} 至 {high}",
    was="{price}（原价 {was}）",
    to_order="，暂无现货，可以预订",
    yes_stock="有货：{title}{forms}。",
    in_brackets="（{text}）",
    partly="{title} 有货：{there}；缺货：{gone}。",
    no_stock="{title} 目前缺货。",
    no_to_order="{title} 暂无现货，可以预订。",
    no_such_form="{title} 没有 {forms}；有：{others}。",
    instead="有货的是：{forms}。",
    comes_in="{title} 可选：{options}。",
    option="{name} {values}",
    gone="缺货：{forms}",
    fits_it="{title} 可以配：{others}。",
    which_one="请问您指的是哪一款 {common}：{choices}？",
    one="商品",
    price_difference="{first} {first_price}，{second} {second_price}，相差 {difference}。",
    same_price="{first} 和 {second} 都是 {price}。",
    versus="{name}：{first} {mine}，{second} {other}{difference}。",
    versus_short="{name}：{mine} 对 {other}。",
    apart="（相差 {amount}）",
)


def phrases(language: str) -> Phrases:
    """The phrases of a language; English where there are none."""
    return _CHINESE if language == "zh" else _ENGLISH
