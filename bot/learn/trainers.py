"""The two lessons of a cycle, by TRL: supervised on good replies, then KTO on good and bad ones.

KTO: Ethayarajh et al., "KTO: Model Alignment as Prospect Theoretic Optimization" (2024); its reference is the model as
the first lesson left it. LoRA: Hu et al. (2021), by PEFT. TRL gets tokens, not texts, so that what is learnt from is
what the desk would read. A lesson that was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import LearningError
from bot.learn.bases import Base, Tokens
from bot.learn.runs import LORA_FILES

BATCH = 8
SAVE_EVERY, LOG_EVERY = 25, 1  # steps
WARM_UP = 0.1
BETA = 0.1  # of KTO: how dear it is to leave the reference
SCALE = 2  # of the LoRA: its alpha is so many times its rank
_MLP = re.compile(r"(?:^|[._])(?:mlp|feed_forward|ffn|fc\d?|intermediate)(?:[._]|$)|layer\.\d+\.output\.dense$")
_LINEAR = ("Linear", "Conv1D")
Rated = tuple[Tokens, bool]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lesson:
    """How much is learnt, and how fast. `deadline` is a time of `time.monotonic`, at which it stops to go on later."""

    rank: int
    targets: str
    seed: int
    epochs: float
    rate: float
    deadline: float | None = None


Log = Callable[[int, int, Mapping[str, float]], None]  # step, of how many, what was measured


def supervised(base: Base, shown: Sequence[Tokens], work: Path, lesson: Lesson, log: Log) -> bool:
    """Teaches a fresh LoRA these replies, and leaves it in `work / "lora"`; whether it came to its end in time."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = [_row(one) for one in _epochs(shown, lesson)]
    options = {"dataset_kwargs": {"skip_prepare_dataset": True}, "max_length": None, "packing": False}
    with quiet(), _whole_head(base.network), _replies_alone():
        trainer = SFTTrainer(
            model=base.network,
            args=SFTConfig(**_arguments(work, lesson), **options),
            train_dataset=Dataset.from_list(rows),
            processing_class=base.chat.tokenizer,
            peft_config=fresh_lora(base.network, lesson),
            callbacks=[_watch(log, lesson.deadline)],
        )
        return _run(trainer, work)


def preferred(base: Base, rated: Sequence[Rated], start: Path, work: Path, lesson: Lesson, log: Log) -> bool:
    """Teaches the LoRA in `start` good replies from bad, and leaves it in `work / "lora"`; whether in time.

    The rarer kind weighs more, so that both weigh the same.
    """
    from datasets import Dataset
    from peft import PeftModel
    from trl import KTOConfig, KTOTrainer

    class TokensTrainer(KTOTrainer):  # type: ignore[misc]
        """KTO on rows that are tokens already."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    good = sum(label for _, label in rated)
    bad = len(rated) - good
    options = {
        "beta": BETA,
        "max_length": None,
        "desirable_weight": max(1.0, bad / good),
        "undesirable_weight": max(1.0, good / bad),
    }
    with quiet(), _whole_head(base.network), _replies_alone():
        trainer = TokensTrainer(
            model=PeftModel.from_pretrained(base.network, str(start), is_trainable=True),
            args=KTOConfig(**_arguments(work, lesson), **options),
            train_dataset=Dataset.from_list(_mismatched(_epochs(rated, lesson))),
            processing_class=base.chat.tokenizer,
            callbacks=[_watch(log, lesson.deadline)],
        )
        return _run(trainer, work)


def _row(one: Tokens) -> Row:
    """A row of the first lesson. What is given is read like the prompt, and not learnt."""
    return {"input_ids": [*one.read, *one.rated], "labels": [-100] * len(one.read) + one.rated}


def _mismatched(drawn: Sequence[Rated]) -> list[Row]:
    """Rows of KTO; each batch has every reply a second time behind another's prompt, which measures the divergence."""
    if len(drawn) % BATCH == 1:  # nothing to exchange with
        drawn = drawn[:-1]
    rows = list[Row]()
    for at in range(0, len(drawn), BATCH):
        batch = drawn[at : at + BATCH]
        for (own, label), (other, _) in zip(batch, [batch[-1], *batch[:-1]], strict=True):
            rows.append(
                {
                    "prompt_ids": own.read,
                    "completion_ids": own.rated,
                    "KL_completion_ids": other.rated,
                    "label": label,
                }
            )
    return rows


