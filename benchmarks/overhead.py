"""
CPU time, instructions and memory of a transport around one that answers at once.

    python -m benchmarks.overhead --single ours --script 503,503,200 --n 500

sends 500 requests and does nothing else: callgrind counts the instructions of this
process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import os
import re
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import stubs
from benchmarks.peers import BARE, DEFAULTS, EAGER, GIVING_UP, LAYERS, OURS, PEERS

if TYPE_CHECKING:
    from rich.progress import Progress

Script = tuple[int, ...]
Case = tuple[str, Script]
Costs = Mapping[Case, float]
"""The cost of one request, for each case."""

HAPPY: Script = (200,)
FRESH: Script = (200, 200)
"""Like `HAPPY`, but each response is new and closed, so that layers see its end."""
FAILING: Script = (503, 503, 200)
FINAL: Script = (503,)
CASES: list[Case] = [
    *itertools.product(PEERS, (HAPPY, FAILING)),
    (DEFAULTS, FAILING),
    (GIVING_UP, FINAL),
    (BARE, FINAL),
]

PARKED = 200


def happy_path(costs: Costs, peer: str, script: Script = HAPPY) -> float:
    """Return what a peer adds to a successful request; for `BARE`, its whole cost."""
    cost = costs[peer, script]
    return cost if peer == BARE else cost - costs[BARE, script]


def extra_attempt(costs: Costs, peer: str) -> float:
    """
    Return what each attempt after the first adds, its new response included.

    `BARE` makes only one attempt: the result is the cost of a call with one response.
    """
    cost = costs[peer, FAILING]
    if peer == BARE:
        return cost
    further = len(FAILING) - 1
    return (cost - costs[BARE, FAILING] - happy_path(costs, peer)) / further


def extra_attempt_by_default(costs: Costs) -> float:
    """Return what each further attempt of ours adds with the default strategies."""
    cost = costs[DEFAULTS, FAILING] - costs[BARE, FAILING] - happy_path(costs, OURS)
    return cost / (len(FAILING) - 1)


def giving_up(costs: Costs) -> float:
    """Return what a failure adds that is final, without logging."""
    return costs[GIVING_UP, FINAL] - costs[BARE, FINAL]


def cpu_times(
    rounds: int, n: int, progress: Progress, cases: Sequence[Case] = CASES
) -> list[Costs]:
    """
    Measure CPU microseconds in rounds, in each of which every case has its turn.

    So a temporary disturbance of the machine affects all cases alike. The order of the
    cases alternates, and the first round is a warm-up.
    """
    senders = {case: _Sender(case) for case in cases}
    orders = [cases[:: (-1) ** number] for number in range(1 + rounds)]
    measured: list[Costs] = []
    gc.collect()
    gc.freeze()  # else each collection below would walk through all imported modules
    gc.disable()
    try:
        with asyncio.Runner() as runner:
            for order in progress.track(orders, description="CPU time"):
                measured.append(
                    {case: runner.run(senders[case].timed(n)) for case in order}
                )
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    return measured[1:]


def instructions(
    n: int, progress: Progress, cases: Sequence[Case] = CASES
) -> Costs | None:
    """
    Count instructions with callgrind: unlike time, they hardly vary between runs.

    The difference between 3n and n requests excludes the start of the process. Return
    `None` without valgrind.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    runs = [(case, length) for case in cases for length in (n, 3 * n)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda run: _count(valgrind, *run), runs)
        track = progress.track(runs, description="instructions")
        totals = dict(zip(track, counts, strict=True))
    return {case: (totals[case, 3 * n] - totals[case, n]) / (2 * n) for case in cases}


def memory(progress: Progress) -> Costs:
    """Measure the bytes of a request that waits for its response."""
    # The event loop's tables grow for the first peer, so it is measured again later.
    track = progress.track([BARE, *PEERS], description="memory")
    return {(peer, HAPPY): asyncio.run(_bytes_in_flight(peer)) for peer in track}


