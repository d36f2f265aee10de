"""The upkeep of a pool: what is done beside the requests, and when it is closed."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from httpx_resilient._core.clock import Clock
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.lock import make_lock, tell_when_forked
from httpx_resilient._core.origin import OriginKey, origin_name
from httpx_resilient._pool.closing import Closing, close_each
from httpx_resilient._pool.events import ConnectionRetired
from httpx_resilient._pool.lease import Lease
from httpx_resilient._pool.reaper import IdleOwner, Reaper
from httpx_resilient._pool.repair import lost_slots, repair
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.sockets import drop, hang_up
from httpx_resilient._pool.state import Pool

GRACE = 1.0
"""Seconds that requests under way have for their response when the pool is closed."""

POLL = 0.01
"""Seconds between two looks at whether they have it."""

COLLECT_EVERY = 1.0
"""Seconds between two collections: each may take 100 ms in a large program."""


P = ParamSpec("P")
T = TypeVar("T")


class Upkeep:
    """
    Closes the connections of a pool that no request will use again.

    Args:
        make: Makes the state of an empty pool.
        reaper: Makes the reaper of its idle connections.
        emit: The emitter of the pool's events.
    """

    def __init__(
        self,
        make: Callable[[], Pool],
        reaper: Callable[[IdleOwner], Reaper],
        emit: EventEmitter,
    ) -> None:
        self._make = make
        self._make_reaper = reaper
        self.pool = make()
        self.lock = make_lock()
        self._emit = emit
        self.reaper = reaper(self)
        self._retired: deque[OriginKey] = deque()
        """Origins of retired connections whose event is pending."""
        self._leaked: list[Slot] = []
        """Slots of leases that were collected."""
        self._collects_at = 0.0
        self._of_parent: list[Pool] = []
        """The pools of parent processes, whose connections are left to them."""
        tell_when_forked(self)

    def change(
        self, transition: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Make one transition of the state. If it is interrupted, it is repaired."""
        with self.lock:
            try:
                return transition(*args, **kwargs)
            except BaseException:  # observed only, and raised again
                self._repair(None, Clock.now())
                raise

    def _repair(self, lease: Lease | None, now: float) -> None:
        """Repair the state after a transition that was interrupted."""
        if lease is not None and lease.resource is self.pool.in_hand:
            lease.resource = None
        repair(self.pool, now)

    def collect(self) -> None:
        """
        Collect responses that nobody can close any more, once a second at most.

        A response of the library refers to itself, so its end would have to wait until
        Python looks for such cycles.
        """
        now = Clock.now()
        if now >= self._collects_at:
            self._collects_at = now + COLLECT_EVERY
            gc.collect()
            self._leaked += self.change(lost_slots, self.pool)

    def emit_retired(self) -> None:
        """Emit the pending events of retired connections."""
        with suppress(IndexError):  # another thread emits the last one meanwhile
            while self._retired:
                key = self._retired.popleft()
                self._emit(None, ConnectionRetired, origin_name(key))

    async def close_retired(self, effects: Effects) -> None:
        """Close the connections that no request will use again."""
        await close_each(self.pool.closing, effects)

    # For the reaper.

    @property
    def has_idle(self) -> bool:
        return bool(self.pool.idle)

    @property
    def has_surplus(self) -> bool:
        return self.pool.idle.has_surplus

    def next_eviction(self) -> float:
        with self.lock:
            return self.pool.idle.due

    async def evict_expired(self, effects: Effects) -> None:
        self.change(self.pool.idle.evict_expired, effects.now())
        await self.close_retired(effects)

    async def evict_loop(self, loop: object, effects: Effects) -> None:
        # Not by `closing`: another thread would hand them to this loop, which ends.
        await close_each(self.change(self._take_from, loop), effects)
        await self.close_retired(effects)

    def _take_from(self, loop: object) -> list[Closing]:
        """Take the connections of an event loop that no request will use again."""
        closing = self.pool.closing
        self.pool.idle.evict_loop(loop)
        taken: list[Closing] = []
        for each in [each for each in closing if each.loop is loop]:
            with suppress(ValueError):  # another thread has it
                closing.remove(each)
                taken.append(each)
        return taken

    async def close_all(self, effects: Effects) -> None:
        """
        Close all connections, and refuse the requests that wait.

        A request that was sent has a moment to get its response.
        """
        in_use = self.change(self.pool.shut, effects.now())
        self.reaper.stop()
        try:
            until = effects.now() + GRACE
            while (
                any(each.awaits_response for each in in_use) and effects.now() < until
            ):
                await effects.sleep(POLL)
        finally:
            self._cut(in_use, effects)
            await self.close_retired(effects)

    def _cut(self, slots: list[Slot], effects: Effects) -> None:
        """Close connections in use."""
        for slot in slots:
            if slot.is_cut or not slot.streams:
                continue
            slot.is_cut = True
            slot.destination.origin.retired += 1
            if effects.asynchronous:
                self.change(self.pool.cut, slot)
            else:
                # Another thread reads from it, and closes it when it notices.
                hang_up(slot.connection)

    def forked(self) -> None:
        """
        Begin with an empty pool in a child process.

        The connections are those of the parent, which goes on using them. The sockets
        of a synchronous client are closed here, which the parent does not notice. An
        event loop shares its selector with the parent, so nothing may be closed there.
        """
        self._of_parent.append(self.pool)
        for slot in self.pool.slots:
            if slot.destination.loop is None:
                drop(slot.connection)
        self.pool = self._make()
        self.reaper = self._make_reaper(self)
