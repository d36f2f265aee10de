"""The turn of a request, and its visit once it is admitted."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from httpx_resilient._core.clock import Clock
from httpx_resilient._layers.rate_limit.answer import UNANSWERED

if TYPE_CHECKING:
    from httpx_resilient._layers.rate_limit.rates import Rates


class EndedTurn:
    """
    The visit of a request that is not in flight any more.

    Args:
        limit: The limit that has admitted it.
        key: The key of the limit.
        sent: When it was sent, in monotonic seconds.
    """

    __slots__ = ("decision", "key", "limit", "sent")

    def __init__(self, limit: Rates, key: Hashable, sent: float) -> None:
        self.decision: Any = None
        self.limit: Rates = limit
        self.key: Hashable = key
        self.sent: float = sent

    def __iter__(self) -> Iterator[Any]:
        return iter((self.key, self.decision or 0, self.sent))


class CountedTurn(EndedTurn):
    """
    The visit of a request that is counted as in flight, until its end is recorded.

    An exception of a signal handler may strike between any two steps. If the request is
    lost then, its end is recorded when this is collected. `decision` is its ticket.
    """

    __slots__ = ()

    def ended(self) -> None:
        """Need no finalizer any more. It would swallow what a signal handler raises."""
        self.__class__ = EndedTurn  # type: ignore[assignment]  # with the same slots

    def __del__(self) -> None:
        # An exception may strike before it has one.
        if getattr(self, "decision", None):
            self.limit.record(self, UNANSWERED, Clock.now())


Visit = tuple[Hashable, Any, float] | EndedTurn
"""
What is known of a request that was admitted.

The key of its limit; its ticket, 0 if it is not counted; and when it was sent.
"""


class Turn(NamedTuple):
    """
    The answer of a `RateLimit` to a request that is queued.

    Args:
        visit: The visit of the request if it is admitted, else `None`.
        wait: The expected wait in seconds.
        least_wait: The wait in seconds if the server has counted all requests in
            flight.
        timer: Seconds after which the request has to ask again, unless it is woken.
        recheck: Seconds after which a request that is not the first asks again, all the
            same: those ahead may be gone with their event loop.
    """

    visit: Visit | None
    wait: float = 0.0
    least_wait: float = 0.0
    timer: float = math.inf
    recheck: float = math.inf
