"""
An `io` that suspends on a virtual clock: the library's own flows run on it.

All that a flow awaits is its `io`, so what it awaits may as well be events of a clock
that never sleeps. Nothing is patched, and what decides is the library's own code.

    clock = Clock()
    send = nested(RetryingTransport(NOWHERE), SimulatedIO(clock, server.send))
    clock.start(send(request))
    clock.run()
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable
from typing import Any, TypeVar, cast

import httpx

from benchmarks.simulations.clock import Clock, Promise, Task
from httpx_resilient._core.io.race import AGAIN, Runner

T = TypeVar("T")

Send = Callable[[Any], Coroutine[Any, Any, Any]]
"""Sends a request and gives its response, or raises."""

NOWHERE = httpx.MockTransport(lambda _: httpx.Response(500))
"""The inner transport of layers whose flows are run here. Nobody sends with it."""

NOTHING = httpx.ByteStream(b"")

EPOCH = 1_700_000_000.0
"""What time it is on the wall when a simulation begins."""


class SimulatedWaiter:
    """Waits to be woken, or until the time is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken: Promise[None] = Promise()

    def wake(self) -> None:
        """Wake it."""
        self._woken.keep(None)

    def wait(self, seconds: float | None) -> Promise[None]:
        """Wait."""
        if seconds is not None:
            self._clock.at(self._clock.now() + seconds, self.wake)
        return self._woken

    def close(self) -> None:
        """Wait no longer."""


class SimulatedIO:
    """The effects of a flow, in virtual time. A released response costs nothing."""

    asynchronous = True

    def __init__(self, clock: Clock, send: Send) -> None:
        self._clock = clock
        self.send = send
        self.now = clock.now
        self.sleep = clock.sleep

    def through(self, transport: Any, request: Any) -> Awaitable[Any]:
        """Send through another transport, which is a function here."""
        return cast("Awaitable[Any]", transport(request))

    async def close(self, transport: Any) -> None:
        """Close nothing."""

    def waiter(self) -> SimulatedWaiter:
        """Make something to wait with."""
        return SimulatedWaiter(self._clock)

    def begin(self, answer: Awaitable[T]) -> tuple[None, Awaitable[T]]:
        """Begin nothing before it is awaited: no time is lost by that here."""
        return None, answer

    async def within(self, seconds: float, answer: Awaitable[T]) -> T:
        """Await for at most so long."""
        task = self._clock.start(_awaiting(answer))
        try:
            await self._over([task], seconds)
            if not task.ended.done:
                raise TimeoutError
            return task.ended.result()
        finally:
            task.cancel()

    async def race(
        self, seconds: float, first: Runner, second: Callable[[], Runner | None]
    ) -> None:
        """Run one, and a second one beside it if that takes longer, until one wins."""
        racers = [self._clock.start(first)]
        pause = elapsed = seconds
        try:
            await self._over(racers, pause)
            while len(racers) == 1 and not racers[0].ended.done:
                runner = second()
                if runner is not None:
                    racers.append(self._clock.start(runner))
                    await self._over(racers, None)
                else:
                    pause = AGAIN * elapsed
                    elapsed += pause
                    await self._over(racers, pause)
            for racer in racers:
                if racer.ended.done:
                    racer.ended.result()
        finally:
            for racer in racers:
                racer.cancel()

    async def _over(self, tasks: list[Task[Any]], seconds: float | None) -> None:
        """Wait until one of them was successful, or failed, or all have ended."""
        over = SimulatedWaiter(self._clock)

        def check() -> None:
            ended = [task.ended for task in tasks if task.ended.done]
            if len(ended) == len(tasks) or any(end.is_over for end in ended):
                over.wake()

        for task in tasks:
            task.ended.then(check)
        await over.wait(seconds)

    def wall_time(self) -> float:
        """Tell the time of the day."""
        return EPOCH + self.now()

    async def settle(self, answer: Any) -> Any:
        """Await what can be awaited."""
        return await answer if isawaitable(answer) else answer

    async def discard(self, response: Any, *, drain: bool = True) -> None:
        """Release nothing: there is no connection."""


async def _awaiting(answer: Awaitable[T]) -> T:
    return await answer


def answer(status: int) -> httpx.Response:
    """Make a response that nobody will read."""
    # With a stream it costs a fourth: without, it reads itself.
    return httpx.Response(status, stream=NOTHING)


def nested(layer: Any, io: SimulatedIO) -> Send:
    """Make of a layer's flow what the next layer sends through, or a client calls."""
    flow = layer._handle  # noqa: SLF001 - it is the flow that is simulated
    return lambda request: flow(request, io)
