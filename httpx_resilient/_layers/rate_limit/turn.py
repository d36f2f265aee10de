"""The turn of a request, and its place in the queue."""

from __future__ import annotations

import math
from typing import NamedTuple

from httpx_resilient._core.waiter import Waiter


class Turn(NamedTuple):
    """
    The answer of a `RateLimit` to a request that is queued.

    Args:
        number: The number of the request if it is admitted, else `None`.
        wait: The expected wait in seconds.
        least_wait: The wait in seconds if the server has counted all requests in
            flight.
        timer: Seconds after which the request has to ask again, unless it is woken.
    """

    number: int | None
    wait: float = 0.0
    least_wait: float = 0.0
    timer: float = math.inf


class Place:
    """A place in the queue, and the waiter of its request."""

    __slots__ = ("waiter",)

    def __init__(self) -> None:
        self.waiter: Waiter | None = None

    def wake(self) -> None:
        """Wake the request, if it waits already."""
        if self.waiter is not None:
            self.waiter.wake()
