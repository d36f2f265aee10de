"""
The one clock of the library.

All code that reads a clock or sleeps in a thread uses it, so tests can replace it in
one place. Tasks sleep by the clock of their event loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable
from threading import TIMEOUT_MAX, Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from httpx_resilient._core.waiter import Waiter


class TimeSource(Protocol):
    """What tells the time, as a clock does."""

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall_time(self) -> float:
        """Seconds since the epoch."""
        ...


def acquire_within(lock: Lock, seconds: float | None) -> bool:
    """Acquire a lock within a number of seconds. Return whether that was possible."""
    if seconds is None:
        return lock.acquire()
    return lock.acquire(timeout=min(max(seconds, 0.0), TIMEOUT_MAX))


def sleep(seconds: float) -> None:
    """Block this thread for a number of seconds, which may be infinite."""
    time.sleep(min(seconds, TIMEOUT_MAX))


class Clock:
    """The system's clock. Both kinds of IO inherit it: a call costs no extra frame."""

    __slots__ = ()

    now = staticmethod(time.monotonic)
    wall_time = staticmethod(time.time)
    block = staticmethod(sleep)
    block_until = staticmethod(acquire_within)

    def turn(self, waiter: Waiter, timer: float, most: float) -> Awaitable[None]:
        """Wait for a timer or until woken, for at most `most` seconds."""
        seconds = min(timer, most)
        return waiter.wait(None if seconds == math.inf else seconds)
