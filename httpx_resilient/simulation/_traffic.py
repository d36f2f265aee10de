"""The calls of many clients."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number
from httpx_resilient.simulation._clock import SimulatedClock

Call = Callable[[], Awaitable[None]]
"""Makes one call of a client, until it ends."""


@public("httpx_resilient.simulation")
@dataclass(frozen=True, slots=True)
class Traffic:
    """
    Clients, each of which is a process with layers of its own, and their calls.

    Args:
        clients: The number of clients.
        rate: Calls per second that each client makes on average, at random moments (a
            Poisson process), whether earlier ones have ended or not: an open loop.
        think: Seconds on average between the end of a call and the next one of the same
            client, exponentially distributed: a closed loop, in which each client has
            one call at a time. It takes the place of `rate`.

    Raises:
        TypeError: A value is not a number.
        ValueError: A number is out of range.

    Example:
        >>> Traffic(clients=200, rate=0.5).rate
        0.5
    """

    clients: int = 100
    rate: float = 1.0
    think: float | None = None

    def __post_init__(self) -> None:
        number("clients", self.clients, least=1, most=100_000, whole=True)
        number("rate", self.rate, above=0, most=1e6, unit="calls per second")
        if self.think is not None:
            number("think", self.think, above=0, most=86_400, unit="seconds")

    def begin(
        self, clock: SimulatedClock, rng: random.Random, calls: list[Call], until: float
    ) -> None:
        """
        Schedule the calls.

        Args:
            clock: The clock.
            rng: The source of the moments, and of the client of each call.
            calls: A function for each client.
            until: The time of the last call, in seconds.
        """
        if self.think is not None:
            for call in calls:
                clock.start(_one_at_a_time(clock, rng, call, self.think, until))
            return
        total = self.rate * self.clients

        def arrive() -> None:
            if clock.now() < until:
                clock.start(_awaited(rng.choice(calls)))
                clock.at(clock.now() + rng.expovariate(total), arrive)

        clock.at(rng.expovariate(total), arrive)


async def _one_at_a_time(
    clock: SimulatedClock, rng: random.Random, call: Call, think: float, until: float
) -> None:
    await asyncio.sleep(rng.uniform(0, think))
    while clock.now() < until:
        await call()
        await asyncio.sleep(rng.expovariate(1 / think))


async def _awaited(call: Call) -> None:
    await call()
