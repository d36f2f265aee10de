"""The reaper of asynchronous clients, on asyncio and on trio."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import ref

import anyio

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.io.loading import async_effects
from httpx_resilient._core.io.loops import (
    has_ended,
    is_asyncio,
    run_in,
    running_loop,
    spawn_on_trio,
)
from httpx_resilient._pool.reaper import IdleOwner


class Watch:
    """The watch over the idle connections in one event loop."""

    __slots__ = ("is_soon", "timer")

    def __init__(self) -> None:
        self.timer: Any = None
        """What can be cancelled: a timer of asyncio, or the scope of a task of trio."""
        self.is_soon = False
        """Whether it heeds the connections beyond those that stay open."""


class LoopReaper:
    """
    The reaper of an asynchronous client.

    Args:
        owner: The owner of the connections.
    """

    def __init__(self, owner: IdleOwner) -> None:
        self._owner = owner
        self.watched: Any = None
        self._watches: dict[Any, Watch] = {}
        self._ends: dict[Any, AsyncGenerator[None]] = {}
        self.is_over = False

    def watch(self, loop: Any) -> None:
        found = self._watches.get(loop)
        if found is not None and (found.is_soon or not self._owner.has_surplus):
            return
        if running_loop() is not loop:  # a finalizer outside of it
            return
        self._cancel(loop)
        self._watch_end(loop)
        self.watched = loop
        self._watches[loop] = watch = Watch()
        if is_asyncio(loop):
            self._set_timer(loop, watch)
        else:
            self._start_on_trio(loop, watch)

    def stop(self) -> None:
        self.watched = None
        self._cancel(running_loop())
        self._watches.clear()

    def _forget(self, loop: Any) -> None:
        self._watches.pop(loop, None)
        if self.watched is loop:
            self.watched = None

    def _cancel(self, loop: Any) -> None:
        watch = self._watches.pop(loop, None)
        if watch is not None and watch.timer is not None:
            watch.timer.cancel()

    def _delay(self, watch: Watch) -> float:
        watch.is_soon = self._owner.has_surplus
        return max(self._owner.next_eviction() - Clock.now(), 0.0)

    # On asyncio it is a timer: programs look for tasks that are left over.

    def _set_timer(self, loop: Any, watch: Watch) -> None:
        delay = self._delay(watch)
        if delay < math.inf:
            watch.timer = loop.call_later(delay, self._fire, loop, watch)

    def _fire(self, loop: Any, watch: Watch) -> None:
        if self._watches.get(loop) is watch:
            run_in(loop, self._evict, partial(self._forget, loop))

    async def _evict(self) -> None:
        await self._owner.evict_expired(async_effects())
        loop = running_loop()
        self._forget(loop)
        if self._owner.has_idle:
            self.watch(loop)

    def _watch_end(self, loop: Any) -> None:
        """
        Close what is idle when an event loop ends.

        `asyncio.run` and `trio.run` close asynchronous generators at their end.
        """
        if loop not in self._ends:
            for each in [each for each in self._ends if has_ended(each)]:
                del self._ends[each]
            self._ends[loop] = _until_end(ref(self), loop)
            with suppress(StopIteration):
                self._ends[loop].__anext__().send(None)  # up to its `yield`

    def __del__(self) -> None:
        self.is_over = True
        for end in self._ends.values():
            # Else asyncio starts a task for it, and trio warns.
            with suppress(StopIteration, RuntimeError):
                end.aclose().send(None)

    async def end(self, loop: Any) -> None:
        """Close what is idle in an event loop that ends."""
        self._forget(loop)
        await self._owner.evict_loop(loop, async_effects())

    # On trio it has to be a task, so only a burst has one.

    def _start_on_trio(self, loop: Any, watch: Watch) -> None:
        if self._owner.has_surplus:
            watch.is_soon = True
            watch.timer = anyio.CancelScope()
            if not spawn_on_trio(self._on_trio, loop, watch):
                self._forget(loop)  # it ends, and closes what is idle then

    async def _on_trio(self, loop: Any, watch: Watch) -> None:
        try:
            with watch.timer:
                while self._owner.has_surplus:
                    await anyio.sleep(self._delay(watch))
                    await self._owner.evict_expired(async_effects())
        finally:
            if self._watches.get(loop) is watch:
                self._forget(loop)


async def _until_end(reaper: ref[LoopReaper], loop: Any) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        found = reaper()
        if found is not None and not found.is_over:
            await found.end(loop)
