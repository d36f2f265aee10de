"""Virtual time on asyncio: the loop's own, and what it asks for events."""

from __future__ import annotations

import time
from asyncio import AbstractEventLoop
from asyncio.selector_events import BaseSelectorEventLoop
from contextlib import ExitStack
from threading import active_count
from typing import Any, cast

from httpx_resilient.testing._fake_clock import put


class OnAsyncio:
    """
    A loop that jumps to its next timer instead of waiting for it.

    It begins with the loop's present time, so timers that are set already stay right.
    """

    def __init__(
        self, loop: AbstractEventLoop, patience: float, restoring: ExitStack
    ) -> None:
        if not isinstance(loop, BaseSelectorEventLoop):
            msg = (
                f"the time of a {type(loop).__module__}.{type(loop).__qualname__} "
                "cannot be moved: run this on asyncio's own SelectorEventLoop, or trio"
            )
            raise RuntimeError(msg)  # noqa: TRY004 - nobody has given us this loop
        self._loop = cast("Any", loop)
        self._moment = loop.time()
        self._patience = patience
        # A loop waits in its selector and nowhere else, and has no public way to it.
        self._selector = self._loop._selector  # noqa: SLF001
        self._select = self._selector.select
        put(restoring, loop, "time", self.now)
        put(restoring, self._selector, "select", self._select_or_jump)
        restoring.callback(self._give_back)

    def now(self) -> float:
        return self._moment

    def move_to(self, moment: float) -> None:
        self._moment = max(self._moment, moment)

    def _select_or_jump(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return self._select(timeout)
        until = self._moment + timeout
        events = self._select(self._patience if self._is_real() else 0)
        if not events:
            self.move_to(until)
        return events

    def _is_real(self) -> bool:
        """Whether something may happen that is no timer. One socket is the loop's."""
        return len(self._selector.get_map()) > 1 or active_count() > 1

    def _give_back(self) -> None:
        """Let what has still to wait wait as long in real time."""
        ahead = self._moment - time.monotonic()
        for timer in self._loop._scheduled:  # noqa: SLF001 - it is told to nobody
            timer._when -= ahead  # noqa: SLF001 - nor can it be set otherwise
