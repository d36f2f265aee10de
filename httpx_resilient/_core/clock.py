"""
The time, for all of the library.

Whatever reads a clock, or sleeps in a thread, does it here. So tests put another clock
in its place, at one point. Tasks sleep by the clock of their event loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from httpx_resilient._core.waiter import Waiter


class Clock:
    """
    The system's own, which both kinds of IO inherit: to ask them takes no step more.

    Each is looked up when it is called.
    """

    __slots__ = ()

    now = staticmethod(time.monotonic)
    wall_time = staticmethod(time.time)
    block = staticmethod(time.sleep)
    block_until = staticmethod(Event.wait)

    def turn(self, waiter: Waiter, timer: float, most: float) -> Awaitable[None]:
        """Wait until a turn has come, or until woken, but at most so long."""
        seconds = min(timer, most)
        return waiter.wait(None if seconds == math.inf else seconds)
