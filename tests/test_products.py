"""Catalogues in, typed facts and findable text out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.catalogues import Catalogue, read_merchant_tsv, read_merchant_xml, read_shopify, split_attributes
from knowledge.chunking import chunk
from knowledge.documents import Document
from knowledge.errors import UnreadableDocument
from knowledge.files import ReadOptions
from knowledge.money import format_price, parse_price
from knowledge.products import Product, Variant, read_jsonl_record, stock_of, to_document, with_variants
from knowledge.records import Record

BODY = (
    "<p>A light boot &amp; a dry one.</p><ul><li>Upper: suede</li><li><strong>Sole:</strong> rubber</li>"
    "<li>made in Kendal</li></ul>"
)


def rows(*given: dict[str, str], header: tuple[str, ...] = ()) -> list[Record]:
    names = header or tuple(dict.fromkeys(name for row in given for name in row))
    return [Record.of({name: row.get(name, "") for name in names}, f"line {at}") for at, row in enumerate(given, 2)]


def shopify(**changes: str) -> dict[str, str]:
    row = {
        "Handle": "ridge", "Title": "Ridge Boot", "Body (HTML)": BODY, "Vendor": "Cairn", "Type": "Boots",
        "Tags": "Boots, Men", "Published": "true", "Option1 Name": "Size", "Option1 Value": "6",
        "Variant SKU": "RID-6", "Variant Grams": "1080", "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": "3", "Variant Inventory Policy": "deny", "Variant Price": "85.00",
        "Variant Compare At Price": "110.00", "Status": "active", "Cost per item": "31.00",
    }  # fmt: skip
    return row | {name.replace("_", " "): value for name, value in changes.items()}


def variant(size: str, quantity: str, **changes: str) -> dict[str, str]:
    return {
        "Handle": "ridge", "Option1 Value": size, "Variant SKU": f"RID-{size}", "Variant Inventory Tracker": "shopify",
        "Variant Inventory Qty": quantity, "Variant Inventory Policy": "deny", "Variant Price": "85.00",
    } | {name.replace("_", " "): value for name, value in changes.items()}  # fmt: skip


def only(catalogue: Catalogue) -> Product:
    assert catalogue.problems == []
    [(_, product)] = catalogue.products
    return product


def document(product: Product) -> Document:
    return to_document(product, "products.csv")


def test_rows_of_one_handle_are_one_product_with_typed_facts() -> None:
    product = only(read_shopify(rows(shopify(), variant("7", "2"), variant("8", "0"), {"Handle": "ridge"}), "GBP"))
    assert (product.sku, product.handle, product.title, product.vendor, product.kind) == (
        "RID-6", "ridge", "Ridge Boot", "Cairn", "Boots",
    )  # fmt: skip
    assert (product.price, product.compare_at, product.currency) == (Decimal("85.00"), Decimal("110.00"), "GBP")
    assert (product.in_stock, product.quantity, product.tags) == (True, 5, ("Boots", "Men"))
    assert product.attributes == {"Upper": "suede", "Sole": "rubber", "Size": "6, 7, 8", "Weight": "1080 g"}
    assert product.description == "A light boot & a dry one.\n\n- made in Kendal"
    assert [(v.sku, v.options, v.in_stock) for v in product.variants] == [
        ("RID-6", {"Size": "6"}, True),
        ("RID-7", {"Size": "7"}, True),
        ("RID-8", {"Size": "8"}, False),
    ]


def test_the_document_says_in_words_what_its_facts_say_in_types() -> None:
    found = document(only(read_shopify(rows(shopify(), variant("7", "2"), variant("8", "0")), "GBP")))
    assert found.path == "products.csv#RID-6"
    assert found.text.split("\n\n") == [
        "A light boot & a dry one.",
        "- made in Kendal",
        "- Upper: suede\n- Sole: rubber\n- Weight: 1080 g",
        "Price: £85.00 (was £110.00). In stock: sizes 6, 7; sold out: size 8. Brand: Cairn. Type: Boots.",
    ]
    assert json.loads(json.dumps(found.facts)) == found.facts
    assert found.facts["price"] == found.facts["price_max"] == 85.0
    assert found.facts["compare_at"] == 110.0
    assert found.facts["variants"][2] == {
        "sku": "RID-8", "options": {"Size": "8"}, "price": 85.0, "compare_at": None, "quantity": 0, "in_stock": False,
        "to_order": False,
    }  # fmt: skip
    assert "31.00" not in found.text + json.dumps(found.facts), "what the shop paid is nobody's business"
    assert len(chunk(found)) == 1


def test_a_price_range_and_two_options() -> None:
    first = shopify(Option2_Name="Colour", Option2_Value="Black", Variant_Compare_At_Price="")
    second = variant("6", "0", Option2_Value="Brown", Variant_Price="95.00")
    text = document(only(read_shopify(rows(first, second), "EUR"))).text
    assert "Price: €85.00 to €95.00. Black €85.00, Brown €95.00." in text
    assert "In stock: 6 colour Black; sold out: 6 colour Brown." in text


def test_a_price_range_says_what_it_was_and_whether_all_of_it_is_reduced() -> None:
    def text(*before: str) -> str:
        prices = ("85.00", "95.00", "95.00")
        variants = [
            Variant(str(n), {"Length": str(n)}, Decimal(price), Decimal(was) if was else None)
            for n, (price, was) in enumerate(zip(prices, before, strict=True))
        ]
        return document(with_variants(variants, title="Bag", currency="GBP")).text

    assert "Price: £85.00 to £95.00 (was £100.00 to £110.00)." in text("100.00", "110.00", "110.00")
    assert "Price: £85.00 to £95.00 (was £110.00)." in text("110.00", "110.00", "110.00")
    assert "Price: £85.00 to £95.00 (some reduced, was £110.00)." in text("", "110.00", "")
    assert "Price: £85.00 to £95.00." in text("", "", "")


def test_what_is_sold_before_it_is_in_stock_is_said_to_be_so() -> None:
    found = only(
        read_shopify(
            rows(
                shopify(Variant_Inventory_Qty="0", Variant_Inventory_Policy="continue"),
                variant("7", "0", Variant_Inventory_Policy="continue"),
                variant("8", "0", Variant_Inventory_Policy="deny"),
            ),
            "GBP",
        )
    )
    assert (found.in_stock, found.to_order) == (False, True)
    assert "Not in stock yet, available to order: sizes 6, 7; sold out: size 8." in document(found).text
    assert [(v["in_stock"], v["to_order"]) for v in document(found).facts["variants"]] == [
        (False, True), (False, True), (False, False),
    ]  # fmt: skip
    feed = only(read_merchant_tsv([Record.of(merchant(availability="preorder"), "line 2")]))
    assert (feed.in_stock, feed.to_order) == (False, True)


def test_a_product_in_chinese_is_described_in_chinese() -> None:
    product = with_variants(
        [
            Variant("A", {"尺码": "40"}, Decimal(85), in_stock=True),
            Variant("B", {"尺码": "41"}, Decimal(85), in_stock=False),
        ],
        title="登山靴", description="轻便的登山靴。", currency="CNY",
    )  # fmt: skip
    found = document(product)
    assert found.language == "zh"
    assert "价格：¥85.00。有货：尺码 40；缺货：尺码 41。" in found.text


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "active"),
        ({"Status": "draft"}, "draft"),
        ({"Status": "Archived"}, "archived"),
        ({"Published": "FALSE"}, "unpublished"),
        ({"Status": ""}, "active"),
    ],
)
def test_only_active_and_published_products_are_for_sale(changes: dict[str, str], status: str) -> None:
    product = only(read_shopify(rows(shopify(**changes))))
    assert product.status == status
    assert product.for_sale == (status == "active")


@pytest.mark.parametrize(
    ("changes", "in_stock", "quantity"),
    [
        ({"Variant_Inventory_Qty": "0"}, False, 0),
        ({"Variant_Inventory_Qty": "-4"}, False, 0),
        ({"Variant_Inventory_Qty": "0", "Variant_Inventory_Policy": "continue"}, False, 0),
        ({"Variant_Inventory_Qty": "0", "Variant_Inventory_Tracker": ""}, True, None),
        ({"Variant_Inventory_Qty": ""}, None, None),
    ],
)
def test_stock_follows_shopifys_rules(changes: dict[str, str], in_stock: bool | None, quantity: int | None) -> None:
    product = only(read_shopify(rows(shopify(**changes))))
    assert (product.in_stock, product.quantity) == (in_stock, quantity)


def test_the_column_names_since_2024_and_metafields_are_read() -> None:
    row = {
        "Title": "Mug", "URL handle": "mug", "Description": "A mug.", "SKU": "MUG", "Price": "9.50",
        "Compare-at price": "", "Inventory quantity": "4", "Continue selling when out of stock": "FALSE",
        "Status": "Active", "Option1 name": "Title", "Option1 value": "Default Title",
        "Published on online store": "true",
        "Glaze (product.metafields.custom.glaze)": "blue", "Product category": "Home > Kitchen > Mugs",
    }  # fmt: skip
    product = only(read_shopify(rows(row), "GBP"))
    assert (product.sku, product.handle, product.price, product.in_stock, product.quantity, product.kind) == (
        "MUG", "mug", Decimal("9.50"), True, 4, "Mugs",
    )  # fmt: skip
    assert product.attributes == {"Glaze": "blue"}
    assert "In stock. Type: Mugs." in document(product).text


def test_problems_of_an_export_name_the_line_and_spare_the_rest() -> None:
    found = read_shopify(
        rows(
            shopify(),
            shopify(Handle="dear", Title="Dear Boot", Variant_Price="ask us"),
            shopify(Handle="nameless", Title=""),
            shopify(Title="Again"),
        )
    )
    assert [product.title for _, product in found.products] == ["Ridge Boot", "Dear Boot"]
    assert found.products[1][1].price is None
    assert [problem.partition(":")[0] for problem in found.problems] == ["line 3", "line 4", "line 5"]
    assert "'ask us' is not a price" in found.problems[0]
    assert "'nameless' has no title" in found.problems[1]
    assert "first at line 2" in found.problems[2]


def merchant(**changes: str) -> dict[str, str]:
    return {
        "id": "B1", "title": "Ridge Boot", "description": "A light boot.", "link": "https://shop.example/ridge",
        "availability": "in_stock", "price": "110.00 GBP", "sale_price": "85.00 GBP", "brand": "Cairn",
        "item_group_id": "ridge", "size": "6", "color": "black", "gtin": "123", "product_type": "Shoes > Boots",
    } | changes  # fmt: skip


def test_items_of_a_group_are_variants_of_one_product() -> None:
    found = read_merchant_tsv(rows(merchant(), merchant(id="B2", size="7", availability="out_of_stock")))
    product = only(found)
    assert (product.sku, product.handle, product.kind, product.url) == (
        "B1", "ridge", "Boots", "https://shop.example/ridge",
    )  # fmt: skip
    assert (product.price, product.compare_at, product.currency) == (Decimal("85.00"), Decimal("110.00"), "GBP")
    assert [(v.sku, v.options["Size"], v.in_stock) for v in product.variants] == [("B1", "6", True), ("B2", "7", False)]
    assert "In stock: black size 6; sold out: black size 7." in document(product).text
    assert "123" not in document(product).text


FEED = """<?xml version="1.0"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
<item><g:id>B1</g:id><title>Ridge Boot</title><description>&lt;p&gt;A light boot.&lt;/p&gt;</description>
<g:price>85.00 GBP</g:price><g:availability>in stock</g:availability>
<g:product_detail><g:attribute_name>Sole</g:attribute_name><g:attribute_value>rubber</g:attribute_value></g:product_detail>
<g:product_detail><g:section_name>Care</g:section_name><g:attribute_name>Wax</g:attribute_name>
<g:attribute_value>yes</g:attribute_value></g:product_detail></item>
<item><g:title>No id</g:title></item></channel></rss>"""


def test_an_rss_feed_is_read_as_its_tsv_would_be() -> None:
    found = read_merchant_xml(FEED.encode())
    [(place, product)] = found.products
    assert (place, product.sku, product.description, product.price) == ("item 1", "B1", "A light boot.", Decimal(85))
    assert product.attributes == {"Sole": "rubber", "Wax": "yes"}
    assert product.in_stock is True
    assert found.problems == ["item 2: no id; each item of a feed needs one"]


def test_an_atom_feed_takes_googles_fields_before_atoms_own() -> None:
    feed = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><entry>
    <id>https://shop.example/1</id><title>Mug</title><g:id>M1</g:id><link href="https://shop.example/mug"/>
    <g:price>9 GBP</g:price></entry></feed>"""
    product = only(read_merchant_xml(feed.encode()))
    assert (product.sku, product.title, product.url) == ("M1", "Mug", "https://shop.example/mug")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (FEED[:300], "not well-formed XML"),
        ("<a><b/></a>", "no <item>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><rss><item>&b;</item></rss>', "declares entities"),
    ],
)
def test_a_feed_that_cannot_be_used_says_why(data: str, message: str) -> None:
    with pytest.raises(UnreadableDocument, match=message):
        read_merchant_xml(data.encode())


