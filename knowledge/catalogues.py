"""Catalogue exports that merchants have: Shopify's product CSV and Google Merchant feeds.

Shopify: https://help.shopify.com/en/manual/products/import-export/using-csv (the column names before and since 2024).
Google: https://support.google.com/merchants/answer/7052112 (TSV, RSS 2.0 or Atom with the `g:` namespace).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from knowledge.errors import UnreadableDocument
from knowledge.money import parse_price
from knowledge.products import Product, Variant, may_be_ordered, split_tags, stock_of, with_variants
from knowledge.records import Record, label
from knowledge.web_pages import html_to_markdown

_SHOPIFY = {
    "handle": ("handle", "url_handle"),
    "title": ("title",),
    "body": ("body_(html)", "description"),
    "vendor": ("vendor",),
    "kind": ("type", "product_category"),
    "tags": ("tags",),
    "published": ("published", "published_on_online_store"),
    "status": ("status",),
    "sku": ("variant_sku", "sku"),
    "price": ("variant_price", "price"),
    "compare_at": ("variant_compare_at_price", "compare_at_price"),
    "quantity": ("variant_inventory_qty", "inventory_quantity"),
    "policy": ("variant_inventory_policy", "continue_selling_when_out_of_stock"),
    "tracker": ("variant_inventory_tracker", "inventory_tracker"),
    "grams": ("variant_grams", "weight_value_(grams)"),
}
_METAFIELD = re.compile(r"(.+?) \(product\.metafields\.[^)]+\)")
_ITEM = re.compile(r"[-*] +\**([^\W\d_][^:：*]{0,39}?)\**[:：]\** *(\S.*)")
_MERCHANT_ATTRIBUTES = (
    "color", "colour", "size", "material", "pattern", "gender", "age_group", "condition", "size_system",
    "shipping_weight", "product_weight", "product_length", "product_width", "product_height", "energy_efficiency_class",
    "availability_date",
)  # fmt: skip
_MERCHANT_OPTIONS = ("color", "material", "pattern", "size")
_GOOGLE = "{http://base.google.com/ns/1.0}"


@dataclass(slots=True)
class Catalogue:
    """The products of a file, each with the place it starts at, and what could not be used, in file order."""

    products: list[tuple[str, Product]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def is_shopify(names: Iterable[str]) -> bool:
    """Whether a table with these columns (normal form) is a Shopify product export."""
    found = set(names)
    return bool(found & {"handle", "url_handle"}) and bool(found & {"variant_price", "option1_name", "body_(html)"})


def is_merchant(names: Iterable[str]) -> bool:
    """Whether a table with these columns (normal form) is a Google Merchant feed."""
    found = set(names)
    own = {"link", "image_link", "item_group_id", "google_product_category"}
    return {"id", "title", "price", "availability"} <= found and bool(own & found)


def read_shopify(records: Iterable[Record], currency: str = "") -> Catalogue:
    """The products of a Shopify export, whose rows are variants (and pictures) of the handle they name."""
    found = Catalogue()
    seen: dict[str, str] = {}
    for handle, group in groupby(records, key=lambda record: _shopify(record, "handle")):
        rows = list(group)
        first = rows[0]
        if not handle:
            found.problems.append(f"{first.place}: no handle; each row of a Shopify export needs one")
        elif handle in seen:
            found.problems.append(f"{first.place}: handle {handle!r} again, first at {seen[handle]}; left out")
        elif not _shopify(first, "title"):
            found.problems.append(f"{first.place}: the first row of {handle!r} has no title; left out")
        else:
            seen[handle] = first.place
            found.products.append((first.place, _shopify_product(handle, rows, currency, found.problems)))
    return found


def read_merchant_tsv(records: Iterable[Record], currency: str = "") -> Catalogue:
    """The products of a Google Merchant feed; items of one `item_group_id` are variants of one product."""
    found = Catalogue()
    groups: dict[str, list[Record]] = {}
    for record in records:
        key = _plain(record, "id")
        if not key or not _plain(record, "title"):
            found.problems.append(f"{record.place}: no {'title' if key else 'id'}; each item of a feed needs one")
        else:
            groups.setdefault(_plain(record, "item_group_id") or f"\n{key}", []).append(record)
    for rows in groups.values():
        found.products.append((rows[0].place, _merchant_product(rows, currency, found.problems)))
    return found


def read_merchant_xml(data: bytes, currency: str = "") -> Catalogue:
    """As `read_merchant_tsv`, for a feed in RSS or Atom.

    Raises UnreadableDocument if it is not XML, declares entities (which can be made to fill the memory), or is empty.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(data, forbid_dtd=True)
    except ParseError as error:
        raise UnreadableDocument(f"is not well-formed XML ({error}); export the feed again") from None
    except DefusedXmlException:
        raise UnreadableDocument("declares entities or a DTD, which no feed needs; export it without") from None
    items = [element for element in root.iter() if element.tag.rpartition("}")[2] in ("item", "entry")]
    if not items:
        raise UnreadableDocument(f"is not a Google Merchant feed: <{root.tag}> has no <item> or <entry>")
    return read_merchant_tsv(
        (Record.of(_xml_fields(item), f"item {number}") for number, item in enumerate(items, 1)), currency
    )


def _shopify(record: Record, key: str) -> str:
    return next((text for name in _SHOPIFY[key] if (text := _plain(record, name))), "")


def _plain(record: Record, name: str) -> str:
    """The text in the column of that normal name, "" if there is none."""
    given = record.names.get(name)
    return str(record.values[given]).strip() if given is not None else ""


