"""Trains the judge: a cross-encoder from the embedder's weights, with sentence-transformers' own trainer.

A run that was stopped, by its time, a key or a crash, goes on from its last checkpoint when it is started again with
the same arguments. On a GPU it takes large batches by itself; both there and on a CPU it computes in bfloat16.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bot.judge import LENGTH
from bot.learn.pairs import Pair

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.cross_encoder import CrossEncoder

FINAL = "final"
BATCH = 32
LEARNING_RATE = 8e-5
POOL = 50  # batches that are sorted by length together: less padding, still a mixture


def train(
    pairs: Sequence[Pair],
    out: Path,
    start: SentenceTransformer,
    *,
    epochs: float,
    minutes: float | None = None,
    seed: int = 0,
) -> Path | None:
    """Trains from the weights of an embedding model, or goes on from the last checkpoint in `out`.

    The folder of the trained weights; None when the minutes were over before the epochs were.
    """
    import torch
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoder, CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from transformers.trainer_utils import get_last_checkpoint

    gpu = torch.cuda.is_available()
    torch.manual_seed(seed)
    with TemporaryDirectory() as folder:
        start[0].auto_model.save_pretrained(folder)
        start.tokenizer.save_pretrained(folder)
        model = CrossEncoder(folder, num_labels=1, max_length=LENGTH)
    freeze_words(model)
    columns = {
        "first": [p.first for p in pairs],
        "second": [p.second for p in pairs],
        "label": [p.label for p in pairs],
    }
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(out),
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH * 4 if gpu else BATCH,
        learning_rate=LEARNING_RATE * (2 if gpu else 1),
        warmup_steps=0.06,
        weight_decay=0.01,
        bf16=True,
        use_cpu=not gpu,
        batch_sampler=by_length,
        logging_steps=50,
        save_steps=500 if gpu else 200,
        save_total_limit=2,
        seed=seed,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=gpu,
    )
    trainer = CrossEncoderTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        loss=BinaryCrossEntropyLoss(model),
        callbacks=[_stop_after(minutes)] if minutes else [],
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(out)) if out.is_dir() else None)
    if trainer.state.global_step < trainer.state.max_steps:
        return None
    model.save_pretrained(str(out / FINAL))
    return out / FINAL


def freeze_words(model: CrossEncoder) -> None:
    """Half of the parameters are the embeddings of words, which so few pairs would only bend."""
    for name, parameter in model.named_parameters():
        if "word_embeddings" in name:
            parameter.requires_grad_(False)


def by_length(dataset: Any, batch_size: int, drop_last: bool, generator: Any = None, **_: Any) -> Any:
    """Batches of texts of like length, in random order."""
    from sentence_transformers.base.sampler import DefaultBatchSampler

    lengths = [len(first) + len(second) for first, second in zip(dataset["first"], dataset["second"], strict=True)]

    class ByLength(DefaultBatchSampler):  # type: ignore[misc]
        def __iter__(self) -> Iterator[list[int]]:
            return _batches(lengths, batch_size, generator)

    return ByLength(dataset, batch_size=batch_size, drop_last=drop_last, generator=generator)


def _batches(lengths: list[int], size: int, generator: Any) -> Iterator[list[int]]:
    import torch

    order = torch.randperm(len(lengths), generator=generator).tolist()
    for start in range(0, len(order), size * POOL):
        pool = sorted(order[start : start + size * POOL], key=lengths.__getitem__)
        batches = [pool[at : at + size] for at in range(0, len(pool), size)]
        yield from (batches[at] for at in torch.randperm(len(batches), generator=generator).tolist())


def _stop_after(minutes: float) -> Any:
    from transformers import TrainerCallback

    class StopAfter(TrainerCallback):  # type: ignore[misc]
        """Saves and stops when the time is over."""

        def __init__(self) -> None:
            self.end = time.monotonic() + 60 * minutes

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if time.monotonic() > self.end:
                control.should_save = control.should_training_stop = True

    return StopAfter()
