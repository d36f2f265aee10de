"""
The leases of a pool: requests acquire and release slots, in any thread.

Rules:

1. The lock protects one transition of the state at a time. Under the lock, nothing is
   awaited, no connection is closed, and no listener is called.
2. A finalizer never waits for the lock, because it may interrupt the very thread that
   has it. It appends the leaked slot to a list, which that thread then releases.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from threading import Lock

from httpx_resilient._core.body.owners import After
from httpx_resilient._core.classify import of_one_stream
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.origin import OriginKey, origin_name
from httpx_resilient._pool.events import ConnectionRetired
from httpx_resilient._pool.slots import Slot, Ticket
from httpx_resilient._pool.state import Pool


class Leases:
    """
    The leases of a pool's slots. A response stream reports its end here.

    Args:
        pool: The state.
        emit: The emitter of the pool's events.
    """

    def __init__(self, pool: Pool, emit: EventEmitter) -> None:
        self.pool = pool
        self.lock = Lock()
        self._emit = emit
        self._leaked: list[Slot] = []
        """Slots of responses that were collected unclosed."""
        self._retired: deque[OriginKey] = deque()
        """Origins of retired connections whose event is pending."""

    def acquire(self, key: OriginKey, effects: Effects) -> Slot | Ticket:
        """Lease a slot, or queue the request."""
        now = effects.now()
        with self.lock:
            if self._leaked:
                self._release_leaked(now)
            origin = self.pool.origin(key)
            slot = self.pool.acquire(origin, now)
            if slot is not None:
                return slot
            ticket = self.pool.enqueue(origin, effects.waiter())
        if self._leaked:
            self._reclaim()
        return ticket

    def withdraw(self, ticket: Ticket, now: float) -> None:
        """Remove a request from the queue, or release the slot that it has got."""
        with self.lock:
            self.pool.withdraw(ticket, now)

    def release(self, slot: Slot, now: float, *, reusable: bool) -> None:
        """End a lease. A connection that is not reusable is retired."""
        with self.lock:
            if not reusable:
                self._retire(slot)
            self.pool.release(slot, now)
            if self._leaked:
                self._release_leaked(now)
        if self._retired:
            self.emit_retired()

    def renew(self, slot: Slot) -> bool:
        """Close a connection, but not its slot. Return whether that was possible."""
        with self.lock:
            renewed = self.pool.renew(slot)
        if renewed:
            self._retired.append(slot.origin.key)
            self.emit_retired()
        return renewed

    def connected(self, slot: Slot, connection: object) -> None:
        """Count the connection of a response."""
        with self.lock:
            slot.connected(connection)

    def negotiated(self, slot: Slot, *, multiplexed: bool) -> None:
        """Serve the requests that wait until the protocol is negotiated."""
        origin = slot.origin
        if origin.leader is slot or origin.multiplexed is not multiplexed:
            with self.lock:
                self.pool.negotiated(slot, multiplexed=multiplexed)

    def on_closed(self, resource: Slot, error: BaseException | None) -> After | None:
        """Release the slot of a response that was closed."""
        reusable = error is None or _leaves_connection_usable(error)
        self.release(resource, Clock.now(), reusable=reusable)
        return self.close_retired if self.pool.closing else None

    def on_leaked(self, resource: Slot) -> None:
        """Release the slot of an unclosed response, now or soon. In any thread."""
        self._leaked.append(resource)
        self._reclaim()

    def emit_retired(self) -> None:
        """Emit the pending events of retired connections."""
        with suppress(IndexError):  # another thread emits the last one meanwhile
            while self._retired:
                key = self._retired.popleft()
                self._emit(None, ConnectionRetired, origin_name(key))

    async def close_retired(self, effects: Effects) -> None:
        """Close the connections that no request will use again."""
        # Popped one by one, because asyncio may cancel each close.
        with suppress(IndexError):
            while True:
                await effects.close(self.pool.closing.pop())

    async def close_all(self, effects: Effects) -> None:
        """Close all connections, including those in use."""
        with self.lock:
            self.pool.drain()
        await self.close_retired(effects)

    def _retire(self, slot: Slot) -> None:
        # The event is emitted later: without the lock, and not in a finalizer.
        if slot.retire():
            self._retired.append(slot.origin.key)

    def _release_leaked(self, now: float) -> None:
        while self._leaked:
            slot = self._leaked.pop()
            self._retire(slot)
            self.pool.release(slot, now)

    def _reclaim(self) -> None:
        """Release leaked slots, unless the lock is taken: its owner releases them."""
        if self.lock.acquire(blocking=False):
            try:
                self._release_leaked(Clock.now())
            finally:
                self.lock.release()


def _leaves_connection_usable(error: BaseException) -> bool:
    """
    Whether a connection may be reused after its response has ended with an exception.

    A reader that stops early has its connection closed by the transport itself. Not
    so a cancellation: if a read is cancelled twice, httpcore closes the connection but
    still counts it.
    """
    if isinstance(error, Exception):
        return of_one_stream(error)
    return isinstance(error, GeneratorExit)
