"""
Waiters for tasks of asyncio and of trio.

A finalizer may wake them at any moment. If it runs in the midst of the event loop's own
code, a loop that is about to wait for sockets does not notice what is made ready there,
and trio's scheduler breaks. So only what is meant for other threads is used then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

import anyio

from httpx_resilient._core.io.asyncio_fast import on_asyncio
from httpx_resilient._core.io.loops import has_ended


class AsyncioWaiter:
    """A future, and a timer if there is a limit. It holds no frame, to save memory."""

    __slots__ = ("_future", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_dead(self) -> bool:
        return self._loop.is_closed()

    def wake(self) -> bool:
        # While a task runs, its loop does not wait for sockets.
        if on_asyncio() and asyncio.get_running_loop() is self._loop:
            self._done()
            return True
        try:
            self._loop.call_soon_threadsafe(self._done)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def wait(self, seconds: float | None) -> Awaitable[None]:
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self._done)
        return self._future

    def _done(self) -> None:
        # Not checked before: a finalizer may wake it after the check.
        with suppress(asyncio.InvalidStateError):
            self._future.set_result(None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class TrioWaiter:
    """An event, and the run that sets it."""

    __slots__ = ("_ended", "_event", "_run")

    def __init__(self) -> None:
        import trio  # noqa: PLC0415 - trio is installed if it runs this code

        self._run = trio.lowlevel.current_trio_token()
        self._event = trio.Event()
        # A run that has crashed does not say that it is over: its socket is closed.
        self._ended = trio.RunFinishedError, OSError

    @property
    def is_dead(self) -> bool:
        return has_ended(self._run)

    def wake(self) -> bool:
        try:
            self._run.run_sync_soon(self._event.set)
        except self._ended:
            return False
        return True

    async def wait(self, seconds: float | None) -> None:
        with anyio.move_on_after(seconds):
            await self._event.wait()

    def close(self) -> None:
        """There is nothing to release."""
