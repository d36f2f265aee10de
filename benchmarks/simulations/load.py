"""Calls at random moments, what becomes of them, and a server that may fail."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import httpx

from benchmarks.simulations.clock import Clock
from benchmarks.simulations.simulated import answer

Call = Callable[[], Awaitable[bool]]
"""Calls, and tells whether it went well."""

LATENCY = 0.005
GOOD = 0.99


class Server:
    """Answers soon, or fails: at random, and whatever is beyond its capacity."""

    def __init__(
        self, clock: Clock, rolled: random.Random, failing: float = 0.0
    ) -> None:
        self._clock = clock
        self._rolled = rolled
        self.failing = failing
        self.capacity = math.inf
        self.asked: Counter[int] = Counter()

    async def send(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - all are alike
        """Answer."""
        second = int(self._clock.now())
        self.asked[second] += 1
        fails = (
            self.asked[second] > self.capacity or self._rolled.random() < self.failing
        )
        await self._clock.sleep(LATENCY)
        return answer(503 if fails else 200)


class Load:
    """
    Callers who call at random (a Poisson process), each as often as the others.

    Or evenly, which is what is meant by a client that calls once a second.

    Args:
        clock: The time.
        rolled: When, and who.
        callers: Them.
        rate: Calls a second, of all together.
        until: When they stop.
        evenly: Whether there is the same time between any two calls.
    """

    def __init__(
        self,
        clock: Clock,
        rolled: random.Random,
        callers: Sequence[Call],
        rate: float,
        until: float,
        *,
        evenly: bool = False,
    ) -> None:
        self._clock = clock
        self._rolled = rolled
        self._callers = callers
        self._rate = rate
        self._until = until
        self._evenly = evenly
        self.began: Counter[int] = Counter()
        """Calls by the second they began in."""
        self.well: Counter[int] = Counter()
        """Those of them that went well."""
        clock.at(0.0, self._arrive)

    def _arrive(self) -> None:
        now = self._clock.now()
        if now < self._until:
            self._clock.start(self._call(self._rolled.choice(self._callers)))
            rate = self._rate
            gap = 1 / rate if self._evenly else self._rolled.expovariate(rate)
            self._clock.at(now + gap, self._arrive)

    async def _call(self, call: Call) -> None:
        second = int(self._clock.now())
        self.began[second] += 1
        if await call():
            self.well[second] += 1

    def is_well(self, seconds: range) -> bool:
        """Say whether nearly all that began then went well."""
        return summed(self.well, seconds) >= GOOD * summed(self.began, seconds)


def summed(counts: Counter[int], seconds: range) -> int:
    """Count what was in some seconds."""
    return sum(counts[second] for second in seconds)
