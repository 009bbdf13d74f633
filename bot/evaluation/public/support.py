"""begin_wow: is a reply supported by the knowledge it was written from?"""

from __future__ import annotations

from bot.evaluation.figures import Figure, Item, Value, auc
from bot.evaluation.public.bench import Bench
from bot.evaluation.runs import Board
from bot.evidence import gate
from bot.evidence.support import support

OWN = ("engine", "graded")  # what needs no judge


def begin_wow(bench: Bench) -> Board:
    """Replies beside the knowledge they were written from: do judges score what is fully attributable higher?

    `engine` is the desk's own yes or no, `gate.supported`; `graded` is `bot.evidence.support.support`.
    """
    items = []
    rows = list(enumerate(bench.records("begin_wow")))
    for number, row in bench.each(bench.chosen(rows, lambda pair: str(pair[1]["model_name"]))):
        knowledge = [row["knowledge"]]
        values: dict[str, Value] = {"attributable": row["begin_label"] == "Fully attributable"}
        values["engine"] = gate.supported(row["response"], knowledge)
        values["graded"] = round(support(row["response"], knowledge), 4)
        for name, judge in bench.judges.items():
            values[name] = round(judge.supports(row["response"], knowledge), 4)
        wrong = values["engine"] != values["attributable"]
        record = {"turns": knowledge, "reply": row["response"], "failures": [row["begin_label"]] if wrong else []}
        items.append(Item(f"begin-{number}", str(row["model_name"]), values, "", record))
    figures: dict[str, Figure] = {f"{name}_auc": auc(name, "attributable") for name in (*OWN, *bench.judges)}
    return Board("begin_wow", bench.facts("begin_wow"), items, figures)
