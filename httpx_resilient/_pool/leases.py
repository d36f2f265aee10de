"""
The leases of a pool: requests acquire and release slots, in any thread.

Rules:

1. The lock protects one transition of the state at a time. Under the lock, nothing is
   awaited, no connection is closed, and no listener is called.
2. A finalizer never waits for the lock, because it may interrupt the very thread that
   has it. It appends the leaked slot to a list, which that thread then releases.
3. A transition that is interrupted leaves a state that is repaired at once.
"""

from __future__ import annotations

from contextlib import suppress

from httpx_resilient._core.body.owners import After
from httpx_resilient._core.classify import of_one_stream
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.io.admission import connect_timeout_of
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._pool.lease import Lease
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.ticket import Ticket
from httpx_resilient._pool.upkeep import Upkeep


class Leases(Upkeep):
    """The leases of a pool's slots. A lease reports its end here."""

    ended = 0
    """Leases that have ended."""

    def acquire(
        self,
        lease: Lease,
        context: RequestContext,
        effects: Effects,
        loop: object,
        is_wired: bool = False,  # noqa: FBT001, FBT002 - each request pays for a keyword
    ) -> Ticket | None:
        """Lease a slot, or queue the request and return its ticket."""
        context.now = now = effects.now()
        request = context.request
        ticket = None
        with self.lock:
            pool = self.pool
            try:
                if self._leaked:
                    self._release_leaked(now)
                tls_name = request.extensions.get("sni_hostname")
                destination = pool.destination(context.origin, loop, tls_name, is_wired)
                # Requests of an event loop that has ended may have the connections.
                if not pool.acquire(destination, lease, now, request) and not (
                    pool.forget_ended_loops()
                    and pool.acquire(destination, lease, now, request)
                ):
                    patience = connect_timeout_of(context)
                    waiter = effects.waiter()
                    ticket = pool.enqueue(destination, lease, waiter, patience)
            except BaseException:  # observed only, and raised again
                self._repair(lease, now)
                raise
        if self._leaked:
            self._reclaim()
        return ticket

    def wait_again(self, ticket: Ticket, waiter: Waiter) -> bool:
        """
        Let a request go on waiting, which was woken or has waited for some time.

        Returns:
            Whether it still has to wait.
        """
        if self._leaked:
            self._reclaim()
        with self.lock:
            if ticket.is_settled:
                return False
            ticket.waiter = waiter
        return True

    def withdraw(self, ticket: Ticket) -> None:
        """Remove a request from the queue."""
        self.change(self.pool.withdraw, ticket)
        if self._leaked:
            self._reclaim()

    def release(self, lease: Lease, *, reusable: bool, complete: bool) -> None:
        """
        End a lease.

        Args:
            lease: The lease. One that has no slot has ended already.
            reusable: Whether its connection can be used again. If not, it is retired.
            complete: Whether the response was read to its end. If not, the transport
                has closed its connection.
        """
        now = Clock.now()
        with self.lock:
            pool = self.pool
            try:
                slot: Slot | None = lease.resource
                if slot is not None:
                    if not reusable:
                        self._retire(slot)
                    elif not complete:
                        slot.finish()
                    pool.in_hand = slot
                    lease.resource = None
                    pool.release(slot, now)
                    pool.in_hand = None
                    self.ended += 1
                if self._leaked:
                    self._release_leaked(now)
            except BaseException:  # observed only, and raised again
                self._repair(lease, now)
                raise
        if self._leaked:
            self._reclaim()
        if self._retired:
            self.emit_retired()
        if slot is not None:
            idle, loop = pool.idle, slot.destination.loop
            if idle.has_surplus or (idle and self.reaper.watched is not loop):
                self.reaper.watch(loop)

    def failed(self, slot: Slot) -> None:
        """
        Close the connections that are idle for as long as one that has just failed.

        They may lead to the same node that is gone, or through the same gateway.
        """
        self.change(self.pool.idle.evict_since, slot.destination, slot.idle_since)

    def lost(self, slot: Slot) -> None:
        """Remove an idle connection that its server has just closed."""
        self.change(self.pool.lost, slot, Clock.now())

    def replaced(self, slot: Slot) -> None:
        """Count a request that was not sent on the connection which its slot had."""
        self.change(slot.replaced)

    def negotiated(self, slot: Slot, streams: int | None) -> None:
        """Serve the requests that wait until a connection is open."""
        self.change(self.pool.negotiated, slot, streams)

    def on_closed(self, lease: Lease, error: BaseException | None) -> After | None:
        """Release the slot of a response that was closed, or that broke."""
        reusable = error is None or leaves_connection_usable(error)
        complete = lease.is_read or error is not None
        self.release(lease, reusable=reusable, complete=complete)
        return self.close_retired if self.pool.closing else None

    def on_leaked(self, slot: Slot) -> None:
        """
        Have the slot of a lease released that was collected. In any thread.

        A request that waits releases it, or else the next one.
        """
        self._leaked.append(slot)
        with suppress(RuntimeError):  # the queue changes at this moment
            for ticket in self.pool.queue or slot.destination.waiting:
                if ticket.waiter.wake():
                    break

    def _retire(self, slot: Slot) -> None:
        # The event is emitted later: without the lock, and not in a finalizer.
        if slot.retire():
            self._retired.append(slot.destination.origin.key)

    def _release_leaked(self, now: float) -> None:
        # An interruption must not lose one, so each is taken from the list late.
        while self._leaked:
            self.pool.in_hand = slot = self._leaked[0]
            del self._leaked[0]
            if slot.capacity > 1 or slot.lessee() is None:
                self._retire(slot)
                self.pool.release(slot, now)
            self.pool.in_hand = None
            self.ended += 1

    def _reclaim(self) -> None:
        """Release what has leaked while the lock was taken."""
        while self._leaked:
            self.change(self._release_leaked, Clock.now())

    async def close_all(self, effects: Effects) -> None:
        self._reclaim()
        await super().close_all(effects)

    def forked(self) -> None:
        super().forked()
        self._leaked.clear()


def leaves_connection_usable(error: BaseException | None) -> bool:
    """
    Whether a connection may be reused after its response has ended with an exception.

    Not after a cancellation: if a read is cancelled twice, httpcore closes the
    connection but still counts it.
    """
    return error is None or (isinstance(error, Exception) and of_one_stream(error))
