"""
Adaptive throttling: a server is down for a minute, or has a fifth of its capacity.

A client calls it 100 times a second, and is told by what is accepted how much to hold
back ("Handling Overload", Site Reliability Engineering, 2016, chapter 21). Less sent is
better; but without a probe now and then it is not noticed that the server is back.
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
from benchmarks.simulations import telling
from benchmarks.simulations.clock import Clock
from benchmarks.simulations.load import Load, Server, summed
from benchmarks.simulations.simulated import NOWHERE, Send, SimulatedIO, nested
from benchmarks.simulations.telling import Goal, Told, at_most, beside
from httpx_resilient import ThrottlingTransport

RATE = 100
HEALTHY = 300
OUTAGE = 60
SETTLED = 240
"""After so many seconds of overload even the longest window knows nothing else."""

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
"""What was measured for the published formula: recovery, sent, sent when overloaded."""

RULES = {
    "SRE: 120 s": (120, 1.0),
    "30 s": (30, 1.0),
    "10 s": (10, 1.0),
    "10 s, at most 90 %": (10, 0.9),
}
"""The window, and how much is held back at most."""

K = 2


class Published:
    """The published formula, around a server."""

    def __init__(self, clock: Clock, send: Send, window: int, most: float) -> None:
        self._now = clock.now
        self._inner = send
        self._window = window
        self._most = most
        self._known: deque[list[float]] = deque()
        self._requests = self._accepts = 0.0

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send, or not."""
        now = self._now()
        while self._known and self._known[0][0] < now - self._window:
            self._requests -= 1
            self._accepts -= self._known.popleft()[1]
        excess = self._requests - K * self._accepts
        share = min(excess / (self._requests + 1), self._most)
        self._requests += 1
        outcome = [now, 0.0]
        self._known.append(outcome)
        if random.random() < share:
            msg = "held back"
            raise httpx.TransportError(msg)
        response: httpx.Response = await self._inner(request)
        outcome[1] = float(response.status_code == 200)
        self._accepts += outcome[1]
        return response


def cases(*, quick: bool) -> list[dict[str, Any]]:
    """Every throttle, in both misfortunes."""
    return [
        {"throttle": throttle, "capacity": capacity, "seed": seed, "seconds": seconds}
        for throttle in PUBLISHED
        for capacity, seconds, seeds in ((0, OUTAGE, 3), (FIFTH, SETTLED, 1))
        for seed in range(1 if quick else seeds)
    ]


def run(*, throttle: str, capacity: int, seed: int, seconds: int) -> dict[str, Any]:
    """Tell what was sent in the last minute, and when all was well again."""
    random.seed(seed)
    clock, rolled = Clock(), random.Random(seed)
    server = Server(clock, rolled)
    send: Send
    if throttle == OURS:
        transport = ThrottlingTransport(NOWHERE)
        send = nested(transport, SimulatedIO(clock, server.send))
    else:
        send = Published(clock, server.send, *RULES[throttle]).send
    request = httpx.Request("GET", "http://localhost/")

    async def call() -> bool:
        try:
            response = await send(request)
        except httpx.TransportError:
            return False
        return bool(response.status_code == 200)

    over = HEALTHY + seconds
    load = Load(clock, rolled, [call], RATE, over + HORIZON)
    clock.run(HEALTHY)
    server.capacity = capacity
    clock.run(over)
    server.capacity = math.inf
    bad = range(over - OUTAGE, over)
    sent = summed(server.asked, bad) / summed(load.began, bad)
    for second in range(over, over + HORIZON - WINDOW):
        clock.run(second + WINDOW + 1)
        if load.is_well(range(second, second + WINDOW)):
            return {"sent": sent, "recovered": second - over}
    return {"sent": sent, "recovered": None}


def tables(tolds: Sequence[Told]) -> Iterator[Table]:
    """Lay out seconds and shares."""
    table = layout.table(
        "Adaptive throttling, 100 calls/s",
        "window",
        "s to recover from\na minute's outage",
        "sent in\nthe outage",
        "sent at a fifth\nof the capacity",
    )
    for throttle, published in PUBLISHED.items():
        outages = _told(tolds, throttle, 0)
        shown = (
            " ".join(_seconds(told["recovered"]) for told in outages),
            f"{mean(told['sent'] for told in outages):.0%}",
            f"{mean(told['sent'] for told in _told(tolds, throttle, FIFTH)):.0%}",
        )
        cells = map(beside, shown, published)
        table.add_row(telling.origin_name(throttle), *cells)
    yield table


def goals(tolds: Sequence[Told]) -> Iterator[Goal]:
    """Back soon, although little is sent."""
    found = _told(tolds, OURS, 0)
    seconds = [told["recovered"] for told in found]
    slowest = None if None in seconds else max(seconds)
    best, sent, _ = PUBLISHED["10 s, at most 90 %"]
    yield at_most("throttle: seconds to recover", 15, slowest, best or "", digits=0)
    share = 100 * mean(told["sent"] for told in found)
    yield at_most("throttle: % sent in the outage", 15, share, sent or "", digits=1)


def _told(tolds: Sequence[Told], throttle: str, capacity: int) -> list[Told]:
    asked = (throttle, capacity)
    return [told for told in tolds if (told["throttle"], told["capacity"]) == asked]


def _seconds(found: int | None) -> str:
    return "never" if found is None else str(found)
