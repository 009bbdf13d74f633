"""Conversations written at once: the text of each is what it would be alone, and each may leave at any time."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from test_generators import tiny_config, tiny_tokenizer
from transformers import (
    BertConfig,
    BertLMHeadModel,
    GPT2LMHeadModel,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    RobertaConfig,
    RobertaForCausalLM,
)

from bot.errors import GenerationError
from bot.generation import batching, prefixes
from bot.generation.batching import AHEAD, Batch, Row, can_be_batched
from bot.generation.decoding import alone, chooser
from bot.generation.transformers_chat import TransformersChatModel

WAIT = 60.0  # seconds, after which a test that hangs fails
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
ROTARY = {**SIZES, "vocab_size": 320, "num_key_value_heads": 2, "max_position_embeddings": 256, "eos_token_id": None}
KINDS: dict[str, Callable[[], Any]] = {
    "house": lambda: BertLMHeadModel(
        BertConfig(**SIZES, vocab_size=320, max_position_embeddings=256, is_decoder=True, tie_word_embeddings=True)
    ),
    "gpt2": lambda: GPT2LMHeadModel(tiny_config("gpt2")),
    "llama": lambda: LlamaForCausalLM(tiny_config("llama")),
    "qwen": lambda: Qwen2ForCausalLM(Qwen2Config(**ROTARY)),
}


@cache
def network(kind: str) -> Any:
    """Random weights, wide enough apart that greedy decoding does not repeat one token."""
    made = KINDS[kind]().eval()
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in made.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.3, generator=source)
    return made


GREEDY = chooser(network("gpt2").generation_config, 0, 1, None)


def plain(of: Any, prompt: Sequence[int], most: int) -> list[int]:
    return list(alone(of, prompt, GREEDY, most))


def row(prompt: Sequence[int], most: int, ends: frozenset[int] = frozenset()) -> Row:
    return Row(prompt, GREEDY, most, ends)


def read_at_once(batch: Batch, rows: Sequence[Row]) -> list[list[int]]:
    """All that each row writes, every row read by a thread of its own, all from the same moment on."""
    together = threading.Barrier(len(rows))

    def read(row: Row) -> list[int]:
        together.wait(WAIT)
        return list(batch.tokens(row))

    with ThreadPoolExecutor(len(rows)) as threads:
        return list(threads.map(read, rows, timeout=WAIT))


class Watched:
    """How many rows each forward pass of a network had, and how many passes there were at once at most."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.most_at_once = self._at_once = 0
        self.fails_on: Callable[[Any], Exception | None] = lambda ids: None

    def before(self, _: Any, __: Any, given: dict[str, Any]) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.rows.append(len(given["input_ids"]))

    def after(self, _: Any, __: Any, given: dict[str, Any], ___: Any) -> None:
        self._at_once -= 1
        if error := self.fails_on(given["input_ids"]):
            raise error


@contextmanager
def watched(of: Any) -> Iterator[Watched]:
    seen = Watched()
    hooks = (
        of.register_forward_pre_hook(seen.before, with_kwargs=True),
        of.register_forward_hook(seen.after, with_kwargs=True),
    )
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


# The same text


@pytest.mark.parametrize("kind", KINDS)
@given(
    prompts=st.lists(st.lists(st.integers(0, 319), min_size=1, max_size=90), min_size=2, max_size=6),
    most=st.lists(st.integers(1, 30), min_size=6, max_size=6),
)
@settings(max_examples=12, deadline=None)
def test_each_writes_what_it_would_write_alone(kind: str, prompts: list[list[int]], most: list[int]) -> None:
    of = network(kind)
    rows = [row(prompt, own) for prompt, own in zip(prompts, most, strict=False)]
    written = read_at_once(Batch(of), rows)
    assert written == [plain(of, prompt, own) for prompt, own in zip(prompts, most, strict=False)]


