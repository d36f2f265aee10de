"""A fair semaphore whose number of permits follows the capacity of the server."""

from __future__ import annotations

import math

from httpx_resilient._layers.concurrency.semaphore import FairSemaphore
from httpx_resilient._layers.concurrency.vegas import (
    DROPS,
    MIN_WINDOW,
    Sample,
    Vegas,
    is_window_over,
    update,
)


class AdaptiveSemaphore(FairSemaphore):
    """
    A semaphore whose number of permits follows the capacity of the server.

    Args:
        name: The name of the semaphore, such as `https://example.org`.
        initial: The state to begin with.
        queue: The number of requests that may wait.
    """

    def __init__(self, name: str, initial: Vegas, queue: int) -> None:
        super().__init__(name, int(initial.limit), queue)
        self._vegas = initial
        self._samples: list[Sample] = []
        self._ends: tuple[float, float] | None = None
        """The request that ends the current window, when it was sent and ended."""
        self._earliest_end = -math.inf
        """A lower bound of the current window's end, which is cheap to check."""

    def record(self, status: int, started: float, now: float) -> None:
        """Record an answer, or `TIMED_OUT`, before the request releases its permit."""
        if status in DROPS:
            seconds = None
        elif status < 500:
            seconds = now - started
        else:
            return  # a fast error does not show that the server is fast
        self._samples.append((seconds, self.in_flight))
        if now >= self._earliest_end and self._is_window_over(started, now):
            self._end_window(started, now)

    def _is_window_over(self, started: float, now: float) -> bool:
        return is_window_over(self._vegas, started, len(self._samples), now)

    def _end_window(self, started: float, now: float) -> None:
        self._ends = started, now
        self.serve()

    def _has_work(self) -> bool:
        return self._ends is not None or super()._has_work()

    def _serve_first(self) -> None:
        if self._ends is not None:
            started, now = self._ends
            if self._is_window_over(started, now):  # unless another thread was faster
                samples, self._samples = tuple(self._samples), []
                self._vegas = update(self._vegas, samples, now)
                self._earliest_end = now + MIN_WINDOW
                self._limit = int(self._vegas.limit)
            self._ends = None
        super()._serve_first()
