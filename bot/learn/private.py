"""The one lesson of a private cycle: DP-SGD on whole conversations, so that no LoRA tells much of any single one.

    shopdesk learn train --dp-epsilon 8 --base FOLDER

Abadi et al., "Deep Learning with Differential Privacy" (2016), with a conversation for their example: of all its rated
replies together there is one gradient, which is cut to a length. A good reply is supervised; besides, good and bad ones
are told apart by APO-zero (D'Oosterlinck et al., "Anchored Preference Optimization", 2024), which is KTO without the
reference that all examples of a batch share: that would let one conversation into the gradients of the others. Only the
LoRA's second matrices learn, so that less noise is needed, and none is multiplied by another's (Sun et al., "Improving
LoRA in Privacy-preserving Federated Learning", 2024). What is replayed is public, and needs no privacy of its own.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from bot.learn.bases import Base, Tokens
from bot.learn.budget import Budget
from bot.learn.runs import write_whole
from bot.learn.trainers import BETA, SAVE_EVERY, WARM_UP, Lesson, Log, Rated, fresh_lora, quiet, save_lora

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class Shown:
    """A rated reply; `reference` is how likely the base finds it, as a log-likelihood."""

    tokens: Tokens
    label: bool
    reference: float


Conversation = Sequence[Shown]


def private(
    base: Base,
    conversations: Sequence[Sequence[Rated]],
    replayed: Sequence[Tokens],
    work: Path,
    lesson: Lesson,
    budget: Budget,
    secret: bytes,
    log: Log,
) -> bool:
    """Teaches a fresh LoRA these conversations, and leaves it in `work / "lora"`; whether it came to its end in time.

    Who takes part in a step and the noise on it follow from the secret and the step's number: a step that is done again
    after a crash is the same, and tells nothing more. The log gets the loss of what is replayed alone.
    """
    import torch
    from peft import get_peft_model

    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(lesson.seed)
    with quiet():
        network = get_peft_model(base.network, fresh_lora(base.network, lesson)).eval()
    learning = _learning(network)
    units = [_shown(network, rated) for rated in conversations]
    public = [_shown(network, [(tokens, True)]) for tokens in replayed]
    optimizer = torch.optim.Adam(learning, lr=lesson.rate)
    step = _restore(work / CHECKPOINT, learning, optimizer)
    while step < budget.steps:
        chance = _chance(secret, step)
        drawn, beside = (_drawn(of, budget.sampling_rate, chance) for of in (units, public))
        weight = budget.sampling_rate * (len(units) + len(public))  # not how many were drawn, which would tell of them
        total = clipped_sum(network, learning, [*drawn, *beside], budget.clip)
        for matrix, gradient in zip(learning, noised(total, budget, chance), strict=True):
            matrix.grad = gradient / weight
        optimizer.param_groups[0]["lr"] = lesson.rate * _share(step, budget.steps)
        optimizer.step()
        step += 1
        log(step, budget.steps, _measured(network, beside))
        late = lesson.deadline is not None and time.monotonic() > lesson.deadline and step < budget.steps
        if late or step % SAVE_EVERY == 0:
            _save(work / CHECKPOINT, learning, optimizer, step)
        if late:
            return False
    save_lora(network, work)
    return True


def clipped_sum(network: Any, learning: Sequence[Any], drawn: Sequence[Conversation], clip: float) -> list[Any]:
    """The sum over conversations of their gradients, each cut to the length `clip` over all matrices together."""
    import torch

    total = [torch.zeros_like(matrix) for matrix in learning]
    for conversation in drawn:
        gradients = gradient_of(network, learning, conversation)
        length = float(torch.stack([gradient.norm() for gradient in gradients]).norm())
        if not np.isfinite(length):  # nothing of it, which is short enough
            continue
        for own, gradient in zip(total, gradients, strict=True):
            own.add_(gradient, alpha=min(1.0, clip / max(length, 1e-12)))
    return total


def gradient_of(network: Any, learning: Sequence[Any], conversation: Conversation) -> list[Any]:
    """The gradient of a conversation's mean loss, reply by reply, so that a long one needs no more memory."""
    import torch

    total = [torch.zeros_like(matrix) for matrix in learning]
    for shown in conversation:
        loss = _loss(network, shown) / len(conversation)
        for own, gradient in zip(total, torch.autograd.grad(loss, learning, materialize_grads=True), strict=True):
            own.add_(gradient)
    return total


def noised(total: Sequence[Any], budget: Budget, chance: np.random.Generator) -> list[Any]:
    """The sum with Gaussian noise on each of its numbers."""
    import torch

    deviation = budget.noise_multiplier * budget.clip
    return [own + torch.from_numpy(deviation * chance.standard_normal(tuple(own.shape))).to(own) for own in total]


def _loss(network: Any, shown: Shown) -> Any:
    said = _likelihoods(network, shown.tokens)
    likelier = (BETA * (said.sum() - shown.reference)).sigmoid()
    return 1 - likelier - said.mean() if shown.label else likelier


def _likelihoods(network: Any, tokens: Tokens) -> Any:
    """The log-likelihood of each token that is rated, shape (len(tokens.rated),)."""
    import torch

    ids = torch.tensor([[*tokens.read, *tokens.rated]], device=network.device)
    scores = network(input_ids=ids, use_cache=False, logits_to_keep=len(tokens.rated) + 1).logits[0, :-1]
    return scores.float().log_softmax(-1).gather(1, ids[0, len(tokens.read) :, None])[:, 0]


def _shown(network: Any, rated: Sequence[Rated]) -> Conversation:
    """The replies with their reference, by a network whose LoRA changes nothing yet."""
    import torch

    with torch.no_grad():
        return [Shown(tokens, label, float(_likelihoods(network, tokens).sum())) for tokens, label in rated]


def _learning(network: Any) -> list[Any]:
    """The matrices that learn, in the network's order; all others stand still."""
    found = []
    for name, weight in network.named_parameters():
        weight.requires_grad_("lora_B" in name)
        if weight.requires_grad:
            found.append(weight)
    return found


def _chance(secret: bytes, step: int) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hmac.digest(secret, f"step {step}".encode(), "sha256")))


def _drawn(of: Sequence[Conversation], rate: float, chance: np.random.Generator) -> list[Conversation]:
    """Each of them with that chance, on its own."""
    return [one for one, at in zip(of, chance.random(len(of)), strict=True) if at < rate]


def _share(step: int, steps: int) -> float:
    """Of the rate: up to the whole, then down to nothing, as in the other lessons."""
    up = max(1, round(WARM_UP * steps))
    return (step + 1) / up if step < up else (steps - step) / max(1, steps - up)


def _measured(network: Any, beside: Sequence[Conversation]) -> dict[str, float]:
    import torch

    with torch.no_grad():
        losses = [float(_loss(network, shown)) for one in beside for shown in one]
    return {"loss": float(np.mean(losses))} if losses else {}


def _save(path: Path, learning: Sequence[Any], optimizer: Any, step: int) -> None:
    import torch

    content = BytesIO()
    torch.save(
        {"step": step, "learning": [matrix.detach() for matrix in learning], "optimizer": optimizer.state_dict()},
        content,
    )
    write_whole(path, content.getvalue())


def _restore(path: Path, learning: Sequence[Any], optimizer: Any) -> int:
    """Goes back to where the lesson was stopped; the step to come."""
    import torch

    if not path.exists():
        return 0
    kept = torch.load(path, weights_only=True)
    with torch.no_grad():
        for own, before in zip(learning, kept["learning"], strict=True):
            own.copy_(before)
    optimizer.load_state_dict(kept["optimizer"])
    return int(kept["step"])
