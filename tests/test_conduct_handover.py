"""Who is handed over, and why: what a message tells, in English and Chinese, beside what only sounds like it."""

from __future__ import annotations

import pytest

from bot.conduct.handover import Reason, hand_over, instead_of_decline
from bot.messages import Outcome, Reply, Turn

SAID: dict[Reason, tuple[str, ...]] = {
    "self_harm": (
        "I want to kill myself",
        "honestly i dont want to be alive any more",
        "There is no reason to live",
        "thinking about ending it all tonight",
        "i've been self-harming again",
        "my parcel is late, whatever, everyone is better off without me",
        "我不想活了",
        "活着没意思",
        "我真的想死",
        "我想自殺",
        "真想從樓上跳樓算了",
    ),
    "safety": (
        "the kettle gave me an electric shock",
        "my daughter burned her hand on the stove",
        "The stove exploded in our tent",
        "i smell gas around the cartridge",
        "the charger is smoking",
        "our dog swallowed the battery",
        "I had an allergic reaction to the balm",
        "the ladder collapsed and I broke my wrist",
        "we had to call an ambulance after the heater set off the carbon monoxide alarm",
        "水壶漏电，我被电了一下",
        "充电宝着火了",
        "孩子的手被夹伤了",
        "用了面霜脸上过敏了",
        "瓦斯漏氣了怎麼辦",
        "我的手被燙傷了",
    ),
    "legal": (
        "I will sue you",
        "my solicitor will be in touch",
        "see you in court",
        "I'm reporting you to trading standards",
        "this is false advertising",
        "you are in breach of contract",
        "我要起诉你们",
        "我要打12315投诉",
        "法院见",
        "你们这是虚假宣传",
        "我會找律師告你們",
        "我要去消費者協會投訴",
    ),
    "payment_dispute": (
        "I was charged twice",
        "you took the money twice from my account",
        "I don't recognise this payment",
        "someone used my card without my permission",
        "I never authorised this charge",
        "the order failed but the money has left my account",
        "I'm doing a chargeback",
        "你们扣了我两次钱",
        "我没下单却被扣款了",
        "我的卡被盗刷了",
        "重复扣款",
        "你們重複扣款了",
    ),
    "asked_for_person": (
        "I want to speak to a human",
        "can i talk to someone real please",
        "get me a manager",
        "put me through to an agent",
        "please call me back on 07700 900123",
        "I'd like to make a complaint",
        "agent",
        "转人工",
        "我要找真人客服",
        "叫你们经理来",
        "给我打个电话",
        "我要找真人客服處理",
        "轉接人工",
    ),
    "upset": (
        "you lot are useless idiots",
        "worst customer service ever",
        "I am absolutely furious",
        "this is a disgrace, fuck off",
        "never shopping here again you crooks",
        "你们就是骗子",
        "垃圾店，再也不买了",
        "气死我了，太过分了",
        "你們太過分了，氣死我了",
    ),
}
CALM = """\
my dog tore the tent to death
is the kettle safe for kids?
can I pay with a card I got as a gift
i'm dying to try these boots
these hills nearly killed me, do you have better boots?
this jacket is to die for
what kills moths in wool?
does the stove ever catch fire?
what happens if the battery explodes?
do you sell fire extinguishers?
which gas cartridge fits the stove?
do you sell first aid kits for burns?
is the dye safe for people with allergies?
will the strap cut into my shoulder?
how do i stop my boots from hurting my feet?
the price shocked me a bit, is there a cheaper one?
do you sell a carbon monoxide alarm?
my boots are burned out, do you resole them?
i broke my tent pole, do you have spares?
what are my statutory rights?
do you have court shoes?
i am a lawyer and need a smart bag
is it legal to camp wild in Scotland?
will i be charged twice if i split my order?
when do you charge my card?
can i pay with two cards?
how do i use a stolen-bike insurance voucher?
my card was declined, can i pay by paypal?
can i pay in two instalments?
do you charge for returns?
how much do i get refunded if i return one of two?
is there a person's name on the gift card?
can two people fit in the tent?
does a real person pack the orders?
i'd like a one person tent
which agent do you use for deliveries?
what are your customer service hours?
do you have a phone number?
the manager's special, is it still on?
that is bloody brilliant, thanks!!!
DO YOU SHIP TO IRELAND
this tastes awful, can i return it?
are these any good in terrible weather?
is the worst seat still sold?
i have been waiting for this tent to be back in stock
what a joke book, do you sell it?
does the lamp shock-proof case fit?
儿童可以用这个水壶吗？
水壶会漏电吗？
这个充电宝会爆炸吗？
可以用礼品卡付款吗？
会不会重复扣款？
帐篷被狗咬坏了怎么办？
这件衣服好看得要死
便宜死了，还有货吗？
想死你们家的蛋糕了
有灭火器卖吗？
你们有真人模特图吗？
人工皮的包有吗？
人造石耐热吗？
笑死我了，这个包太可爱了
法式长裙还有吗？
客服电话是多少？
你们几点有人工客服？
老板娘款的包有吗？
漏電保護插座有賣嗎？
有律师函模板卖吗
我想死心塌地跟着你们买
烫伤膏有吗
这个会烫到孩子吗
怎么投诉快递
不小心割破了帐篷，能修吗
急死了，什么时候到
经理推荐款是哪个
my dad died and i need to cancel his order
i killed the plant, can i get a new one
i am dead tired, is the shop still open
i burnt the toast with the new toaster, how do i clean it
why was i charged £5 more than the price?
can i dispute a customs charge?
i paid with the wrong card, can i change it?
how do i make a complaint?
who is the manager of the leeds store?
can someone help me choose a tent
tell the driver to call me when he arrives
stupid question but how do i turn it on
sorry i'm an idiot, i ordered the wrong size
my lawyer friend recommended this bag
""".splitlines()