@pytest.mark.parametrize("kind", KINDS)
@given(moves=st.lists(st.integers(0, 3), max_size=60))
@settings(max_examples=12, deadline=None)
def test_in_whatever_order_they_are_read_and_left(kind: str, moves: list[int]) -> None:
    """Row 3 is closed and begun again each time it is reached: rows come and go while others are half way."""
    of, batch = network(kind), Batch(network(kind))
    prompts = [list(range(5 + 40 * at, 45 + 50 * at)) for at in range(3)] + [[7, 8]]
    expected = [plain(of, prompt, 40) for prompt in prompts]
    streams = [batch.tokens(row(prompt, 40)) for prompt in prompts]
    written: list[list[int]] = [[] for _ in prompts]
    for at in moves:
        if at == 3 and written[3]:
            streams[3].close()
            streams[3], written[3] = batch.tokens(row(prompts[3], 40)), []
        written[at] += [token for token in [next(streams[at], None)] if token is not None]
    for stream in streams:
        stream.close()
    assert written == [whole[: len(own)] for whole, own in zip(expected, written, strict=True)]


def test_they_do_share_their_steps() -> None:
    of = network("llama")
    with watched(of) as seen:
        written = read_at_once(Batch(of), [row(range(length), 40) for length in (20, 30, 40, 50)])
    assert [len(own) for own in written] == [40] * 4
    assert seen.most_at_once == 1
    assert max(seen.rows) == 4
    assert len(seen.rows) < 4 * 40 * 0.6  # the passes that a loop for each would take


def test_more_than_fit_wait_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "TOGETHER", 2)
    of = network("gpt2")
    prompts = [list(range(length)) for length in range(3, 11)]
    with watched(of) as seen:
        written = read_at_once(Batch(of), [row(prompt, 12) for prompt in prompts])
    assert written == [plain(of, prompt, 12) for prompt in prompts]
    assert max(seen.rows) < len(prompts)  # two, and some that came back


def test_sampling_with_a_seed_is_the_same_in_company() -> None:
    model = TransformersChatModel(
        model_name="tiny", network=network("llama"), tokenizer=tiny_tokenizer(), temperature=1.0, max_new_tokens=20
    )
    questions = [[HumanMessage(f"Boots {'!' * length}")] for length in (1, 9, 30)]
    apart = [model.invoke(question, seed=7).content for question in questions]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda question: model.invoke(question, seed=7).content, questions)) == apart


# Each for itself


def test_one_that_is_closed_is_computed_no_more() -> None:
    of = network("gpt2")
    batch = Batch(of)
    leaves, stays = batch.tokens(row([1, 2, 3], 60)), batch.tokens(row([4, 5], 60))
    for _ in range(3):
        next(leaves), next(stays)
    with watched(of) as seen:
        leaves.close()
        assert len(list(stays)) == 57
    assert set(seen.rows) == {1}


def test_a_reader_who_is_slow_or_gone_costs_two_tokens_and_holds_up_nobody() -> None:
    of = network("gpt2")
    batch = Batch(of)
    slow = batch.tokens(row([1, 2, 3], 60))
    first = next(slow)
    with watched(of) as seen:
        assert len(list(batch.tokens(row([4, 5], 50)))) == 50
    assert sum(seen.rows) <= 50 + AHEAD
    assert [first, *slow] == plain(of, [1, 2, 3], 60)  # and when it comes back, it goes on where it was


def test_nothing_is_computed_between_two_tokens_of_one_reader() -> None:
    of = network("qwen")
    with watched(of) as seen, closing(Batch(of).tokens(row([1, 2, 3], 60))) as stream:
        for asked in range(1, 6):
            next(stream)
            assert len(seen.rows) == asked


def test_nothing_is_computed_past_the_end() -> None:
    of = network("gpt2")
    end = plain(of, [1, 2, 3], 9)[-1]
    batch = Batch(of)
    ending, other = batch.tokens(row([1, 2, 3], 60, frozenset({end}))), batch.tokens(row([9, 9], 30))
    assert next(ending) is not None
    assert len(list(other)) == 30
    assert list(ending)[-1] == end


