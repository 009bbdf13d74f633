"""A judge of two texts: does this passage answer this question, and is this sentence supported by these passages.

A small cross-encoder reads both texts together, which an embedding cannot (Nogueira and Cho, "Passage Re-ranking with
BERT", 2019). One model answers both questions; the first word of its input says which. It was trained by
`bot.learn.judge` and runs in ONNX Runtime, with 8-bit weights and without torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

SHIPPED = Path(__file__).parent / "weights" / "judge"
GRAPH, TOKENIZER = "model.onnx", "tokenizer.json"
LENGTH = 256  # tokens of both texts together; what is longer is cut
BATCH = 16
TURNS, WORDS, WORDS_BEFORE = 4, 60, 25  # messages of the shopper's, and words of the latest and of each one before
Probabilities = NDArray[np.float32]


class Judge(Protocol):
    """What the engine and the evaluation need of a judge."""

    def answers(self, question: str, passages: Sequence[str]) -> Probabilities:
        """How likely each passage answers the question, shape (len(passages),), in [0, 1]."""
        ...

    def supports(self, claim: str, passages: Sequence[str]) -> float:
        """How likely the passages say what the claim says, in [0, 1]; 0 for no passages."""
        ...


class CrossEncoderJudge:
    """The judge in a folder that `bot.learn.export` wrote; opened when it is first asked. Thread-safe."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        self.folder = folder

    def answers(self, question: str, passages: Sequence[str]) -> Probabilities:
        """How likely each passage answers the question, shape (len(passages),), in [0, 1]."""
        return self._judged([(answer_input(question), passage) for passage in passages])

    def supports(self, claim: str, passages: Sequence[str]) -> float:
        """How likely one of the passages says what the claim says, in [0, 1]; 0 for no passages."""
        judged = self._judged([(claim_input(claim), passage) for passage in passages])
        return float(judged.max(initial=0.0))

    def _judged(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        order = np.argsort([len(first) + len(second) for first, second in pairs], kind="stable")
        judged = np.empty(len(pairs), np.float32)
        for start in range(0, len(pairs), BATCH):
            batch = order[start : start + BATCH]
            judged[batch] = self._run([pairs[at] for at in batch])
        return judged

    def _run(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        session, tokenizer = self._opened
        encoded = tokenizer.encode_batch([(_clean(first), _clean(second)) for first, second in pairs])
        feed = {
            "input_ids": np.array([e.ids for e in encoded], np.int64),
            "attention_mask": np.array([e.attention_mask for e in encoded], np.int64),
            "token_type_ids": np.array([e.type_ids for e in encoded], np.int64),
        }
        return np.asarray(session.run(None, feed)[0], np.float32)

    @cached_property
    def _opened(self) -> tuple[Any, Any]:
        import onnxruntime
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / TOKENIZER))
        tokenizer.enable_truncation(LENGTH)
        tokenizer.enable_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count() or 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as in retrieval.embedders
        return onnxruntime.InferenceSession(
            str(self.folder / GRAPH), options, providers=["CPUExecutionProvider"]
        ), tokenizer


def _clean(text: str) -> str:
    """Half a surrogate pair, which JSON can spell, is no text to a tokenizer."""
    return text.encode("utf-8", "replace").decode()


def asked(turns: Sequence[str]) -> str:
    """The shopper's messages, the latest first, as the judge reads them."""
    limits = [WORDS, *[WORDS_BEFORE] * (TURNS - 1)]
    return " < ".join(" ".join(turn.split()[:limit]) for turn, limit in zip(turns, limits, strict=False))


def answer_input(question: str) -> str:
    """The first text where the second is to be judged as an answer."""
    return f"question: {question}"


def claim_input(claim: str) -> str:
    """The first text where the second is to be judged as its support."""
    return f"claim: {claim}"


def placed(title: str, headings: Sequence[str], text: str) -> str:
    """A statement with the title and headings it stands under, each once."""
    above = list(dict.fromkeys(part for part in (title, *headings) if part))
    return f"{' > '.join(above)}: {text}" if above else text
