"""Virtual time: it stands still while something runs, and jumps when nothing can."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import ExitStack
from typing import Any, NoReturn

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.async_io import AsyncEffects
from httpx_resilient._core.public import public
from httpx_resilient._core.validation import number
from httpx_resilient.testing._fake_clock import FakeClock, replace_attribute
from httpx_resilient.testing._virtual_asyncio import AsyncioTime
from httpx_resilient.testing._virtual_threads import (
    ManualTime,
    TimeSource,
    WaitingThreads,
)

_NOT_STARTED = ManualTime(0.0)
"""The time source before a block is entered. Nothing advances it."""


class VirtualTime(FakeClock):
    """A clock that follows the event loop it was entered in, or is advanced by hand."""

    def __init__(self, seed: int | None, patience: float) -> None:
        super().__init__(seed)
        patience = number("patience", patience, least=0, unit="seconds")
        self._patience = patience
        self._started = 0.0
        self._source: TimeSource = _NOT_STARTED

    def now(self) -> float:
        return self._source.now()

    def advance_to(self, moment: float) -> None:
        self._source.advance_to(moment)

    @property
    def elapsed(self) -> float:
        """
        Seconds since the block was entered, to the microsecond.

        Raises:
            RuntimeError: The block has not been entered yet.
        """
        if self._source is _NOT_STARTED:
            msg = (
                "this virtual time has not started: in a coroutine test, the fixture's "
                "clock starts with the test itself. In a coroutine fixture, or a "
                "unittest.IsolatedAsyncioTestCase, open a block of its own: "
                "with virtual_time() as clock"
            )
            raise RuntimeError(msg)
        return round(self.now() - self._started, 6)

    def _install(self, restoring: ExitStack) -> None:
        self._source = _time_source(self._patience, restoring)
        self._started = self.now()
        threads = WaitingThreads(self._source, self._patience)
        replace_attribute(restoring, Clock, "block_until", staticmethod(threads.wait))


def _time_source(patience: float, restoring: ExitStack) -> TimeSource:
    # trio can only be running if it has been imported.
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        from httpx_resilient.testing._virtual_trio import (  # noqa: PLC0415 - needs trio
            TrioTime,
        )

        return TrioTime(patience, restoring)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        replace_attribute(restoring, AsyncEffects, "now", staticmethod(_refuse))
        return ManualTime(time.monotonic())
    return AsyncioTime(loop, patience, restoring)


def _refuse() -> NoReturn:
    msg = (
        "virtual_time() was entered outside this event loop, whose time is real: enter "
        "it in a coroutine, or give the fixture to a coroutine test"
    )
    raise RuntimeError(msg)


@public("httpx_resilient.testing")
def virtual_time(*, seed: int | None = 0, patience: float = 0.1) -> VirtualTime:
    """
    Let hours pass in milliseconds, in a `with` block.

    Time stands still while something runs, and jumps to the next timer when nothing
    can. Backoffs, deadlines, breakers, limits, hedging delays and the pool use this
    clock, as do your own `asyncio.sleep` and `trio.sleep`. Inside a coroutine, it
    applies to all tasks of the event loop; it also works in synchronous code.

    Args:
        seed: Seed of all jitter: the same seed gives the same waits. `None` leaves
            `random` alone.
        patience: Real seconds that time stands still for real events, while a task
            waits for a socket or another thread is alive.

    Returns:
        A clock to use in a `with` statement: `elapsed` is the number of virtual seconds
        that have passed, `advance(60)` advances by a minute.

    Raises:
        RuntimeError: On entry, if `virtual_time()` or `no_waits()` is already active in
            this process, or the time of the event loop cannot be moved (uvloop).
        TypeError: `patience` is not a number, or `seed` is neither a whole number nor
            `None`.
        ValueError: `patience` is negative.

    If a server takes longer than `patience` to respond, the request times out. In
    synchronous code, a sleep of the library advances the clock at once, for all
    threads; socket reads and your own `time.sleep` take real time. Create clients and
    layers inside the block: after it, their timestamps would lie in the future.

    Example:
        >>> import httpx
        >>> from tenacity import stop_after_attempt, wait_fixed
        >>> from httpx_resilient import RetryingTransport
        >>> busy = httpx.MockTransport(lambda request: httpx.Response(503))
        >>> patient = RetryingTransport(
        ...     busy, wait=wait_fixed(600), stop=stop_after_attempt(7), budget=False
        ... )
        >>> with virtual_time() as clock, httpx.Client(transport=patient) as client:
        ...     response = client.get("https://example.org/")
        ...     print(f"{clock.elapsed:.0f} s")
        3600 s
    """
    return VirtualTime(seed, patience)
