"""The queues of a rate limit, one for each key."""

from __future__ import annotations

from collections.abc import Hashable

from httpx_resilient._core.state.fair_queue import FairQueue, Place

PATIENCE = 0.25
"""Seconds by which a turn may be late until a request looks who is ahead of it."""


class RatePlace(Place):
    """A place in the queue for the turns of a key."""

    __slots__ = ("due", "is_first", "queue")

    def __init__(self) -> None:
        super().__init__()
        self.queue: RateQueue | None = None
        self.is_first = False
        """Whether it is the turn of the request as soon as the limit allows it."""
        self.due = 0.0
        """When the turn of the request is expected, in monotonic seconds."""

    def may_go(self, now: float) -> bool:
        """Whether it is the turn of the request, if the limit allows it."""
        if not self.is_first and self.queue is not None:
            self.queue.wait_for()
            return self.is_first or self.queue.is_late(now)
        return self.is_first

    def wake(self) -> bool:
        """Wake the request, if it waits already. Return `False` if it is dead."""
        return self.waiter is None or self.waiter.wake()


class RateQueue(FairQueue[RatePlace]):
    """The requests that wait for a turn. The first one is told so."""

    def __init__(self) -> None:
        super().__init__()
        self._told: RatePlace | None = None
        """The first request, which was told so."""

    def wait_for(self) -> bool:
        """Return whether a request waits, after the first if that is dead."""
        if not len(self):
            return False
        first = self._told
        if first is not None and not first.has_left and first.is_dead:
            self.leave(first)
        return bool(len(self))

    def is_late(self, now: float) -> bool:
        """Whether the first request does not come: its event loop may be stopped."""
        return self._told is not None and now > self._told.due + PATIENCE

    def wake_first(self) -> None:
        """Wake the first request: its turn may have come earlier."""
        if self.wait_for() and self._told is not None:
            self._told.wake()

    def wake_all(self) -> None:
        """Wake all requests: some may have to wait too long."""
        for place in [*self._waiting, *self._arrived]:
            place.wake()

    def _serve_first(self) -> None:
        while self._waiting:
            first = next(iter(self._waiting))
            if first is self._told:
                return
            first.is_first = True
            if first.wake():
                self._told = first
                return
            del self._waiting[first]


class RateQueues(dict[Hashable, RateQueue]):
    """
    The queues by key. A queue is dropped when it is empty.

    If another thread joins it at that very moment, its request waits in a queue of its
    own: it goes by its timer, and the limit counts it as any other.
    """

    def join(self, key: Hashable, place: RatePlace) -> None:
        """Join the queue of a key."""
        place.queue = queue = self.get(key) or self.setdefault(key, RateQueue())
        queue.join(place)

    def leave(self, key: Hashable, place: RatePlace) -> None:
        """Leave the queue, and wake the request that becomes the first."""
        queue = place.queue
        if queue is None:
            return
        queue.leave(place)
        if not len(queue) and self.get(key) is queue:
            self.pop(key, None)
