"""The embedder learns: what answers comes nearer, a run goes on where it stopped, and its result can be used."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bot.learn.embedder import RUN, WEIGHTS, Model, interaction, key_words, slipped, train
from bot.learn.pools import Asked, Pool
from retrieval.embedders import SentenceEmbedder
from retrieval.errors import RetrievalError

TEXTS = [
    "Returns: Swimwear comes back only with its strip.",
    "Delivery: Lyon is reached in four days.",
    "Payment: We take no cheques.",
    "Warranty: A broken zip is mended for nothing.",
]
QUESTIONS = [
    "the plasticky sticker came off my bikini",
    "how soon in provence",
    "grandad wants to post money",
    "zipper bust",
]
POOL = Pool(
    TEXTS, [Asked(question, frozenset({at})) for at, question in enumerate(QUESTIONS)] + [Asked("hi", frozenset())]
)


def margin(embedder: SentenceEmbedder) -> float:
    """How much nearer the questions are to what answers them than to the nearest of the rest."""
    cosines = embedder.embed(QUESTIONS) @ embedder.embed(TEXTS).T
    right = np.diag(cosines)
    return float((right - (cosines - 2 * np.eye(len(TEXTS))).max(axis=1)).mean())


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("embedder")
    assert train([POOL], out, SentenceEmbedder("minilm", out), epochs=4)
    return out


def test_what_answers_comes_nearer(tuned: Path, minilm: SentenceEmbedder, tmp_path: Path) -> None:
    assert margin(SentenceEmbedder(str(tuned), tmp_path)) > margin(minilm) + 0.05


def test_a_tuned_model_has_a_name_of_its_own_and_the_words_of_the_one_it_started_from(
    tuned: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    embedder = SentenceEmbedder(str(tuned), tmp_path)
    assert embedder.name == json.loads((tuned / RUN).read_text())["name"]
    assert (embedder.languages, embedder.dimensions) == ({"en"}, 384)
    weights = load_file(tuned / WEIGHTS)
    assert not [name for name in weights if "word_embeddings" in name]
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float16)}


def test_a_stopped_run_goes_on_to_the_same_end(tuned: Path, tmp_path: Path) -> None:
    while not train([POOL], tmp_path, SentenceEmbedder("minilm", tmp_path), epochs=4, minutes=0):
        assert not (tmp_path / WEIGHTS).exists()
    assert json.loads((tmp_path / RUN).read_text()) == json.loads((tuned / RUN).read_text())


def test_damaged_weights_are_named(tuned: Path, tmp_path: Path) -> None:
    for name in (RUN, WEIGHTS):
        (tmp_path / name).write_bytes((tuned / name).read_bytes())
    (tmp_path / WEIGHTS).write_bytes(b"not weights at all")
    with pytest.raises(RetrievalError, match=WEIGHTS):
        SentenceEmbedder(str(tmp_path), tmp_path / "cache").embed(["boots"])


def test_what_answers_comes_nearer_word_by_word_too(tuned: Path, minilm: SentenceEmbedder, tmp_path: Path) -> None:
    def apart(embedder: SentenceEmbedder) -> float:
        found = embedder.compared(QUESTIONS, TEXTS).interaction
        return float((np.diag(found) - (found - 2 * np.eye(len(TEXTS))).max(axis=1)).mean())

    assert apart(SentenceEmbedder(str(tuned), tmp_path)) > apart(minilm) + 0.02


def test_training_compares_as_the_desk_does(tuned: Path, tmp_path: Path) -> None:
    embedder = SentenceEmbedder(str(tuned), tmp_path)
    model = Model(embedder, "cpu")
    model.network.eval()
    with torch.inference_mode():
        trained = interaction(model.embed(QUESTIONS, 72), model.embed(TEXTS, 72))
    np.testing.assert_allclose(embedder.compared(QUESTIONS, TEXTS).interaction, trained, atol=0.02)  # bfloat16


@given(st.text(alphabet="abc ?", max_size=30), st.integers(0, 1000))
def test_a_slip_leaves_most_of_a_question(question: str, seed: int) -> None:
    found = slipped(question, random.Random(seed))
    assert abs(len(found) - len(question)) <= 2
    assert set(found) <= set(question)


@given(st.text(alphabet="ab, .", max_size=40), st.integers(0, 1000))
def test_key_words_stand_side_by_side_in_the_text(text: str, seed: int) -> None:
    found = key_words(text, random.Random(seed)).split()
    words = "".join(letter if letter.isalpha() else " " for letter in text).split()
    assert len(found) <= 3
    assert not words or found in [words[at : at + len(found)] for at in range(len(words))]


def test_a_run_goes_on_from_a_tuned_model_and_holds_to_the_untuned_one(tuned: Path, tmp_path: Path) -> None:
    model = Model(SentenceEmbedder(str(tuned), tmp_path), "cpu")
    before = Model(SentenceEmbedder("minilm", tmp_path), "cpu")
    model.network.eval(), before.network.eval()
    with torch.inference_mode():
        tuned_vectors = model.embed(TEXTS, 72).whole
        assert not torch.allclose(tuned_vectors, before.embed(TEXTS, 72).whole, atol=0.05)
        forgotten = [
            float(each._forgotten(TEXTS, each.embed(TEXTS, 72).whole, 72, random.Random(1))) for each in (before, model)
        ]
    assert abs(forgotten[0]) < 1e-3 < forgotten[1]
