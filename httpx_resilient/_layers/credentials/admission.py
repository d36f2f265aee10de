"""The wait of a request for a credential that another request fetches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.io.admission import Admission, Wait
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._layers.credentials.flight import Flight


class RefreshAdmission(Admission):
    """
    Lets a request wait for the end of a refresh, within its deadline.

    Args:
        context: The context of the request.
        flight: The refresh.
        emit: The emitter of the layer's events.
        pool_timeout: The `PoolTimeout` of the library.
    """

    __slots__ = ("_flight", "_pool_timeout", "_waiter")

    name: ClassVar[str] = "credentials"

    def __init__(
        self,
        context: RequestContext,
        flight: Flight,
        emit: EventEmitter,
        pool_timeout: type[Exception],
    ) -> None:
        super().__init__(context, emit)
        self._flight = flight
        self._pool_timeout = pool_timeout
        self._waiter: Waiter | None = None

    def waits(self, effects: Effects) -> Iterator[Wait]:
        flight, context = self._flight, self.context
        deadline = context.deadline
        seconds = math.inf if deadline is None else max(deadline.left(), 0.0)
        self._waiter = waiter = effects.waiter()
        has_to_wait = flight.join(waiter)
        self.emit(context, Queued, context.request, self.name, len(flight.waiters))
        if has_to_wait:
            yield waiter, None, seconds
        if not flight.is_over:
            msg = (
                f"no credential came for {seconds:g} s, which another request fetches: "
                "give the function a timeout, or the request a later deadline"
            )
            raise self._pool_timeout(msg)

    def withdraw(self, effects: Effects) -> None:  # noqa: ARG002 - it takes no time
        if self._waiter is not None:
            self._flight.leave(self._waiter)
