"""`shopdesk learn`: examples out of ratings, and training what the project ships.

shopdesk learn examples --out examples.jsonl
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters.command import command
from adapters.output import print_json

if TYPE_CHECKING:
    from bot.settings import Settings


@click.group()
def learn() -> None:
    """Learn from ratings; train what the project ships (`pip install -e '.[learn]'`)."""


@learn.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE.jsonl", help="Where they go.")
@click.option(
    "--per-rater",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    metavar="N",
    help="Ratings taken of one rater.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 0.9),
    default=0.2,
    show_default=True,
    metavar="SHARE",
    help="Share of the conversations that no training sees.",
)
@click.option(
    "--at-least", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="Fewer are too few."
)
@command
def examples(settings: Settings, out: Path, per_rater: int, held_out: float, at_least: int) -> None:
    """Write what people rated and what staff answered as examples to learn from, without personal data."""
    from adapters.learn import learn_examples

    print_json(learn_examples(settings, out, per_rater, held_out, at_least))


@learn.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The public data sets.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run.")
@click.option("--start", default="minilm", show_default=True, metavar="NAME", help="As SHOPDESK_EMBEDDER names it.")
@click.option("--epochs", type=float, default=2.0, show_default=True, metavar="N", help="Rounds of questions.")
@click.option("--minutes", type=float, metavar="N", help="Stop in good time; the same command goes on.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Order and choice of the questions.")
@command
def embedder(settings: Settings, **options: Any) -> None:
    """Tune the embedding model on board for shops; a run that was stopped goes on."""
    from adapters.learn import learn_embedder

    learn_embedder(**options)


@learn.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The public data sets.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run.")
@click.option("--epochs", type=float, default=1.0, show_default=True, metavar="N", help="Times that each pair is seen.")
@click.option("--minutes", type=float, metavar="N", help="Stop in good time; the same command goes on.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Order and choice of the pairs.")
@command
def judge(settings: Settings, **options: Any) -> None:
    """Train the judge of answers and of evidence; a run that was stopped goes on."""
    from adapters.learn import learn_judge

    learn_judge(settings, **options)


@learn.command("base")
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="The public data sets.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run.")
@click.option("--start", default="minilm", show_default=True, metavar="NAME", help="As SHOPDESK_EMBEDDER names it.")
@click.option("--epochs", type=float, default=2.0, show_default=True, metavar="N", help="Times that each case is seen.")
@click.option("--minutes", type=float, metavar="N", help="Stop in good time; the same command goes on.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Order and choice of the cases.")
@click.option("--after", type=click.Path(path_type=Path), metavar="RUN", help="A finished run to go on from.")
@click.option("--smoke", is_flag=True, help="A miniature of everything, in a minute: two layers, few cases, no data.")
@command
def base(settings: Settings, **options: Any) -> None:
    """Train the house generator; a run that was stopped goes on."""
    from adapters.learn import learn_base

    learn_base(**options)


@learn.command("prove")
@click.argument("run", metavar="RUN")
@click.option("--sample", type=click.IntRange(min=1), default=300, show_default=True, metavar="N", help="Questions.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Which questions.")
@command
def prove_base(settings: Settings, run: str, sample: int, seed: int) -> None:
    """Measure a house generator beside the composer, on shops that nothing was trained on."""
    from adapters.learn import prove

    print_json(prove(settings, run, sample, seed))


@learn.command("conduct")
@click.option("--data", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The public data sets.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where the heads go.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Choice of the messages.")
@command
def fit_conduct(settings: Settings, **options: Any) -> None:
    """Fit the heads that read off a message whether it wants a person, a chat, or an answer."""
    from adapters.learn import learn_conduct

    learn_conduct(settings, **options)


@learn.command("ranking")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE.json", help="Where they go.")
@command
def fit_ranking(settings: Settings, out: Path) -> None:
    """Fit the weights by which statements are ranked and questions declined, on the curriculum's shops."""
    from adapters.learn import learn_ranking

    learn_ranking(settings, out)


@learn.command("train")
@click.option("--examples", type=click.Path(path_type=Path), metavar="FILE", help="Default: HOME/learn/examples.jsonl.")
@click.option("--base", metavar="NAME", help="Folder or hub name of the base model (default: SHOPDESK_GENERATOR).")
@click.option("--rank", type=click.IntRange(1, 512), default=16, show_default=True, metavar="N", help="Of the LoRA.")
@click.option(
    "--targets", type=click.Choice(["all-linear", "mlp"]), default="all-linear", show_default=True, help="Its layers."
)
@click.option(
    "--replay",
    type=click.FloatRange(0, 0.5),
    default=0.2,
    show_default=True,
    metavar="SHARE",
    help="Of the curriculum.",
)
@click.option("--epochs", type=click.FloatRange(0.01), default=2.0, show_default=True, metavar="N", help="Rounds.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Order, choice and first weights.")
@click.option("--minutes", type=float, metavar="N", help="Stop in good time; the same command goes on.")
@click.option(
    "--at-least", type=click.IntRange(2), default=20, show_default=True, metavar="N", help="Fewer are too few."
)
@click.option("--dp-epsilon", type=float, metavar="N", help="Train with differential privacy, by conversation.")
@click.option("--dp-delta", type=float, metavar="N", help="With --dp-epsilon (default: 1 / (10 x conversations)).")
@click.option("--out", type=click.Path(path_type=Path), metavar="RUN", help="Folder of the run (default: a new one).")
@command
def train_lora(settings: Settings, **options: Any) -> None:
    """Train a LoRA from rated replies, in a run of its own; what serves is not touched."""
    from adapters.learn import learn_train

    print_json(learn_train(settings, **options))


@learn.command("evaluate")
@click.argument("run", metavar="RUN")
@click.option("--examples", type=click.Path(path_type=Path), metavar="FILE", help="Default: HOME/learn/examples.jsonl.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Of the intervals.")
@command
def evaluate_lora(settings: Settings, run: str, examples: Path | None, seed: int) -> None:
    """Measure a run beside the base and the LoRA that serves, on rated replies that no training saw."""
    from adapters.learn import learn_evaluate

    print_json(learn_evaluate(settings, run, examples, seed))