def test_a_failure_reaches_the_one_whose_it_is() -> None:
    of = network("gpt2")
    batch = Batch(of)
    prompts = ([1, 2, 3], [4, 5], [6, 7, 8, 9])
    expected = [plain(of, prompt, 20) for prompt in prompts]
    poison = next(token for token in expected[1][3:] if token not in expected[0] + expected[2])
    sound = expected[1][: expected[1].index(poison) + 1]

    def read(row: Row) -> list[int] | Exception:
        written = []
        try:
            for token in batch.tokens(row):
                written.append(token)
        except RuntimeError as error:
            assert written == sound
            return error
        return written

    with watched(of) as seen, ThreadPoolExecutor(3) as threads:
        seen.fails_on = lambda ids: RuntimeError("the accelerator fell off") if (ids[:, -1] == poison).any() else None
        first, failed, last = threads.map(read, [row(prompt, 20) for prompt in prompts], timeout=WAIT)
    assert (first, last) == (expected[0], expected[2])
    assert str(failed) == "the accelerator fell off"
    assert list(batch.tokens(row(prompts[1], 20))) == expected[1]  # and the next conversation finds it sound


def test_a_choice_that_fails_is_its_own_conversations(monkeypatch: pytest.MonkeyPatch) -> None:
    of, batch = network("llama"), Batch(network("llama"))

    def choose(ids: Sequence[int], scores: torch.Tensor) -> int:
        if len(ids) > 6:
            raise ValueError("no such token")
        return GREEDY(ids, scores)

    fails, other = batch.tokens(Row([1, 2, 3], choose, 30, frozenset())), batch.tokens(row([4, 5], 30))
    assert next(fails) is not None
    assert list(other) == plain(of, [4, 5], 30)
    with pytest.raises(ValueError, match="no such token"):
        list(fails)


def test_what_was_read_is_given_back_when_all_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "KEPT", 0)
    batch = Batch(network("gpt2"))
    streams = [batch.tokens(row(range(at, at + 30), 60)) for at in range(3)]
    for stream in streams * 4:
        next(stream)
    held = weakref.ref(batch._lanes.layers[0])
    assert held() is not None
    for stream in streams:
        stream.close()
    gc.collect()
    assert held() is None


# What was read before


class Prompts:
    """How many tokens each reading of a prompt had."""

    def __init__(self, of: Any) -> None:
        self.tokens: list[int] = []
        self._hook = of.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _: Any, __: Any, given: dict[str, Any]) -> None:
        if given["input_ids"].shape[1] > 1:
            self.tokens.append(given["input_ids"].shape[1])

    def stop(self) -> None:
        self._hook.remove()


@pytest.fixture
def prompts_of() -> Iterator[Callable[[Any], Prompts]]:
    made: list[Prompts] = []

    def watch(of: Any) -> Prompts:
        made.append(Prompts(of))
        return made[-1]

    yield watch
    for one in made:
        one.stop()


@pytest.mark.parametrize("kind", KINDS)
@given(
    shared=st.integers(0, 120),
    tails=st.lists(st.lists(st.integers(0, 319), min_size=1, max_size=40), min_size=2, max_size=5),
)
@settings(max_examples=15, deadline=None)
def test_a_known_beginning_changes_no_word(kind: str, shared: int, tails: list[list[int]]) -> None:
    of, batch = network(kind), Batch(network(kind))
    for tail in tails:
        prompt = [at * 7 % 320 for at in range(shared)] + tail
        assert list(batch.tokens(row(prompt, 8))) == plain(of, prompt, 8)


