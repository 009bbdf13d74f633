"""`shopdesk learn`: training what the project ships, from the command line."""

from __future__ import annotations

import tempfile
from pathlib import Path

from adapters.desk import open_embedder, open_judge
from adapters.output import say
from bot.errors import LearningError
from bot.settings import Settings


def learn_judge(
    settings: Settings, data: Path, out: Path, start: str | None, epochs: float, minutes: float | None, seed: int
) -> None:
    """Trains the judge on the data sets in `data`, and leaves it in `out`, ready for `SHOPDESK_JUDGE`."""
    from bot.learn.export import export
    from bot.learn.judge import on_board, train
    from bot.learn.pairs import training_pairs

    try:
        pairs = training_pairs(data, open_embedder(settings).embed, seed)
    except FileNotFoundError as error:
        raise LearningError(f"{error.filename}: not there; name the folder of the data sets with --data") from None
    say(f"{len(pairs):,} pairs")
    trained = train(pairs, out, start or on_board(), epochs=epochs, minutes=minutes, seed=seed)
    if trained is None:
        say(f"{out}: stopped in good time; the same command goes on")
        return
    export(trained, out / "judge")
    say(f"{out / 'judge'}: ready; compare it with `shopdesk eval --public`, then set SHOPDESK_JUDGE to it")


def learn_ranking(settings: Settings, out: Path) -> None:
    """Fits the weights of the ranking with the judge of the settings, and writes them into the file `out`."""
    from bot.learn.ranking import askings, fit, write

    judge = open_judge(settings)
    if judge is None:
        raise LearningError("the ranking is fitted with a judge, and there is none; set SHOPDESK_JUDGE to one")
    with tempfile.TemporaryDirectory() as folder:
        record = fit(list(askings(open_embedder(settings), judge, Path(folder))), settings.embedder)
    write(record, out)
    for name, figures in record["figures"].items():
        say(f"{name}: " + ", ".join(f"{what} {figure:g}" for what, figure in figures.items()))
