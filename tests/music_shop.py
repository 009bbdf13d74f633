"""A small shop of a third trade, whose catalogue is written another way: units and flags in the names of attributes,
asides in titles, and what is included in the descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def product(key: str, title: str, category: str, price: float, description: str, **facts: Any) -> dict[str, Any]:
    """A record of a shop's own export."""
    record = {"id": key, "title": title, "category": category, "price": price, "stock": 4, "description": description}
    return record | facts


PRODUCTS = [
    product("G1", "Alba Parlour Guitar (nylon strings)", "Classical guitar", 249, "Small body, wide neck, for sofas."
            " Gig bag not included.", brand="Alba", scale_length_mm=630, top="solid cedar", left_handed=False,
            weight_kg=1.6, cable_m=3),
    product("G2", "Alba Concert Guitar", "Classical guitar", 389, "A full-size box with a bright voice.",
            brand="Alba", scale_length_mm=650, top="solid spruce", left_handed=False, weight_kg=1.9),
    product("P1", "Corda 88 Stage Piano", "Digital piano", 899, "Weighted action and a metal music rest. Stand sold"
            " separately.", brand="Corda", keys=88, polyphony=128, power_w=24, headphone_sockets=2, weight_kg=11.5,
            night_mode=True, case="none"),
    product("P2", "Corda 61 Stage Piano", "Digital piano", 549, "Light enough for the bus. Pedal included.",
            brand="Corda", keys=61, polyphony=64, power_w=18, headphone_sockets=1, weight_kg=5.2),
    product("C1", "Doré Clarinet in B flat", "Clarinet", 640, "Grenadilla, silver-plated keys. The reeds are dried for"
            " two summers.", brand="Doré", keys=17, case="hard shell, included", bore_mm=14.6),
    product("V1", "Lark Violin Strings, medium", "Strings", 32, "A warm set that settles in a day.", brand="Lark",
            contains="no gut", tension_kg=23),
    product("M1", "Pulse Metronome", "Metronome", 29, "Clicks and blinks.", loudness_db=85, battery="CR2032, included",
            tempo_range="30–250 bpm"),
    product("T1", "Stage Waistcoat", "Concert wear", 75, "Black wool, no sleeves. It comes up small: take one size"
            " more than usual.", material="wool"),
]  # fmt: skip
RETURNS = "# Returns\n\nInstruments come back within 14 days. Strings and reeds do not, once they are opened.\n"


def write(folder: Path) -> None:
    """The shop's files."""
    folder.mkdir(parents=True)
    lines = (json.dumps(record, ensure_ascii=False) for record in PRODUCTS)
    (folder / "export.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "returns.md").write_text(RETURNS, encoding="utf-8")
