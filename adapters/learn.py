"""What the commands of `shopdesk learn` do: training what the project ships, examples out of ratings."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.output import say
from adapters.wiring import open_embedder, open_snapshots, open_store
from bot.errors import LearningError
from bot.settings import Settings
from retrieval.embedders import SentenceEmbedder

LOW_PRIORITY = 10  # niceness of what must not be in the way of a desk that serves


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


def learn_base(
    data: Path | None,
    out: Path,
    start: str,
    epochs: float,
    minutes: float | None,
    seed: int,
    smoke: bool,
    after: Path | None,
) -> None:
    """Trains the house generator, and leaves it in `out`, ready for `SHOPDESK_GENERATOR`.

    Where it goes on `after` another run, the statements stand in the order in which the desk mostly has them.

    `smoke` trains a miniature on a few cases of the curriculum alone, and needs no data sets.
    """
    from bot.learn.base import SMOKE, Plan, train
    from bot.learn.cases import LED
    from bot.learn.replies import few_cases, training_cases

    if data is None and not smoke:
        raise LearningError("no data sets; name their folder with --data, or try the whole with --smoke")
    begin = SentenceEmbedder(start, out / "cache")
    if smoke:
        cases, plan = few_cases(begin, seed), replace(SMOKE, seed=seed)
    else:
        assert data is not None
        with _data_sets():
            cases = training_cases(data, begin, seed)
        plan = Plan(epochs=epochs, seed=seed, led=LED if after else 0.0)
    say(f"{len(cases):,} cases")
    if train(cases, out, begin, plan, after=after, minutes=minutes, say=say):
        say(f"{out}: ready; set SHOPDESK_GENERATOR to it")
    else:
        say(f"{out}: stopped in good time; the same command goes on")


def prove(settings: Settings, run: str, sample: int, seed: int) -> dict[str, dict[str, list[float]]]:
    """The figures of the house generator in the folder `run`, of the composer, and of the first behind the second's
    bound; by writer and figure: its value, the ends of its 95 % interval, and over how many cases."""
    from bot.generation.generators import load_generator
    from bot.learn.prove import behind, better, composer, figures, questions, remembered, writer
    from bot.learn.ranking import testing_shops

    model = load_generator(run)
    with tempfile.TemporaryDirectory() as folder:
        asked = questions(testing_shops(), open_embedder(settings), Path(folder), sample, seed)
    house = remembered(writer(model))
    writers = {"house": house, "composer": composer, "house behind the bound": behind(house)}
    found = {name: figures(asked, write) for name, write in writers.items()}
    for name in ("house", "house behind the bound"):
        found[name]["F1 more than the composer"] = better(asked, writers[name], composer)
    for name, reached in found.items():
        for what, figure in reached.items():
            say(f"{name}: {what} {figure}")
    return {name: {what: list(figure) for what, figure in reached.items()} for name, reached in found.items()}


def learn_examples(settings: Settings, out: Path, per_rater: int, held_out: float, at_least: int) -> dict[str, Any]:
    """Writes the examples of the store into the file `out`, and says what they are. On an error the file stays."""
    from bot.learn.examples import Wanted, as_records, collect
    from bot.learn.shelf import Shelf

    if out.is_dir() or not os.access(out.parent, os.W_OK):
        raise LearningError(f"{out}: cannot be written; name a file in a folder that can be with --out")
    with open_store(settings) as store:
        shelf = Shelf(lambda name: open_snapshots(settings.model_copy(update={"knowledge": name})))
        collected = collect(store, settings, Wanted(per_rater, held_out, at_least), shelf, settings.shop_name)
    records = as_records(collected.examples)
    lines = [json.dumps(record, ensure_ascii=False, sort_keys=True) for record in records]
    content = "".join(f"{line}\n" for line in lines).encode()
    draft = out.with_name(f"{out.name}.new")
    draft.touch(mode=0o600)  # what shoppers wrote is nobody else's business, names or not
    draft.write_bytes(content)
    draft.replace(out)
    return {"out": str(out), "sha256": sha256(content).hexdigest(), **collected.report()}


def learn_train(
    settings: Settings,
    examples: Path | None,
    base: str | None,
    minutes: float | None,
    out: Path | None,
    **plan: Any,
) -> dict[str, Any]:
    """Trains a LoRA, at low priority, and says which run it is; a run that is not finished has no `run`."""
    from adapters.progress import progress
    from bot.learn.material import read_material
    from bot.learn.train import Plan, train

    material = read_material(examples or settings.home / "learn" / "examples.jsonl")
    os.nice(max(0, LOW_PRIORITY - os.nice(0)))
    with progress("training", at_first="reading") as advance:
        run = train(
            settings.home,
            material,
            base or settings.generator,
            Plan(**plan),
            minutes=minutes,
            out=out,
            advance=advance,
            say=say,
        )
    if run is None:
        say("stopped in good time; the same command goes on")
        return {"run": None}
    return {"run": run.id, "folder": str(run.folder), **run.figures}


def learn_evaluate(settings: Settings, name: str, examples: Path | None, seed: int) -> dict[str, Any]:
    """Measures a run, and writes its `evaluation.json`."""
    from adapters.progress import progress
    from bot.learn.evaluate import evaluate
    from bot.learn.material import read_material
    from bot.learn.must_pass import opened
    from bot.learn.pointer import serving
    from bot.learn.runs import Runs

    runs = Runs(settings.home)
    run = runs.get(name)
    material = read_material(examples or settings.home / "learn" / "examples.jsonl")
    current = serving(settings.home, run.base_fingerprint)
    if current is not None and current.id == run.id:
        current = None
    with progress("measuring") as advance, opened(settings, open_embedder(settings)) as must_pass:
        return evaluate(run, material, must_pass, current=current, others=runs.all(), seed=seed, advance=advance)


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
