"""Virtual time: it stands still while something runs, and jumps when nothing can."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import ExitStack
from typing import Any, NoReturn

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.async_io import AsyncIO
from httpx_resilient._core.validation import number
from httpx_resilient.testing._fake_clock import StandIn, put
from httpx_resilient.testing._virtual_threads import ByHand, Hand, Waiting

_NOWHERE = ByHand(0.0)
"""The time before a block is entered. Nobody moves it."""


class VirtualTime(StandIn):
    """A clock that is moved by hand, or by the event loop it was entered in."""

    def __init__(self, seed: int | None, patience: float) -> None:
        super().__init__(seed)
        number("patience", patience, least=0, unit="seconds")
        self._patience = patience
        self._began = 0.0
        self._hand: Hand = _NOWHERE

    def now(self) -> float:
        return self._hand.now()

    def move_to(self, moment: float) -> None:
        self._hand.move_to(moment)

    @property
    def elapsed(self) -> float:
        """
        Seconds since the block was entered, to the microsecond.

        Raises:
            RuntimeError: It has not been entered yet.
        """
        if self._hand is _NOWHERE:
            msg = (
                "this virtual time has not begun: the fixture's is that of a coroutine "
                "test. In a coroutine fixture, or a unittest.IsolatedAsyncioTestCase, "
                "enter a block of its own: with virtual_time() as clock"
            )
            raise RuntimeError(msg)
        return round(self.now() - self._began, 6)

    def _begin(self, restoring: ExitStack) -> None:
        self._hand = _hand(self._patience, restoring)
        self._began = self.now()
        waiting = Waiting(self._hand, self._patience)
        put(restoring, Clock, "block_until", staticmethod(waiting.wait))


def _hand(patience: float, restoring: ExitStack) -> Hand:
    # It can only be running if somebody has imported it.
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        from httpx_resilient.testing._virtual_trio import OnTrio  # noqa: PLC0415

        return OnTrio(patience, restoring)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        put(restoring, AsyncIO, "now", staticmethod(_refuse))
        return ByHand(time.monotonic())
    from httpx_resilient.testing._virtual_asyncio import OnAsyncio  # noqa: PLC0415

    return OnAsyncio(loop, patience, restoring)


def _refuse() -> NoReturn:
    msg = (
        "virtual_time() was entered outside of this event loop, whose time is real: "
        "enter it in a coroutine, or give the fixture to a coroutine test"
    )
    raise RuntimeError(msg)


def virtual_time(*, seed: int | None = 0, patience: float = 0.1) -> VirtualTime:
    """
    Let hours pass in milliseconds, in a `with` block.

    Time stands still while something runs, and jumps to the next timer when nothing
    can: backoffs, deadlines, breakers, limits, hedging delays and the pool are on a
    virtual clock, and so are your own `asyncio.sleep` and `trio.sleep`. Use it in a
    coroutine, then it is for all tasks of its event loop; or in a synchronous test.

    Args:
        seed: What jitter comes from: the same seed, the same waits. `None` leaves
            chance alone.
        patience: Real seconds that what is real is waited for, before time jumps:
            while a task waits for a socket, or another thread is alive.

    Raises:
        RuntimeError: One is on already, it is for the whole process; or the event loop
            is none whose time can be moved, such as that of uvloop.
        TypeError: `patience` is no number, or `seed` is of no use.
        ValueError: It is negative.

    It gives a clock: `elapsed` are the virtual seconds that have passed, `advance(60)`
    goes on by a minute.

    A server that takes longer to answer than `patience` has its timeout run out. In
    synchronous code, sleeping advances the clock at once, for all threads; what reads
    from a socket, and your own `time.sleep`, is real. What has lived in the block has
    seen a time that is still to come, so make clients and layers inside of it.

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
