"""
A queue in order of arrival that has no lock.

Threads, finalizers that interrupt them, signal handlers that raise, and forks come at
any moment. So a request joins and leaves by a single operation on a list, and whoever
has the *baton* serves the queue. Nobody waits for the baton: who cannot take it leaves
the work to its holder, who looks again before it is done. A baton that is lost, because
an exception struck at the wrong moment, comes back by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from weakref import ref

from httpx_resilient._core.waiter import Waiter

if TYPE_CHECKING:
    AnyQueue: TypeAlias = "FairQueue[Any]"

SCAN_PAUSE = 0.001
"""Seconds for each place until the queue is searched for the dead again: 1 % of CPU."""


class Place:
    """The place of a request in a queue."""

    __slots__ = ("has_left", "waiter")

    def __init__(self, waiter: Waiter | None = None) -> None:
        self.waiter: Waiter | None = waiter
        """What wakes the request; `None` until it waits."""
        self.has_left: bool = False

    @property
    def is_dead(self) -> bool:
        """Whether the event loop of the request has ended while it waited."""
        return self.waiter is not None and self.waiter.is_dead


PlaceT = TypeVar("PlaceT", bound=Place)


class Baton(ref["AnyQueue"]):
    """The right to serve a queue."""

    __slots__ = ()

    def __del__(self) -> None:
        queue = self()
        if queue is not None:
            queue.return_baton(Baton(queue))


class FairQueue(ABC, Generic[PlaceT]):
    """Requests that wait, in order of arrival."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[PlaceT, None] = OrderedDict()
        """Those that wait. Only the holder of the baton changes it."""
        self._arrived: deque[PlaceT] = deque()
        """Those that join."""
        self._left: deque[PlaceT] = deque()
        """Those that leave."""
        self._batons = [Baton(self)]
        self._next_scan = 0.0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._arrived)

    def join(self, place: PlaceT) -> None:
        """Join the queue."""
        self._arrived.append(place)
        self.serve()

    def leave(self, place: PlaceT) -> None:
        """Leave the queue. A request may leave twice, or without having joined."""
        place.has_left = True
        self._left.append(place)
        self.serve()

    def serve(self) -> None:
        """Do the work that there is, unless somebody is about to do it."""
        try:
            self._serve_on()
        except BaseException:  # observed only, and raised again: others wait for this
            self._serve_on()
            raise

    def return_baton(self, baton: Baton) -> None:
        """Return the baton, after it was lost."""
        self._batons.append(baton)
        self.serve()

    def drop_dead(self, now: float | None = None) -> None:
        """
        Drop the requests whose event loops have ended.

        Args:
            now: The time in monotonic seconds, if it suffices to do so now and then.
        """
        if now is not None:
            if now < self._next_scan:
                return
            self._next_scan = now + SCAN_PAUSE * len(self)
        for place in [*self._waiting, *self._arrived]:
            if place.is_dead:
                self.leave(place)

    def _serve_on(self) -> None:
        while self._has_work():
            try:
                baton = self._batons.pop()
            except IndexError:  # its holder comes back to this line
                return
            try:
                self._tidy()
                self._serve_first()
            finally:
                self._batons.append(baton)

    def _has_work(self) -> bool:
        return bool(self._arrived or self._left)

    def _tidy(self) -> None:
        # Each step can be repeated: an exception may strike before its last line.
        while self._arrived:
            place = self._arrived[0]
            if not place.has_left:
                self._waiting[place] = None
            self._arrived.popleft()
        while self._left:
            place = self._left[0]
            self._waiting.pop(place, None)
            self._take_back(place)
            self._left.popleft()

    @abstractmethod
    def _serve_first(self) -> None:
        """Serve the first requests. The caller has the baton."""

    def _take_back(self, place: PlaceT) -> None:
        """Take back what a request that leaves was given."""
