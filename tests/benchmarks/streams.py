"""500 replies streamed at once, 20 pieces of text a second each, and 500 clients who go away.

    python -m tests.benchmarks streams

Server and clients are a process each. A piece of text is a token of six characters that carries its due time; the
server may merge pieces into events. A reply is counted from the due time of a piece to its arrival in the client, so
that the lateness of whoever writes counts too; until the server has handed it to its socket is that part of the delay
which is not the network's or the client's. `delivered` is the pieces that arrived within the measured seconds
beside those that should have been written in them. The baseline is a Gradio ChatInterface, with room for as many, whose
function writes the same texts. The sides take turns, three times; the figures are those of the best time by the p99,
with the best and the worst beside.

Then as many clients close their connections in the middle of a reply, within five seconds or all at once: how many
pieces were written after that. The grace for a reload, which is 5 s as shipped, is 0 for it. So too with the desk's
real engine over a model that writes 5 tokens a second for each.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks.measuring import Report, options
from tests.benchmarks.stream_clients import Listener, answer, ask_desk, ask_gradio, heard
from tests.benchmarks.stream_servers import RATE

CLIENTS = 500
RAMP = 10.0  # seconds in which the clients come
SETTLING = 3.0
MEASURED = 15.0
TIMES = 3
LATEST = 150.0  # seconds until every reply must have begun, before the clients go away
TICKS = os.sysconf("SC_CLK_TCK")

Ask = Callable[[int, int], Awaitable[Listener]]


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured on one side: seconds, shares of one, shares of a core."""

    delivered: float
    p50: float
    p99: float
    worst: float
    sent: float  # the p99 until it is handed to the socket; 0 where the server does not say
    chunks: float  # network reads of the clients a second
    server: float
    clients: float
    load: float


def main() -> None:
    given = options(__doc__)
    report, clients = Report("streams", given.scale), max(2, int(CLIENTS * given.scale))
    sides: dict[str, Ask] = {"desk": ask_desk, "gradio": ask_gradio}
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for _ in range(TIMES):
        for side, ask in sides.items():
            runs[side].append(streamed(side, ask, clients))
            print(side, runs[side][-1], file=sys.stderr)
    for side in sides:
        add(report, side, runs[side])
    for side, of in {"desk": "pieces", "engine": "tokens of a model"}.items():
        for at_once in (False, True):
            leave(report, side, of, clients, at_once)
    report.show()


def add(report: Report, side: str, runs: list[Run]) -> None:
    """The figures of one side."""
    best, worst = min(runs, key=lambda run: run.p99), max(runs, key=lambda run: run.p99)
    ours = side == "desk"
    report.add(f"{side}: delivered", best.delivered, at_least=0.95 if ours else None)
    report.add(f"{side}: delivered, worst time", min(run.delivered for run in runs))
    report.add(f"{side}: delay, p50", 1e3 * best.p50, "ms")
    report.add(f"{side}: delay, p99", 1e3 * best.p99, "ms", at_most=100 if ours else None)
    report.add(f"{side}: delay, p99, worst time", 1e3 * worst.p99, "ms")
    if ours:
        report.add(f"{side}: of it until the server's socket, p99", 1e3 * best.sent, "ms")
        report.add(f"{side}: of it until the server's socket, p99, worst time", 1e3 * worst.sent, "ms")
    report.add(f"{side}: delay, longest", 1e3 * best.worst, "ms")
    report.add(f"{side}: reads of the clients", best.chunks, "/s")
    report.add(f"{side}: the server's share of a core", best.server)
    report.add(f"{side}: the clients' share of a core", best.clients)
    report.add(f"{side}: load of the machine, best and worst time", best.load)
    report.add(f"{side}: load of the machine, worst time", worst.load)


def streamed(side: str, ask: Ask, clients: int) -> Run:
    """One measurement of one side, with a server of its own."""
    pieces = int((RAMP + SETTLING + MEASURED + 2) * RATE)
    with serving(side, clients, pieces) as (port, pid):
        return asyncio.run(_streamed(port, pid, ask, clients, side == "desk"))


async def _streamed(port: int, pid: int, ask: Ask, clients: int, stamped: bool) -> Run:
    listeners = await come(port, ask, clients)
    await asyncio.sleep(SETTLING)
    load, server, own, began = os.getloadavg()[0], cpu_seconds(pid), time.process_time(), time.monotonic()
    await asyncio.sleep(MEASURED)
    ended = time.monotonic()
    server, own = cpu_seconds(pid) - server, time.process_time() - own
    reads = sum(began <= at < ended for listener in listeners for at, _ in listener.arrived)
    for listener in listeners:
        listener.leave()
    sent = (await answer(port, "GET", f"/sent?began={began}&ended={ended}"))["late"] if stamped else [0.0, 0.0]
    delays = []
    for listener in listeners:
        found = heard(listener.arrived)
        delays += [at - due for due, at in zip(found.due, found.came, strict=True) if began <= at < ended]
    seconds = ended - began
    if len(delays) < 2:
        raise SystemExit(f"nothing was delivered; the first client got {listeners[0].arrived[:3]!r}")
    cuts = quantiles(delays, n=100)
    ideal = clients * RATE * seconds
    return Run(
        delivered=len(delays) / ideal,
        p50=cuts[49],
        p99=cuts[98],
        worst=max(delays),
        sent=quantiles(sent, n=100)[98],
        chunks=reads / seconds,
        server=server / seconds,
        clients=own / seconds,
        load=load,
    )


async def come(port: int, ask: Ask, clients: int) -> list[Listener]:
    """The clients, spread over the seconds of RAMP whatever the server does."""

    async def late(number: int) -> Listener:
        await asyncio.sleep(number * RAMP / clients)
        return await ask(port, number)

    return await asyncio.gather(*(late(number) for number in range(clients)))


def leave(report: Report, side: str, of: str, clients: int, at_once: bool) -> None:
    """Clients who close their connections, all at once or one after the other within five seconds."""
    with serving(side, clients, 100 * RATE) as (port, _):
        after = asyncio.run(_leave(port, clients, at_once))
    what = f"{of} after the client went away, {clients} {'at once' if at_once else 'within 5 s'}"
    report.add(f"{what}: p50", median(after))
    report.add(f"{what}: most", max(after), at_most=2)
    report.add(f"{what}: share of at most two", sum(count <= 2 for count in after) / clients)
    report.add(f"{what}: load of the machine", os.getloadavg()[0])


async def _leave(port: int, clients: int, at_once: bool) -> list[int]:
    listeners = await come(port, ask_desk, clients)
    async with asyncio.timeout(LATEST):
        while sum(map(bool, (await answer(port, "GET", "/written")).values())) < clients:
            await asyncio.sleep(1)
    await asyncio.sleep(SETTLING)
    left = []
    for listener in listeners:
        listener.leave()
        left.append(time.monotonic())
        await asyncio.sleep(0 if at_once else 5 / clients)
    await asyncio.sleep(SETTLING)
    written: dict[str, list[float]] = await answer(port, "GET", "/written")
    return [sum(at > left[int(number)] for at in times) for number, times in written.items()]


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has had."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


@contextmanager
def serving(name: str, clients: int, pieces: int = 1) -> Iterator[tuple[int, int]]:
    """One of the servers in a process of its own: its port and its process id."""
    options = ["--clients", str(clients), "--count", str(pieces)]
    command = [sys.executable, "-m", "tests.benchmarks.stream_servers", name, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            if not said:
                raise SystemExit(f"the server {name} ended")
            yield int(said), process.pid
        finally:
            process.kill()  # nothing is kept


if __name__ == "__main__":
    main()
