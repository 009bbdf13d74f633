"""Where a question names a place, and where it only uses a word that is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.understanding.gazetteer import called, places, terms
from bot.understanding.places import mentioned
from knowledge.chinese import simplified

NO_PLACE = """
cork soles on the sandals, are they grippy
are the soles made of cork
do you sell cork boards
bath towels in grey please
is this bath mat machine washable
can i use the oil in the bath
reading lamp with a warm bulb
i was reading the returns page
whats the turkey roaster size
does the roasting tin fit a big turkey
china cups with a gold rim
is this fine bone china
fine china plates, dishwasher safe?
nice jumper, does it come in red
is the red one nice
its nice and warm
send the code to my mobile please
can i pay by mobile
mobile number changed, how do i update it
jersey dress in navy
is it a jersey fabric
brazil nuts in the muesli?
java coffee beans, medium roast
panama hat in size large
chelsea boots in a wide fit
oxford shirt, slim
derby shoes in tan leather
wellington boots for a toddler
is the sandwich maker in stock
the zip split after a week
any deal on the tent
is there a sale on
when does the sale end
man bag or messenger bag
mens van shoes
the orange one please
black friday deals
i want to return my order from march
paris hilton perfume
cologne for men
champagne glasses set of 6
bordeaux coloured scarf
do you have it in burgundy
hamburg style coat
boston bag in brown leather
manila envelopes a4
lima beans organic
brussels sprouts seeds
cheddar cheese board
is the frame stone or wood
rugby shirt xl
victoria sponge tin
charlotte told me i could return it
spoke to jordan on chat yesterday
my name is florence and i need help
austin said the refund was sent
sydney helped me last time, great service
the phoenix jacket in medium
denver hayes jeans?
savannah rug in beige
windsor chair, oak
york sofa 3 seater
lincoln bedside table, is it oak
the madison dress in petite
brooklyn lamp, does it come with a bulb
florence dining table assembly
the Windermere Air 4 tent, how heavy
Kendal mint cake, is it vegan
the Paris mug, dishwasher safe?
Oxford blue or navy
Sofia loafers in a 38
the Victoria rucksack 30L
swiss army knife
danish pastries frozen
french press 8 cup
egyptian cotton sheets
irish linen tablecloth
german shepherd harness
turkish towels
persian rug cleaning
is it made in china
made in portugal or spain?
where is it manufactured, vietnam?
uk size 9 boots
UK 8 or EU 42
us size 10 mens
do they run in EU sizes
does it have a uk plug
tell us about your returns
can you give us a discount
let us know when its in
island for the kitchen
hull cleaner for boats
male or female connector
long sleeve top
street shoes
hook for the lamp
temple tights
lens for the camera
orange juice squeezer
delta pilot watch
metro sink
queens duvet size
king size or queen size
does this work in an rv
can i wash it in cold water
is it ok in the rain
how hot in the oven
i read in the manual it is ok
in stock today?
can i pay in instalments
in white please
to hand wash or machine wash
from new how long does the battery last
to post or not to post
what is the best way to clean it
最大连接数是多少
东西安装麻烦吗
长沙发多少钱
开封了还能退吗
包头拖鞋有吗
变成都是红色的怎么办
中山装有货吗
日本码和中国码怎么换
法国产的吗
汉堡包机
罗马柱花瓶
kendal shop opening times
""".strip().split("\n")
PLACES = """
GB postage to leeds pls
IE how much to post to cork?
ES would you post a blanket to tenerife
CA do u ship to Toronto
GB delivery to bath, how long
GB i live in bath
GB we live in reading, is delivery free
FR can you deliver to nice
FR from Nice, can i return by post
TR shipping to turkey
CN do you ship to China
CN is there import duty to china
JE send to jersey
GG do you deliver Guernsey
IM post to the isle of man
GB im in belfast, is it extra
GB delivery to inverness
GB standard post to the highlands
GB how much to orkney
GB postage to the isle of wight please
GB do you post to the scilly isles
GB do you send to northern ireland
GB driving up from stockport
GB im at lancaster uni
GB need it sent to my mum in york
AU my sister in Sydney
CN and my sister in guangzhou
AU parcel for my son in melbourne
US price for posting a small parcel to California
US ship to new york?
US shipping to the usa
US shipping to the US
AU perth australia, how many days
GB send it to Perth, Scotland
CA cambridge, ontario
US Mobile, Alabama is that ok
GB do you deliver to Reading, Berkshire
DE my german address
FR a french customer, can i pay by card
CH i'm a swiss resident can i order? swiss address
CH do you ship to switzerland
NO delivery to norway
NO a tent for cycling in norway
IE posting to dublin before christmas
IE Order by when for Christmas? I'm in Dublin
IE can i get it to galway by friday
IE to co kerry? county kerry
ES delivery to las palmas
ES mallorca delivery?
ES holiday let in Tenerife
GR do you deliver to crete
CH ship to zurich
CH post to geneva
DE cologne germany
DE to cologne how much is postage
DE delivery to köln
DE delivery munich?
BR send to são paulo
VN deliver to ho chi minh city
HK ship to hong kong
HK HONG KONG DELIVERY COST
TW delivery to taiwan
AE dubai shipping cost
AE ship to uae
JP can you ship to tokyo japan
RU moscow delivery
GB im from newcastle, do i pay postage
GB newcastle upon tyne delivery
GB postage to hull
GB im in kendal can i collect
GB ullapool in the highlands
GB do you post to wales
GB do you deliver to scotland
IE is ireland extra
FR what about france
DE and germany?
ES spain?
IT how much is it to italy
US to georgia usa
US washington dc address
FR delivering to paris, is there customs
GB send it to london
GB london delivery times
GB manchester same day?
GB where in leeds are you
GB do you have a shop in bath
GB live near ullapool
GB outside the uk
CN 寄到上海多少钱
CN 人在上海
HK 寄去香港運費幾多
DE 寄到柏林要多少运费
GB 送到伦敦要几天
CN 我在大连，几天能到
CN 发到西安
CN 想让国内爸妈圣诞前收到
IE 寄到都柏林
FR 发货到法国吗
DE 从德国退货
AU 澳洲能寄吗
GB 寄到曼彻斯特
TW 寄去台湾
ES 人在巴塞罗那
""".strip().split("\n")


def countries(question: str) -> set[str]:
    return {place.country for mention in mentioned(simplified(question)) for place in mention.places}


def test_a_word_that_is_a_name_too_is_no_place() -> None:
    assert [question for question in NO_PLACE if mentioned(question)] == []


def test_a_place_is_found_as_shoppers_write_it() -> None:
    lines = [line.split(" ", 1) for line in PLACES]
    assert [question for country, question in lines if country not in countries(question)] == []


@pytest.mark.parametrize(
    ("question", "group"),
    [
        ("do you ship to europe", "Europe"),
        ("delivery in the eu", "EU"),
        ("scandinavia shipping", "Scandinavia"),
        ("to the channel islands", "Channel Islands"),
        ("do you deliver to asia", "Asia"),
        ("middle east delivery", "Middle East"),
        ("non-eu countries delivery", "EU countries"),
        ("欧盟国家运费", "EU"),
        ("东南亚能寄吗", "Southeast Asia"),
    ],
)
def test_groups_of_countries_are_places(question: str, group: str) -> None:
    assert [terms(mention.places[0])[0] for mention in mentioned(question)] in ([group], ["EU"])


@pytest.mark.parametrize(
    ("question", "country"),
    [("perth australia", "AU"), ("cambridge, ontario", "CA"), ("Mobile, Alabama", "US"), ("georgia usa", "US")],
)
def test_a_namesake_in_the_country_that_is_named_is_meant(question: str, country: str) -> None:
    assert countries(question) == {country}


def test_a_namesake_with_a_fair_share_of_the_people_may_be_meant_too() -> None:
    assert countries("send it to lancaster") == {"GB", "US"}
    assert countries("send it to manchester") == {"GB"}


@pytest.mark.parametrize("question", ["do you ship outside the UK", "delivery outside of the EU", "non-UK orders"])
def test_outside_a_place_is_abroad(question: str) -> None:
    assert [mention.abroad for mention in mentioned(question)] == [True]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("leeds", {"UK mainland", "United Kingdom", "British", "英国"}),
        ("inverness", {"Highlands and Islands", "Scotland"}),
        ("belfast", {"Northern Ireland"}),
        ("cork", {"Ireland", "Irish", "EU", "Europe", "爱尔兰"}),
        ("tenerife", {"Canary Islands", "Spain", "outside the EU"}),
        ("st helier", {"Channel Islands"}),
        ("oslo", {"Norway", "Scandinavia", "outside the EU", "Europe"}),
        ("guangzhou", {"China", "mainland China", "Asia", "中国"}),
        ("honolulu", {"Hawaii", "United States"}),
    ],
)
def test_a_place_is_searched_by_what_shops_call_it(name: str, said: set[str]) -> None:
    assert said <= set(terms(places()[name][0]))


@pytest.mark.parametrize(
    ("name", "not_said"), [("tenerife", "EU"), ("belfast", "UK mainland"), ("inverness", "UK mainland")]
)
def test_it_is_not_put_where_shops_do_not_count_it(name: str, not_said: str) -> None:
    assert not_said not in terms(places()[name][0])


def test_the_narrowest_name_comes_first() -> None:
    assert terms(places()["tenerife"][0])[0] == "Canary Islands"
    found = terms(places()["cork"][0])
    assert found.index("Ireland") < found.index("EU") < found.index("Europe")


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("都柏林", "Dublin", "都柏林"),
        ("guangzhou", "Guangzhou", "广州"),
        ("norway", "Norway", "挪威"),
        ("eu", "EU", "欧盟"),
    ],
)
def test_a_place_has_a_name_in_both_languages(name: str, english: str, chinese: str) -> None:
    place = places()[name][0]
    assert (called(place, "en"), called(place, "zh")) == (english, chinese)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert all(mention.places and mention.said in text for mention in mentioned(text))