class _Sender:
    """One case: its transport, and its own request, since some peers write into it."""

    def __init__(self, case: Case) -> None:
        peer, script = case
        happy = script == HAPPY
        self._closes = script == FRESH
        inner = stubs.Ready() if happy else stubs.Scripted(script)
        factories = {**(PEERS if happy else EAGER), **LAYERS}
        self._transport = factories[peer](inner)
        self._request = stubs.request()

    async def times(self, n: int) -> None:
        send, request = self._transport.handle_async_request, self._request
        if self._closes:
            for _ in range(n):
                await (await send(request)).aclose()
            return
        for _ in range(n):
            await send(request)

    async def timed(self, n: int) -> float:
        started = time.process_time_ns()
        await self.times(n)
        return (time.process_time_ns() - started) / 1000 / n


async def _bytes_in_flight(peer: str) -> float:
    gate, request = stubs.Gate(), stubs.request()
    transport = PEERS[peer](gate)

    async def park(count: int) -> float:
        gate.waiting = 0
        gate.opened.clear()
        before, _ = tracemalloc.get_traced_memory()
        tasks = [
            asyncio.create_task(transport.handle_async_request(request), name="parked")
            for _ in range(count)
        ]
        while gate.waiting < count:  # noqa: ASYNC110 - an event would be counted, too
            await asyncio.sleep(0)
        after, _ = tracemalloc.get_traced_memory()
        gate.opened.set()
        await asyncio.gather(*tasks)
        return (after - before) / count

    tracemalloc.start()
    try:
        await park(1)  # objects that are made on first use are not a cost per request
        gc.collect()
        return await park(PARKED)
    finally:
        tracemalloc.stop()


def _count(valgrind: str, case: Case, n: int) -> int:
    peer, script = case
    command = [
        *(sys.executable, "-m", "benchmarks.overhead", "--single", peer),
        *("--script", ",".join(map(str, script)), "--n", str(n)),
    ]
    return callgrind(valgrind, command, {})


def callgrind(
    valgrind: str, command: Sequence[str], environment: Mapping[str, str]
) -> int:
    """
    Count the instructions of a process.

    Args:
        valgrind: The path of valgrind.
        command: The program and its arguments.
        environment: Environment variables to add.

    Raises:
        RuntimeError: The process failed.
    """
    (count,) = callgrind_of_each(valgrind, command, environment).values()
    return count


def callgrind_of_each(
    valgrind: str, command: Sequence[str], environment: Mapping[str, str]
) -> dict[int, int]:
    """
    Count the instructions of a process, and of each that it forks, by their numbers.

    A fork counts what came before it, too.

    Args:
        valgrind: The path of valgrind.
        command: The program and its arguments.
        environment: Environment variables to add.

    Raises:
        RuntimeError: The process failed.
    """
    output = f"--callgrind-out-file={os.devnull}"
    finished = subprocess.run(
        [valgrind, "--tool=callgrind", output, *command],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONHASHSEED": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    collected = re.findall(r"==(\d+)== Collected : (\d+)", finished.stderr)
    if finished.returncode or not collected:
        msg = f"callgrind did not count {' '.join(command)}:\n{finished.stderr}"
        raise RuntimeError(msg)
    return {int(process): int(count) for process, count in collected}


def _single() -> None:
    parser = argparse.ArgumentParser(description="Send requests, and do nothing else.")
    parser.add_argument("--single", choices=[*EAGER, *LAYERS], required=True)
    parser.add_argument("--script", default="200", help="status codes, in a cycle")
    parser.add_argument("--n", type=int, default=500)
    arguments = parser.parse_args()
    script = tuple(map(int, arguments.script.split(",")))
    gc.disable()
    asyncio.run(_Sender((arguments.single, script)).times(arguments.n))


if __name__ == "__main__":
    _single()
