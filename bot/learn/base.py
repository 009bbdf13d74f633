"""Trains the house generator: `shopdesk learn base --data DIR --out RUN`.

A decoder of 22.7 million parameters that starts from the embedding model on board, all-MiniLM-L6-v2 (Wang et al.,
"MiniLM", 2020): its layers and words, read from left to right from now on, with the words' vectors as the output's too.
It reads what `bot.generation.house` puts together and learns to write the reply. The numbers of the statements it rests
on weigh more in the loss, as everything after them follows from the choice, and so do numbers. Of the prompt nothing is
learnt but the question, which stands there twice: that is where copying is learnt soonest.

Batches hold prompts of about one length. AdamW with a warm-up and a linear decay; matrix products in bfloat16, weights
in float32. A run that was stopped goes on from its last checkpoint when it is started again with the same arguments.
What comes out is a folder for `SHOPDESK_GENERATOR`.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.errors import LearningError
from bot.generation.checkpoints import first_line
from bot.generation.house import TEMPLATE
from bot.learn.cases import Case, Example
from bot.learn.replies import VERBATIM, digest, epoch
from retrieval.embedders import SentenceEmbedder

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT, RUN, WEIGHTS = "checkpoint.pt", "run.json", "model.safetensors"
LONGEST = 384  # tokens of an example: a prompt of eight long statements and its reply
POOL = 40  # batches that are made of prompts of about one length
SAVE_EVERY, SAY_EVERY = 100, 20  # steps
CHOICE, NUMBER, ECHO = 4.0, 4.0, 0.1  # weights in the loss, beside 1 of a word, of a statement's number, any other
# number, and a word of the question where it stands again
AFTER_QUESTION = 3  # tokens of a prompt after its question: "[SEP] desk :"
BETAS, DECAY = (0.9, 0.98), 0.01


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is learnt, and how. `tokens` is the size of a batch, padding included; `layers` None keeps them all."""

    epochs: float = 1.0
    seed: int = 0
    tokens: int = 3072
    learning_rate: float = 3e-4
    warm_up: float = 0.06
    layers: int | None = None
    led: float = 0.0  # the share of prompts whose likeliest statement is the first


SMOKE = Plan(epochs=1.0, tokens=2048, layers=2)


class Encoded(NamedTuple):
    """An example as tokens, and what each weighs in the loss: nothing, most of the prompt."""

    ids: list[int]
    weights: list[float]


class Step(NamedTuple):
    """A batch: tokens (examples, length), padded; what follows each that is to be learnt, and its weight."""

    ids: Tensor
    places: Tensor
    targets: Tensor
    weights: Tensor


