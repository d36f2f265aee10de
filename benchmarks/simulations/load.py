"""Calls at random moments, their outcomes, and a server that may fail."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx

from httpx_resilient.simulation._clock import SimulatedClock

Call = Callable[[], Awaitable[bool]]
"""Makes a call, and returns whether it succeeded."""

NOTHING = httpx.ByteStream(b"")
LATENCY = 0.005
GOOD = 0.99


class Server(httpx.AsyncBaseTransport):
    """Answers soon. It fails at random, and beyond its capacity."""

    def __init__(
        self, clock: SimulatedClock, rng: random.Random, failing: float = 0.0
    ) -> None:
        self._clock = clock
        self._rng = rng
        self.failing = failing
        self.capacity = math.inf
        self.requests: Counter[int] = Counter()

    async def handle_async_request(
        self,
        request: httpx.Request,  # noqa: ARG002 - the answer does not depend on it
    ) -> httpx.Response:
        """Answer with 200 or 503."""
        second = int(self._clock.now())
        self.requests[second] += 1
        fails = (
            self.requests[second] > self.capacity or self._rng.random() < self.failing
        )
        await asyncio.sleep(LATENCY)
        return answer(503 if fails else 200)


class Load:
    """
    Calls at random moments (a Poisson process), each by a random caller.

    Args:
        clock: The virtual clock.
        rng: The source of the moments and the callers.
        callers: The callers; all call equally often.
        rate: Calls per second of all callers together.
        until: The time of the last call, in seconds.
        evenly: Whether the calls are evenly spaced instead of random.
    """

    def __init__(
        self,
        clock: SimulatedClock,
        rng: random.Random,
        callers: Sequence[Call],
        rate: float,
        until: float,
        *,
        evenly: bool = False,
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._callers = callers
        self._rate = rate
        self._until = until
        self._evenly = evenly
        self.started: Counter[int] = Counter()
        """Calls, by the second in which they started."""
        self.succeeded: Counter[int] = Counter()
        """Successful calls, by the second in which they started."""
        clock.at(0.0, self._arrive)

    def _arrive(self) -> None:
        now = self._clock.now()
        if now < self._until:
            self._clock.start(self._call(self._rng.choice(self._callers)))
            rate = self._rate
            gap = 1 / rate if self._evenly else self._rng.expovariate(rate)
            self._clock.at(now + gap, self._arrive)

    async def _call(self, call: Call) -> None:
        second = int(self._clock.now())
        self.started[second] += 1
        if await call():
            self.succeeded[second] += 1

    def is_healthy(self, seconds: range) -> bool:
        """Return whether nearly all calls that started then succeeded."""
        return summed(self.succeeded, seconds) >= GOOD * summed(self.started, seconds)


def answer(status: int, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """Make a response whose body is never read."""
    # Without a stream, `Response` reads its own body, which takes four times as long.
    return httpx.Response(status, headers=headers, stream=NOTHING)


def summed(counts: Counter[int], seconds: range) -> int:
    """Return the sum of the counts of some seconds."""
    return sum(counts[second] for second in seconds)
