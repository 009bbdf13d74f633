"""The embedding model: its exported graph gives what sentence-transformers gives, and is there whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from bot.learn.pairs import curriculum, is_shop_held_out
from bot.learn.pools import statement_pool
from retrieval.embedders import BATCH, IMPORTANCE, SHIPPED, TUNED, SentenceEmbedder, on_board
from retrieval.errors import RetrievalError

TEXTS = [
    "Can I send back boots I wore once?",
    "boots",
    "",
    "三十天内可以退货吗？",
    "The guarantee on a tent runs for three years, on its poles for one, and not at all on pegs; keep the receipt.",
    "£4.50 🥾\nand a new line",
    "half a pair \ud83e",
]
LONG = "the tent leaks and nobody answers " * 100


@pytest.fixture(scope="module")
def encode() -> Callable[[list[str]], Any]:
    """The vectors of sentence-transformers itself."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = SentenceTransformer(on_board(), device="cpu")
    return lambda texts: model.encode(texts, normalize_embeddings=True)


def test_vectors_are_those_of_sentence_transformers(
    minilm: SentenceEmbedder, encode: Callable[[list[str]], Any]
) -> None:
    texts = [*TEXTS[:-1], LONG]  # half a surrogate pair is an error there
    np.testing.assert_allclose(minilm.embed(texts), encode(texts), atol=1e-5)


def test_the_projects_own_model_is_the_one_on_board_with_its_weights_in_place(house: SentenceEmbedder) -> None:
    from safetensors.torch import load_file

    model = house.load("cpu")
    tuned = load_file(SHIPPED / TUNED)
    importance = tuned.pop(IMPORTANCE)
    assert importance.shape == (house.dimensions,)
    assert all((value.float() == model[0].auto_model.state_dict()[name]).all() for name, value in tuned.items())
    wanted = model.encode(TEXTS[:-1], normalize_embeddings=True)
    np.testing.assert_allclose(house.embed(TEXTS[:-1]), wanted, atol=1e-5)


def test_the_projects_own_model_knows_what_shoppers_of_a_shop_it_never_saw_mean(
    house: SentenceEmbedder, minilm: SentenceEmbedder
) -> None:
    shop = "Stroud & Larivière"
    assert is_shop_held_out(shop)
    pool = statement_pool(curriculum()[shop])
    asked = [one for one in pool.asked if one.right]

    def share_right(embedder: SentenceEmbedder) -> float:
        nearest = (embedder.embed([one.question for one in asked]) @ embedder.embed(pool.texts).T).argmax(axis=1)
        return float(np.mean([int(at) in one.right for at, one in zip(nearest, asked, strict=True)]))

    assert share_right(house) > share_right(minilm) + 0.05


