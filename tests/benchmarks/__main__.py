"""Runs the named benchmarks, or all, each in a process of its own: its memory and its failure are its own.

    python -m tests.benchmarks
    python -m tests.benchmarks search turn --scale 0.1

`--scale` makes the inputs smaller (figures in the README are at 1), `--data` names the folder of the public data sets.
Tables go to standard error, one JSON line for each benchmark to standard output. Needs the extras `dev` and `bench`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.benchmarks.measuring import RAW, add_options

BENCHMARKS = (
    "lexical",
    "search",
    "turn",
    "gate",
    "memory",
    "streams",
    "update",
    "public_data",
    "redaction",
    "generation",
    "swap",
    "training",
    "learning",
)


def main() -> int:
    parser = argparse.ArgumentParser("tests.benchmarks", description=__doc__, formatter_class=RAW)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all when none is given")
    add_options(parser)
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    failed = [name for name in given.names or BENCHMARKS if _run(name, given)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def _run(name: str, given: argparse.Namespace) -> int:
    options = ["--scale", str(given.scale), "--data", str(given.data)]
    return subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}", *options], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
