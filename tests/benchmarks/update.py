"""One of 20,000 documents changes: how soon it is found, also by a server that runs; and how fast ingest is.

    python -m tests.benchmarks update

Everything is the real thing: files on disk, the `shopdesk` command, the on-board embedding model, HTTP. The first
ingest embeds 20,000 chunks, a few minutes on two cores.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.benchmarks.desk import prepare_embedder, serving, shopdesk
from tests.benchmarks.measuring import Report, options, timed
from tests.benchmarks.synthetic import passages

QUESTION = "How many zurplings does the shop plant for each order?"
ANSWERS = ("The shop plants seven zurplings for each order.", "The shop plants nine zurplings for each order.")


def main() -> None:
    given = options(__doc__)
    report = Report("update", given.scale)
    with tempfile.TemporaryDirectory() as folder:
        shop, home = Path(folder) / "shop", Path(folder) / "home"
        home.mkdir()
        write_shop(shop, int(20_000 * given.scale))
        report.add("very first ingest, which exports the embedding model", prepare_embedder(home), "s")
        taken, first = timed(shopdesk, "ingest", shop, "--home", home)
        report.add("documents", first["documents_added"])
        report.add("first ingest", first["chunks_embedded"] / taken, "chunks/s")
        rest = taken - first["seconds"]["embed"]
        report.add("first ingest without its embedding", first["chunks_embedded"] / rest, "chunks/s")
        report.add("nothing changed: the whole command", timed(shopdesk, "ingest", shop, "--home", home)[0], "s")
        with serving(home) as server:
            for answer in ANSWERS:
                change(shop, answer)
                began = time.perf_counter()
                changed = shopdesk("ingest", shop, "--home", home)
                ingested = time.perf_counter() - began
                reply = server.ask(server.start(), QUESTION)
                found = time.perf_counter() - began
                assert changed["chunks_embedded"] == 1, f"{changed['chunks_embedded']} chunks were embedded, not 1"
                word = answer.split()[3]
                assert word in reply["text"], f"the running server said {reply['text']!r}, not {answer!r}"
            report.add("one document changed: the update itself", sum(changed["seconds"].values()), "s")
            report.add("one document changed: the whole command", ingested, "s", at_most=2)
            report.add("one document changed: a running server answers from it", found, "s", at_most=2)
    report.show()


def write_shop(folder: Path, count: int) -> None:
    """A Markdown file for each document, a hundred folders."""
    for number, passage in enumerate(passages(count)):
        title, _, body = passage.partition("\n")
        path = folder / f"{number % 100:02d}" / f"{number:06d}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {title}\n\n{body}\n", encoding="utf-8")


def change(folder: Path, answer: str) -> None:
    """Another text in one of the files."""
    (folder / "07" / "000007.md").write_text(f"# Planting\n\n{answer}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
