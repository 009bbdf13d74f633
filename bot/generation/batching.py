"""Several conversations over one network, a step for all of them at a time (continuous batching).

A step for eight rows takes little longer than one for a single row, because the weights are read from memory once. A
row joins as soon as it is read and leaves as soon as it is over or its reader has gone; the others do not notice.

Who waits for a token while nobody computes, leads: it takes one step for all rows that are due, its own among them, and
hands the lead on. So there is no thread of its own, and nothing is computed when nobody waits. A row is computed at
most `AHEAD` tokens ahead of its reader, so a reader who is slow, or has gone without a word, costs no more than that.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import torch

from bot.generation.decoding import ONE_STEP, base, last_scores_only
from bot.generation.lanes import Lane, Lanes
from bot.generation.prefixes import Prefixes

if TYPE_CHECKING:
    from bot.generation.decoding import Choose

AHEAD = 2  # tokens
TOGETHER = 16  # rows at most, beyond which new ones wait: in the house generator, 16 full ones take 150 MB

log = logging.getLogger(__name__)


def can_be_batched(network: Any) -> bool:
    """Whether rows of this network may be padded: it can be told the positions, and attends to all that was said.

    Not so with a window that slides, a state in place of keys and values, or positions counted in a way of its own.
    """
    import inspect

    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    inner = base(network)
    takes = inspect.signature(inner.forward).parameters
    if not {"attention_mask", "position_ids", "past_key_values"} <= set(takes):
        return False
    config = inner.config.get_text_config(decoder=True)
    counts = getattr(config, "rope_parameters", None) or config.model_type in ("bert", "gpt2")
    layers = DynamicCache(config=config).layers
    return bool(counts) and all(type(layer) is DynamicLayer for layer in layers)


class Row:
    """One stream: the tokens read and written, and those that its reader has not taken yet."""

    def __init__(self, prompt: Sequence[int], choose: Choose, most: int, ends: frozenset[int]) -> None:
        self.ids = list(prompt)
        self.ready: deque[int] = deque()
        self.failure: Exception | None = None
        self.is_read = False  # all tokens but the last
        self.lane: Lane | None = None  # what was read, while the row stands beside the batch
        self._choose, self._left, self._ends = choose, most, ends

    @property
    def is_over(self) -> bool:
        """Whether nothing will be written any more."""
        return self._left <= 0 or self.failure is not None

    @property
    def is_due(self) -> bool:
        """Whether another token may be computed."""
        return not self.is_over and len(self.ready) < AHEAD

    @property
    def length(self) -> int:
        """How many positions its keys and values have, once it is read."""
        return len(self.ids) - 1

    def write(self, scores: torch.Tensor) -> None:
        """The next token, by its scores; what goes wrong is this row's own failure."""
        try:
            token = self._choose(self.ids, scores)
        except Exception as error:
            self.failure = error
            return
        self._left = 0 if token in self._ends else self._left - 1
        self.ids.append(token)
        self.ready.append(token)

    def close(self) -> None:
        """Nobody reads it any more."""
        self._left = 0


