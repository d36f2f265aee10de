"""
A fair semaphore: the permits of one origin and the queue for them, without IO.

A free permit is acquired and released by a single operation on a list, which nothing
can interrupt. A permit is an object, so one that is lost comes back: an exception of a
signal handler may strike between any two steps. Permits belong to requests of this
process, so another process cannot share this state.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import repeat
from weakref import ref

from httpx_resilient._core.state.fair_queue import FairQueue, Place
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._layers.concurrency.state import ConcurrencyState

FIRST_PERMITS = 4
"""
Permits that are made with the first request, and twice as many whenever none is left.

A permit takes 90 bytes, and most origins of a client with many use few of them.
"""


class Permit(ref["FairSemaphore"]):
    """The right to be in flight. If it is lost, its semaphore gets another one."""

    __slots__ = ()

    def __del__(self) -> None:
        semaphore = self()
        if semaphore is not None:
            semaphore.release(Permit(semaphore))


class PermitRequest(Place):
    """A request in the queue, and the permit that it has been granted."""

    __slots__ = ("permit",)

    def __init__(self, waiter: Waiter) -> None:
        super().__init__(waiter)
        self.permit: Permit | None = None


class FairSemaphore(FairQueue[PermitRequest]):
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
        super().__init__()
        self.name = name
        self._limit = limit
        self._queue = queue
        self._made = 0
        """The number of permits that exist."""
        self._free: list[Permit] = []
        self._spare: list[Permit] = []
        """Permits above a lowered limit. Those in use come here when released."""
        self._contended = False
        """Whether the next permit belongs to a waiting request, or is a spare one."""
        self._is_short = False
        """Whether a request needs a permit that does not exist yet."""

    @property
    def in_flight(self) -> int:
        """The number of permits in use."""
        return -len(self._free) - len(self._spare) + self._made

    @property
    def state(self) -> ConcurrencyState:
        """The limit, the permits in use, and the requests that wait."""
        return ConcurrencyState(self._limit, self.in_flight, len(self))

    @property
    def is_unused(self) -> bool:
        """Whether all permits are free and the queue is empty."""
        return not (self.in_flight or len(self))

    def try_acquire(self) -> Permit | None:
        """Acquire a permit if one is free and the queue is empty."""
        if self._contended:
            return None
        try:
            return self._free.pop()
        except IndexError:
            return self._acquire_new() if self._in_circulation < self._limit else None

    def release(self, permit: Permit) -> None:
        """Release a permit."""
        try:
            self._free.append(permit)
            if self._contended:
                self.serve()
        except BaseException:  # observed only, and raised again: others wait for it
            self.serve()
            raise

    def enqueue(self, request: PermitRequest, now: float) -> bool:
        """
        Join the queue. A request that is woken has been granted a permit.

        Args:
            request: The request.
            now: Monotonic seconds.

        Returns:
            Whether it has joined. If not, the queue is full.
        """
        self._arrived.append(request)
        self._contended = True
        if len(self) > self._queue:
            self.drop_dead(now)
            if len(self) > self._queue:
                self.leave(request)
                return False
        self.serve()
        return True

    def resize(self, limit: int) -> None:
        """Change the number of permits. Surplus permits are withdrawn when released."""
        self._limit = limit
        self._contended = True
        self.serve()

    @property
    def _in_circulation(self) -> int:
        return self._made - len(self._spare)

    def _acquire_new(self) -> Permit | None:
        self._is_short = True
        self.serve()
        try:
            return self._free.pop()
        except IndexError:  # another thread was faster
            return None

    def _has_work(self) -> bool:
        return (
            bool(self._arrived or self._left)
            or self._is_short
            or (
                self._contended
                and (bool(self._free) or self._in_circulation < self._limit)
            )
        )

    def _serve_first(self) -> None:
        if self._is_short:
            self._is_short = False
            self._supply()
        with suppress(IndexError):  # the rest of them is in use
            while self._in_circulation > self._limit:
                self._spare.append(self._free.pop())
        while self._waiting:
            request = next(iter(self._waiting))
            if not self._grant(request):
                break
            is_alive = request.waiter is not None and request.waiter.wake()
            del self._waiting[request]
            if not is_alive:
                request.permit = None  # it comes back by itself
        self._contended = bool(self._waiting) or self._in_circulation > self._limit
        if self._arrived:  # another thread has set it, just before
            self._contended = True

    def _grant(self, request: PermitRequest) -> bool:
        """Grant a permit to a request. Return whether there was one."""
        try:
            while request.permit is None:
                if not self._free:
                    self._supply()
                request.permit = self._free.pop()
        except IndexError:
            return False
        return True

    def _supply(self) -> None:
        """Add free permits, as far as the limit allows it."""
        room = self._limit - self._in_circulation
        if room <= 0:
            return
        if self._spare:
            self._free.append(self._spare.pop())
            return
        number = min(room, max(self._made, FIRST_PERMITS))
        permits, extend = map(Permit, repeat(self, number)), self._free.extend
        # Nothing can interrupt these two lines.
        self._made += number
        extend(permits)

    def _take_back(self, place: PermitRequest) -> None:
        permit, place.permit = place.permit, None
        if permit is not None:
            self._free.append(permit)
