"""doc2dial, squad2, mtrag_un: questions put to the whole desk, over the documents that come with them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.engine import Engine
from bot.evaluation.answers import contains, exact_match, token_f1
from bot.evaluation.figures import Figure, Item, Value, mean, quantile, rate
from bot.evaluation.playing import Played
from bot.evaluation.public.bench import Bench, Record, exchanges, replied, spent, split_of
from bot.evaluation.public.lectern import Page
from bot.evaluation.runs import Board
from bot.messages import Reply, Turn
from bot.understanding.standalone import standalone

HITS = 50  # chunks looked at for the first five documents
TIMES: dict[str, Figure] = {
    "characters": quantile("characters", 0.5, "characters"),
    "seconds_p50": quantile("seconds", 0.5, "s"),
    "seconds_p95": quantile("seconds", 0.95, "s"),
}


def doc2dial(bench: Bench) -> Board:
    """Public-service policies: which document, and token F1 of the reply against the words that answer.

    The document is looked for with the whole dialogue, with the last message alone, and with what `standalone`
    makes of it. The desk is asked the last message after the dialogue as it really went, agent's turns included;
    a reply that is no answer has F1 0.
    """
    rows = bench.chosen(bench.records("doc2dial_questions"), lambda row: split_of(row["doc_key"]))
    fields = {"id": ("doc_key",), "text": ("context",)}
    items = []
    with bench.desk.over("public-doc2dial", bench.path("doc2dial_documents"), fields) as engine:
        for row in bench.each(rows):
            items.append(_dialogue(engine, row))
        ready = engine.ready()
    figures = {
        "document_r1": rate("document_r1"),
        "document_r5": rate("document_r5"),
        "document_r1_last": rate("document_r1_last"),
        "document_r1_standalone": rate("document_r1_standalone"),
        "f1": mean("f1"),
        "source_first": rate("source_first"),
        "over_refusal": rate("over_refusal"),
    }
    by_kind = (tuple(figures),)
    return Board(
        "doc2dial", bench.facts("doc2dial_documents", "doc2dial_questions") | ready, items, figures | TIMES, by_kind
    )


def dialogue(question: str) -> list[tuple[str, str]]:
    """Who said what, in order; the data set has it separated by tabs, the latest first."""
    turns = [turn.strip().partition(":") for turn in question.split("\t")]
    return [(speaker, text.strip()) for speaker, _, text in reversed(turns)]


def _dialogue(engine: Engine, row: Record) -> Item:
    said, last = exchanges(dialogue(row["question"]))
    earlier = [Turn("", "", "", message, "", Reply("", reply, "answer", 1.0)) for message, reply in said]
    whole = _documents(engine, row["question"])
    played = replied(engine, said, last)
    text = played.reply.text if played.reply.outcome == "answer" else ""
    cited = [source.document.rpartition("#")[2] for source in played.reply.sources]
    right = row["doc_key"]
    values: dict[str, Value] = {
        "document_r1": right in whole[:1],
        "document_r5": right in whole[:5],
        "document_r1_last": right in _documents(engine, last)[:1],
        "document_r1_standalone": right in _documents(engine, standalone(last, earlier))[:1],
        "f1": round(token_f1(text, row["answers"]["text"]), 4),
        "source_first": right in cited[:1],
        "over_refusal": played.reply.outcome != "answer",
    }
    failures = [] if values["source_first"] else [f"first source {cited[0] if cited else 'none'}, not {right}"]
    record = _record(last, played, [*failures, f"F1 {values['f1']:.2f}: {row['answers']['text'][0]}"])
    return Item(row["id"], split_of(right), values | spent(played), "", record)


def _documents(engine: Engine, query: str) -> list[str]:
    """The keys of the documents found, best first, each once."""
    hits = engine.retriever.search(query, HITS)
    return list(dict.fromkeys(hit.chunk.document.rpartition("#")[2] for hit in hits))


def squad2(bench: Bench) -> Board:
    """Questions over a paragraph, half of them without an answer there; the paragraph is the only document.

    Exact match and token F1 as in the data set's own evaluation: not answering counts as an empty answer, which is the
    right one where there is none. A reply is a sentence, so `contains` says more than exact match.
    """
    rows = bench.chosen(bench.records("squad2"), lambda row: split_of(row["title"]))
    rows.sort(key=lambda row: (row["title"], row["context"]))  # a paragraph is put up once
    items, there = [], ""
    with bench.desk.lectern() as lectern:
        for row in bench.each(rows):
            if row["context"] != there:
                there = row["context"]
                lectern.put([Page(row["title"].replace("_", " "), there)])
            items.append(_question(lectern.engine, row))
        ready = lectern.engine.ready()
    figures: dict[str, Figure] = {
        "f1": mean("f1"),
        "exact": rate("exact"),
        "f1_answerable": mean("f1_answerable"),
        "contains": rate("contains"),
        "declined": rate("declined"),
        "over_refusal": rate("over_refusal"),
    }
    by_kind = (tuple(figures),)
    return Board("squad2", bench.facts("squad2") | _model(ready), items, figures | TIMES, by_kind)


def _question(engine: Engine, row: Record) -> Item:
    played = replied(engine, [], row["question"])
    answered = played.reply.outcome == "answer"
    text = played.reply.text if answered else ""
    right = [answer["text"] for answer in row["answers"]]
    f1 = round(token_f1(text, right), 4)
    values: dict[str, Value] = {"f1": f1, "exact": exact_match(text, right)}
    if row["is_impossible"]:
        values["declined"] = not answered
        failures = ["answered"] if answered else []
    else:
        values |= {"f1_answerable": f1, "contains": contains(text, right), "over_refusal": not answered}
        failures = [] if values["contains"] else [f"lacks {right[0]}"]
    return Item(
        row["id"], split_of(row["title"]), values | spent(played), "", _record(row["question"], played, failures)
    )


def mtrag_un(bench: Bench) -> Board:
    """Dialogues whose last question its passages answer, answer in part, do not answer, or leave open which is meant.

    `answered` is over the answerable, `held_back` (declined or asked back) over the unanswerable and the
    underspecified, `asked_back` over the underspecified alone; `f1` is token F1 against the reply of the data set.
    """
    rows = bench.chosen(bench.records("mtrag_un"), _answerability)
    items = []
    with bench.desk.lectern() as lectern:
        for row in bench.each(rows):
            pages = [Page(f"Document {number}", found["text"]) for number, found in enumerate(row["contexts"], 1)]
            lectern.put(pages)
            items.append(_task(lectern.engine, row))
        ready = lectern.engine.ready()
    figures: dict[str, Figure] = {
        "answered": rate("answered"),
        "held_back": rate("held_back"),
        "asked_back": rate("asked_back"),
        "f1": mean("f1"),
    }
    return Board("mtrag_un", bench.facts("mtrag_un") | _model(ready), items, figures | TIMES, (tuple(figures),))


def _answerability(row: Record) -> str:
    return str(row["answerability"][0]).lower()


def _task(engine: Engine, row: Record) -> Item:
    said, last = exchanges((turn["speaker"], turn["text"]) for turn in row["input"])
    played = replied(engine, said, last)
    kind, outcome = _answerability(row), played.reply.outcome
    values: dict[str, Value] = {}
    if kind == "answerable":
        text = played.reply.text if outcome == "answer" else ""
        values |= {"answered": outcome == "answer", "f1": round(token_f1(text, [row["targets"][0]["text"]]), 4)}
    elif kind in ("unanswerable", "underspecified"):
        values["held_back"] = outcome in ("decline", "clarify")
        if kind == "underspecified":
            values["asked_back"] = outcome == "clarify"
    failures = [outcome] if not values.get("answered", values.get("held_back", True)) else []
    return Item(row["task_id"], kind, values | spent(played), "", _record(last, played, failures))


def _record(asked: str, played: Played, failures: Sequence[str]) -> Record:
    reply = played.reply
    return {"turns": [asked], "reply": reply.text, "outcome": reply.outcome, "failures": list(failures)}


def _model(ready: Record) -> Record:
    """What wrote the replies, without the index that was there last."""
    return {key: value for key, value in ready.items() if key not in ("snapshot", "documents", "chunks")}
