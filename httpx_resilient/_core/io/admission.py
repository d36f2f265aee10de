"""
Admission: the wait of one request in the queue of a limit.

Three limits queue requests: the pool for a connection, a concurrency limit for a
permit, a rate limit for a turn. Each has its own state. The rules of the wait are the
same, and stand only here:

1. The waiter is closed, however the wait ends.
2. A request that does not go on withdraws: it leaves its queue, or returns what it was
   granted. It may be cancelled at the very moment when it is served.
3. A listener may raise, too. So the events of the queue are emitted under rule 2.
4. What a listener left to await is awaited before each wait.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator
from typing import ClassVar

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Admitted
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.waiter import Waiter

Wait = tuple[Waiter, float, float]
"""
A waiter, and two times in seconds: the timer that brings the request's turn, infinite
if only another request can bring it, and the longest wait.
"""


class Admission(ABC):
    """
    The admission of one request by the queue of a limit.

    Args:
        request: The request.
        effects: The effects of the request's flow.
        emit: The emitter of the limit's events.
        waiter: The waiter with which the request is queued, if it is queued already.
    """

    __slots__ = ("_effects", "_emit", "_request", "_waiter")

    name: ClassVar[str]
    """The name of the limit in `Admitted`."""

    def __init__(
        self,
        request: RequestLike,
        effects: Effects,
        emit: EventEmitter,
        waiter: Waiter | None = None,
    ) -> None:
        self._request = request
        self._effects = effects
        self._emit = emit
        self._waiter = waiter

    @abstractmethod
    def _waits(self) -> Iterator[Wait]:
        """
        Join the queue, and yield each wait until the request is served.

        Raises:
            Exception: The request is refused, because it would wait too long.
        """

    @abstractmethod
    def _withdraw(self) -> Awaitable[None] | None:
        """
        Leave the queue, or return what the request was granted.

        Returns:
            Work to await afterwards, or `None`.
        """

    async def wait(self) -> float:
        """
        Wait until the request is served. Return the seconds that it has waited.

        Raises:
            Exception: The request is refused, because it would wait too long.
        """
        effects, emit = self._effects, self._emit
        queued, is_admitted = effects.now(), False
        try:
            for waiter, timer, most in self._waits():
                await emit.settle()
                await effects.turn(waiter, timer, most)
            waited = effects.now() - queued
            emit(Admitted, self._request, self.name, waited)
            is_admitted = True
        finally:
            self._close_waiter()
            if not is_admitted:
                work = self._withdraw()
                if work is not None:
                    await work
        return waited

    def _new_waiter(self) -> Waiter:
        """Close the last waiter, which serves one wait only, and make the next one."""
        self._close_waiter()
        self._waiter = waiter = self._effects.waiter()
        return waiter

    def _close_waiter(self) -> None:
        if self._waiter is not None:
            self._waiter.close()


def pool_timeout_of(request: RequestLike) -> float:
    """Return the request's `timeout["pool"]` in seconds, infinite if it has none."""
    seconds: float | None = request.extensions.get("timeout", {}).get("pool")
    return math.inf if seconds is None else seconds
