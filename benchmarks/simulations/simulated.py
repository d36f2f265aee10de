"""
An `io` that suspends on a virtual clock, so that the library's flows run on it.

A flow awaits only its `io`, so this `io` returns promises of a clock that never sleeps.
Nothing is patched: the library's own code makes all decisions.

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
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._core.io.protocol import Runner, Second
from httpx_resilient._core.io.race import AGAIN

T = TypeVar("T")

Send = Callable[..., Coroutine[Any, Any, Any]]
"""Sends a request, with its context if it has one; returns its response, or raises."""

NOWHERE = httpx.MockTransport(lambda _: httpx.Response(500))
"""The inner transport of simulated layers, which never send through it."""

NOTHING = httpx.ByteStream(b"")

EPOCH = 1_700_000_000.0
"""The wall time at which a simulation begins."""


class SimulatedWaiter:
    """Waits until it is woken, or until a timeout."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken: Promise[None] = Promise()

    is_dead = False

    def wake(self) -> bool:
        """Wake the waiter."""
        self._woken.resolve(None)
        return True

    def wait(self, seconds: float | None) -> Promise[None]:
        """Return a promise that is resolved by `wake`, or after some seconds."""
        if seconds is not None:
            self._clock.at(self._clock.now() + seconds, self.wake)
        return self._woken

    def close(self) -> None:
        """Do nothing: there is no resource to release."""


class SimulatedIO:
    """The effects of a flow, in virtual time. A released response costs nothing."""

    asynchronous = True

    def __init__(self, clock: Clock, send: Send) -> None:
        self._clock = clock
        self.send = send
        self.now = clock.now
        self.sleep = clock.sleep

    def through(
        self,
        transport: Any,
        request: Any,
        context: RequestContext,  # noqa: ARG002 - nothing here reads it
        *,
        carries: bool = False,  # noqa: ARG002 - nothing here reads it
    ) -> Awaitable[Any]:
        """Send through another transport, which is a function in simulations."""
        return cast("Awaitable[Any]", transport(request))

    async def close(self, transport: Any) -> None:
        """Close nothing."""

    def waiter(self) -> SimulatedWaiter:
        """Make a waiter."""
        return SimulatedWaiter(self._clock)

    def begin(self, answer: Awaitable[T]) -> tuple[None, Awaitable[T]]:
        """Return the awaitable unchanged: a later begin takes no virtual time."""
        return None, answer

    async def within(
        self,
        seconds: float,
        answer: Awaitable[T],
        deadline: Deadline | None = None,  # noqa: ARG002 - no queue is inside of one here
    ) -> T:
        """Await for at most some seconds."""
        task = self._clock.start(_awaiting(answer))
        try:
            await self._until_over([task], seconds)
            if not task.ended.done:
                raise TimeoutError
            return task.ended.result()
        finally:
            task.cancel()

    async def race(self, seconds: float, first: Runner, second: Second) -> None:
        """Run the first; after some seconds also run the second, until one wins."""
        racers = [self._clock.start(first)]
        pause = elapsed = seconds
        try:
            await self._until_over(racers, pause)
            while len(racers) == 1 and not racers[0].ended.done:
                runner = second()
                if runner is not None and not isinstance(runner, float | int):
                    racers.append(self._clock.start(runner))
                    await self._until_over(racers, None)
                else:
                    pause = AGAIN * elapsed if runner is None else runner
                    elapsed += pause
                    await self._until_over(racers, pause)
            for racer in racers:
                if racer.ended.done:
                    racer.ended.result()
        finally:
            for racer in racers:
                racer.cancel()

    async def _until_over(self, tasks: list[Task[Any]], seconds: float | None) -> None:
        """Wait until a task wins or fails, or until all tasks have ended."""
        over = SimulatedWaiter(self._clock)

        def check() -> None:
            ended = [task.ended for task in tasks if task.ended.done]
            if len(ended) == len(tasks) or any(end.ends_a_race for end in ended):
                over.wake()

        for task in tasks:
            task.ended.then(check)
        await over.wait(seconds)

    def wall_time(self) -> float:
        """Return the virtual time of day."""
        return EPOCH + self.now()

    async def settle(self, answer: Any) -> Any:
        """Await the answer if it is awaitable."""
        return await answer if isawaitable(answer) else answer

    async def discard(
        self,
        response: Any,  # noqa: ARG002 - nothing here reads it
        context: RequestContext | None = None,  # noqa: ARG002 - nothing here reads it
        *,
        drain: bool | None = None,  # noqa: ARG002 - nothing here reads it
        chunks: list[bytes] | None = None,  # noqa: ARG002 - nothing here reads it
    ) -> bool:
        """Do nothing: there is no connection to release. The body is empty."""
        return True


async def _awaiting(answer: Awaitable[T]) -> T:
    return await answer


def answer(status: int) -> httpx.Response:
    """Make a response whose body is never read."""
    # Without a stream, `Response` reads its own body, which takes four times as long.
    return httpx.Response(status, stream=NOTHING)


def nested(layer: Any, io: SimulatedIO) -> Send:
    """Return a function that sends through the flow of a layer."""
    flow = layer._handle  # noqa: SLF001 - the simulation runs the flow itself

    def send(
        request: httpx.Request, context: RequestContext | None = None
    ) -> Coroutine[Any, Any, Any]:
        made = context or begin(request, io)
        sent: Coroutine[Any, Any, Any] = flow(request, io, made)
        return sent

    return send