def test_a_vector_has_unit_length(minilm: SentenceEmbedder) -> None:
    vectors = minilm.embed([*TEXTS, LONG])
    assert vectors.shape == (len(TEXTS) + 1, minilm.dimensions) == (len(TEXTS) + 1, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@settings(max_examples=8)
@given(order=st.permutations(range(len(TEXTS))))
def test_a_text_has_one_vector_whatever_its_batch(minilm: SentenceEmbedder, order: list[int]) -> None:
    alone = np.concatenate([minilm.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(minilm.embed([TEXTS[number] for number in order]), alone[order], atol=1e-6)


def test_more_than_one_batch_keeps_the_order_and_tells_its_progress(minilm: SentenceEmbedder) -> None:
    texts = [f"boot number {number} {'is warm ' * (number % 7)}" for number in range(BATCH + 5)]
    finished: list[int] = []
    vectors = minilm.embed(texts, finished.append)
    assert finished == [BATCH, 5]
    for number in (0, 6, BATCH, BATCH + 4):
        np.testing.assert_allclose(vectors[number], minilm.embed([texts[number]])[0], atol=1e-6)


def test_a_text_too_long_for_the_model_is_cut_off(minilm: SentenceEmbedder) -> None:
    one, other = minilm.embed([LONG, LONG + "and something else"])
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert float(one @ minilm.embed(["a tent that leaks"])[0]) > 0.4


def test_meaning_is_near_meaning(minilm: SentenceEmbedder) -> None:
    asked, near, far = minilm.embed(["how do I send it back", "returning an item", "our office dog is called Bo"])
    assert asked @ near > asked @ far + 0.2


def test_no_texts_have_no_vectors(minilm: SentenceEmbedder) -> None:
    assert minilm.embed([]).shape == (0, 384)
    assert minilm.embed_documents([]) == []


def test_it_says_what_it_speaks(minilm: SentenceEmbedder, tmp_path: Path) -> None:
    assert (minilm.name, minilm.languages) == ("minilm", {"en"})
    assert SentenceEmbedder("house", tmp_path).languages == {"en"}
    assert SentenceEmbedder(str(tmp_path), tmp_path).languages is None


class TestLangChain(EmbeddingsIntegrationTests):
    """LangChain's own conformance suite."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return SentenceEmbedder

    @pytest.fixture
    def model(self, minilm: SentenceEmbedder) -> Embeddings:
        return minilm


@pytest.mark.parametrize("name", ["/nowhere/at all", "./nowhere", "~/nowhere at all", "nobody/no-such-model"])
def test_a_model_that_is_not_there_is_named_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(RetrievalError, match=name) as raised:
        SentenceEmbedder(name, tmp_path / "cache").embed(["boots"])
    assert "SHOPDESK_EMBEDDER" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_model_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("{broken")
    with pytest.raises(RetrievalError, match="SHOPDESK_EMBEDDER") as raised:
        SentenceEmbedder(str(tmp_path), tmp_path / "cache").embed(["boots"])
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RetrievalError, match=r"file/cache.*cannot be written"):
        SentenceEmbedder("minilm", tmp_path / "file" / "cache").embed(["boots"])


def make_model(folder: Path, pooling: str, dense: bool = False) -> str:
    """A sentence-transformers model of a few random weights, without a layer that makes unit vectors."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer
    from torch import manual_seed
    from transformers import BertConfig, BertModel, BertTokenizerFast

    manual_seed(7)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *ascii_lowercase, *(f"##{c}" for c in ascii_lowercase)]
    base = folder / "base"
    base.mkdir(parents=True)
    (base / "vocab.txt").write_text("\n".join(words))
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=24,
    )
    BertModel(config).save_pretrained(base)
    BertTokenizerFast(str(base / "vocab.txt"), model_max_length=24).save_pretrained(base)
    modules = [Transformer(str(base)), Pooling(32, pooling)]
    SentenceTransformer(modules=[*modules, *([Dense(32, 16)] if dense else [])], device="cpu").save(
        str(folder / "model")
    )
    return str(folder / "model")


def same_as_torch(embedder: SentenceEmbedder) -> bool:
    from sentence_transformers import SentenceTransformer

    texts = ["boots", "red boots and blue hats in a long row of boots", "a"]
    wanted = SentenceTransformer(embedder.name, device="cpu").encode(texts, normalize_embeddings=True)
    return np.allclose(embedder.embed(texts), wanted, atol=1e-5)


def test_other_poolings_work_two_can_ask_at_once_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model, cache = make_model(tmp_path, "cls", dense=True), tmp_path / "cache"
    capfd.readouterr()
    with ThreadPoolExecutor(2) as pool:
        embedders = list(pool.map(lambda _: warmed(SentenceEmbedder(model, cache)), range(2)))
    assert capfd.readouterr() == ("", "")
    assert all(embedder.dimensions == 16 and same_as_torch(embedder) for embedder in embedders)
    assert sorted(path.suffix for path in cache.rglob("*") if path.is_file()) == ["", ".json", ".onnx"]


def warmed(embedder: SentenceEmbedder) -> SentenceEmbedder:
    embedder.embed(["once"])
    return embedder


def test_a_killed_export_leaves_nothing_half(tmp_path: Path) -> None:
    model, cache = make_model(tmp_path, "mean"), tmp_path / "cache"
    code = (
        "import sys; from pathlib import Path; from retrieval.embedders import SentenceEmbedder; "
        "SentenceEmbedder(sys.argv[1], Path(sys.argv[2])).embed(['boots'])"
    )
    exporting = subprocess.Popen([sys.executable, "-c", code, model, str(cache)], stderr=subprocess.PIPE)
    while not (cache / "building" / "tokenizer.json").exists():
        assert exporting.poll() is None, exporting.stderr and exporting.stderr.read()
        time.sleep(0.01)
    os.kill(exporting.pid, signal.SIGKILL)
    exporting.communicate()
    assert sorted(path.name for path in cache.iterdir()) == ["building", "lock"]
    embedder = SentenceEmbedder(model, cache)
    assert same_as_torch(embedder)
    assert not (cache / "building").exists()
    assert sorted(path.name for path in cache.glob("*/*")) == ["model.onnx", "tokenizer.json"]


def test_a_graph_that_is_there_needs_no_torch(minilm: SentenceEmbedder) -> None:
    code = (
        "import sys; from pathlib import Path; from retrieval.embedders import SentenceEmbedder; "
        "e = SentenceEmbedder('minilm', Path(sys.argv[1])); e.embed(['boots']); "
        "print(*sorted({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))"
    )
    cache = str(minilm._graph.parent.parent)
    done = subprocess.run([sys.executable, "-c", code, cache], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_the_interaction_is_that_of_brute_force_over_the_tokens(
    house: SentenceEmbedder,
) -> None:
    import torch
    from safetensors.torch import load_file

    questions, texts = ["how long is the guarantee?", "boots"], [*TEXTS[:-1], LONG]
    model, importance = house.load("cpu"), load_file(SHIPPED / TUNED)[IMPORTANCE].float()

    def read(text: str) -> torch.Tensor:
        with torch.inference_mode():
            states: torch.Tensor = model(model.preprocess([text]))["token_embeddings"][0].float()
            return states

    found = house.compared(questions, texts)
    np.testing.assert_allclose(found.whole, house.embed(questions) @ house.embed(texts).T, atol=1e-5)
    for row, question in enumerate(questions):
        asked = read(question)
        counts = torch.nn.functional.softplus(asked @ importance)
        for column, text in enumerate(texts):
            likeness = torch.nn.functional.normalize(asked, dim=1) @ torch.nn.functional.normalize(read(text), dim=1).T
            wanted = float((likeness.max(dim=1).values * counts).sum() / counts.sum())
            assert found.interaction[row, column] == pytest.approx(wanted, abs=2e-3)  # texts are kept in half precision


def test_a_text_compares_the_same_alone_in_company_and_again(house: SentenceEmbedder) -> None:
    texts = [*TEXTS, LONG]
    together = house.compared(["boots"], texts)
    alone = SentenceEmbedder("house", house._graph.parent.parent)
    for column, text in enumerate(texts):
        one = alone.compared(["boots"], [text])
        np.testing.assert_allclose(
            [one.whole[0, 0], one.interaction[0, 0]],
            [together.whole[0, column], together.interaction[0, column]],
            atol=2e-3,
        )
    again = house.compared(["boots"], texts)
    assert all((one == other).all() for one, other in zip(together, again, strict=True))
    assert house.compared(["boots"], []).whole.shape == (1, 0)
    assert house.compared([], texts).interaction.shape == (0, len(texts))
