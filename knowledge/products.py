"""Products with typed facts, and the document that a shopper's question can find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from knowledge.documents import Document
from knowledge.errors import UnreadableDocument
from knowledge.files import ReadOptions
from knowledge.front_matter import FrontMatter
from knowledge.languages import detect
from knowledge.money import format_price, parse_price
from knowledge.records import Record, as_text

_WORDS = {
    "en": {
        "price": "Price: {}.", "range": "{} to {}", "was": "{} (was {})", "some": "{} (some reduced, was {})",
        "form": "{} {}", "in": "In stock", "order": "not in stock yet, available to order", "out": "sold out",
        "vendor": "Brand: {}.", "kind": "Type: {}.", "list": ", ", "and": " and ", "colon": ": ", "then": "; ",
        "stop": ".", "space": " ",
    },
    "zh": {
        "price": "价格：{}。", "range": "{} 至 {}", "was": "{}（原价 {}）", "some": "{}（部分降价，原价 {}）",
        "form": "{} {}", "in": "有货", "order": "暂无现货，可预订", "out": "缺货",
        "vendor": "品牌：{}。", "kind": "类型：{}。", "list": "、", "and": "和", "colon": "：", "then": "；",
        "stop": "。", "space": "",
    },
}  # fmt: skip
_IN_STOCK = frozenset({"in_stock", "in stock", "available", "yes", "true", "1", "limited availability"})
_SOLD_OUT = frozenset({"out_of_stock", "out of stock", "sold out", "unavailable", "no", "false", "0", "discontinued"})
_TO_ORDER = frozenset(
    {"preorder", "pre-order", "pre_order", "backorder", "back-order", "back_order", "available to order"}
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a product that can be bought: `options` says which (`{"Size": "7"}`).

    `to_order`: none is in stock, but it may be ordered all the same (pre-order, back-order).
    """

    sku: str
    options: Mapping[str, str] = field(default_factory=dict)
    price: Decimal | None = None
    compare_at: Decimal | None = None
    quantity: int | None = None
    in_stock: bool | None = None
    to_order: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A product of a catalogue. `description` is light Markdown without the attributes; `kind` is the merchant's type.

    Prices are in `currency` (ISO 4217, "" if unknown); `price` is the lowest of the variants and `compare_at` what it
    is reduced from. `in_stock` and `quantity` are None where the catalogue does not say. `to_order`: it has no variant
    in stock, but one that may be ordered all the same.
    """

    sku: str
    title: str
    handle: str = ""
    description: str = ""
    price: Decimal | None = None
    compare_at: Decimal | None = None
    currency: str = ""
    in_stock: bool | None = None
    to_order: bool = False
    quantity: int | None = None
    vendor: str = ""
    kind: str = ""
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    status: str = "active"
    url: str = ""

    @property
    def key(self) -> str:
        """What identifies it behind the `#` of its document's path: the SKU, or the handle where it has none."""
        return self.sku or self.handle

    @property
    def for_sale(self) -> bool:
        """Whether shoppers can see it in the shop: neither a draft nor archived nor unpublished."""
        return self.status == "active"

    @property
    def price_max(self) -> Decimal | None:
        """The highest price of a variant, or the price."""
        return max((variant.price for variant in self.variants if variant.price is not None), default=self.price)


def with_variants(variants: Iterable[Variant], **facts: Any) -> Product:
    """A product whose price, stock and SKU follow from its variants; `facts` are its other fields."""
    found = tuple(variants)
    priced = [variant for variant in found if variant.price is not None]
    cheapest = min(priced, key=lambda variant: variant.price or Decimal(0), default=None)
    stocks = [variant.in_stock for variant in found if variant.in_stock is not None]
    quantities = [variant.quantity for variant in found if variant.quantity is not None]
    return Product(
        sku=next((variant.sku for variant in found if variant.sku), ""),
        price=cheapest.price if cheapest else None,
        compare_at=cheapest.compare_at if cheapest else None,
        in_stock=any(stocks) if stocks else None,
        to_order=not any(stocks) and any(variant.to_order for variant in found),
        quantity=sum(quantities) if quantities and len(quantities) == len(found) else None,
        variants=found,
        **facts,
    )


