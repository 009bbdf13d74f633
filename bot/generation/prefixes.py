"""What was read lately: the beginning of a prompt that was read before need not be read again.

Prompts of one shop begin with its instructions, the next turn of a conversation with the turns before it, and a popular
question comes again word for word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.generation.lanes import Lane

KEPT = 8  # prompts
BYTES = 256 * 2**20  # that all of them may take; one prompt of 400 tokens is 7 MB in the house generator
LEAST = 16  # tokens, fewer of which are read as fast as they are copied


class Prefixes:
    """The prompts read last, with their keys and values. Not thread-safe: who owns the network owns this."""

    def __init__(self, network: Any) -> None:
        self._network, self._lora = network, _lora_in_force(network)
        self._kept: dict[tuple[int, ...], Lane] = {}  # the one used last is the last

    def __len__(self) -> int:
        return len(self._kept)

    def longest(self, prompt: Sequence[int]) -> Lane | None:
        """Keys and values of the longest known beginning of a prompt, without its last token; None for a short one."""
        if (lora := _lora_in_force(self._network)) != self._lora:  # what was read with another says something else
            self._lora = lora
            self.clear()
        found = max(self._kept, key=lambda known: _common(known, prompt), default=())
        length = min(_common(found, prompt), len(prompt) - 1)
        if length < LEAST:
            return None
        lane = self._kept[found] = self._kept.pop(found)
        return tuple((keys[:, :length], values[:, :length]) for keys, values in lane)

    def keep(self, prompt: Sequence[int], lane: Lane) -> None:
        """Remember a prompt that was read; those it goes on from, and the ones not used for longest, are forgotten."""
        whole = tuple(prompt)
        self._kept = {known: kept for known, kept in self._kept.items() if known != whole[: len(known)]}
        self._kept[whole] = lane
        while len(self._kept) > KEPT or (self._kept and sum(map(_size, self._kept.values())) > BYTES):
            del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()


def _lora_in_force(network: Any) -> list[Any]:
    """What tells one LoRA from another, also when it is exchanged in place or switched off; cheap beside a prompt."""
    layers = [module for module in network.modules() if hasattr(module, "lora_A")]
    switches = [(layer.disable_adapters, *layer.active_adapters, *layer.merged_adapters) for layer in layers]
    weights = [(name, weight) for layer in layers for name, weight in layer.named_parameters() if "lora_" in name]
    return [switches, [(name, float(weight.sum())) for name, weight in weights]]


def _common(known: Sequence[int], prompt: Sequence[int]) -> int:
    """How many tokens the two begin with in common."""
    pairs = enumerate(zip(known, prompt, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(known), len(prompt)))


def _size(lane: Lane) -> int:
    return sum(part.nbytes for layer in lane for part in layer)
