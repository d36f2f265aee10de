"""Pools under load: the cases for each client, against one server of our own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, Measured, Results
from benchmarks.clients import (
    ALL_OURS,
    CLIENTS,
    GOALS_OF,
    OURS,
    OURS2,
    OURS_POOL,
)
from benchmarks.plan import (
    COLD_LIMIT,
    LEVELS,
    ORIGINS,
    ORIGINS_LIMIT,
    SLOTS,
    Plan,
)
from benchmarks.workers import CaseResult, processes

if TYPE_CHECKING:
    from rich.progress import Progress


def cpu(bench: Bench) -> Measured:
    """
    Measure CPU time per request, by requests in flight. The clients take turns.

    With 5,000 in flight, no client has a timeout for its pool, if it can be set: on a
    slow machine the last requests would wait longer than the default, in any pool.
    """
    plan = bench.plan
    runs = [
        (client, level)
        for number in range(max(plan.rounds.values()))
        for level in LEVELS
        for client in list(CLIENTS)[:: (-1) ** number]
        if number < plan.rounds[level]
        if client in GOALS_OF or (number == 0 and not plan.only_goals)
    ]
    for client, level in bench.progress.track(runs, description="in flight"):
        bench.server.reset()
        result = bench.flight(
            client,
            bench.server.urls("/"),
            plan.requests[level],
            in_flight=level,
            warm=min(level, 100, plan.requests[level]),
            limit=plan.longer if level == LEVELS[-1] else plan.limit,
            patient=level == LEVELS[-1],
        )
        yield client, {"in_flight": level, **result}


def connections(bench: Bench) -> Measured:
    """Count TCP connections to a server that takes 20 ms, with 100 in flight."""
    urls = bench.server.urls("/delay/20")
    for client in bench.progress.track(list(CLIENTS), description="connections"):
        bench.server.reset()
        result = bench.flight(
            client,
            urls,
            bench.plan.connections,
            in_flight=100,
            limit=bench.plan.longer,
        )
        yield client, {**result, "server": bench.server.counts()}


def cold(bench: Bench) -> Measured:
    """
    Send all requests at once, without a warm-up, to a server that takes a second.

    Each client runs with its own timeouts. The clients in the goals also run without a
    timeout for the pool, and one at a time. The other runs are two at a time: each has
    a core, and the server has little to do.
    """
    plan = bench.plan
    urls = bench.server.urls(f"/delay/{plan.cold_delay}")
    alone = [(client, True) for client in GOALS_OF if client != OURS_POOL]
    paired = [(client, False) for client in CLIENTS]
    bench.server.reset()

    def run(client: str, patient: bool) -> CaseResult:  # noqa: FBT001 - called by starmap
        result = bench.flight(
            client,
            urls,
            plan.cold,
            in_flight=plan.cold,
            limit=COLD_LIMIT,
            patient=patient,
        )
        return {"patient": patient, **result}

    def all_results() -> Iterator[CaseResult]:
        yield from itertools.starmap(run, alone)
        with ThreadPoolExecutor(2) as both:
            yield from both.map(run, *zip(*paired, strict=True))

    runs = alone + paired
    track = bench.progress.track(all_results(), len(runs), description="cold start")
    for (client, _), result in zip(runs, track, strict=True):
        yield client, result


def origins(bench: Bench) -> Measured:
    """Send 500 requests in flight to one origin, then to 50 in turn."""
    requests = bench.plan.origins
    clients = [*CLIENTS, *ALL_OURS]
    runs = list(itertools.product(clients, (1, ORIGINS)))
    for client, count in bench.progress.track(runs, description="origins"):
        urls = bench.server.urls("/", count)
        bench.server.reset()
        result = bench.flight(
            client, urls, requests, in_flight=500, limit=ORIGINS_LIMIT
        )
        yield client, {"origins": count, **result, "server": bench.server.counts()}


def cancellations(bench: Bench) -> Measured:
    """Cancel requests at random over a few slots, then send probes."""
    for client in bench.progress.track(list(CLIENTS), description="cancelled"):
        bench.server.reset()
        result = bench.workers.run(
            client,
            case="cancellations",
            connections=SLOTS,
            url=bench.server.urls("/delay/5")[0],
            slow=bench.server.urls("/delay/50")[0],
            requests=bench.plan.cancelled,
            probes=SLOTS * 5,
            limit=bench.plan.longer,
        )
        yield client, {**result, "server": bench.server.counts()}


def memory(bench: Bench) -> Measured:
    """Measure the memory of an idle connection and of a waiting request."""
    for client in bench.progress.track(GOALS_OF, description="memory"):
        yield (
            client,
            bench.workers.run(
                client,
                fresh=True,
                case="memory",
                url=bench.server.urls("/")[0],
                slow=bench.server.urls("/delay/50")[0],
                slower=bench.server.urls("/delay/4000")[0],
                slots=bench.plan.slots,
                waiting=bench.plan.waiting,
            ),
        )


def soak(bench: Bench) -> Measured:
    """Send very many requests, some of which fail, and measure the growth."""
    for client in bench.progress.track((OURS, OURS2), description="soak"):
        result = bench.workers.run(
            client,
            fresh=True,
            case="soak",
            base=bench.server.urls("")[0],
            requests=bench.plan.soak_requests,
            in_flight=100,
            settle=bench.plan.settle,
            limit=400.0,
        )
        yield client, result


PARTS: dict[str, Callable[[Bench], Measured]] = {
    "cpu": cpu,
    "connections": connections,
    "cold": cold,
    "origins": origins,
    "cancellations": cancellations,
    "memory": memory,
    "soak": soak,
}


def measure(parts: Sequence[str], plan: Plan, progress: Progress) -> Results:
    """Measure one part after the other. In each, the clients take turns."""
    results: Results = {}
    with processes(ORIGINS) as (workers, server):
        bench = Bench(workers, server, plan, progress)
        for part in parts:
            progress.console.print(f"measuring {part} ...")
            of_clients = results.setdefault(part, {client: [] for client in CLIENTS})
            for client, result in PARTS[part](bench):
                of_clients[client].append(result)
    return results