def stock_of(value: Any) -> bool | None:
    """What a catalogue's word for availability means; None for a word that does not say."""
    word = as_text(value).lower()
    return True if word in _IN_STOCK else False if word in _SOLD_OUT | _TO_ORDER else None


def may_be_ordered(value: Any) -> bool:
    """Whether a catalogue's word for availability is one for what is not in stock and sold all the same."""
    return as_text(value).lower() in _TO_ORDER


def read_jsonl_record(record: Record, options: ReadOptions) -> Product:
    """The product in a record of a generic catalogue; fields that are none of ours become attributes.

    Raises UnreadableDocument if it has no title or id, or its price is not one.
    """
    title = " ".join(as_text(record.pick("title", options)).split())
    sku = as_text(record.pick("id", options))
    if not title or not sku:
        raise UnreadableDocument(
            f"a product needs {'a title' if sku else 'an id'}; add it or map the field that has it"
        )
    currency = as_text(record.pick("currency", options)).upper() or options.currency
    try:
        price = parse_price(record.pick("price", options), currency)
        compare_at = parse_price(record.pick("compare_at", options), currency)
    except ValueError as error:
        raise UnreadableDocument(f"{error}; write it as 89.00") from None
    quantity = _whole(record.pick("quantity", options))
    availability = record.pick("in_stock", options)
    in_stock = stock_of(availability)
    tags = record.pick("tags", options)
    attributes = {} if "text" in options.fields else record.attributes(options)
    return Product(
        sku=sku,
        title=title,
        description=record.text(options),
        price=price[0] if price else None,
        compare_at=compare_at[0] if compare_at else None,
        currency=price[1] if price else currency,
        in_stock=quantity > 0 if in_stock is None and quantity is not None else in_stock,
        to_order=may_be_ordered(availability),
        quantity=quantity,
        vendor=as_text(record.pick("vendor", options)),
        kind=as_text(record.pick("kind", options)),
        tags=split_tags(as_text(tags)),
        attributes={name: value for name, value in attributes.items() if name != "Name" or value not in title},
        url=as_text(record.pick("url", options)),
    )


def to_document(product: Product, path: str, facts: FrontMatter | None = None) -> Document:
    """The document of a product from the catalogue at `path`, found under `path#SKU`.

    Its text is the description, the attributes as a list, and a line with price, stock, brand and type. Its `facts` are
    plain JSON values; prices are numbers in `currency`.
    """
    facts = facts or FrontMatter()
    language = facts.language or detect(f"{product.title}\n{product.description}")
    in_variants = {name for variant in product.variants for name in variant.options}
    listed = (f"- {name}: {value}" for name, value in product.attributes.items() if name not in in_variants)
    parts = (product.description, "\n".join(listed), _offer(product, _WORDS.get(language, _WORDS["en"])))
    return Document(
        path=f"{path}#{product.key}",
        title=product.title,
        text="\n\n".join(part for part in parts if part) or product.title,
        language=language,
        audience=facts.audience,
        effective_from=facts.effective_from,
        effective_until=facts.effective_until,
        facts=_facts(product),
    )


def split_tags(text: str) -> tuple[str, ...]:
    """The tags of a comma-separated list."""
    return tuple(tag for part in text.split(",") if (tag := part.strip()))


def _offer(product: Product, words: Mapping[str, str]) -> str:
    sentences: list[str] = []
    if product.price is not None:
        sentences.append(words["price"].format(_price(product, words)))
        if forms := _prices_of_forms(product, words):
            sentences.append(forms + words["stop"])
    if stock := _stock(product, words):
        sentences.append(stock + words["stop"])
    sentences.extend(words[key].format(value) for key, value in _named(product) if value)
    return words["space"].join(sentences)


