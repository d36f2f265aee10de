"""A clock that skips backoffs and rate limits. Everything else takes its real time."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from typing import Any

from anyio.lowlevel import checkpoint

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.async_io import AsyncEffects
from httpx_resilient._core.public import public
from httpx_resilient._core.waiter import Waiter
from httpx_resilient.testing._fake_clock import FakeClock, replace_attribute

_REAL_TURN = Clock.turn


class NoWaits(FakeClock):
    """The system's clock plus the seconds that were skipped."""

    def __init__(self, seed: int | None) -> None:
        super().__init__(seed)
        self._skipped = 0.0

    def now(self) -> float:
        return time.monotonic() + self._skipped

    def advance_to(self, moment: float) -> None:
        self._skipped += max(moment - self.now(), 0.0)

    @property
    def elapsed(self) -> float:
        """Seconds that were skipped since the block was entered."""
        return self._skipped

    def _install(self, restoring: ExitStack) -> None:
        self._skipped = 0.0

        async def sleep(_: Any, seconds: float) -> None:
            await self._skip(seconds)

        async def turn(io: Any, waiter: Waiter, timer: float, most: float) -> None:
            if timer == math.inf:  # not the first in the queue: another one wakes it
                await _REAL_TURN(io, waiter, timer, most)
            elif io.asynchronous:
                await self._skip(min(timer, most))
            else:
                self.block(min(timer, most))

        replace_attribute(restoring, AsyncEffects, "sleep", sleep)
        replace_attribute(restoring, Clock, "turn", turn)

    async def _skip(self, seconds: float) -> None:
        # Other tasks run before time advances, so that tasks which start to sleep at
        # the same moment sleep at the same time, not one after the other.
        until = self.now() + seconds
        await checkpoint()
        self.advance_to(until)


@public("httpx_resilient.testing")
def no_waits(*, seed: int | None = 0) -> NoWaits:
    """
    Skip backoffs and rate limit waits in a `with` block.

    The library's clock advances as if it had waited, so windows end, breakers close
    again, and deadlines expire as they would. Everything else is real: servers,
    timeouts, hedging delays, and waiting for a connection.

    Args:
        seed: Seed of all jitter: the same seed gives the same waits. `None` leaves
            `random` alone.

    Returns:
        A clock to use in a `with` statement: `elapsed` is the number of seconds that
        were skipped, `advance(60)` skips another minute.

    Raises:
        RuntimeError: On entry, if `no_waits()` or `virtual_time()` is already active in
            this process.
        TypeError: `seed` is neither a whole number nor `None`.

    Create clients and layers inside the block: after it, their timestamps would lie in
    the future.

    Example:
        >>> import httpx
        >>> from httpx_resilient import RetryingTransport
        >>> busy = httpx.MockTransport(lambda request: httpx.Response(503))
        >>> with no_waits() as clock:
        ...     with httpx.Client(transport=RetryingTransport(busy)) as client:
        ...         response = client.get("https://example.org/")
        >>> 2 < clock.elapsed < 3
        True
    """
    return NoWaits(seed)
