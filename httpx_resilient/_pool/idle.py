"""Idle connections, and their eviction."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from httpx_resilient._pool.slots import Origin, Slot

LINGER = 1.0
"""
Seconds that an idle connection beyond `max_idle` stays open. In a burst, the next
request is already on its way.
"""


class IdleSlots(OrderedDict[Slot, None]):
    """
    The idle slots of all origins, the least recently used first.

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
        self._linger = LINGER if max_idle else 0.0
        self._close = close

    def add(self, slot: Slot, now: float) -> None:
        """Add a slot whose last request has ended. `now` is in monotonic seconds."""
        slot.idle_since = now
        slot.origin.idle.append(slot)
        self[slot] = None
        self.evict_expired(now)

    def take_newest(self, origin: Origin) -> Slot:
        """Remove the most recently used slot of an origin, for its next request."""
        slot = origin.idle.pop()
        del self[slot]
        return slot

    def evict_oldest(self) -> None:
        """Close the least recently used connection."""
        slot, _ = self.popitem(last=False)
        slot.origin.idle.popleft()  # the oldest of all is the oldest of its origin
        self._close(slot)

    def evict_expired(self, now: float) -> None:
        """Close the connections that are idle for too long, or too many."""
        while self:
            slot = next(iter(self))
            age = now - slot.idle_since
            is_surplus = len(self) > self._max_idle and age >= self._linger
            if not (is_surplus or age > self._expiry):
                return
            self.evict_oldest()
