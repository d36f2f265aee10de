"""
Metastable overload and hedging over real loopback sockets, with many client processes.

The models are those of the simulations, with a third of the clients and of the rate,
which two cores can handle. All kinds of clients run at the same time, in the same
processes, each against a server of its own. So a disturbance of the machine affects all
kinds alike, and the recovery takes its time only once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.simulations.load import GOOD
from benchmarks.sockets.client import HEDGING, RETRYING
from benchmarks.workers import PATIENCE, Process

if TYPE_CHECKING:
    from rich.progress import Progress

Results = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """The size of the runs. Rates are of all processes together, times in seconds."""

    processes: int = 20
    clients: int = 3
    """Clients of each kind in each process."""
    capacity: float = 30.0
    load: float = 24.0
    timeout: float = 1.0
    healthy: int = 20
    frozen: int = 10
    horizon: int = 55
    window: int = 10
    hedging_processes: int = 4
    rate: float = 120.0
    warm: int = 15
    hedging: int = 45


QUICK = Plan(
    processes=2,
    healthy=1,
    frozen=1,
    horizon=2,
    window=1,
    hedging_processes=2,
    rate=100.0,
    warm=1,
    hedging=2,
)


def measure(plan: Plan, progress: Progress) -> Results:
    """Start all processes, and run one part after the other."""
    with ExitStack() as running:

        def process(module: str, *arguments: object) -> Process:
            started = Process(f"sockets.{module}", *map(str, arguments))
            running.callback(started.stop)
            return started

        queues = len(RETRYING)
        server = process("server", "--queues", queues, "--rate", plan.capacity)
        ports = server.receive(PATIENCE)
        clients = [process("client") for _ in range(plan.processes)]
        for client in progress.track(clients, description="processes"):
            client.receive(PATIENCE)
        crowd = _Crowd(server, clients, progress)
        return {
            "hedging": _hedging(crowd, plan, ports[queues:]),
            "overload": _overload(crowd, plan, ports[:queues]),
        }


@dataclass(frozen=True)
class _Crowd:
    """A server and the client processes that run a part together."""

    server: Process
    clients: Sequence[Process]
    progress: Progress

    def run(
        self,
        part: str,
        seconds: int,
        count: int,
        *,
        still: tuple[float, float] = (0, 0),
        warm: int = 0,
        **case: Any,
    ) -> tuple[list[Any], list[int]]:
        """
        Run a part with some of the clients.

        Args:
            part: The name of the part.
            seconds: Its duration.
            count: The number of client processes.
            still: The seconds of its time between which the queues stand still.
            warm: The seconds at its start that do not count.
            **case: More arguments for the clients.

        Returns:
            The results of the clients, and the number of requests of each server.
        """
        begin = time.monotonic() + 1
        case.update(case=part, begin=begin, seconds=seconds, warm=warm)
        before = self._requests([begin + second for second in still])
        with ThreadPoolExecutor(count) as pool:
            running = [
                pool.submit(client.call, json.dumps(case), seconds + PATIENCE)
                for client in self.clients[:count]
            ]
            for second in self.progress.track(range(seconds + 1), description=part):
                if second == warm + 1:
                    before = self._requests([])
                time.sleep(1)  # the clients run in processes of their own
            results = [each.result() for each in running]
        after = self._requests([])
        return results, [end - start for end, start in zip(after, before, strict=True)]

    def _requests(self, still: Sequence[float]) -> list[int]:
        counts: list[int] = self.server.call(json.dumps(still), PATIENCE)
        return counts


def _overload(crowd: _Crowd, plan: Plan, ports: Sequence[int]) -> Results:
    over = plan.healthy + plan.frozen
    of_clients, counts = crowd.run(
        "overload",
        over + plan.horizon + plan.window,
        plan.processes,
        still=(plan.healthy, over),
        ports=ports,
        clients=plan.clients,
        rate=plan.load / plan.processes,
        patience=plan.timeout,
    )
    requests = dict(zip(RETRYING, counts, strict=False))
    results: Results = {}
    for kind in RETRYING:
        started, succeeded = (
            [
                sum(of_second)
                for of_second in zip(
                    *(each[kind][of] for each in of_clients), strict=True
                )
            ]
            for of in ("started", "succeeded")
        )
        recovered = None
        for second in range(over, over + plan.horizon):
            window = slice(second, second + plan.window)
            if sum(succeeded[window]) >= GOOD * sum(started[window]):
                recovered = second - over
                break
        results[kind] = {
            "recovered": recovered,
            "requests": requests[kind] / sum(started),
            "success": sum(succeeded) / sum(started),
        }
    return results


def _hedging(crowd: _Crowd, plan: Plan, ports: Sequence[int]) -> Results:
    of_clients, counts = crowd.run(
        "hedging",
        plan.warm + plan.hedging,
        plan.hedging_processes,
        warm=plan.warm,
        ports=ports,
        rate=plan.rate / plan.hedging_processes,
    )
    results: Results = {}
    for kind, requests in zip(HEDGING, counts[-len(HEDGING) :], strict=True):
        took = sorted(ms for each in of_clients for ms in each[kind])
        results[kind] = {
            "calls": len(took),
            "p50": took[len(took) // 2],
            "p99": took[len(took) * 99 // 100],
            "p99.9": took[len(took) * 999 // 1000],
            "requests": requests / len(took),
        }
    return results