def train(
    cases: Sequence[Case],
    out: Path,
    start: SentenceEmbedder,
    plan: Plan,
    *,
    after: Path | None = None,
    minutes: float | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> bool:
    """Trains on the cases; whether it came to its end within the minutes. It begins with the weights of the run
    `after`, else with the embedding model's.

    Raises LearningError for a checkpoint that is damaged or of another run, or a run that cannot be gone on from.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(plan.seed)
    network, tokenizer = decoder(start, plan.layers)
    if after is not None:
        _take_over(network, after)
    network.to(device).train()
    steps = list(_steps(cases, tokenizer, plan, 0 if after is None else len(VERBATIM) - 1))
    optimizer = torch.optim.AdamW(_groups(network), lr=plan.learning_rate, betas=BETAS, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: _share(at, len(steps), plan.warm_up))
    out.mkdir(parents=True, exist_ok=True)
    begun = start.name if after is None else sha256((after / WEIGHTS).read_bytes()).hexdigest()[:16]
    record = {**asdict(plan), "start": begun, "cases": len(cases), "data": digest(cases), "steps": len(steps)}
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    first = _resume(out / CHECKPOINT, parts, record)
    began, losses, tokens = time.monotonic(), list[float](), 0
    for at in range(first, len(steps)):
        batch = _batch(steps[at], tokenizer, device)
        loss = _loss(network, batch, device)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        tokens += batch.ids.numel()
        over = minutes is not None and time.monotonic() - began > 60 * minutes
        if over or (at + 1) % SAY_EVERY == 0:
            speed = tokens / (time.monotonic() - began)
            say(f"{at + 1} of {len(steps)} steps: loss {sum(losses) / len(losses):.4f}, {speed:,.0f} tokens/s")
            losses.clear()
        if over or (at + 1) % SAVE_EVERY == 0:
            _save(out / CHECKPOINT, at + 1, parts, record)
        if over:
            return False
    write(network, tokenizer, out, record)
    return True


def decoder(start: SentenceEmbedder, layers: int | None = None) -> tuple[Any, Any]:
    """A causal language model with the embedding model's weights, and its tokenizer with the chat template.

    The head's own layer, which that model does not have, begins as the identity.
    """
    import torch
    from transformers import BertLMHeadModel

    whole = start.load("cpu")
    encoder, tokenizer = whole[0].auto_model, whole.tokenizer
    config = type(encoder.config).from_dict(encoder.config.to_dict())
    config.is_decoder, config.tie_word_embeddings = True, True
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config.num_hidden_layers = layers or config.num_hidden_layers
    config.bos_token_id, config.eos_token_id = tokenizer.cls_token_id, tokenizer.sep_token_id
    config.pad_token_id = tokenizer.pad_token_id
    network = BertLMHeadModel(config)
    report = network.bert.load_state_dict(encoder.state_dict(), strict=False)
    if report.missing_keys:
        raise LearningError(f"the model {start.name!r} lacks {report.missing_keys[0]!r}; start from one like minilm")
    with torch.no_grad():
        torch.nn.init.eye_(network.cls.predictions.transform.dense.weight)
    network.tie_weights()
    network.generation_config.update(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.model_max_length = config.max_position_embeddings
    return network, tokenizer


def _take_over(network: Any, run: Path) -> None:
    """The weights of a finished run."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        kept = network.load_state_dict(load_file(run / WEIGHTS), strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise LearningError(
            f"{run}: no run to go on from ({first_line(error)}); give the --out of a finished one"
        ) from error
    untied = [name for name in kept.missing_keys if not name.startswith("cls.predictions.decoder")]
    if untied:
        raise LearningError(f"{run}: a run without {untied[0]!r}; give the --out of a finished one")


def _groups(network: Any) -> list[dict[str, Any]]:
    """Weight decay for matrices alone."""
    named = list(network.named_parameters())
    return [
        {"params": [value for _, value in named if value.ndim > 1], "weight_decay": DECAY},
        {"params": [value for _, value in named if value.ndim < 2], "weight_decay": 0.0},
    ]


def _share(at: int, steps: int, warm_up: float) -> float:
    """Of the learning rate: up in a line, then down in one."""
    return min(1.0, (at + 1) / (warm_up * steps + 1)) * (1 - at / steps)


def encoded(example: Example, tokenizer: Any) -> Encoded | None:
    """The example as tokens; None where it is too long, or its reply has a character that the tokenizer does not."""
    prompt = tokenizer.apply_chat_template(list(example.turns), tokenize=False, add_generation_prompt=True)
    read = tokenizer.encode(prompt, add_special_tokens=False, verbose=False)
    wanted = [*tokenizer.encode(example.wanted, add_special_tokens=False, verbose=False), tokenizer.sep_token_id]
    if len(read) + len(wanted) > LONGEST or tokenizer.unk_token_id in wanted:
        return None
    asked = read.index(tokenizer.sep_token_id) - 1  # tokens of the question, behind [CLS]
    weights = [0.0] * (len(read) - AFTER_QUESTION - asked) + [ECHO] * asked + [0.0] * AFTER_QUESTION
    tokens = tokenizer.convert_ids_to_tokens(wanted)
    for before, token in zip(["", *tokens], tokens, strict=False):
        is_number = token.removeprefix("##").isdigit()
        weights.append((CHOICE if before == "[" else NUMBER) if is_number else 1.0)
    return Encoded([*read, *wanted], weights)