def _shopify_product(handle: str, rows: list[Record], currency: str, problems: list[str]) -> Product:
    first = rows[0]
    option_names = [_plain(first, f"option{number}_name") for number in (1, 2, 3)]
    variants = [
        _shopify_variant(row, option_names, currency, problems)
        for row in rows
        if row is first or _shopify(row, "price") or _shopify(row, "sku") or _plain(row, "option1_value")
    ]
    description, attributes = split_attributes(html_to_markdown(_shopify(first, "body")))
    attributes.update(_metafields(first))
    for name in option_names:
        if values := list(dict.fromkeys(v.options[name] for v in variants if name in v.options)):
            attributes[name] = ", ".join(values)
    grams = _shopify(first, "grams")
    if grams not in ("", "0", "0.0") and not any("weight" in name.lower() for name in attributes):
        attributes["Weight"] = f"{grams.removesuffix('.0')} g"
    return with_variants(
        variants,
        title=" ".join(_shopify(first, "title").split()),
        handle=handle,
        description=description,
        currency=currency,
        vendor=_shopify(first, "vendor"),
        kind=_shopify(first, "kind").rpartition(" > ")[2],
        tags=split_tags(_shopify(first, "tags")),
        attributes=attributes,
        status=_status(first),
    )


def _shopify_variant(row: Record, option_names: list[str], currency: str, problems: list[str]) -> Variant:
    options = {
        name: value
        for number, name in enumerate(option_names, 1)
        if name and (value := _plain(row, f"option{number}_value")) and value != "Default Title"
    }
    quantity = _count(_shopify(row, "quantity"))
    tracked = bool(_shopify(row, "tracker")) if "variant_inventory_tracker" in row.names else quantity is not None
    sells_on = _shopify(row, "policy").lower() in ("continue", "true")
    price = _price(row, _shopify(row, "price"), currency, problems)
    compare_at = _price(row, _shopify(row, "compare_at"), currency, problems)
    return Variant(
        sku=_shopify(row, "sku").lstrip("'"),
        options=options,
        price=price[0] if price else None,
        compare_at=compare_at[0] if compare_at and price and compare_at[0] > price[0] else None,
        quantity=quantity if tracked else None,
        in_stock=quantity > 0 if tracked and quantity is not None else True if sells_on or not tracked else None,
        to_order=tracked and quantity == 0 and sells_on,
    )


def split_attributes(description: str) -> tuple[str, dict[str, str]]:
    """A description without its `- Name: value` items, and those items."""
    kept: list[str] = []
    attributes: dict[str, str] = {}
    for line in description.split("\n"):
        item = _ITEM.fullmatch(line.strip())
        if item and item[1].strip() not in attributes:
            attributes[item[1].strip()] = item[2].strip()
        else:
            kept.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip(), attributes


def _metafields(row: Record) -> dict[str, str]:
    named = ((_METAFIELD.fullmatch(name), str(value).strip()) for name, value in row.values.items())
    return {name[1]: value for name, value in named if name and value}


def _status(row: Record) -> str:
    status = _shopify(row, "status").lower() or "active"
    hidden = _shopify(row, "published").lower() in ("false", "no", "0")
    return "unpublished" if status == "active" and hidden else status


def _price(row: Record, text: str, currency: str, problems: list[str]) -> Any:
    try:
        return parse_price(text, currency)
    except ValueError as error:
        problems.append(f"{row.place}: {error}; the price is left out, write it as 89.00")
        return None


def _count(text: str) -> int | None:
    try:
        return max(0, int(float(text)))
    except (ValueError, OverflowError):
        return None


def _merchant_product(rows: list[Record], currency: str, problems: list[str]) -> Product:
    first = rows[0]
    variants: list[Variant] = []
    for row in rows:
        full = _price(row, _plain(row, "price"), currency, problems)
        sale = _price(row, _plain(row, "sale_price"), currency, problems)
        price = sale or full
        currency = price[1] if price else currency
        options = {label(name): value for name in _MERCHANT_OPTIONS if (value := _plain(row, name))}
        variants.append(
            Variant(
                sku=_plain(row, "id"),
                options=options if len(rows) > 1 else {},
                price=price[0] if price else None,
                compare_at=full[0] if sale and full and full[0] > sale[0] else None,
                quantity=_count(_plain(row, "quantity")),
                in_stock=stock_of(_plain(row, "availability")),
                to_order=may_be_ordered(_plain(row, "availability")),
            )
        )
    description, attributes = split_attributes(html_to_markdown(_plain(first, "description")))
    attributes.update(_merchant_attributes(first))
    return with_variants(
        variants,
        title=" ".join(_plain(first, "title").split()),
        handle=_plain(first, "item_group_id"),
        description=description,
        currency=currency,
        vendor=_plain(first, "brand"),
        kind=(_plain(first, "product_type") or _plain(first, "google_product_category")).rpartition(" > ")[2],
        attributes=attributes,
        url=_plain(first, "link"),
    )


def _merchant_attributes(row: Record) -> Mapping[str, str]:
    found = {label(name): value for name in _MERCHANT_ATTRIBUTES if (value := _plain(row, name))}
    for detail in _plain(row, "product_detail").split("\n"):
        *_, name, value = ("", "", *detail.split(":", 2))
        if name.strip() and value.strip():
            found[name.strip()] = value.strip()
    return found


def _xml_fields(item: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in _xml_texts(item):
        found[name] = (
            f"{found[name]}\n{text}" if name == "product_detail" and name in found else found.get(name) or text
        )
    return found


def _xml_texts(item: Element) -> Iterator[tuple[str, str]]:
    # Google's own fields first: Atom's <id> is an address and its <title> the page's.
    for child in sorted(item, key=lambda element: not element.tag.startswith(_GOOGLE)):
        name = child.tag.rpartition("}")[2]
        parts = [(part.text or "").strip() for part in child]
        yield name, ":".join(parts) if parts else (child.text or child.get("href") or "").strip()
