"""One refresh at a time: who fetches the credential, and who waits for it."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from httpx_resilient._core.waiter import Waiter

_NOW = "now"


class Flight:
    """A refresh that is under way. Any thread may read it, and append to it."""

    __slots__ = ("error", "is_over", "waiters")

    def __init__(self) -> None:
        self.error: Exception | None = None
        """The reason why it has failed, for all who have waited."""
        self.is_over: bool = False
        self.waiters: deque[Waiter] = deque()

    def join(self, waiter: Waiter) -> bool:
        """Let a waiter be woken at the end. Return whether it has to wait."""
        self.waiters.append(waiter)
        return not self.is_over  # or it was appended too late to be woken

    def leave(self, waiter: Waiter) -> None:
        """Forget a waiter."""
        with suppress(ValueError, IndexError):  # another thread has taken it, or others
            self.waiters.remove(waiter)


class Turn:
    """
    The right to refresh. Whoever loses it gives it to the next one who waits.

    A cancellation, an exception of a signal handler or the end of an event loop may
    end a request between any two steps. So the finalizer ends the flight, too. No step
    waits for a lock: each is one operation on a `dict` or a `deque`.

    Args:
        flights: The flight that is under way, if there is one, shared by all turns.
    """

    __slots__ = ("_flights", "flight")

    def __init__(self, flights: dict[str, Flight]) -> None:
        self._flights = flights
        self.flight = Flight()

    def take(self) -> Flight:
        """Return the flight under way: the one of this turn if there was none."""
        return self._flights.setdefault(_NOW, self.flight)

    def end(self) -> None:
        """End the flight of this turn, and wake all who wait for it."""
        flight = self.flight
        if self._flights.get(_NOW) is flight:
            self._flights.pop(_NOW, None)
        flight.is_over = True
        with suppress(IndexError):
            while True:
                flight.waiters.popleft().wake()

    __del__ = end


def under_way(flights: dict[str, Flight]) -> Flight | None:
    """Return the flight that is under way."""
    return flights.get(_NOW)
