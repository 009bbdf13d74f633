"""The lists of wordings: they compile, match nothing empty, and are read as their format says."""

from __future__ import annotations

import re
import time
from importlib.resources import files

import pytest

from bot.conduct.wording import plain, wording

NAMES = sorted(path.name.removesuffix(".txt") for path in (files("bot.conduct") / "wordings").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_section_matches_no_empty_text(name: str) -> None:
    text = "A plain sentence about boots, and one more. 一句话。"
    for section, ways in wording(name).items():
        assert ways.search("") is None, section
        assert not any(not found[0] for found in ways.finditer(text)), section


@pytest.mark.parametrize("name", NAMES)
def test_no_macro_is_left_open_and_no_way_is_lost(name: str) -> None:
    for section, ways in wording(name).items():
        assert not re.search(r"\{[A-Z_]+\}", ways.pattern), section
        assert "||" not in ways.pattern, section


@pytest.mark.parametrize("name", NAMES)
def test_no_long_text_makes_a_section_slow(name: str) -> None:
    texts = ["a " * 1000, "you " * 500, "ignore the " * 300, "我们" * 700, "i was the my " * 200, "x" * 2000]
    for section, ways in wording(name).items():
        began = time.process_time()
        for text in texts:
            ways.search(text)
        assert time.process_time() - began < 2, section


@pytest.mark.parametrize("name", NAMES)
def test_every_macro_is_used(name: str) -> None:
    text = (files("bot.conduct") / "wordings" / f"{name}.txt").read_text("utf-8")
    for macro in re.findall(r"^([A-Z_]+) = ", text, re.M):
        assert f"{{{macro}}}" in text, f"{name}: {macro}"


@pytest.mark.parametrize("name", NAMES)
def test_every_section_is_asked_for(name: str) -> None:
    """A list that no code names is dead: each section's name, or what it ends in, stands in the package."""
    code = "".join(path.read_text("utf-8") for path in (files("bot.conduct")).iterdir() if path.name.endswith(".py"))
    assert f'wording("{name}")' in code or f'("{name}", ' in code


def test_words_are_whole_in_english_and_anywhere_in_chinese() -> None:
    assert wording("distress")["words"].search("kms")
    assert not wording("distress")["words"].search("akms kmsx")
    assert wording("distress")["words zh"].search("我真的不想活了啊")


def test_a_plain_text_has_one_way_to_write_things() -> None:
    assert plain("I’m  `here`\n‘now’") == "I'm 'here' 'now'"
    assert plain("漏電，受傷") == "漏电，受伤"
