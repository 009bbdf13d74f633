"""`shopdesk learn`: training what the project ships, from the command line."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.output import say
from adapters.wiring import open_embedder, open_store
from bot.errors import LearningError
from bot.settings import Settings
from retrieval.embedders import SentenceEmbedder


def learn_embedder(data: Path, out: Path, start: str, epochs: float, minutes: float | None, seed: int) -> None:
    """Tunes the embedder `start` on the data sets in `data`, and leaves it in `out`, ready for `SHOPDESK_EMBEDDER`."""
    from bot.learn.embedder import train
    from bot.learn.pools import training_pools

    with _data_sets():
        pools = training_pools(data, seed)
    say(f"{sum(len(pool.asked) for pool in pools):,} questions")
    if train(pools, out, SentenceEmbedder(start, out / "cache"), epochs=epochs, minutes=minutes, seed=seed, say=say):
        say(f"{out}: ready; set SHOPDESK_EMBEDDER to it, `shopdesk ingest` again, and fit the rest of `shopdesk learn`")
    else:
        say(f"{out}: stopped in good time; the same command goes on")


def learn_judge(settings: Settings, data: Path, out: Path, epochs: float, minutes: float | None, seed: int) -> None:
    """Trains the judge on the data sets in `data`, and leaves it in `out`."""
    from bot.learn.export import export
    from bot.learn.judge import train
    from bot.learn.pairs import training_pairs

    embedder = open_embedder(settings)
    with _data_sets():
        pairs = training_pairs(data, embedder.embed, seed)
    say(f"{len(pairs):,} pairs")
    trained = train(pairs, out, embedder.load("cpu"), epochs=epochs, minutes=minutes, seed=seed)
    if trained is None:
        say(f"{out}: stopped in good time; the same command goes on")
        return
    export(trained, out / "judge")
    say(f"{out / 'judge'}: ready; compare it with `shopdesk eval --public`, with its --judge")


def learn_examples(settings: Settings, out: Path, per_rater: int, held_out: float, at_least: int) -> dict[str, Any]:
    """Writes the examples of the store into the file `out`, and says what they are. On an error the file stays."""
    from bot.learn.examples import Wanted, as_records, collect

    if out.is_dir() or not os.access(out.parent, os.W_OK):
        raise LearningError(f"{out}: cannot be written; name a file in a folder that can be with --out")
    with open_store(settings) as store:
        collected = collect(store, settings, Wanted(per_rater, held_out, at_least), settings.shop_name)
    records = as_records(collected.examples)
    lines = [json.dumps(record, ensure_ascii=False, sort_keys=True) for record in records]
    content = "".join(f"{line}\n" for line in lines).encode()
    draft = out.with_name(f"{out.name}.new")
    draft.touch(mode=0o600)  # what shoppers wrote is nobody else's business, names or not
    draft.write_bytes(content)
    draft.replace(out)
    return {"out": str(out), "sha256": sha256(content).hexdigest(), **collected.report()}


@contextmanager
def _data_sets() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise LearningError(f"{error.filename}: not there; name the folder of the data sets with --data") from None


def learn_conduct(settings: Settings, data: Path, out: Path, seed: int) -> None:
    """Fits the heads that read off a message what it wants of the desk, and writes them into the folder `out`."""
    from bot.learn.conduct import learn

    embedder = open_embedder(settings)
    with _data_sets():
        figures = learn(data, out, embedder, seed)
    for language, reached in figures.items():
        say(f"{language}: " + ", ".join(f"{what} {figure:g}" for what, figure in reached.items()))


def learn_ranking(settings: Settings, out: Path) -> None:
    """Fits the weights of the ranking with the embedder of the settings, and writes them into the file `out`."""
    from bot.learn.ranking import askings, chinese_shops, fit, fitting_shops, testing_shops, write

    embedder = open_embedder(settings)
    found = []
    for shops in (fitting_shops(), testing_shops(), chinese_shops()):
        with tempfile.TemporaryDirectory() as folder:
            found.append(list(askings(shops, embedder, Path(folder))))
    fitting, testing, chinese = found
    record = fit(fitting, testing, chinese, embedder.name)
    write(record, out)
    for name, figures in record["figures"].items():
        say(f"{name}: " + ", ".join(f"{what} {figure:g}" for what, figure in figures.items()))
