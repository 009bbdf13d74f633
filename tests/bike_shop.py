"""A small shop of another trade than the demo shop's: what is understood of products must not be of one shop."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from fakes import HashEmbedder

from bot.products.meaning import Embed
from bot.products.reply import ProductReply, about_products
from bot.products.shelf import Shelf, shelf_of
from bot.products.untold import Untold
from knowledge.documents import Audience
from knowledge.files import ReadOptions
from retrieval.retriever import Filters, Hit, Retriever
from retrieval.snapshots import Snapshots
from retrieval.update import update

TODAY = date(2026, 11, 21)


def product(key: str, title: str, price: float, kind: str, text: str, **facts: Any) -> dict[str, Any]:
    """A record of a generic catalogue; an underscore in a name is a space."""
    record = {"id": key, "title": title, "price": price, "type": kind, "description": text, "availability": "in stock"}
    return record | {name.replace("_", " "): value for name, value in facts.items()}


PRODUCTS = [
    product("C3", "Orrin City 3", 449, "City bikes", "Three gears and a coaster brake.", compare_at=499,
            Weight="14.1 kg", Gears="3", Max_rider_weight="120 kg", Lights="sold separately"),
    product("C7", "Orrin City 7", 649, "City bikes", "Seven gears, and a basket for shopping.",
            Weight="15.2 kg", Gears="7", Max_rider_weight="120 kg", Lights="included"),
    product("E1", "Volta Commuter", 2299, "Electric bikes", "A hub motor for the way to work.",
            availability="preorder", Weight="22.5 kg", Battery="500 Wh", Range="up to 90 km", Motor="250 W",
            Charging_time="4 h 30 min"),
    product("E2", "Volta Cargo", 4499, "Electric bikes", "A long-tail for two children.",
            Weight="38 kg", Battery="1,000 Wh", Range="up to 120 km", Motor="250 W", Max_load="200 kg"),
    product("H1", "Pebl Kids Helmet", 39, "Helmets", "A magnetic buckle.", Head_size="46–51 cm", Weight="240 g"),
    product("H2", "Ridgeline MIPS Helmet", 119, "Helmets", "For trails.", Head_size="55–59 cm", MIPS="yes",
            Weight="330 g"),
    product("H3", "Ridgeline Helmet", 84, "Helmets", "The same shell.", Head_size="55–59 cm", MIPS="no",
            Weight="310 g"),
    product("L1", "Beam 800 Front Light", 59, "Lights", "For dark lanes.", Output="800 lumens", Mount="handlebar",
            Run_time="1.5 h on high, 12 h on low", Waterproof="IPX5", Weight="126 g", Charging="USB-C"),
    product("L2", "Beam 400 Front Light", 39, "Lights", "For lit streets.", Output="400 lumens", Mount="handlebar",
            Run_time="2 h on high, 15 h on low", Waterproof="IPX4", Weight="98 g", Charging="USB-C"),
    product("L3", "Glow Rear Light", 24, "Lights", "Seen from afar.", availability="out of stock",
            Output="50 lumens", Run_time="8 h", Mount="seatpost", Weight="31 g"),
    product("L4", "Glow Spare Strap", 4, "Lights", "Rubber.", Fits="Glow Rear Light", Weight="5 g"),
    product("K1", "Loop Lock 90", 29, "Locks", "A cable.", Length="90 cm", Weight="1.1 kg", Security="7 of 15"),
    product("K2", "Fortress U-Lock", 79, "Locks", "Hardened.", Inside="23 × 10 cm", Weight="1.6 kg",
            Security="13 of 15"),
    product("P1", "Saddle Cover", 12, "Saddles", "Keeps the seat dry.", Lining="no membrane (not waterproof)",
            Weight="40 g"),
    product("Z1", "折叠头盔", 66, "头盔", "可以折叠的城市头盔。", 重量="390 g", 颜色="黑色"),
]  # fmt: skip
# Shopify's export: a handle, its title, text, type and tags, the names of its options, and a row a variant.
JACKET = (
    "drift-womens",
    "Drift Rain Jacket Women's",
    "<p>Packs small.</p><ul><li>Hood: no</li></ul>",
    "Jackets",
    "Women",
)
TYRE = ("glide", "Glide Tyre", "<p>Fast.</p><ul><li>Tubeless: no</li></ul>", "Tyres", "")
_JACKETS = [("Teal", "S", 3), ("Teal", "M", 0), ("Teal", "L", 5), ("Navy", "M", 4), ("Navy", "XL", 1)]
_TYRES = [("28 mm", 4, 32), ("32 mm", 0, 32), ("42 mm", 2, 38)]
_COLUMNS = (
    "Handle", "Title", "Body (HTML)", "Type", "Tags", "Option1 Name", "Option2 Name", "Option1 Value", "Option2 Value",
    "Variant SKU", "Variant Inventory Qty", "Variant Price",
)  # fmt: skip


def write(folder: Path) -> None:
    """The shop's files."""
    folder.mkdir(parents=True)
    lines = (json.dumps(record, ensure_ascii=False) for record in PRODUCTS)
    (folder / "bikes.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows: list[tuple[Any, ...]] = [_COLUMNS]
    for at, (colour, size, count) in enumerate(_JACKETS):
        rows.append((*JACKET, "Colour", "Size", colour, size, f"D{at}", count, 110))
    for at, (width, count, price) in enumerate(_TYRES):
        rows.append((*TYRE, "Width", "", width, "", f"T{at}", count, price))
    with (folder / "shopify.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    (folder / "shipping.md").write_text("# Shipping\n\nBikes ship for €79. Small things are free from €75.\n")
    staff = product("S1", "Zephyr Prototype", 1, "City bikes", "Not for sale.", audience="staff")
    (folder / "unreleased.jsonl").write_text(json.dumps(staff) + "\n")


class Shop:
    """A shop, indexed, and asked without an engine. `write` writes its files into a folder."""

    def __init__(self, folder: Path, write: Callable[[Path], None] = write) -> None:
        write(folder / "documents")
        snapshots, embedder = Snapshots(folder / "index"), HashEmbedder()
        update([folder / "documents"], snapshots, embedder, ReadOptions(currency="EUR"))
        self.retriever = Retriever(snapshots=snapshots, embedder=embedder)
        self.searches: list[str] = []

    @property
    def shelf(self) -> Shelf:
        """Its products, as the public sees them."""
        return shelf_of(self.retriever.corpus()).seen_by(lambda item: item.may_be_seen("public", TODAY))

    def reply(
        self,
        *said: str,
        language: str = "en",
        audience: Audience = "public",
        mentioned: Sequence[str] = (),
        may_ask: bool = True,
        embed: Embed | None = None,
    ) -> ProductReply | Untold | None:
        """What is replied to the last of the messages, which leans on those before it."""

        def search(words: str, k: int) -> list[Hit]:
            self.searches.append(words)
            return self.retriever.search(words, k, Filters(audience, TODAY))

        return about_products(
            "\n".join(reversed(said)), self.retriever.corpus(), search, language,
            audience=audience, day=TODAY, mentioned=mentioned, may_ask=may_ask, embed=embed,
        )  # fmt: skip

    def answer(self, *said: str, **how: Any) -> ProductReply:
        """That reply, where there is one."""
        found = self.reply(*said, **how)
        assert isinstance(found, ProductReply), found
        return found

    def text(self, *said: str, **how: Any) -> str:
        """The text of that reply; "" for none."""
        found = self.reply(*said, **how)
        return " ".join(found.sentences) if isinstance(found, ProductReply) else ""
