"""Waiting to be woken: in a task of asyncio or trio, or in a thread."""

from __future__ import annotations

import asyncio
from threading import Event
from typing import Protocol

import anyio


class Waiter(Protocol):
    """Waits for one thing, once. Whoever has it calls `wake`, from any thread."""

    def wake(self) -> None: ...

    async def wait(self, seconds: float | None) -> None:
        """Return when woken, or when the time is over."""
        ...


class AsyncioWaiter:
    """A future, and a timer only if there is a limit."""

    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    def wake(self) -> None:
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            self._done()
        else:
            # An abandoned response may be collected, and wake us, in any thread.
            self._loop.call_soon_threadsafe(self._done)

    async def wait(self, seconds: float | None) -> None:
        if seconds is None:
            return await self._future
        timer = self._loop.call_later(seconds, self._done)
        try:
            await self._future
        finally:
            timer.cancel()

    def _done(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


class TrioWaiter:
    """An event of anyio."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = anyio.Event()

    def wake(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None) -> None:
        with anyio.move_on_after(seconds):
            await self._event.wait()


class ThreadWaiter:
    """An event of the thread that waits."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = Event()

    def wake(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None) -> None:
        self._event.wait(seconds)
