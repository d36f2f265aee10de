"""Virtual time on asyncio: replaces the clock and the selector of an event loop."""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from asyncio.selector_events import BaseSelectorEventLoop
from contextlib import ExitStack
from threading import active_count
from typing import Any, cast

from httpx_resilient.testing._fake_clock import replace_attribute


class AsyncioTime:
    """
    Makes an event loop jump to its next timer instead of waiting for it.

    Starts at the loop's current time, so timers that are already set stay correct.

    Args:
        loop: The running event loop.
        patience: Real seconds to wait for sockets and threads before time advances.
        restoring: Restores the loop when the block ends.

    Raises:
        RuntimeError: The time of this kind of loop cannot be moved.
    """

    def __init__(
        self, loop: AbstractEventLoop, patience: float, restoring: ExitStack
    ) -> None:
        if not isinstance(loop, BaseSelectorEventLoop):
            msg = (
                "virtual_time() cannot move the time of a "
                f"{type(loop).__module__}.{type(loop).__qualname__}: run this on "
                "asyncio's own SelectorEventLoop, or on trio"
            )
            raise RuntimeError(msg)  # noqa: TRY004 - the loop is not an argument of the caller
        self._loop = cast("Any", loop)
        self._moment = loop.time()
        self._patience = patience
        # A loop waits only in its selector.
        self._selector = self._loop._selector  # noqa: SLF001 - the selector has no public name
        self._select = self._selector.select
        replace_attribute(restoring, loop, "time", self.now)
        replace_attribute(restoring, self._selector, "select", self._select_or_jump)
        restoring.callback(self._shift_timers)

    def now(self) -> float:
        return self._moment

    def advance_to(self, moment: float) -> None:
        self._moment = max(self._moment, moment)

    def _select_or_jump(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return self._select(timeout)
        until = self._moment + timeout
        events = self._select(self._patience if self._waits_for_real_events() else 0)
        if not events:
            self.advance_to(until)
        return events

    def _waits_for_real_events(self) -> bool:
        # One registered socket is the loop's own, for wake-ups from other threads.
        return len(self._selector.get_map()) > 1 or active_count() > 1

    def _shift_timers(self) -> None:
        """Let pending timers wait as long in real time as they had left."""
        ahead = self._moment - time.monotonic()
        for timer in self._loop._scheduled:  # noqa: SLF001 - timers have no public list
            timer._when -= ahead  # noqa: SLF001 - a timer has no public setter
