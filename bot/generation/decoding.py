"""From a network's scores to tokens: how one is chosen, and the plain loop for the networks that cannot be batched."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    Choose = Callable[[Sequence[int], torch.Tensor], int]

# Two forward passes at once on the same cores are slower than one after the other, whichever networks they are of. Held
# for a single step and never while a caller has the word, so that a slow reader, or a stream nobody closed, blocks no
# other conversation.
ONE_STEP = threading.Lock()


def chooser(config: Any, temperature: float, top_p: float, seed: int | None) -> Choose:
    """How the next token is chosen by the tokens so far and the scores, shape (vocabulary,); greedy at temperature 0.

    `config` is the network's generation config, whose penalties are honoured. Raises ValueError for scores that are no
    numbers.
    """
    import torch
    from transformers import generation

    process = generation.LogitsProcessorList()
    if config.repetition_penalty not in (None, 1.0):
        process.append(generation.RepetitionPenaltyLogitsProcessor(config.repetition_penalty))
    if config.no_repeat_ngram_size:
        process.append(generation.NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size))
    if temperature > 0:
        process.append(generation.TemperatureLogitsWarper(float(temperature)))
        process.append(generation.TopPLogitsWarper(top_p))
    # A generator of its own, so that neither other conversations nor training move this one's draws; on the CPU, so
    # that it stays good when the network has to leave the GPU.
    source = torch.Generator()
    source.seed() if seed is None else source.manual_seed(seed)

    def choose(ids: Sequence[int], scores: torch.Tensor) -> int:
        if scores.isnan().any():
            raise ValueError("the model's scores are not numbers (NaN); its weights are damaged or overflow")
        row = process(torch.tensor([ids], device=scores.device), scores[None].float())[0]
        if temperature == 0:
            return int(row.argmax())
        return int(torch.multinomial(row.softmax(dim=-1).cpu(), 1, generator=source))

    return choose


def last_scores_only(network: Any) -> dict[str, int]:
    """Spare the scores of all but the last token: 1.2 GB for a prompt of 2,000 tokens and 152,000 words."""
    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(base(network).forward).parameters else {}


def base(network: Any) -> Any:
    """The network without the LoRA over it."""
    return network.get_base_model() if hasattr(network, "get_base_model") else network


def alone(network: Any, prompt: Sequence[int], choose: Choose, most: int) -> Generator[int]:
    """At most so many new tokens, each computed when it is asked for, whatever kind of cache the network has."""
    import torch

    ids, cache, only = list(prompt), None, last_scores_only(network)
    fresh = ids
    for _ in range(most):
        # Inference mode belongs to the thread: it must not be left on while the caller has the word.
        with ONE_STEP, torch.inference_mode():
            kept: dict[str, Any] = {} if cache is None else {"past_key_values": cache}
            given = torch.tensor([fresh], device=next(network.parameters()).device)
            output = network(input_ids=given, use_cache=True, **kept, **only)
            cache = getattr(output, "past_key_values", None)
            token = choose(ids, output.logits[0, -1])
        ids.append(token)
        # A model without such a cache (a state-space model, say) reads everything again.
        fresh = ids if cache is None else [token]
        yield token
