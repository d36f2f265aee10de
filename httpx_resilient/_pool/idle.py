"""Idle connections, and their eviction."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from httpx_resilient._pool.origins import Destination
from httpx_resilient._pool.slots import Slot

LINGER = 1.0
"""
Seconds that an idle connection beyond `max_idle` stays open. In a burst, the next
request is already on its way.
"""


class IdleSlots(OrderedDict[Slot, None]):
    """
    The idle slots of all destinations, the least recently used first.

    Args:
        max_idle: Connections that stay open after a burst.
        expiry: Seconds until an idle connection is closed.
        close: Closes the connection of a slot that is evicted.
    """

    def __init__(
        self, max_idle: float, expiry: float, close: Callable[[Slot], None]
    ) -> None:
        super().__init__()
        self._max_idle = max_idle
        self._expiry = expiry
        self._linger = min(LINGER if max_idle else 0.0, expiry)
        self._close = close
        self.has_surplus = False
        """Whether the last slot that was added was one too many."""
        self.due = math.inf
        """No connection is to be closed before then, in monotonic seconds."""

    def add(self, slot: Slot, now: float) -> None:
        """Add a slot whose last request has ended. `now` is in monotonic seconds."""
        slot.idle_since = now
        slot.destination.idle.append(slot)
        self[slot] = None
        self.has_surplus = len(self) > self._max_idle
        if self.has_surplus:
            self.due = min(self.due, next(iter(self)).idle_since + self._linger)
        elif now + self._expiry < self.due:
            self.due = now + self._expiry
        if now >= self.due:
            self.evict_expired(now)

    def take(self, slot: Slot) -> Slot:
        """Remove the most recently used slot of a destination, for a request."""
        slot.destination.idle.pop()
        del self[slot]
        return slot

    def evict(self, slot: Slot) -> None:
        """Close a connection."""
        slot.destination.idle.remove(slot)
        del self[slot]
        self._close(slot)

    def evict_oldest(self) -> None:
        """Close the least recently used connection."""
        self.evict(next(iter(self)))  # the oldest of its destination: removed at once

    def evict_since(self, destination: Destination, since: float) -> None:
        """Close the connections to a destination that are idle since then or longer."""
        while destination.idle and destination.idle[0].idle_since <= since:
            self.evict(destination.idle[0])

    def evict_loop(self, loop: object) -> None:
        """Close the connections of an event loop."""
        for slot in [each for each in self if each.destination.loop is loop]:
            self.evict(slot)

    def evict_expired(self, now: float) -> None:
        """Close the connections that are idle for too long, or too many."""
        while self:
            self.has_surplus = len(self) > self._max_idle
            longest = self._linger if self.has_surplus else self._expiry
            self.due = next(iter(self)).idle_since + longest
            if now < self.due:
                return
            self.evict_oldest()
        self.has_surplus, self.due = False, math.inf
