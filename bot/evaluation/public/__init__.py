"""Public data sets, one function each, by the names that `shopdesk eval --public` takes.

Their files stay where they are; nothing of them is in this repository. Each is as its publisher has it, one JSON object
a line, gzipped.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.evaluation.public import attacks, follow_ups, ranking, reading, support
from bot.evaluation.public.bench import Bench
from bot.evaluation.runs import Board

DATA_SETS: dict[str, Callable[[Bench], Board]] = {
    "doc2dial": reading.doc2dial,
    "squad2": reading.squad2,
    "mtrag_un": reading.mtrag_un,
    "epqa": ranking.epqa,
    "hetpqa": ranking.hetpqa,
    "semipqa": ranking.semipqa,
    "begin_wow": support.begin_wow,
    "cast_rewrites": follow_ups.cast_rewrites,
    "bipia": attacks.bipia,
    "cyberseceval_injection": attacks.cyberseceval_injection,
    "xstest": attacks.xstest,
}