def generic(values: dict[str, Any], options: ReadOptions | None = None) -> Product:
    return read_jsonl_record(Record.of(values, "line 1"), options or ReadOptions(currency="EUR"))


def test_fields_of_a_generic_record_that_are_none_of_ours_become_attributes() -> None:
    values = {
        "id": 42, "name": "T-006", "title": "Toner T-006", "short_description": "Black toner.", "price": 49.95,
        "supplier": "Acme", "ean": ["0095"], "img_high": "http://x.example/1.jpg", "sheet": "https://x.example/a.pdf",
        "date_released": "2009-12-10T00:00:00Z", "attr_t_contrast_ratio__typical_": "200:1", "attr_n_pack": 6.0,
        "attr_b_touch": False, "attr_t_image_sensor": "CMOS", "quantity": 0, "nested": {"a": 1}, "empty": None,
    }  # fmt: skip
    product = generic(values)
    assert (product.sku, product.title, product.price, product.currency) == (
        "42",
        "Toner T-006",
        Decimal("49.95"),
        "EUR",
    )
    assert (product.vendor, product.in_stock, product.quantity) == ("Acme", False, 0)
    assert product.attributes == {
        "Date released": "2009-12-10", "Contrast ratio (typical)": "200:1", "Pack": "6", "Touch": "no",
        "Image sensor": "CMOS",
    }  # fmt: skip
    text = document(product).text
    assert text.startswith("Black toner.\n\n- Date released")
    assert text.endswith("Price: €49.95. Sold out. Brand: Acme.")


