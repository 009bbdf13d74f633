"""The head that reads what a message wants: shares that sum to 1, kept on disk, silent where it knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conduct.handover import SAID, Reason
from bot.conduct.head import CHARACTERS, DIMENSIONS, NOTHING_SPECIAL, Head, likeliest, shipped, spelling
from bot.conduct.small_talk import KINDS
from knowledge.languages import Language

CHANCE = np.random.default_rng(7)
HEAD = Head(
    "hash",
    ("none", "legal", "safety"),
    CHANCE.normal(size=(8, 3)).astype(np.float32),
    np.array([0.5, -0.5, 0], np.float32),
)


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=8, max_size=8))
def test_the_likelihoods_are_shares(vector: list[float]) -> None:
    likely = HEAD.likely(np.array(vector, np.float32))
    assert tuple(likely) == HEAD.kinds
    assert all(0 <= share <= 1 for share in likely.values())
    assert sum(likely.values()) == pytest.approx(1, abs=1e-5)


def test_a_higher_score_is_likelier() -> None:
    vector = HEAD.weights[:, 2] * 10
    assert max(HEAD.likely(vector), key=HEAD.likely(vector).__getitem__) == "safety"


def test_a_kept_head_says_the_same(tmp_path: Path) -> None:
    HEAD.save(tmp_path / "kept" / "en.npz")
    kept = Head.load(tmp_path / "kept" / "en.npz")
    vector = CHANCE.normal(size=8).astype(np.float32) / 3
    assert (kept.embedder, kept.kinds) == (HEAD.embedder, HEAD.kinds)
    assert list(kept.likely(vector).values()) == pytest.approx(list(HEAD.likely(vector).values()), abs=5e-3)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_shipped_knows_kinds_that_the_desk_acts_on(language: Language) -> None:
    head = shipped(language)
    assert head is not None
    assert set(head.kinds) <= {*SAID, *KINDS, "outside", "steering", NOTHING_SPECIAL}
    assert NOTHING_SPECIAL in head.kinds
    assert head.weights.shape[1] == len(head.kinds) == len(head.offsets)
    assert (head.embedder == CHARACTERS) == (language == "zh")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("充电器突然冒烟烧起来了", ("safety",)),
        ("我要请律师告你们", ("legal",)),
        ("帮我转人工客服", ("asked_for_person",)),
        ("这双鞋有四十二码的吗", (NOTHING_SPECIAL,)),
        ("寄到云南要几天", (NOTHING_SPECIAL,)),
    ],
)
def test_the_chinese_head_reads_plain_cases(text: str, kinds: tuple[str, ...]) -> None:
    head = shipped("zh")
    assert head is not None
    assert likeliest(head.likely(spelling(text)), tuple(head.kinds), 0.0) in kinds


def test_every_reason_that_a_message_can_give_is_a_reason() -> None:
    assert set(SAID) < set(get_args(Reason))


@given(st.text(max_size=60))
def test_a_spelling_is_a_unit_vector_and_blind_to_case_spaces_and_numbers(text: str) -> None:
    vector = spelling(text)
    assert vector.shape == (DIMENSIONS,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(vector, spelling(f" {text.lower()} "))


def test_numbers_are_one_to_the_spelling_and_words_are_not() -> None:
    assert np.array_equal(spelling("寄到云南要3天"), spelling("寄到云南要 15 天"))
    assert spelling("转人工") @ spelling("我要转人工") > spelling("转人工") @ spelling("帐篷多少钱")


def test_kinds_are_likely_together_and_named_by_the_likeliest() -> None:
    likely = {"legal": 0.3, "safety": 0.4, "none": 0.3}
    assert likeliest(likely, ("legal", "safety"), 0.65) == "safety"
    assert likeliest(likely, ("legal", "upset"), 0.65) == ""
    assert likeliest({}, ("legal", "safety"), 0.5) == ""
