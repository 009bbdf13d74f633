"""The keys and values of several conversations side by side, for a batch whose rows come and go.

Rows of different lengths end at the same place: a shorter one has padding on its left, which the attention mask hides.
transformers' own cache copies all that it holds for every token; here there is room behind, and a token is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

ROOM = 64  # positions: how often, in tokens, all is copied to a larger place

Lane = tuple[tuple[Tensor, Tensor], ...]  # one conversation: keys and values of each layer, (heads, positions, size)


class Lanes(Cache):  # type: ignore[misc]
    """A cache over these conversations, copied, or an empty one."""

    def __init__(self, lanes: Sequence[Lane] = ()) -> None:
        super().__init__(layer_class_to_replicate=_RoomyLayer)
        for parts in zip(*lanes, strict=True):
            layer = _RoomyLayer()
            layer.take(*(_side_by_side([part[of] for part in parts]) for of in (0, 1)))
            self.layers.append(layer)

    def lane(self, row: int, length: int) -> Lane:
        """The last positions of a row, as many as `length`. They are shared, so copy them before the row goes on."""
        return tuple(
            (
                layer.keys[row, :, layer.length - length : layer.length],
                layer.values[row, :, layer.length - length : layer.length],
            )
            for layer in self.layers
        )

    def rewind(self, length: int) -> None:
        """Forget what was written after so many positions, in whichever layers it was."""
        for layer in self.layers:
            layer.length = min(layer.length, length)


class _RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values, (rows, heads, positions and room, size), of which the first `length` positions are filled."""

    def __init__(self) -> None:
        super().__init__()
        self.length = 0

    def take(self, keys: Tensor, values: Tensor) -> None:
        """Begin with these, of which the last `ROOM` positions are room."""
        self.keys, self.values = keys, values
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self.length = keys.shape[2] - ROOM

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        start, end = self.length, self.length + key_states.shape[2]
        if not self.is_initialized:
            self.take(_roomy(key_states), _roomy(value_states))
        elif end > self.keys.shape[2]:
            missing = end - self.keys.shape[2]
            self.keys, self.values = _roomy(self.keys, missing), _roomy(self.values, missing)
        self.keys[:, :, start:end] = key_states
        self.values[:, :, start:end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_seq_length(self) -> int:
        return self.length


def _roomy(held: Tensor, more: int = 0) -> Tensor:
    """A copy with so many positions more, and room behind them; zeros, as a mask cannot hide what is not a number."""
    rows, heads, positions, size = held.shape
    wide = held.new_zeros(rows, heads, positions + more + ROOM, size)
    wide[:, :, :positions] = held
    return wide


def _side_by_side(parts: Sequence[Tensor]) -> Tensor:
    """One tensor (rows, heads, positions and room, size) of parts (heads, positions, size) that end at one place."""
    heads, _, size = parts[0].shape
    end = max(part.shape[1] for part in parts)
    whole = parts[0].new_zeros(len(parts), heads, end + ROOM, size)
    for row, part in enumerate(parts):
        whole[row, :, end - part.shape[1] : end] = part
    return whole