def test_only_what_is_new_is_read(prompts_of: Callable[[Any], Prompts]) -> None:
    of = network("llama")
    batch, beginning = Batch(of), list(range(100))
    read = prompts_of(of)
    for tail in ([200, 201], [202, 203, 204], [202, 203, 204, 205, 206], [202, 203, 204, 205, 206]):
        list(batch.tokens(row(beginning + tail, 3)))
    assert read.tokens == [102, 3, 2]  # and of a prompt that was there before, only its last token
    list(batch.tokens(row([5, *beginning], 3)))
    assert read.tokens[-1] == 101


def test_few_are_kept_those_used_last(prompts_of: Callable[[Any], Prompts], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "KEPT", 2)
    of = network("llama")
    batch, read = Batch(of), prompts_of(of)
    prompts = [list(range(at, at + 30)) for at in (0, 50, 100)]
    for at in (0, 1, 0, 2, 0, 1):
        list(batch.tokens(row(prompts[at], 2)))
    assert read.tokens == [30, 30, 30, 30]  # the second had to leave for the third
    monkeypatch.setattr(prefixes, "BYTES", 0)
    list(batch.tokens(row(prompts[0], 2)))
    assert len(batch.prefixes) == 0


# Networks that are not like this


@pytest.mark.parametrize(
    "made",
    [
        lambda: MistralForCausalLM(MistralConfig(**ROTARY, sliding_window=16)),
        lambda: RobertaForCausalLM(RobertaConfig(**SIZES, vocab_size=320, is_decoder=True)),
    ],
    ids=["window", "own positions"],
)
def test_one_that_cannot_be_padded_is_computed_alone(made: Callable[[], Any]) -> None:
    of = made().eval()
    assert not can_be_batched(of)
    assert all(can_be_batched(network(kind)) for kind in KINDS)
    model = TransformersChatModel(model_name="tiny", network=of, tokenizer=tiny_tokenizer(), max_new_tokens=12)
    prompts = [list(range(2, 2 + length)) for length in (4, 30, 50)]
    expected = [plain(of, prompt, 12) for prompt in prompts]
    with watched(of) as seen, ThreadPoolExecutor(3) as threads:
        written = list(threads.map(lambda prompt: list(model._tokens(prompt)), prompts, timeout=WAIT))
    assert written == expected
    assert seen.most_at_once == 1


# Out of memory


class Crowded:
    """A network that has no room until it is moved to the CPU, as one on a full GPU."""

    def __init__(self, of: Any, passes: int) -> None:
        self.passes, self.moved = passes, list[tuple[Any, ...]]()
        self._to = of.to
        of.to = self.to
        self._hook = of.register_forward_hook(self._run)

    def to(self, *where: Any) -> Any:
        self.moved.append(where)
        return self._to(*where)

    def _run(self, *_: Any) -> None:
        self.passes -= 1
        if self.passes < 0 and not self.moved:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize("passes", [0, 1, 9])
def test_a_full_gpu_sends_it_to_the_cpu_with_a_warning_and_no_reply_is_lost(
    passes: int, caplog: pytest.LogCaptureFixture
) -> None:
    of = KINDS["llama"]().eval()
    prompts = [list(range(length)) for length in (20, 3, 9)]
    expected = [plain(of, prompt, 16) for prompt in prompts]
    crowded = Crowded(of, passes)
    assert read_at_once(Batch(of), [row(prompt, 16) for prompt in prompts]) == expected
    assert crowded.moved == [("cpu", torch.float32)]
    (warning,) = caplog.messages
    assert "out of memory: the generator runs on the CPU from now on" in warning


def test_what_does_not_fit_the_cpu_either_is_an_error() -> None:
    of = KINDS["gpt2"]().eval()

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("no memory left")

    of.register_forward_hook(full)
    model = TransformersChatModel(model_name="tiny", network=of, tokenizer=tiny_tokenizer(), max_new_tokens=5)
    with pytest.raises(GenerationError, match=r"^'tiny' failed at token 1: no memory left$"):
        model.invoke([HumanMessage("Boots?")])
