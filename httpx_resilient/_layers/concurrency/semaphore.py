"""
A fair semaphore: the permits of one origin and the queue for them, without IO.

A free permit is acquired and released by a single operation on a list, which no other
thread can interrupt. The lock protects the work that remains when permits are scarce.
Permits belong to requests of this process, so another process cannot share this state.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import NamedTuple

from httpx_resilient._core.public import public
from httpx_resilient._core.waiter import Waiter


@public()
class ConcurrencyState(NamedTuple):
    """
    The state of a concurrency limit at one origin.

    Args:
        limit: Requests that may be in flight.
        in_flight: Requests in flight: sent, and their responses not closed yet.
        waiting: Requests in the queue.

    Example:
        >>> import httpx
        >>> limit = ConcurrencyLimit(5)
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> transport = ConcurrencyLimitingTransport(mock, limit)
        >>> with httpx.Client(transport=transport) as client:
        ...     response = client.get("http://localhost/")
        >>> limit.states()["http://localhost"]
        ConcurrencyState(limit=5, in_flight=0, waiting=0)
    """

    limit: int
    in_flight: int
    waiting: int


class PermitRequest:
    """A request in the queue, and whether it has been granted a permit."""

    __slots__ = ("is_granted", "waiter")

    def __init__(self, waiter: Waiter) -> None:
        self.waiter = waiter
        self.is_granted = False


class FairSemaphore:
    """
    Permits, and a queue for them in order of arrival.

    Any thread may call any method at any time, even from a finalizer that interrupts
    another method of the same semaphore.

    Args:
        name: The name of the semaphore, such as `https://example.org`.
        limit: The number of permits.
        queue: The number of requests that may wait.
    """

    def __init__(self, name: str, limit: int, queue: int) -> None:
        self.name = name
        self._limit = limit
        self._queue = queue
        self._free: list[None] = [None] * limit
        self._surplus = 0
        """Permits in use above a lowered limit. They are destroyed when released."""
        self._waiting: OrderedDict[PermitRequest, None] = OrderedDict()
        self._abandoned: list[PermitRequest] = []
        """Requests that have left the queue since the last reconciliation."""
        self._contended = False
        """Whether the next permit belongs to a waiting request, or to the surplus."""
        self._lock = Lock()

    @property
    def in_flight(self) -> int:
        """The number of permits in use."""
        return self._limit + self._surplus - len(self._free)

    @property
    def state(self) -> ConcurrencyState:
        """The limit, the permits in use, and the requests that wait."""
        return ConcurrencyState(self._limit, self.in_flight, len(self._waiting))

    @property
    def is_unused(self) -> bool:
        """Whether all permits are free and the queue is empty."""
        return not (self.in_flight or self._waiting)

    def try_acquire(self) -> bool:
        """Acquire a permit if one is free and the queue is empty."""
        if self._contended:
            return False
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def release(self) -> None:
        """Release a permit."""
        self._free.append(None)
        if self._contended:
            self._wake()

    def enqueue(self, waiter: Waiter) -> PermitRequest | None:
        """
        Join the queue. A waiter that is woken has been granted a permit.

        Returns:
            The place in the queue, or `None` if the queue is full.
        """
        request = PermitRequest(waiter)
        with self._lock:
            has_room = len(self._waiting) < self._queue
            if has_room:
                self._waiting[request] = None
                self._update()
        self._wake()
        return request if has_room else None

    def abandon(self, request: PermitRequest) -> None:
        """Leave the queue, or release the permit that was granted meanwhile."""
        self._abandoned.append(request)
        self._wake()

    def resize(self, limit: int) -> None:
        """Change the number of permits. Surplus permits are destroyed when released."""
        with self._lock:
            self._resize(limit)
        self._wake()

    def _resize(self, limit: int) -> None:
        self._surplus += self._limit - limit
        self._limit = limit
        if self._surplus < 0:
            self._free += [None] * -self._surplus
            self._surplus = 0
        self._update()

    def _update(self) -> None:
        self._contended = bool(self._surplus or self._waiting)

    def _wake(self) -> None:
        # Never wait for the lock here: a finalizer may run this while it interrupts the
        # holder. The holder comes here after its release and checks the work again.
        while (
            self._abandoned or (self._contended and self._free)
        ) and self._lock.acquire(blocking=False):
            try:
                self._reconcile()
            finally:
                self._lock.release()

    def _reconcile(self) -> None:
        while self._abandoned:
            request = self._abandoned.pop()
            if request.is_granted:
                self._free.append(None)
            self._waiting.pop(request, None)
        self._update()
        with suppress(IndexError):  # all permits are in use
            while self._contended:
                self._free.pop()
                self._use_permit()
                self._update()

    def _use_permit(self) -> None:
        """Destroy a surplus permit, grant it to the next request, or free it again."""
        if self._surplus:
            self._surplus -= 1
            return
        while self._waiting:
            request, _ = self._waiting.popitem(last=False)
            request.is_granted = True
            if request.waiter.wake():
                return
            request.is_granted = False
        self._free.append(None)
