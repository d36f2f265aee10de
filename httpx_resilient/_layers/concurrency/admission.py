"""The admission of a request by a concurrency limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.io.admission import Admission, Wait, pool_timeout_of
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._layers.concurrency.semaphore import FairSemaphore, PermitRequest
from httpx_resilient._layers.concurrency.semaphores import ALL_ORIGINS


class PermitAdmission(Admission):
    """
    Queues a request for a permit, for at most `timeout["pool"]` seconds.

    Args:
        context: The context of the request.
        semaphore: The semaphore that has the permits.
        emit: The emitter of the layer's events.
        pool_timeout: The `PoolTimeout` of the library.
    """

    __slots__ = ("_pool_timeout", "_queued", "_semaphore")

    name: ClassVar[str] = "concurrency"

    def __init__(
        self,
        context: RequestContext,
        semaphore: FairSemaphore,
        emit: EventEmitter,
        pool_timeout: type[Exception],
    ) -> None:
        super().__init__(context, emit)
        self._semaphore = semaphore
        self._pool_timeout = pool_timeout
        self._queued: PermitRequest | None = None

    def waits(self, effects: Effects) -> Iterator[Wait]:
        semaphore, context = self._semaphore, self.context
        seconds = pool_timeout_of(context)
        waiter = effects.waiter()
        self._queued = queued = PermitRequest(waiter)
        if not semaphore.enqueue(queued, effects.now()):
            raise self._pool_timeout(_queue_is_full(semaphore))
        self.emit(context, Queued, context.request, self.name, len(semaphore))
        yield waiter, None, seconds
        if queued.permit is None:
            raise self._pool_timeout(_took_too_long(semaphore, seconds))
        self.granted = semaphore, queued.permit, effects.now()

    def withdraw(self, effects: Effects) -> None:  # noqa: ARG002 - it takes no time
        if self._queued is not None:
            self._semaphore.leave(self._queued)


def _queue_is_full(semaphore: FairSemaphore) -> str:
    state = semaphore.state
    return (
        f"{_name(semaphore)} and its queue are full: {state.in_flight} in flight, "
        f"{state.waiting} waiting; send fewer requests at a time, or raise queue= of "
        "the limit"
    )


def _took_too_long(semaphore: FairSemaphore, seconds: float) -> str:
    return (
        f"{_name(semaphore)} was full for {seconds:g} s: {semaphore.in_flight} in "
        "flight; close every response, or raise the limit, or pool= in the client's "
        "timeout"
    )


def _name(semaphore: FairSemaphore) -> str:
    origin = "" if semaphore.name == ALL_ORIGINS else f" to {semaphore.name}"
    return f"the concurrency limit{origin}"
