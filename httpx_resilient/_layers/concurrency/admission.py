"""The admission of a request by a concurrency limit."""

from __future__ import annotations

import math
from collections.abc import Iterator

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.admission import Admission, Wait, pool_timeout_of
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._layers.concurrency.limit import ALL_ORIGINS
from httpx_resilient._layers.concurrency.semaphore import FairSemaphore, PermitRequest


class PermitAdmission(Admission):
    """
    Waits for a permit, for at most `timeout["pool"]` seconds.

    Args:
        semaphore: The semaphore of the request's origin.
        family: The library whose `PoolTimeout` is raised.
    """

    __slots__ = ("_family", "_permit_request", "_semaphore")

    name = "concurrency"

    def __init__(
        self,
        request: RequestLike,
        semaphore: FairSemaphore,
        effects: Effects,
        emit: EventEmitter,
        family: Family,
    ) -> None:
        super().__init__(request, effects, emit)
        self._semaphore = semaphore
        self._family = family
        self._permit_request: PermitRequest | None = None

    def _waits(self) -> Iterator[Wait]:
        semaphore, seconds = self._semaphore, pool_timeout_of(self._request)
        waiter = self._new_waiter()
        self._permit_request = permit_request = semaphore.enqueue(waiter)
        if permit_request is None:
            raise self._family.pool_timeout(_queue_is_full(semaphore))
        self._emit(Queued, self._request, self.name, semaphore.state.waiting)
        yield waiter, math.inf, seconds
        if not permit_request.is_granted:
            raise self._family.pool_timeout(_took_too_long(semaphore, seconds))

    def _withdraw(self) -> None:
        if self._permit_request is not None:
            self._semaphore.abandon(self._permit_request)


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