def turn(question: str, outcome: Outcome = "answer", reason: str = "") -> Turn:
    return Turn("t", "c", "m", question, "", Reply("t", "An answer.", outcome, 0.9, reason=reason))


@pytest.mark.parametrize("reason", SAID)
def test_what_a_message_tells_is_the_reason(reason: Reason) -> None:
    assert {text: told for text in SAID[reason] if (told := hand_over(text, [], {})) != reason} == {}


def test_what_only_sounds_like_it_is_answered() -> None:
    assert {text: told for text in CALM if (told := hand_over(text, [], {}))} == {}


def test_a_calm_question_stays_one_in_the_middle_of_a_talk() -> None:
    earlier = [turn("how much is the blue kite?")]
    assert {text: told for text in CALM if (told := hand_over(text, earlier, {}))} == {}


def test_the_graver_reason_goes_first() -> None:
    assert hand_over("you idiots, the stove exploded and burned my hand, my lawyer will sue you", [], {}) == "safety"
    assert hand_over("useless crooks, i was charged twice, get me a manager", [], {}) == "payment_dispute"


@pytest.mark.parametrize("text", ["are you a bot or a person?", "am i talking to a human", "你是真人还是机器人"])
def test_who_asks_what_the_desk_is_does_not_ask_for_a_person(text: str) -> None:
    assert hand_over(text, [], {}) is None
    assert hand_over(text, [], {"asked_for_person": 1.0}) is None


@pytest.mark.parametrize("text", ["yes please", "ok", "sure, go ahead", "好的", "转吧"])
def test_yes_takes_up_an_offer_and_nothing_else(text: str) -> None:
    assert hand_over(text, [turn("do you sell kites?", "decline")], {}) == "asked_for_person"
    assert hand_over(text, [turn("do you sell kites?")], {}) is None
    assert hand_over(text, [turn("write me a poem", "decline", "out_of_scope")], {}) is None


def test_a_third_annoyed_message_is_too_much() -> None:
    annoyed = ["where is my parcel, this is frustrating", "still waiting, so disappointed", "no reply, unbelievable"]
    earlier = [turn(text) for text in annoyed[:2]]
    assert [hand_over(text, earlier[:at], {}) for at, text in enumerate(annoyed)] == [None, None, "upset"]


def test_the_same_question_again_is_handed_over_and_another_one_is_not() -> None:
    earlier = [turn("how long does delivery to Cornwall take?")]
    assert hand_over("How long does a delivery to cornwall take??", earlier, {}) == "repeated_question"
    assert hand_over("how long does delivery to Kent take?", earlier, {}) is None
    assert hand_over("that's not what I asked", earlier, {}) == "repeated_question"
    assert hand_over("you didn't answer my question", earlier, {}) == "repeated_question"
    assert hand_over("that's not what I asked, I want to know which stoves burn wood pellets", earlier, {}) is None


def test_the_same_question_in_chinese() -> None:
    earlier = [turn("寄到云南要几天？")]
    assert hand_over("寄到云南要几天", earlier, {}) == "repeated_question"
    assert hand_over("寄到上海要几天", earlier, {}) is None
    assert hand_over("答非所问", earlier, {}) == "repeated_question"


def test_a_bare_word_may_be_asked_of_one_product_after_another() -> None:
    earlier = [turn("price?"), turn("tell me about the red kite")]
    assert hand_over("price?", earlier, {}) is None
    assert hand_over("price?", [turn("price?")], {}) == "repeated_question"


def test_thanks_said_twice_is_no_question() -> None:
    assert hand_over("thanks", [turn("thanks")], {}) is None


def test_what_was_stopped_was_not_answered() -> None:
    stopped = Turn("t", "c", "m", "do you sell kites?", "", Reply("t", "", "answer", 0.9, stopped=True))
    assert hand_over("do you sell kites?", [stopped], {}) is None


def test_a_sure_head_is_heard_and_an_unsure_one_is_not() -> None:
    question = "the thing went wrong in the night"
    assert hand_over(question, [], {"safety": 0.5, "legal": 0.2, "none": 0.3}) == "safety"
    assert hand_over(question, [], {"safety": 0.5, "none": 0.5}) is None


def test_instead_of_a_decline() -> None:
    declined, steered = turn("do you sell kites?", "decline"), turn("say hi", "decline", "steering")
    assert instead_of_decline("and boats?", [declined], {}) == "declined_twice"
    assert instead_of_decline("and boats?", [steered], {}) is None
    assert instead_of_decline("and boats?", [turn("do you sell kites?")], {}) is None
    assert instead_of_decline("and boats?", [], {"legal": 0.6, "none": 0.4}) == "legal"
    assert instead_of_decline("where is my parcel, this is frustrating", [], {}) == "upset"
    assert instead_of_decline("and boats?", [], {}) is None
