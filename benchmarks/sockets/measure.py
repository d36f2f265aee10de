"""
Metastable overload and hedging over real loopback sockets, with many client processes.

The models are those of the simulations, with a third of the clients and of the rate:
two cores are enough for that. The kinds of clients take no turns: they run at the same
time, in the same processes, each against a server of its own. So what disturbs the
machine disturbs all alike, and nobody waits for a recovery four times.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import telling
from benchmarks.simulations.load import GOOD
from benchmarks.simulations.telling import Goal, at_most, table_of_goals
from benchmarks.sockets.client import (
    ALONE,
    HEDGED,
    HEDGING,
    NONE,
    OURS,
    RETRYING,
    RIVAL,
)
from benchmarks.workers import PATIENCE, Process

if TYPE_CHECKING:
    from rich.progress import Progress

Results = dict[str, Any]

NOTE = (
    "Processes, sockets and seconds are real. All kinds of clients run at the same "
    "time, each against a server of its own."
)
"""What the tables mean."""


@dataclass(frozen=True)
class Plan:
    """How much of it. Rates are of all processes together, times are seconds."""

    processes: int = 20
    clients: int = 3
    """Of each kind, in each process."""
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
    """Start all processes, and let them do one after the other."""
    with ExitStack() as running:

        def process(module: str, *arguments: object) -> Process:
            started = Process(f"sockets.{module}", *map(str, arguments))
            running.callback(started.stop)
            return started

        queues = len(RETRYING)
        server = process("server", "--queues", queues, "--rate", plan.capacity)
        ports = server.heard(PATIENCE)
        clients = [process("client") for _ in range(plan.processes)]
        for client in progress.track(clients, description="processes"):
            client.heard(PATIENCE)
        crowd = _Crowd(server, clients, progress)
        return {
            "hedging": _hedging(crowd, plan, ports[queues:]),
            "overload": _overload(crowd, plan, ports[:queues]),
        }


@dataclass(frozen=True)
class _Crowd:
    """A server and client processes, who do something together."""

    server: Process
    clients: Sequence[Process]
    progress: Progress

    def do(
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
        Let clients do something.

        Args:
            part: What.
            seconds: For how long.
            count: So many of them.
            still: Between which seconds of it the servers stand still.
            warm: Seconds of it that do not count.
            **case: More for the clients to know.

        Returns:
            What the clients tell, and how many requests each server saw.
        """
        begin = time.monotonic() + 1
        case.update(case=part, begin=begin, seconds=seconds, warm=warm)
        before = self._ask([begin + second for second in still])
        with ThreadPoolExecutor(count) as pool:
            asked = [
                pool.submit(client.ask, json.dumps(case), seconds + PATIENCE)
                for client in self.clients[:count]
            ]
            for second in self.progress.track(range(seconds + 1), description=part):
                if second == warm + 1:
                    before = self._ask([])
                time.sleep(1)  # the clients are processes: here nothing is to be done
            tolds = [each.result() for each in asked]
        after = self._ask([])
        return tolds, [late - early for late, early in zip(after, before, strict=True)]

    def _ask(self, still: Sequence[float]) -> list[int]:
        counts: list[int] = self.server.ask(json.dumps(still), PATIENCE)
        return counts


def _overload(crowd: _Crowd, plan: Plan, ports: Sequence[int]) -> Results:
    over = plan.healthy + plan.frozen
    tolds, counts = crowd.do(
        "overload",
        over + plan.horizon + plan.window,
        plan.processes,
        still=(plan.healthy, over),
        ports=ports,
        clients=plan.clients,
        rate=plan.load / plan.processes,
        patience=plan.timeout,
    )
    asked = dict(zip(RETRYING, counts, strict=False))
    results: Results = {}
    for kind in RETRYING:
        began, well = (
            [
                sum(of_second)
                for of_second in zip(*(told[kind][of] for told in tolds), strict=True)
            ]
            for of in ("began", "well")
        )
        recovered = None
        for second in range(over, over + plan.horizon):
            window = slice(second, second + plan.window)
            if sum(well[window]) >= GOOD * sum(began[window]):
                recovered = second - over
                break
        results[kind] = {
            "recovered": recovered,
            "requests": asked[kind] / sum(began),
            "success": sum(well) / sum(began),
        }
    return results


def _hedging(crowd: _Crowd, plan: Plan, ports: Sequence[int]) -> Results:
    tolds, counts = crowd.do(
        "hedging",
        plan.warm + plan.hedging,
        plan.hedging_processes,
        warm=plan.warm,
        ports=ports,
        rate=plan.rate / plan.hedging_processes,
    )
    results: Results = {}
    for kind, asked in zip(HEDGING, counts[-len(HEDGING) :], strict=True):
        took = sorted(ms for told in tolds for ms in told[kind])
        results[kind] = {
            "calls": len(took),
            "p50": took[len(took) // 2],
            "p99": took[len(took) * 99 // 100],
            "p99.9": took[len(took) * 999 // 1000],
            "requests": asked / len(took),
        }
    return results


def tables_of(plan: Plan, results: Results) -> Iterator[Table]:
    """Lay out what came of it."""
    clients = plan.processes * plan.clients
    table = layout.table(
        f"Real sockets: a server stands still for {plan.frozen} s, {clients} clients "
        f"in {plan.processes} processes",
        "retries",
        "s until\nall is well",
        "requests\nper call",
        "calls that\nwent well",
    )
    for kind, told in results["overload"].items():
        seconds = told["recovered"]
        table.add_row(
            telling.origin_name(kind),
            f"not in {plan.horizon}" if seconds is None else str(seconds),
            f"{told['requests']:.2f}",
            f"{told['success']:.0%}",
        )
    yield table
    table = layout.table(
        "Real sockets: hedging, 1 % of answers 100 to 400 ms late",
        "",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "extra requests",
    )
    for kind, told in results["hedging"].items():
        table.add_row(
            telling.origin_name(kind),
            *(f"{told[of]:.1f}" for of in ("p50", "p99", "p99.9")),
            f"{100 * (told['requests'] - 1):.1f} %",
        )
    yield table
    yield table_of_goals(list(goals_of(results)))


def goals_of(results: Results) -> Iterator[Goal]:
    """Compare it with what it should be."""
    of = {kind: told["recovered"] for kind, told in results["overload"].items()}
    ours, least = of[OURS], of[NONE]
    ratio = None if ours is None or least is None else ours / max(least, 1)
    rival = "never" if of[RIVAL] is None else f"{of[RIVAL]} s"
    yield at_most("recovery / no retries", 1.3, ratio, f"httpx-retries {rival}")
    alone, hedged = (results["hedging"][kind] for kind in (ALONE, HEDGED))
    extra = 100 * (hedged["requests"] - 1)
    yield at_most(
        "hedging: p99.9 in ms", 20, hedged["p99.9"], f"alone {alone['p99.9']:.0f}", 1
    )
    yield at_most("hedging: % of requests more", 5.5, extra, "simulated 5", 1)


def told(plan: Plan, results: Results) -> dict[str, Any]:
    """Tell everything."""
    goals = [asdict(goal) for goal in goals_of(results)]
    return {"plan": asdict(plan), "goals": goals, "results": results}