class Batch:
    """The streams over one network. Thread-safe; the network must be one that `can_be_batched`."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.prefixes = Prefixes(network)
        self._only = last_scores_only(network)
        self._rows: list[Row] = []
        self._changed = threading.Condition()
        self._is_led = False
        # What follows belongs to who leads.
        self._together: list[Row] = []
        self._lanes = Lanes()
        self._has_read = False
        self._has_left = False

    def tokens(self, row: Row) -> Generator[int]:
        """The row's tokens as they are written; ending the iterator ends the row. Raises what the network raises."""
        with self._changed:
            self._rows.append(row)
        try:
            while row.ready or not row.is_over or row.failure:
                yield self._next(row)
        finally:
            row.close()
            with self._changed:
                self._rows.remove(row)
                if not self._rows:  # then nobody leads either
                    self._together, self._lanes = [], Lanes()

    def _next(self, row: Row) -> int:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: row.ready or row.failure or not self._is_led)
                if row.ready:
                    return row.ready.popleft()
                if row.failure:
                    raise row.failure
                self._is_led = True
                due = [each for each in self._rows if each.is_due]
            try:
                # Inference mode belongs to the thread: it must not be left on while the caller has the word.
                with ONE_STEP, torch.inference_mode():
                    self._advance(due)
            finally:
                with self._changed:
                    self._is_led = False
                    self._changed.notify_all()

    def _advance(self, due: Sequence[Row]) -> None:
        """One forward pass: a new row is read, or those that were take a step; by turns, where there are both."""
        going = [row for row in due if row.is_read]
        new = next((row for row in due if not row.is_read), None)
        reads = new is not None and (not going or (len(going) < TOGETHER and not self._has_read))
        self._has_read = reads
        try:
            if new is not None and reads:
                self._read(new)
            else:
                self._step(going)
        except torch.OutOfMemoryError as error:  # of an accelerator
            self._leave_accelerator(error, due)

    def _read(self, row: Row) -> None:
        """Reads a row's tokens, but for a beginning that is known, and writes the next."""
        known = self.prefixes.longest(row.ids)
        lanes = Lanes([known] if known else [])
        start = lanes.get_seq_length()
        try:
            scores = self._scores(lanes, [row.ids[start:]], torch.arange(start, len(row.ids))[None])
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # the model's own code, which may raise anything
            row.failure = error
            return
        row.is_read, row.lane = True, lanes.lane(0, len(row.ids))
        self.prefixes.keep(row.ids, row.lane)
        row.write(scores[0])

    def _step(self, rows: list[Row]) -> None:
        """The next token of each of these rows."""
        if rows != self._together:
            self._arrange(rows)
        before = self._lanes.get_seq_length()
        lengths = torch.tensor([row.length for row in rows])
        mask = torch.arange(before + 1) >= before - lengths[:, None]
        try:
            scores = self._scores(self._lanes, [row.ids[-1:] for row in rows], lengths[:, None], mask)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # the model's own code, which may raise anything
            self._lanes.rewind(before)
            if len(rows) == 1:
                rows[0].failure = error
            else:  # whose fault it is shows when each takes its step alone
                for row in rows:
                    self._step([row])
            return
        for row, own in zip(rows, scores, strict=True):
            row.write(own)

    def _arrange(self, rows: list[Row]) -> None:
        """Puts these rows side by side; one that was there and may come back keeps a copy of its own."""
        for at, row in enumerate(self._together):
            if not row.is_over:
                row.lane = self._lanes.lane(at, row.length)
        lanes = Lanes([row.lane for row in rows if row.lane is not None])
        for row in rows:
            row.lane = None
        for row in self._together:
            if row.lane is not None:
                row.lane = tuple((keys.clone(), values.clone()) for keys, values in row.lane)
        self._together, self._lanes = rows, lanes

    def _scores(
        self, lanes: Lanes, ids: list[list[int]], positions: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The scores of the token after each of these rows, shape (rows, vocabulary)."""
        device = next(self.network.parameters()).device
        given: dict[str, torch.Tensor] = {"input_ids": torch.tensor(ids), "position_ids": positions}
        if mask is not None and not mask.all():  # without padding, a faster way is taken
            given["attention_mask"] = mask.long()
        given = {name: tensor.to(device) for name, tensor in given.items()}
        output = self.network(**given, past_key_values=lanes, use_cache=True, **self._only)
        scores: torch.Tensor = output.logits[:, -1]
        return scores

    def _leave_accelerator(self, error: torch.OutOfMemoryError, due: Sequence[Row]) -> None:
        """Where its memory is full, the network moves to the CPU for good, and the rows are read again there."""
        if self._has_left:
            for row in due:
                row.failure = error
            return
        self._has_left = True
        log.warning("the accelerator is out of memory: the generator runs on the CPU from now on, which is slower; "
                    "use a smaller model, or make room and start again")  # fmt: skip
        self.network.to("cpu", torch.float32)
        self.prefixes.clear()
        self._together, self._lanes = [], Lanes()
        with self._changed:
            rows = list(self._rows)
        for row in rows:
            row.is_read, row.lane = False, None
