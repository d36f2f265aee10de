"""
An event loop without a selector: its time jumps from timer to timer.

The layers of the library, and anybody's, run on it unchanged, as on any loop of
asyncio. A loop of asyncio with a replaced clock would do the same (`virtual_time()`),
but it calls its selector for each jump, and it serves timers of the same moment in any
order. This one serves them in the order in which they were set, so that runs with the
same seeds are identical.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from heapq import heappop, heappush
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class SimulatedLoop(asyncio.AbstractEventLoop):
    """An event loop that begins at 0 s, and never waits."""

    def __init__(self) -> None:
        self._now = 0.0
        self._number = itertools.count()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._ready: deque[asyncio.Handle] = deque()
        self._closed = False

    def time(self) -> float:
        return self._now

    def advance_to(self, moment: float) -> None:
        """Advance to a moment, in seconds. A past moment changes nothing."""
        self._now = max(self._now, moment)

    def run(self, until: float = math.inf) -> None:
        """
        Run all that happens until a moment, or until nothing is left.

        Raises:
            RuntimeError: An event loop runs in this thread.
            Exception: What a callback has raised.
        """
        events: Any = asyncio.events
        if events._get_running_loop() is not None:  # noqa: SLF001 - asyncio's function for those who make loops
            msg = (
                "a simulation cannot run inside of a running event loop: run it in a "
                "thread, as in await asyncio.to_thread(simulate, RetryingTransport)"
            )
            raise RuntimeError(msg)
        events._set_running_loop(self)  # noqa: SLF001 - asyncio's function for those who make loops
        timers, ready = self._timers, self._ready
        try:
            while ready or (timers and timers[0][0] <= until):
                if ready:
                    handle = ready.popleft()
                else:
                    moment, _, handle = heappop(timers)
                    if moment > self._now and not handle.cancelled():
                        self._now = moment
                if not handle.cancelled():
                    handle._run()  # noqa: SLF001 - made to be called by loops
        finally:
            events._set_running_loop(None)  # noqa: SLF001 - asyncio's function for those who make loops

    def close(self) -> None:
        """Cancel all tasks, and drop what they still wait for then."""
        try:
            for task in asyncio.all_tasks(self):
                task.cancel()
            self.run(self._now)
        finally:
            self._closed = True
            self._timers.clear()
            self._ready.clear()

    # What asyncio, and libraries for it, ask of a loop.

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def get_debug(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, **options)

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._number), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Do nothing: it is skipped when its time has come."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Raise what a callback has raised, out of `run`: nothing is lost."""
        if not self._closed:
            raise context.get("exception") or RuntimeError(context["message"])
