"""
Single events: a healthy server breaks what is in flight once, or restarts.

A reload or a dead worker breaks all requests in flight at one moment. A restart answers
503 to all requests for a short time. Each caller makes one call after the other. No
server is overloaded, so each lost call is lost by the client's own policy.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import httpx
from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import reporting
from benchmarks.simulations.budgets import BUDGETS, NONE, OURS, PATIENT, Client
from benchmarks.simulations.load import answer
from benchmarks.simulations.reporting import CaseResult, Goal, at_least
from httpx_resilient.simulation._clock import SimulatedClock

AFTER = 30.0
"""Seconds of healthy traffic before an event."""

PAUSE = 0.05
"""Seconds between two calls of a caller, which works on the answer."""

REST = 15.0
"""Seconds until the last call ends in any case."""


class Event(NamedTuple):
    """
    What happens to the server.

    Args:
        calls: Calls in flight at each moment.
        latency: Seconds that the server takes for a request.
        at: The moment of the event, in seconds after the first call.
        lasts: Seconds for which the server answers 503; 0 if it only breaks all
            requests in flight, once.
        goal: The share of the calls which meet the event that must succeed.
    """

    calls: int
    latency: float
    at: float
    lasts: float
    goal: float


EVENTS = {
    "reload, 100 in flight": Event(100, 0.6, AFTER, 0.0, 0.99),
    "reload, first 100 requests": Event(100, 0.6, 0.3, 0.0, 0.99),
    "restart of 1.5 s, 20 in flight": Event(20, 0.02, AFTER, 1.5, 0.95),
    "restart of 8 s, 20 in flight": Event(20, 0.02, AFTER, 8.0, 0.0),
}
PLOTTED = [name for name, event in EVENTS.items() if event.goal]
PATIENT_GOAL = 1.0


class Server(httpx.AsyncBaseTransport):
    """Answers each request after its latency, but for the event."""

    def __init__(self, clock: SimulatedClock, event: Event) -> None:
        self._clock = clock
        self._event = event
        self._in_flight: set[asyncio.Future[None]] = set()
        clock.at(event.at, self._breaks)

    def _breaks(self) -> None:
        for request in list(self._in_flight):
            if not request.done():
                request.set_exception(httpx.ReadError("broken"))

    @property
    def is_down(self) -> bool:
        """Whether it restarts."""
        return 0 <= self._clock.now() - self._event.at < self._event.lasts

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - the answer does not depend on it
    ) -> httpx.Response:
        """Answer with 200, with 503 in a restart, or break."""
        if self.is_down:
            await asyncio.sleep(0.001)
            return answer(503)
        answered: asyncio.Future[None] = asyncio.Future()
        self._in_flight.add(answered)
        now = self._clock.now()
        self._clock.at(now + self._event.latency, _resolve, answered)
        try:
            await answered
        finally:
            self._in_flight.discard(answered)
        return answer(200)


def _resolve(answered: asyncio.Future[None]) -> None:
    if not answered.done():
        answered.set_result(None)


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Return the cases: every budget with every event."""
    names = list(EVENTS)[:1] if quick else EVENTS
    return [
        {"event": name, "policy": policy}
        for name in names
        for policy in (*BUDGETS, PATIENT)
    ]


def run(*, event: str, policy: str) -> dict[str, Any]:
    """Return the calls that have met the event, and how many of them succeeded."""
    with SimulatedClock(1) as clock:
        rng = random.Random(1)
        happens = EVENTS[event]
        server = Server(clock, happens)
        client = Client(policy, clock, server)
        over = happens.at + happens.lasts
        met: list[bool] = []

        async def calls() -> None:
            await asyncio.sleep(rng.uniform(0, min(happens.latency, happens.at)))
            while clock.now() <= over:
                began = clock.now()
                succeeded = await client.call()
                if began <= over and clock.now() >= happens.at:
                    met.append(succeeded)
                await asyncio.sleep(PAUSE)

        for _ in range(happens.calls):
            clock.start(calls())
        clock.run(over + REST)
        return {"calls": len(met), "succeeded": sum(met)}


def tables(results: Sequence[CaseResult]) -> Iterator[Table]:
    """Lay out the calls that were lost."""
    names = [each for each in EVENTS if _of(results, each, OURS)]
    table = layout.table(
        "Single events: calls lost, of those that met the event",
        "budget for retries",
        *(name.replace(", ", ",\n") for name in names),
    )
    for policy in (*BUDGETS, PATIENT):
        cells = [
            f"{each['calls'] - each['succeeded']} of {each['calls']}"
            for name in names
            if (each := _of(results, name, policy))
        ]
        table.add_row(reporting.bold_if_ours(policy), *cells)
    yield table


def goals(results: Sequence[CaseResult]) -> Iterator[Goal]:
    """Yield the goals: a single event costs hardly any call."""
    for name, event in EVENTS.items():
        none = _of(results, name, NONE)
        for policy, goal in ((OURS, event.goal), (PATIENT, PATIENT_GOAL)):
            ours = _of(results, name, policy)
            if not (none and ours and goal):
                continue
            yield at_least(
                f"{name}: success{', patient' * (policy == PATIENT)}",
                goal,
                succeeded(ours),
                f"no retries {succeeded(none):.2f}",
            )


def succeeded(result: CaseResult) -> float:
    """Return the share of calls that succeeded."""
    return float(result["succeeded"] / result["calls"])


def _of(results: Sequence[CaseResult], event: str, policy: str) -> CaseResult | None:
    for each in results:
        if (each["event"], each["policy"]) == (event, policy):
            return each
    return None
