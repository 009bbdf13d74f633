"""Writing replies with a model of the house generator's size: eight at once, a known prompt, words a second.

    python -m tests.benchmarks generation

The network has the house's shape (6 layers of 384, 12 heads, 30,522 words) and random weights, so that nothing has to
be downloaded or trained; what it writes means nothing, and takes as long. Eight chats at once are read by eight
threads, as by the desk: over the plain loop, which takes a step for one of them at a time, and batched. A full prompt
is one of 400 tokens, of which there are 512. Sides are measured in turn, and ratios are of one run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from statistics import median
from typing import Any

import torch
from transformers import BertConfig, BertLMHeadModel

from bot.generation.batching import Batch, Row
from bot.generation.decoding import alone, chooser
from tests.benchmarks.measuring import Report, in_turn, options, ratio, timed

WORDS, FULL, SENTENCE = 30_522, 400, 20  # words known; tokens of a full prompt, and of a first sentence
CHATS, REPLY = 8, 60  # chats at once; tokens of a reply

Write = Callable[[Sequence[int]], Iterator[int]]


class Desk:
    """The network, and the two ways to write with it."""

    def __init__(self) -> None:
        config = BertConfig(
            vocab_size=WORDS, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
            is_decoder=True,
        )  # fmt: skip
        torch.manual_seed(0)
        self.network: Any = BertLMHeadModel(config).eval()
        self.choose = chooser(self.network.generation_config, 0, 1, None)
        self.batch = Batch(self.network)

    def plain(self, prompt: Sequence[int]) -> Iterator[int]:
        """A reply by the plain loop."""
        return alone(self.network, prompt, self.choose, REPLY)

    def batched(self, prompt: Sequence[int]) -> Iterator[int]:
        """A reply beside the others."""
        return self.batch.tokens(Row(prompt, self.choose, REPLY, frozenset()))


def main() -> None:
    given = options(__doc__)
    report, desk, words = Report("generation", given.scale), Desk(), random.Random(1)

    def prompt(length: int) -> list[int]:
        return [words.randrange(1000, WORDS) for _ in range(length)]

    rounds = max(2, int(6 * given.scale))
    for name, shortest, longest in (("short prompts", 20, 100), ("full prompts", 250, FULL)):
        chats = [[prompt(words.randint(shortest, longest)) for _ in range(CHATS)] for _ in range(rounds)]
        measure_chats(desk, chats, name, report)
    measure_prefix(desk, prompt, 2 * rounds, report)
    measure_one(desk, [prompt(FULL) for _ in range(2 * rounds)], report)
    report.show()


def measure_chats(desk: Desk, chats: Sequence[Sequence[list[int]]], name: str, report: Report) -> None:
    """Eight replies at once, by the plain loop and batched."""
    texts: dict[str, list[list[int]]] = {}

    def read(write: Write, prompts: Sequence[list[int]]) -> None:
        with ThreadPoolExecutor(CHATS) as threads:
            texts[write.__name__] = list(threads.map(lambda prompt: list(write(prompt)), prompts))

    same = []

    def batched(prompts: Sequence[list[int]]) -> None:
        desk.batch.prefixes.clear()
        read(desk.batched, prompts)

    plain_seconds, batched_seconds = in_turn([lambda prompts: read(desk.plain, prompts), batched], chats, warm_up=1)
    for prompts in chats[:2]:
        read(desk.plain, prompts)
        batched(prompts)
        same += [one == other for one, other in zip(texts["plain"], texts["batched"], strict=True)]
    report.add(
        f"{CHATS} chats at once beside the plain loop, {name}", ratio(plain_seconds, batched_seconds), "x", at_least=2
    )
    report.add(f"of these, with the same text ({name})", sum(same) / len(same), at_least=1)
    report.add(f"tokens a second of {CHATS} chats at once, {name}", CHATS * REPLY / median(batched_seconds))


def measure_prefix(desk: Desk, prompt: Callable[[int], list[int]], times: int, report: Report) -> None:
    """The first token of a prompt whose first 400 tokens were read before, beside one of which nothing is known."""
    beginning = prompt(FULL)
    list(desk.batched(beginning))

    def first(beginning: list[int], tail: list[int]) -> None:
        next(desk.batched(beginning + tail))

    cold, warm = in_turn(
        [lambda tail: first(prompt(FULL), tail), lambda tail: first(beginning, tail)],
        [prompt(20) for _ in range(times)],
    )
    report.add(
        f"first token with {FULL} tokens known and 20 new, beside none known", ratio(cold, warm), "x", at_least=4
    )
    tails = [prompt(20) for _ in range(4)]
    same = [list(desk.batched(beginning + tail)) == list(desk.plain(beginning + tail)) for tail in tails]
    report.add("of these, with the same text", sum(same) / len(same), at_least=1)


def measure_one(desk: Desk, prompts: Sequence[list[int]], report: Report) -> None:
    """One reply alone, to a full prompt."""
    first_sentence, rest = [], []
    for prompt in prompts:
        tokens = desk.batched(prompt)
        first_sentence.append(timed(lambda tokens=tokens: list(islice(tokens, SENTENCE)))[0])
        rest.append(timed(lambda tokens=tokens: list(tokens))[0])
    report.add("tokens a second of one reply after a full prompt", (REPLY - SENTENCE) / median(rest), at_least=60)
    report.add(f"a full prompt and a first sentence of {SENTENCE} tokens, p50", median(first_sentence), "s", at_most=1)


if __name__ == "__main__":
    main()
