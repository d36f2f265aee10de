"""No waits: backoffs and turns at a rate limit take no time, all else takes its own."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from typing import Any

from anyio.lowlevel import checkpoint

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.async_io import AsyncIO
from httpx_resilient._core.waiter import Waiter
from httpx_resilient.testing._fake_clock import StandIn, put

_TURN = Clock.turn


class NoWaits(StandIn):
    """The system's time, and what was not waited for."""

    def __init__(self, seed: int | None) -> None:
        super().__init__(seed)
        self._skipped = 0.0

    def now(self) -> float:
        return time.monotonic() + self._skipped

    def move_to(self, moment: float) -> None:
        self._skipped += max(moment - self.now(), 0.0)

    @property
    def elapsed(self) -> float:
        """Seconds that were not waited for, since the block was entered."""
        return self._skipped

    def _begin(self, restoring: ExitStack) -> None:
        self._skipped = 0.0

        async def sleep(_: Any, seconds: float) -> None:
            await self._pass(seconds)

        async def turn(io: Any, waiter: Waiter, timer: float, most: float) -> None:
            if timer == math.inf:  # it is not the first in the queue
                await _TURN(io, waiter, timer, most)
            elif io.asynchronous:
                await self._pass(min(timer, most))
            else:
                self.block(min(timer, most))

        put(restoring, AsyncIO, "sleep", sleep)
        put(restoring, Clock, "turn", turn)

    async def _pass(self, seconds: float) -> None:
        # Others go on before time does: those that sleep at once, sleep together.
        until = self.now() + seconds
        await checkpoint()
        self.move_to(until)


def no_waits(*, seed: int | None = 0) -> NoWaits:
    """
    Take no real time for backoffs and rate limits, in a `with` block.

    The library's own clock goes on as if it had waited: so windows end, breakers close
    again, and a deadline comes as early as it would. All else is real: servers,
    timeouts, hedging delays, and waiting for a connection.

    Args:
        seed: What jitter comes from: the same seed, the same waits. `None` leaves
            chance alone.

    Raises:
        RuntimeError: One is on already; it is for the whole process.
        TypeError: `seed` is of no use.

    It gives a clock: `elapsed` are the seconds that were not waited for, `advance(60)`
    goes on by a minute. What has lived in the block has seen a time that is still to
    come, so make clients and layers inside of it.

    Example:
        >>> import httpx
        >>> from httpx_resilient import RetryingTransport
        >>> busy = httpx.MockTransport(lambda request: httpx.Response(503))
        >>> with no_waits() as clock:
        ...     with httpx.Client(transport=RetryingTransport(busy)) as client:
        ...         response = client.get("https://example.org/")
        >>> 0 < clock.elapsed < 0.3
        True
    """
    return NoWaits(seed)