def _epochs(items: Sequence[Any], lesson: Lesson) -> list[Any]:
    """The items as often as they are seen, each round in an order of its own; of a last half round, half."""
    found, left, chance = list[Any](), lesson.epochs, random.Random(f"order {lesson.seed}")
    while left > 0:
        order = chance.sample(list(items), len(items))
        found += order[: max(1, round(min(1.0, left) * len(order)))]
        left -= 1
    return found


def _arguments(work: Path, lesson: Lesson) -> dict[str, Any]:
    """What both lessons tell the trainer: on the CPU in float32, so that the same seed gives the same weights."""
    import torch

    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(work),
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "learning_rate": lesson.rate,
        "warmup_steps": WARM_UP,
        "lr_scheduler_type": "linear",
        "weight_decay": 0.0,
        "bf16": on_gpu,
        "use_cpu": not on_gpu,
        "gradient_checkpointing": False,
        "train_sampling_strategy": "sequential",
        "seed": lesson.seed,
        "logging_steps": LOG_EVERY,
        "save_steps": SAVE_EVERY,
        "save_total_limit": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }


def fresh_lora(network: Any, lesson: Lesson) -> Any:
    """The LoRA of a lesson over this network, as PEFT takes it."""
    from peft import LoraConfig

    return LoraConfig(
        r=lesson.rank,
        lora_alpha=SCALE * lesson.rank,
        target_modules=_targets(network, lesson.targets),
        task_type="CAUSAL_LM",
    )


def _targets(network: Any, targets: str) -> Any:
    """The layers that the LoRA goes over, as PEFT takes them."""
    if targets == "all-linear":
        return targets
    found = [name for name, layer in network.named_modules() if type(layer).__name__ in _LINEAR and _MLP.search(name)]
    if not found:
        raise LearningError("this base has no MLP that is known by its name; use --targets all-linear")
    return found


@contextmanager
def _whole_head(network: Any) -> Iterator[None]:
    """TRL goes from the last layer to the words by the output's matrix alone; a BERT's head has a layer before it."""
    if not hasattr(network, "bert"):
        yield
        return
    head = network.cls.predictions

    def through(_: Any, __: Any, output: Any) -> Any:
        output.last_hidden_state = head.transform(output.last_hidden_state)
        return output

    hook = network.bert.register_forward_hook(through)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _replies_alone() -> Iterator[None]:
    """On a CPU TRL scores the prompts' tokens too, which are nine in ten and of no use, so that no kernel is compiled
    twice; here it scores the replies' alone, as it does on a GPU. The figures are the same."""
    from trl.trainer import utils

    before = utils._use_triton
    utils._use_triton = lambda device: True
    try:
        yield
    finally:
        utils._use_triton = before


def _watch(log: Log, deadline: float | None) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Tells of every step, and stops in time, behind a checkpoint."""

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if deadline is not None and time.monotonic() > deadline and state.global_step < state.max_steps:
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                numbers = {name: float(value) for name, value in logs.items() if isinstance(value, int | float | str)}
                log(state.global_step, state.max_steps, numbers)

    return Watch()


def _run(trainer: Any, work: Path) -> bool:
    """Trains from the last checkpoint on; at the end the LoRA is in its folder, whole or not there."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # standard output is for the result
    trainer.train(resume_from_checkpoint=_checkpoint(work))
    if trainer.state.global_step < trainer.state.max_steps:
        return False
    save_lora(trainer.model, work)
    return True


def save_lora(network: Any, work: Path) -> None:
    """Leaves the LoRA of a network in `work / "lora"`, whole or not at all."""
    draft = work / "lora.new"
    network.save_pretrained(draft, selected_adapters=["default"], save_embedding_layers=False)
    for path in draft.iterdir():
        if path.name not in LORA_FILES:
            path.unlink()
    draft.replace(work / "lora")


def _checkpoint(work: Path) -> str | None:
    """The last checkpoint that is whole; one that a crash cut off is removed. Its state is what is written last."""
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in found:
        try:
            json.loads((path / "trainer_state.json").read_bytes())
        except (OSError, ValueError):
            shutil.rmtree(path)
    whole = [path for path in found if path.exists()]
    return str(whole[-1]) if whole else None


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of TRL and PEFT, which are for who writes a training script."""
    import logging

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
