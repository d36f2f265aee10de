"""The queues of a rate limit: one for each key, and for each quota that binds it."""

from __future__ import annotations

import math
from collections.abc import Hashable

from httpx_resilient._core.state.fair_queue import FairQueue, Place
from httpx_resilient._layers.rate_limit.lanes import DOUBTFUL
from httpx_resilient._layers.rate_limit.state import Lane

PATIENCE = 0.25
"""Seconds by which a turn may be late until a request looks who is ahead of it."""


_PASSED_THROUGH = (None, DOUBTFUL)


class RatePlace(Place):
    """
    A place in a queue for the turns of a key.

    Args:
        lane: The quota that the queue is for, `None` for the queue of the whole key.
        path: The path of the request.
        cost: What the request costs.
    """

    __slots__ = ("cost", "due", "is_first", "lane", "lanes", "path", "queue")

    def __init__(
        self, lane: Lane | None = None, path: str = "", cost: float = 1.0
    ) -> None:
        super().__init__()
        self.cost: float = cost
        self.lane: Lane | None = lane
        self.path: str = path
        self.lanes: RateLanes | None = None
        self.queue: RateQueue | None = None
        self.is_first: bool = False
        """Whether it is the turn of the request as soon as the limit allows it."""
        self.due: float = 0.0
        """When the turn of the request is expected, in monotonic seconds."""

    def must_move(self, lane: Lane | None) -> bool:
        """
        Whether the request belongs into another queue.

        It stays in that of a quota, which may be the first to let it go.
        """
        if lane == self.lane:
            return False
        return self.lane in _PASSED_THROUGH or lane not in _PASSED_THROUGH

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

    def cost(self) -> float:
        """Return what the requests cost that wait."""
        return math.fsum(place.cost for place in [*self._waiting, *self._arrived])

    def wake_first(self) -> None:
        """Wake the first request: its turn may have come earlier."""
        if self.wait_for() and self._told is not None:
            self._told.wake()

    def wake_all(self, path: str | None = None) -> None:
        """Wake all requests, or those of a path: some may have to wait too long."""
        for place in [*self._waiting, *self._arrived]:
            if path is None or place.path == path:
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


class RateLanes(dict[Lane | None, RateQueue]):
    """The queues of one key."""

    def drop_dead(self) -> None:
        """Drop the requests whose event loops have ended."""
        for queue in list(self.values()):
            queue.drop_dead()

    def wake(self, path: str, *, is_all: bool) -> None:
        """
        Wake the requests whose turn may have changed.

        Args:
            path: That of the answer. It may have shown that no quota binds others of
                it, which then change the queue.
            is_all: Whether all, and not only the first of each queue: after a pause,
                some may have to wait too long.
        """
        for lane, queue in list(self.items()):
            queue.wake_all() if is_all else queue.wake_first()
            if lane == DOUBTFUL:
                queue.wake_all(path)


NO_LANES = RateLanes()


class RateQueues(dict[Hashable, RateLanes]):
    """
    The queues by key. A queue is dropped when it is empty.

    If another thread joins it at that very moment, its request waits in a queue of its
    own: it goes by its timer, and the limit counts it as any other.
    """

    def join(self, key: Hashable, place: RatePlace) -> None:
        """Join the queue of a key and a lane."""
        # `or` would take an empty one for none.
        lanes = self.get(key)
        if lanes is None:
            lanes = self.setdefault(key, RateLanes())
        place.lanes = lanes
        queue = lanes.get(place.lane) or lanes.setdefault(place.lane, RateQueue())
        place.queue = queue
        queue.join(place)

    def leave(self, key: Hashable, place: RatePlace) -> None:
        """Leave the queue, and wake the request that becomes the first."""
        queue, lanes = place.queue, place.lanes
        if queue is None or lanes is None:
            return
        queue.leave(place)
        if not len(queue) and lanes.get(place.lane) is queue:
            lanes.pop(place.lane, None)
        if not lanes and self.get(key) is lanes:
            self.pop(key, None)
