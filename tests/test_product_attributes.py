"""Amounts with units, numbers in words, and the words that are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.products.attributes import COUNT, UNITS, Quantity, number, quantities, with_unit
from bot.products.items import claimed, denies, heads, is_kind_of
from bot.products.numerals import plainly
from bot.products.scales import ENDS, LESS, MORE, NOUN_OF
from bot.products.words import closed_up, compounds, terms


def amounts(text: str) -> list[tuple[float, float, str, int]]:
    return [(found.low, found.high, found.dimension, found.sides) for found in quantities(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1640 g", [(1640, 1640, "mass", 1)]),
        ("2.35 kg", [(2350, 2350, "mass", 1)]),
        ("1,5 l", [(1500, 1500, "volume", 1)]),
        ("10,000 mm", [(10_000, 10_000, "length", 1)]),
        ("42 × 15 cm", [(150, 420, "length", 2)]),
        ("50 x 30 x 20 cm", [(200, 500, "length", 3)]),
        ("60–100 °C, by 1 °C", [(60, 100, "temperature", 1), (1, 1, "temperature", 1)]),
        ("−12 °C", [(-12, -12, "temperature", 1)]),
        ("adjusts 42-52 cm", [(420, 520, "length", 1)]),
        ("3 min 30 s for 1 L", [(210, 210, "time", 1), (1000, 1000, "volume", 1)]),
        ("3+", [(3, float("inf"), COUNT, 1)]),
        ("2–4", [(2, 4, COUNT, 1)]),
        ("UK 7.5", [(7.5, 7.5, COUNT, 1)]),
        ("10,000 mAh, 37 Wh", [(10_000, 10_000, "charge", 1), (37, 37, "energy", 1)]),
        ("1.5升", [(1500, 1500, "volume", 1)]),
        ("none", []),
    ],
)
def test_amounts_are_read_in_one_scale(text: str, found: list[tuple[float, float, str, int]]) -> None:
    assert amounts(text) == found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("Height cm", "130", ("Height", "130 cm")),
        ("Height (cm)", "130", ("Height", "130 cm")),
        ("Weight, kg", "3.5", ("Weight", "3.5 kg")),
        ("Power w", "20", ("Power", "20 W")),
        ("Min temperature c", "12", ("Min temperature", "12 °C")),
        ("Size [mm]", "10 x 20", ("Size", "10 x 20 mm")),
        ("高度(厘米)", "130", ("高度", "130 厘米")),
        ("Vitamin c", "9", ("Vitamin c", "9")),
        ("Flowers in", "May", ("Flowers in", "May")),
        ("Fits mm", "Boots 4", ("Fits mm", "Boots 4")),
        ("Seeds", "10", ("Seeds", "10")),
        ("cm", "10", ("cm", "10")),
    ],
)
def test_a_unit_in_a_name_is_put_at_the_value(name: str, value: str, found: tuple[str, str]) -> None:
    assert with_unit(name, value) == found


@given(st.sampled_from(sorted(UNITS)), st.integers(1, 99_999))
def test_every_unit_is_read_with_and_without_a_space(unit: str, amount: int) -> None:
    dimension, factor = UNITS[unit]
    for text in (f"{amount} {unit}", f"{amount}{unit}", f"about {amount} {unit}."):
        [found] = quantities(text)
        assert found.dimension == dimension
        assert found.low == pytest.approx(amount * factor)
        assert text[found.start : found.end].startswith(str(amount))


@given(st.integers(0, 10**7), st.integers(1, 99))
def test_numbers_with_separators(whole: int, hundredths: int) -> None:
    assert number(f"{whole:,}") == whole
    assert number(f"{whole}.{hundredths:02}") == pytest.approx(whole + hundredths / 100)


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    for found in quantities(text):
        assert isinstance(found, Quantity)
        assert found.low <= found.high
        assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("under sixty quid", "under 60 quid"),
        ("a tenner", "£10"),
        ("two hundred and fifty pounds", "250 pounds"),
        ("twenty-five litres", "25 litres"),
        ("half a litre", "0.5 litre"),
        ("half litre", "0.5 litre"),
        ("over a metre", "over 1 metre"),
        ("a metre of rope", "a metre of rope"),
        ("that one", "that one"),
        ("one person tent", "1 person tent"),
        ("minus five", "-5"),
        ("两百五十镑以内", "250镑以内"),
        ("双人帐篷", "2 person 帐篷"),
        ("三个人", "3 person "),
    ],
)
def test_numbers_in_words_are_put_in_digits(text: str, plain: str) -> None:
    assert plainly(text) == plain


def test_words_are_compared_in_one_form() -> None:
    assert terms("1.2L") == terms("1.2 litres") == ("1.2", "l")
    assert terms("2.0 kg") == terms("2 kilos")
    assert terms("Women's") == terms("ladies")
    assert terms("保温杯") == ("保温", "温杯")
    assert terms("Jalapeño") == terms("jalapeno")
    assert compounds("an over-ear one") == list(terms("overear"))
    assert closed_up("head torch, please", {*terms("headtorch")}.__contains__) == "headtorch, please"
    assert closed_up("head torch", set[str]().__contains__) == "head torch"


@pytest.mark.parametrize(
    ("name", "value", "affirmed", "denied"),
    [
        ("Lining", "mesh, no membrane (not waterproof)", "mesh", "waterproof"),
        ("Hood", "fixed, adjustable", "hood", ""),
        ("Hood", "no", "", "hood"),
        ("Bulb", "E27, not included", "", "bulb"),
        ("Grain free", "yes", "", "grain"),
        ("Grain free", "no", "grain", ""),
        ("Material", "BPA-free plastic", "plastic", "bpa"),
    ],
)
def test_what_an_attribute_affirms_and_denies(name: str, value: str, affirmed: str, denied: str) -> None:
    claims = claimed(name, value)
    assert all(claims[term] for term in terms(affirmed))
    assert not any(claims[term] for term in terms(denied))


@pytest.mark.parametrize("value", ["no", "None", "not included", "sold separately", "无", "不可用"])
def test_ways_to_say_no(value: str) -> None:
    assert denies(value)
    assert not denies("yes")
    assert not denies("nothing but wool")


def test_words_that_compare_know_what_they_compare_by() -> None:
    heavier, lighter = (next(end for end in ENDS if word in end.comparatives) for word in ("heavier", "lighter"))
    assert heavier.dimensions == lighter.dimensions == ("mass",)
    assert (heavier.high, lighter.high) == (True, False)
    assert heavier.superlative.search("最重的") is not None
    assert lighter.comparative.search("a lighter one") is not None
    assert NOUN_OF[terms("wide")[0]] == NOUN_OF[terms("narrower")[0]] == terms("width")[0]
    assert {*MORE.split("|")}.isdisjoint(LESS.split("|"))


def test_what_a_type_is_called() -> None:
    assert heads("Walking boots") == {*terms("boots")}
    assert heads("Tents and tarps") == {*terms("tents tarps")}
    assert heads("Lights") == {*terms("light")}
    assert heads("Care and spares") == {*terms("care")}
    assert heads("Shoes > Boots & Sandals") == {*terms("shoes boots sandals")}
    assert is_kind_of(*terms("boots"), "Walking boots")
    assert is_kind_of(*terms("plant"), "Houseplants")
    assert not is_kind_of(*terms("house"), "Houseplant")
    assert not is_kind_of(*terms("pet"), "Carpet")
