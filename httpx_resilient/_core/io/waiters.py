"""Waiters for tasks of asyncio and of trio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import anyio


class AsyncioWaiter:
    """A future, and a timer if there is a limit. It holds no frame, to save memory."""

    __slots__ = ("_future", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            self._done()
        else:
            # A finalizer may call this in any thread.
            self._loop.call_soon_threadsafe(self._done)

    def wait(self, seconds: float | None) -> Awaitable[None]:
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self._done)
        return self._future

    def _done(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class TrioWaiter:
    """An event, and the only loop that may set it."""

    __slots__ = ("_event", "_loop", "_trio")

    def __init__(self) -> None:
        from trio import lowlevel  # noqa: PLC0415 - trio is installed if it runs this code

        self._trio = lowlevel
        self._event = anyio.Event()
        self._loop = lowlevel.current_trio_token()

    def wake(self) -> None:
        trio = self._trio
        if trio.in_trio_run() and trio.current_trio_token() is self._loop:
            self._event.set()
        else:
            self._loop.run_sync_soon(self._event.set)

    async def wait(self, seconds: float | None) -> None:
        with anyio.move_on_after(seconds):
            await self._event.wait()

    def close(self) -> None:
        """There is nothing to release."""
