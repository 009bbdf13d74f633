"""Memory of `shopdesk serve` on the demo shop after 20 questions, and seconds from a second start to its first answer.

    python -m tests.benchmarks memory

Memory is the process's peak resident size as Linux counts it. `--scale` changes nothing here.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.benchmarks.desk import DEMO, serving, shopdesk
from tests.benchmarks.measuring import Report, options

QUESTIONS = (
    "Can I send back boots I wore once?",
    "and how long does it take?",
    "How much is delivery to the Highlands?",
    "Which electric kettle is the quietest?",
    "Do you deliver to Ireland?",
    "What does the warranty cover?",
    "How do I wash a down jacket?",
    "Can I change my order after I paid?",
    "Do you match prices?",
    "How do I use a discount code?",
    "Can I take a gas canister on a plane?",
    "How warm is a three season sleeping bag?",
    "Is there a two person tent under 300 pounds?",
    "My parcel is late, what now?",
    "Can I pay by invoice?",
    "How do I measure my back for a rucksack?",
    "睡袋保修几年？",
    "退货要多少钱？",
    "Do you sell aeroplanes?",
    "Can I talk to a person?",
)


def main() -> None:
    given = options(__doc__)
    report = Report("memory", given.scale)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shopdesk("ingest", DEMO, "--home", home)
        with serving(home) as server:
            conversation = server.start()
            replies = [server.ask(conversation, question) for question in QUESTIONS]
            report.add("peak memory after 20 questions", server.peak_bytes() / 1e6, "MB", at_most=900)
        report.add("answered of the 20", sum(reply["outcome"] == "answer" for reply in replies))
        began = time.perf_counter()
        with serving(home) as server:
            reply = server.ask(server.start(), QUESTIONS[0])
            report.add("second start, to the end of the first answer", time.perf_counter() - began, "s", at_most=10)
        assert reply["text"] == replies[0]["text"], "the same question was answered otherwise after the second start"
    report.show()


if __name__ == "__main__":
    main()
