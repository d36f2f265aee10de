"""The admission of a request by a concurrency limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.admission import Wait, pool_timeout_of
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._layers.concurrency.limit import ALL_ORIGINS
from httpx_resilient._layers.concurrency.semaphore import FairSemaphore


class PermitAdmission:
    """
    Queues a request for a permit, for at most `timeout["pool"]` seconds.

    Args:
        request: The request.
        semaphore: The semaphore that has the permits.
        waiter: The waiter of the request.
        emit: The emitter of the layer's events.
        pool_timeout: The `PoolTimeout` of the library.

    Raises:
        PoolTimeout: The queue is full.
    """

    __slots__ = ("_emit", "_pool_timeout", "_queued", "_request", "_semaphore")

    name: ClassVar[str] = "concurrency"

    def __init__(
        self,
        request: RequestLike,
        semaphore: FairSemaphore,
        waiter: Waiter,
        emit: EventEmitter,
        pool_timeout: type[Exception],
    ) -> None:
        queued = semaphore.enqueue(waiter)
        if queued is None:
            raise pool_timeout(_queue_is_full(semaphore))
        self._queued = queued
        self._request = request
        self._semaphore = semaphore
        self._emit = emit
        self._pool_timeout = pool_timeout

    def waits(self) -> Iterator[Wait]:
        semaphore, queued = self._semaphore, self._queued
        seconds = pool_timeout_of(self._request)
        self._emit(Queued, self._request, self.name, semaphore.state.waiting)
        yield queued.waiter, None, seconds
        if not queued.is_granted:
            raise self._pool_timeout(_took_too_long(semaphore, seconds))

    def withdraw(self) -> None:
        self._semaphore.abandon(self._queued)


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