def _steps(cases: Sequence[Case], tokenizer: Any, plan: Plan, before: int = 0) -> Iterator[list[Encoded]]:
    """The batches of all epochs, `before` of which were another run's; of a last half epoch, half of a whole one's."""
    left = plan.epochs
    for number in range(int(-(-plan.epochs // 1))):
        chance = random.Random(f"{plan.seed} {before + number}")
        drawn = epoch(cases, chance, before + number, plan.led)
        found = [one for one in (encoded(each, tokenizer) for each in drawn) if one is not None]
        batches = _batches(found, plan.tokens, chance)
        yield from batches[: max(1, round(min(1.0, left) * len(batches)))]
        left -= 1


def _batches(examples: Sequence[Encoded], tokens: int, chance: random.Random) -> list[list[Encoded]]:
    """Batches of so many tokens, of examples of about one length, in any order."""
    mean = sum(len(one.ids) for one in examples) / max(1, len(examples))
    size = max(1, round(POOL * tokens / max(1.0, mean)))
    found = list[list[Encoded]]()
    for at in range(0, len(examples), size):
        batch = list[Encoded]()
        for one in sorted(examples[at : at + size], key=lambda one: len(one.ids)):
            if batch and len(one.ids) * (len(batch) + 1) > tokens:
                found.append(batch)
                batch = []
            batch.append(one)
        found.append(batch)
    chance.shuffle(found)
    return [batch for batch in found if batch]


def _batch(examples: Sequence[Encoded], tokenizer: Any, device: str) -> Step:
    """The examples padded on the right: nothing that is learnt looks to the right, so no mask is needed."""
    import torch

    longest = max(len(one.ids) for one in examples)
    ids, places, targets, weights = list[list[int]](), list[int](), list[int](), list[float]()
    for row, one in enumerate(examples):
        ids.append(one.ids + [tokenizer.pad_token_id] * (longest - len(one.ids)))
        for at, weight in enumerate(one.weights):
            if weight:
                places.append(row * longest + at - 1)
                targets.append(one.ids[at])
                weights.append(weight)
    return Step(
        torch.tensor(ids, device=device),
        torch.tensor(places, device=device),
        torch.tensor(targets, device=device),
        torch.tensor(weights, device=device),
    )


def _loss(network: Any, batch: Step, device: str) -> Tensor:
    """The weighted mean over what is learnt of how surprising each token is. Only those, one in six, are scored: scores
    of 30,522 words cost as much as all the layers."""
    import torch

    with torch.autocast(device, dtype=torch.bfloat16):
        states = network.bert(batch.ids, use_cache=False).last_hidden_state
        scores = network.cls(states.flatten(0, 1)[batch.places])
    surprise = torch.nn.functional.cross_entropy(scores.float(), batch.targets, reduction="none")
    return (surprise * batch.weights).sum() / batch.weights.sum()


def write(network: Any, tokenizer: Any, out: Path, record: Mapping[str, Any]) -> None:
    """Writes the model in half precision, its tokenizer, and, last, the record of the run."""
    import copy

    copy.deepcopy(network).half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / RUN).write_text(json.dumps(dict(record), indent=1) + "\n", "utf-8")


def _save(path: Path, step: int, parts: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Writes the checkpoint whole or not at all."""
    import torch

    kept = {"step": step, "record": dict(record), **{name: part.state_dict() for name, part in parts.items()}}
    torch.save(kept, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def _resume(path: Path, parts: Mapping[str, Any], record: Mapping[str, Any]) -> int:
    """Takes over the checkpoint, if there is one; the step to go on with."""
    import torch

    if not path.exists():
        return 0
    try:
        kept = torch.load(path, weights_only=True)
        other = [name for name, value in record.items() if kept["record"].get(name) != value]
        if other:
            was, now = kept["record"].get(other[0]), record[other[0]]
            raise LearningError(
                f"{path}: of a run with {other[0]} = {was!r}, not {now!r}; give the arguments it was started with, "
                "or another --out"
            )
        for name, part in parts.items():
            part.load_state_dict(kept[name])
    except LearningError:
        raise
    except Exception as error:  # torch raises whatever the bytes of a damaged file lead to
        raise LearningError(f"{path}: damaged ({type(error).__name__}); remove it to begin again") from error
    return int(kept["step"])