def test_a_mapping_decides_what_the_text_is() -> None:
    options = ReadOptions(currency="EUR").with_fields(["title=name", "text=blurb,attr_*", "price=cost"])
    product = generic(
        {"id": "1", "name": "Mug", "blurb": "Blue.", "attr_a": "x", "other": "y", "cost": "9,50"}, options
    )
    assert (product.title, product.price) == ("Mug", Decimal("9.50"))
    assert document(product).text == "Blue.\n\n- A: x\n\nPrice: €9.50."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id": "1", "price": 3}, "needs a title"),
        ({"title": "Mug", "price": 3}, "needs an id"),
        ({"id": "1", "title": "Mug", "price": "free"}, "'free' is not a price"),
        ({"id": "1", "title": "Mug", "price": -3}, "'-3' is not a price"),
        ({"id": "1", "title": "Mug", "price": float("nan")}, "not a price"),
        ({"id": "1", "title": "Mug", "price": True}, "not a price"),
    ],
)
def test_a_generic_product_that_cannot_be_used_says_why(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UnreadableDocument, match=message):
        generic(values)


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("89", "GBP", ("89", "GBP")),
        ("£1,299.00", "", ("1299.00", "GBP")),
        ("1.299,00 €", "", ("1299.00", "EUR")),
        ("12,5", "EUR", ("12.5", "EUR")),
        ("1,299", "", ("1299", "")),
        ("1.299.000", "", ("1299000", "")),
        ("15.00 USD", "GBP", ("15.00", "USD")),
        ("$15", "AUD", ("15", "AUD")),
        ("￥99", "", ("99", "CNY")),
        (Decimal("4.10"), "GBP", ("4.10", "GBP")),
    ],
)
def test_prices_as_merchants_write_them(text: Any, default: str, expected: tuple[str, str]) -> None:
    assert parse_price(text, default) == (Decimal(expected[0]), expected[1])