def _price(product: Product, words: Mapping[str, str]) -> str:
    """`£85.00 (was £110.00)`, or both as ranges where the variants differ."""
    if product.price is None:
        return ""
    if product.price_max == product.price:
        before = [product.compare_at] if product.compare_at else []
        every = True
    else:
        before = [variant.compare_at for variant in product.variants if variant.compare_at is not None]
        every = len(before) == len([variant for variant in product.variants if variant.price is not None])
    price = _range([product.price, product.price_max or product.price], product.currency, words)
    if not before or max(before) <= product.price:
        return price
    return words["was" if every else "some"].format(price, _range(before, product.currency, words))


def _range(amounts: Sequence[Decimal], currency: str, words: Mapping[str, str]) -> str:
    low, high = (format_price(end(amounts), currency) for end in (min, max))
    return low if low == high else words["range"].format(low, high)


def _prices_of_forms(product: Product, words: Mapping[str, str]) -> str:
    """`Regular £49.95, Long £59.95` where the price depends on one option, and only on it; not `£10 £10.00`."""
    if product.price_max == product.price:
        return ""
    for name in dict.fromkeys(name for variant in product.variants for name in variant.options):
        prices: dict[str, set[Decimal]] = {}
        for variant in product.variants:
            if variant.price is not None and name in variant.options:
                prices.setdefault(variant.options[name], set()).add(variant.price)
        one = {value: format_price(found.pop(), product.currency) for value, found in prices.items() if len(found) == 1}
        if len(one) == len(prices) > 1 and not all(price.startswith(value) for value, price in one.items()):
            return words["list"].join(words["form"].format(value, price) for value, price in one.items())
    return ""


def _named(product: Product) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("vendor", product.vendor), ("kind", product.kind)


def _stock(product: Product, words: Mapping[str, str]) -> str:
    """`In stock: sizes 6, 7; sold out: size 8`, or without the forms where there is one only."""
    if product.in_stock is None:
        return ""
    told = {"in": [v for v in product.variants if v.in_stock]}
    told["order"] = [v for v in product.variants if v.to_order and not v.in_stock]
    told["out"] = [v for v in product.variants if v.in_stock is False and not v.to_order]
    said = [words[key] + (words["colon"] + forms) for key, group in told.items() if (forms := _forms(group, words))]
    text = words["then"].join(said) or words["in" if product.in_stock else "order" if product.to_order else "out"]
    return text[:1].upper() + text[1:]


def _forms(variants: list[Variant], words: Mapping[str, str]) -> str:
    """The variants by their last option: `Black sizes 6, 7 and Brown size 8`."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for variant in variants:
        if variant.options:
            *first, (name, value) = variant.options.items()
            grouped.setdefault((" ".join(text for _, text in first), name), []).append(value)
    return words["and"].join(
        " ".join(part for part in (first, _plural(name, len(values)), words["list"].join(values)) if part)
        for (first, name), values in grouped.items()
    )


def _plural(name: str, count: int) -> str:
    name = name if name[:2].isupper() else name[:1].lower() + name[1:]
    return f"{name}s" if count > 1 and name.isascii() and not name.endswith("s") else name


def _facts(product: Product) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "handle": product.handle,
        "price": _number(product.price),
        "price_max": _number(product.price_max),
        "compare_at": _number(product.compare_at),
        "currency": product.currency,
        "in_stock": product.in_stock,
        "to_order": product.to_order,
        "quantity": product.quantity,
        "vendor": product.vendor,
        "kind": product.kind,
        "tags": list(product.tags),
        "attributes": dict(product.attributes),
        "variants": [
            {
                "sku": variant.sku,
                "options": dict(variant.options),
                "price": _number(variant.price),
                "compare_at": _number(variant.compare_at),
                "quantity": variant.quantity,
                "in_stock": variant.in_stock,
                "to_order": variant.to_order,
            }
            for variant in product.variants
        ],
        "url": product.url,
    }


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _whole(value: Any) -> int | None:
    try:
        return max(0, int(float(as_text(value))))
    except (ValueError, OverflowError):
        return None
