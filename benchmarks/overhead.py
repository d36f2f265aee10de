"""
CPU time, instructions and memory of a transport around one that answers at once.

    python -m benchmarks.overhead --single ours --script 503,503,200 --n 500

sends so many requests and nothing else: it is the process that callgrind watches.
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
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.peers import BARE, EAGER, LAYERS, PEERS

if TYPE_CHECKING:
    from rich.progress import Progress

Script = tuple[int, ...]
Case = tuple[str, Script]
Costs = Mapping[Case, float]
"""What one request of each case costs."""

HAPPY: Script = (200,)
FRESH: Script = (200, 200)
"""As happy, but each response is a new one, and closed: so layers see its end."""
FAILING: Script = (503, 503, 200)
CASES: list[Case] = list(itertools.product(PEERS, (HAPPY, FAILING)))

PARKED = 200


def happy_path(costs: Costs, peer: str, script: Script = HAPPY) -> float:
    """Tell what a peer adds to a request that goes well; of the bare one, all of it."""
    cost = costs[peer, script]
    return cost if peer == BARE else cost - costs[BARE, script]


def extra_attempt(costs: Costs, peer: str) -> float:
    """
    Tell what each attempt after the first adds, the new response included.

    The bare one has no further attempts: of each call, it returns one response.
    """
    cost = costs[peer, FAILING]
    if peer == BARE:
        return cost
    further = len(FAILING) - 1
    return (cost - costs[BARE, FAILING] - happy_path(costs, peer)) / further


def cpu_times(
    rounds: int, n: int, progress: Progress, cases: Sequence[Case] = CASES
) -> list[Costs]:
    """
    Measure CPU microseconds in rounds, in each of which every case has its turn.

    So what disturbs the machine for a while disturbs all cases alike. The order is
    turned around each time, and the first round is for warming up.
    """
    sends = {case: _Send(case) for case in cases}
    orders = [cases[:: (-1) ** number] for number in range(1 + rounds)]
    measured: list[Costs] = []
    gc.collect()
    gc.freeze()  # else each collection below would walk through all imported modules
    gc.disable()
    try:
        with asyncio.Runner() as runner:
            for order in progress.track(orders, description="CPU time"):
                measured.append(
                    {case: runner.run(sends[case].timed(n)) for case in order}
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
    Count instructions with callgrind: other than time, they hardly vary between runs.

    What n requests need is subtracted from what 3n need, and start-up cancels out.
    Returns `None` without valgrind.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    runs = [(case, length) for case in cases for length in (n, 3 * n)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda run: _callgrind(valgrind, *run), runs)
        track = progress.track(runs, description="instructions")
        totals = dict(zip(track, counts, strict=True))
    return {case: (totals[case, 3 * n] - totals[case, n]) / (2 * n) for case in cases}


def memory(progress: Progress) -> Costs:
    """Measure the bytes that a request holds while it waits for its response."""
    # The event loop's tables grow for the first one, which is measured again later.
    track = progress.track([BARE, *PEERS], description="memory")
    return {(peer, HAPPY): asyncio.run(_held(peer)) for peer in track}


class _Send:
    """One case: its transport, and a request of its own because some write into it."""

    def __init__(self, case: Case) -> None:
        peer, script = case
        happy = script == HAPPY
        self._closes = script == FRESH
        inner = _Ready() if happy else _Scripted(script)
        factories = {**(PEERS if happy else EAGER), **LAYERS}
        self._transport = factories[peer](inner)
        self._request = _request()

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


def _request() -> httpx.Request:
    timeout = httpx.Timeout(5.0).as_dict()
    return httpx.Request("GET", "http://127.0.0.1/", extensions={"timeout": timeout})


def _response(status: int) -> httpx.Response:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"4")]
    return httpx.Response(status, headers=headers, stream=_Once())


class _Once(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"body"


class _Ready(httpx.AsyncBaseTransport):
    """Answers with the same response each time, so that little but the wrapper runs."""

    def __init__(self) -> None:
        self._response = _response(200)

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - all are answered alike
    ) -> httpx.Response:
        return self._response


class _Scripted(httpx.AsyncBaseTransport):
    """Answers with new responses, because a failed one is used up."""

    def __init__(self, script: Script) -> None:
        self._statuses = itertools.cycle(script)

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - all are answered alike
    ) -> httpx.Response:
        return _response(next(self._statuses))


class _Gate(_Ready):
    """Lets nobody through before it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.opened = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.waiting += 1
        await self.opened.wait()
        return await super().handle_async_request(request)


async def _held(peer: str) -> float:
    gate, request = _Gate(), _request()
    transport = PEERS[peer](gate)

    async def park(count: int) -> float:
        gate.waiting = 0
        gate.opened.clear()
        before, _ = tracemalloc.get_traced_memory()
        tasks = [
            asyncio.create_task(transport.handle_async_request(request), name="parked")
            for _ in range(count)
        ]
        while gate.waiting < count:  # noqa: ASYNC110 - an event would be held as well
            await asyncio.sleep(0)
        held, _ = tracemalloc.get_traced_memory()
        gate.opened.set()
        await asyncio.gather(*tasks)
        return (held - before) / count

    tracemalloc.start()
    try:
        await park(1)  # what is made on first use is not held per request
        gc.collect()
        return await park(PARKED)
    finally:
        tracemalloc.stop()


def _callgrind(valgrind: str, case: Case, n: int) -> int:
    peer, script = case
    finished = subprocess.run(
        [
            *(valgrind, "--tool=callgrind", f"--callgrind-out-file={os.devnull}"),
            *(sys.executable, "-m", "benchmarks.overhead", "--single", peer),
            *("--script", ",".join(map(str, script)), "--n", str(n)),
        ],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    collected = re.search(r"Collected : (\d+)", finished.stderr)
    if finished.returncode or collected is None:
        msg = f"callgrind did not count {peer}:\n{finished.stderr}"
        raise RuntimeError(msg)
    return int(collected[1])


def _single() -> None:
    parser = argparse.ArgumentParser(description="Send requests, and do nothing else.")
    parser.add_argument("--single", choices=[*PEERS, *LAYERS], required=True)
    parser.add_argument("--script", default="200", help="statuses, over and over")
    parser.add_argument("--n", type=int, default=500)
    arguments = parser.parse_args()
    script = tuple(map(int, arguments.script.split(",")))
    gc.disable()
    asyncio.run(_Send((arguments.single, script)).times(arguments.n))


if __name__ == "__main__":
    _single()