@pytest.mark.parametrize("text", ["", "  ", None])
def test_no_price_is_no_price(text: str | None) -> None:
    assert parse_price(text) is None


@pytest.mark.parametrize("text", ["free", "-5", "5-10", "NaN", "5 apples", "inf", "5 %"])
def test_what_is_not_a_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a price"):
        parse_price(text)


@given(st.decimals(0, 10**9, places=2), st.sampled_from(["GBP", "EUR", "SEK"]))
def test_a_price_written_is_the_price_read(amount: Decimal, currency: str) -> None:
    assert parse_price(format_price(amount, currency)) == (amount, currency)


def test_words_for_stock() -> None:
    assert [stock_of(word) for word in ("in stock", "Out_of_stock", True, 0, "preorder", None)] == [
        True, False, True, False, False, None,
    ]  # fmt: skip


def test_only_items_with_a_short_name_are_attributes() -> None:
    items = "- Sole: rubber\n- **Upper**: suede\n- **Lining:** mesh\n- Wash at 30 degrees\n- Sole: again"
    text = f"Intro.\n\n{items}\n\nEnd: now."
    rest, attributes = split_attributes(text)
    assert attributes == {"Sole": "rubber", "Upper": "suede", "Lining": "mesh"}
    assert rest == "Intro.\n\n- Wash at 30 degrees\n- Sole: again\n\nEnd: now."
