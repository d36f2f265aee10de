"""What pools do under load: the cases, for each client, over one server of our own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.clients import (
    ALL_OURS,
    CLIENTS,
    GOALS_OF,
    OURS,
    OURS2,
    OURS_POOL,
)
from benchmarks.workers import Server, Told, Workers, processes

if TYPE_CHECKING:
    from rich.progress import Progress

LEVELS = (1, 10, 100, 1000, 5000)
ORIGINS = 50
SLOTS = 10
COLD_LIMIT = 12.0
ORIGINS_LIMIT = 6.0

Results = dict[str, dict[str, list[Told]]]
"""What each client told of a part: in each round, or of each variant."""


@dataclass(frozen=True)
class Plan:
    """How much is sent. Every case has a limit in seconds, too."""

    asked: dict[int, int] = field(
        default_factory=lambda: {1: 400, 10: 600, 100: 600, 1000: 1500, 5000: 6000}
    )
    rounds: dict[int, int] = field(
        default_factory=lambda: {1: 11, 10: 11, 100: 3, 1000: 5, 5000: 1}
    )
    """Of the clients that goals are about; the others have one. A small difference
    needs many."""
    connections: int = 2000
    cold: int = 1000
    cold_delay: int = 1000
    origins: int = 1500
    cancelled: int = 2000
    slots: int = 50
    waiting: int = 500
    soaked: int = 100_000
    settle: float = 1.5
    limit: float = 4.0
    longer: float = 12.0
    """The limit of cases in which there is much to do, or to wait for."""


QUICK = Plan(
    asked={1: 3, 10: 10, 100: 20, 1000: 20, 5000: 20},
    rounds=dict.fromkeys(LEVELS, 1),
    connections=40,
    cold=40,
    cold_delay=20,
    origins=60,
    cancelled=40,
    slots=5,
    waiting=20,
    soaked=400,
    settle=0.2,
    longer=1.5,
)


@dataclass(frozen=True)
class Bench:
    """What a part needs."""

    workers: Workers
    server: Server
    plan: Plan
    progress: Progress

    def flight(self, client: str, urls: Sequence[str], asked: int, **case: Any) -> Told:
        """Let a client send requests: no more at a time than there are."""
        case = {"warm": 0, "limit": self.plan.limit, **case}
        case["in_flight"] = min(case["in_flight"], asked)
        return self.workers.run(client, case="flight", urls=urls, asked=asked, **case)


def cpu(bench: Bench) -> Iterator[tuple[str, Told]]:
    """
    CPU time per request, by requests in flight. All take turns, in rounds.

    With 5,000 in flight nobody has a timeout for the pool, if there is such a thing: on
    a slow machine the last of them would wait longer than the default, in any pool.
    """
    plan = bench.plan
    runs = [
        (client, level)
        for number in range(max(plan.rounds.values()))
        for level in LEVELS
        for client in list(CLIENTS)[:: (-1) ** number]
        if number == 0 or (number < plan.rounds[level] and client in GOALS_OF)
    ]
    for client, level in bench.progress.track(runs, description="in flight"):
        bench.server.reset()
        told = bench.flight(
            client,
            bench.server.urls("/"),
            plan.asked[level],
            in_flight=level,
            warm=min(level, 100, plan.asked[level]),
            limit=plan.longer if level == LEVELS[-1] else plan.limit,
            patient=level == LEVELS[-1],
        )
        yield client, {"in_flight": level, **told}


def connections(bench: Bench) -> Iterator[tuple[str, Told]]:
    """TCP connections for requests to a server that takes 20 ms, 100 in flight."""
    urls = bench.server.urls("/delay/20")
    for client in bench.progress.track(list(CLIENTS), description="connections"):
        bench.server.reset()
        told = bench.flight(
            client,
            urls,
            bench.plan.connections,
            in_flight=100,
            limit=bench.plan.longer,
        )
        yield client, {**told, "server": bench.server.counts()}


def cold(bench: Bench) -> Iterator[tuple[str, Told]]:
    """
    All requests at once, without warming up, to a server that takes a second.

    With each client's own timeouts, and without one for the pool: this is what goals
    are about, so those are alone. Of the others there are two at a time: each has a
    core, and the server next to nothing to do.
    """
    plan = bench.plan
    urls = bench.server.urls(f"/delay/{plan.cold_delay}")
    alone = [(client, True) for client in GOALS_OF if client != OURS_POOL]
    paired = [(client, False) for client in CLIENTS]
    bench.server.reset()

    def run(client: str, patient: bool) -> Told:  # noqa: FBT001 - one of a pair
        told = bench.flight(
            client,
            urls,
            plan.cold,
            in_flight=plan.cold,
            limit=COLD_LIMIT,
            patient=patient,
        )
        return {"patient": patient, **told}

    def all_told() -> Iterator[Told]:
        yield from itertools.starmap(run, alone)
        with ThreadPoolExecutor(2) as both:
            yield from both.map(run, *zip(*paired, strict=True))

    runs = alone + paired
    track = bench.progress.track(all_told(), len(runs), description="cold start")
    for (client, _), told in zip(runs, track, strict=True):
        yield client, told


def origins(bench: Bench) -> Iterator[tuple[str, Told]]:
    """500 in flight to one origin, and to 50 by turns."""
    asked = bench.plan.origins
    clients = [*CLIENTS, *ALL_OURS]
    runs = list(itertools.product(clients, (1, ORIGINS)))
    for client, count in bench.progress.track(runs, description="origins"):
        urls = bench.server.urls("/", count)
        bench.server.reset()
        told = bench.flight(client, urls, asked, in_flight=500, limit=ORIGINS_LIMIT)
        yield client, {"origins": count, **told, "server": bench.server.counts()}


def cancellations(bench: Bench) -> Iterator[tuple[str, Told]]:
    """Random cancellations over a few slots, then probes."""
    for client in bench.progress.track(list(CLIENTS), description="cancelled"):
        bench.server.reset()
        told = bench.workers.run(
            client,
            case="cancellations",
            connections=SLOTS,
            url=bench.server.urls("/delay/5")[0],
            slow=bench.server.urls("/delay/50")[0],
            asked=bench.plan.cancelled,
            probes=SLOTS * 5,
            limit=bench.plan.longer,
        )
        yield client, {**told, "server": bench.server.counts()}


def memory(bench: Bench) -> Iterator[tuple[str, Told]]:
    """Memory for each idle connection, and for each waiting request."""
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


def soak(bench: Bench) -> Iterator[tuple[str, Told]]:
    """A great many requests, of which some fail: what remains of them."""
    for client in bench.progress.track((OURS, OURS2), description="soak"):
        told = bench.workers.run(
            client,
            fresh=True,
            case="soak",
            base=bench.server.urls("")[0],
            asked=bench.plan.soaked,
            in_flight=100,
            settle=bench.plan.settle,
            limit=400.0,
        )
        yield client, told


PARTS: dict[str, Callable[[Bench], Iterator[tuple[str, Told]]]] = {
    "cpu": cpu,
    "connections": connections,
    "cold": cold,
    "origins": origins,
    "cancellations": cancellations,
    "memory": memory,
    "soak": soak,
}


def measure(parts: Sequence[str], plan: Plan, progress: Progress) -> Results:
    """Measure parts, one after the other, each with all clients taking turns."""
    results: Results = {}
    with processes(ORIGINS) as (workers, server):
        bench = Bench(workers, server, plan, progress)
        for part in parts:
            progress.console.print(f"measuring {part} ...")
            of_clients = results.setdefault(part, {client: [] for client in CLIENTS})
            for client, told in PARTS[part](bench):
                of_clients[client].append(told)
    return results
