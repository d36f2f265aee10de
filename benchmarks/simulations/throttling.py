"""
Adaptive throttling: a server is down for a minute, or has a fifth of its capacity.

A client calls the server 100 times a second, and derives from the accepted requests how
many to reject locally ("Handling Overload", Site Reliability Engineering, 2016, chapter
21). Fewer requests are better, but without an occasional probe the client does not
notice that the server is back.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

import httpx
from rich.table import Table

from benchmarks import layout
from benchmarks.simulations import reporting
from benchmarks.simulations.load import Load, Server, summed
from benchmarks.simulations.reporting import CaseResult, Goal, at_most, beside
from httpx_resilient import ThrottlingTransport
from httpx_resilient.simulation._clock import SimulatedClock

RATE = 100
HEALTHY = 300
OUTAGE = 60
SETTLED = 240
"""Seconds of overload after which even the longest window contains nothing else."""

FIFTH = 20
"""Requests a second that an overloaded server accepts."""

HORIZON = 300
WINDOW = 10

OURS = "ours"
PUBLISHED = {
    "SRE: 120 s": ("0", "100 %", "40 %"),
    "30 s": ("123-186", "38 %", "40 %"),
    "10 s": ("32-54", "13 %", "40 %"),
    "10 s, at most 90 %": ("15-19", "21 %", "40 %"),
    OURS: (None, None, None),
}
"""Figures of the published formula: recovery, sent, and sent when overloaded."""

RULES = {
    "SRE: 120 s": (120, 1.0),
    "30 s": (30, 1.0),
    "10 s": (10, 1.0),
    "10 s, at most 90 %": (10, 0.9),
}
"""The window in seconds, and the largest share of requests to reject."""

K = 2


class Published(httpx.AsyncBaseTransport):
    """A client with the published formula."""

    def __init__(
        self, clock: SimulatedClock, server: Server, window: int, highest: float
    ) -> None:
        self._now = clock.now
        self._inner = server
        self._window = window
        self._highest = highest
        self._outcomes: deque[list[float]] = deque()
        self._requests = self._accepts = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, or reject it."""
        now = self._now()
        while self._outcomes and self._outcomes[0][0] < now - self._window:
            self._requests -= 1
            self._accepts -= self._outcomes.popleft()[1]
        excess = self._requests - K * self._accepts
        share = min(excess / (self._requests + 1), self._highest)
        self._requests += 1
        outcome = [now, 0.0]
        self._outcomes.append(outcome)
        if random.random() < share:
            msg = "rejected"
            raise httpx.TransportError(msg)
        response: httpx.Response = await self._inner.handle_async_request(request)
        outcome[1] = float(response.status_code == 200)
        self._accepts += outcome[1]
        return response


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Return the cases: every throttle, in an outage and in an overload."""
    return [
        {"throttle": throttle, "capacity": capacity, "seed": seed, "seconds": seconds}
        for throttle in PUBLISHED
        for capacity, seconds, seeds in ((0, OUTAGE, 3), (FIFTH, SETTLED, 1))
        for seed in range(1 if quick else seeds)
    ]


def run(*, throttle: str, capacity: int, seed: int, seconds: int) -> dict[str, Any]:
    """Return the share sent in the last minute, and the seconds to recovery."""
    with SimulatedClock(seed) as clock:
        rng = random.Random(seed)
        server = Server(clock, rng)
        transport: httpx.AsyncBaseTransport
        if throttle == OURS:
            transport = ThrottlingTransport(server)
        else:
            transport = Published(clock, server, *RULES[throttle])
        request = httpx.Request("GET", "http://localhost/")

        async def call() -> bool:
            try:
                response = await transport.handle_async_request(request)
            except httpx.TransportError:
                return False
            return bool(response.status_code == 200)

        over = HEALTHY + seconds
        load = Load(clock, rng, [call], RATE, over + HORIZON)
        clock.run(HEALTHY)
        server.capacity = capacity
        clock.run(over)
        server.capacity = math.inf
        bad = range(over - OUTAGE, over)
        sent = summed(server.requests, bad) / summed(load.started, bad)
        for second in range(over, over + HORIZON - WINDOW):
            clock.run(second + WINDOW + 1)
            if load.is_healthy(range(second, second + WINDOW)):
                return {"sent": sent, "recovered": second - over}
        return {"sent": sent, "recovered": None}


def tables(results: Sequence[CaseResult]) -> Iterator[Table]:
    """Lay out the seconds and the shares."""
    table = layout.table(
        "Adaptive throttling, 100 calls/s",
        "window",
        "s to recover from\na minute's outage",
        "sent in\nthe outage",
        "sent at a fifth\nof the capacity",
    )
    for throttle, published in PUBLISHED.items():
        outages = _of(results, throttle, 0)
        shown = (
            " ".join(_seconds(each["recovered"]) for each in outages),
            f"{mean(each['sent'] for each in outages):.0%}",
            f"{mean(each['sent'] for each in _of(results, throttle, FIFTH)):.0%}",
        )
        cells = map(beside, shown, published)
        table.add_row(reporting.bold_if_ours(throttle), *cells)
    yield table


def goals(results: Sequence[CaseResult]) -> Iterator[Goal]:
    """Yield the goals: a fast recovery, although little is sent."""
    found = _of(results, OURS, 0)
    seconds = [each["recovered"] for each in found]
    slowest = None if None in seconds else max(seconds)
    best, sent, _ = PUBLISHED["10 s, at most 90 %"]
    yield at_most("throttle: seconds to recover", 15, slowest, best or "", digits=0)
    share = 100 * mean(each["sent"] for each in found)
    yield at_most("throttle: % sent in the outage", 15, share, sent or "", digits=1)


def _of(
    results: Sequence[CaseResult], throttle: str, capacity: int
) -> list[CaseResult]:
    case = (throttle, capacity)
    return [each for each in results if (each["throttle"], each["capacity"]) == case]


def _seconds(found: int | None) -> str:
    return "never" if found is None else str(found)
