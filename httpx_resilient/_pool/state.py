"""
The state of a pool: which connection serves which request. It does no IO.

Every transition takes constant time. Stock pools go through all their connections for
each request and each response.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.state.origin_map import OriginMap
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._pool.idle import IdleSlots
from httpx_resilient._pool.slots import MAX_STREAMS, Origin, Slot, Ticket
from httpx_resilient._pool.ticket_queue import TicketQueue

OVERTAKES_PER_SLOT = 2
"""How often the requests of one connection may overtake a ticket of another origin."""


class Pool:
    """
    The slots of a pool, their leases, and the tickets of requests that wait for one.

    The state has no lock: its owner locks each transition, and afterwards closes the
    transports in `closing`.

    Args:
        max_slots: Connections at most, over all origins.
        max_idle: Idle connections that stay open after a burst.
        expiry: Seconds until an idle connection is closed.
        multiplexed: Returns whether the connections to an origin multiplex; `None` if
            only its first connection can show that.
    """

    def __init__(
        self,
        max_slots: float,
        max_idle: float,
        expiry: float,
        multiplexed: Callable[[OriginKey], bool | None],
    ) -> None:
        self._max_slots = max_slots
        self.slots: set[Slot] = set()
        self._idle = IdleSlots(max_idle, expiry, self._discard)
        self._queue = TicketQueue(OVERTAKES_PER_SLOT * max_slots)
        self.origins = OriginMap(lambda key: Origin(key, multiplexed=multiplexed(key)))
        self.closing: list[Any] = []

    def origin(self, key: OriginKey) -> Origin:
        """Return an origin. A new one may evict the least recently used one."""
        origin = self.origins[key]
        self.origins.move_to_end(key)
        return origin

    def acquire(self, origin: Origin, now: float) -> Slot | None:
        """Lease a slot at once, if there is one. `now` is in monotonic seconds."""
        self._idle.evict_expired(now)
        if origin.shared:
            slot = next(reversed(origin.shared))
            return slot.lease() if self._queue.may_overtake(slot) else None
        if origin.idle:
            return self._idle.take_newest(origin).lease()
        return None if origin.is_negotiating else self._lease_new(origin)

    def enqueue(self, origin: Origin, waiter: Waiter) -> Ticket:
        """Queue a request. Its waiter is woken when the ticket has a slot."""
        ticket = Ticket(origin, waiter)
        self._queue.join(ticket)
        return ticket

    def withdraw(self, ticket: Ticket, now: float) -> None:
        """Remove a ticket, or release the slot that it has got in the meantime."""
        if ticket.slot is None:
            self._queue.leave(ticket)
            self._serve_blocked()
        else:
            self.release(ticket.slot, now)

    def release(self, slot: Slot, now: float) -> None:
        """End the lease of a request that has ended."""
        origin = slot.origin
        slot.streams -= 1
        origin.active -= 1
        if origin.leader is slot:
            # It has failed before the protocol was negotiated: another slot leads.
            origin.leader = None
            self._serve_followers(origin)
        if slot.retired or slot.transport is None:
            if not slot.streams:
                self._replace(slot)
            return
        if slot.streams:
            self._serve_sharers(slot)
            return
        ticket = self._queue.next_for(slot)
        if ticket is None:
            origin.shared.pop(slot, None)
            self._idle.add(slot, now)
        elif ticket.origin is origin:
            self._serve(ticket, slot.lease())
            self._serve_sharers(slot)
        else:
            self._replace(slot)

    def renew(self, slot: Slot) -> bool:
        """
        Close a connection but not its slot, so that a replay need not wait for one.

        Returns:
            Whether that was possible: no other request uses the connection.
        """
        if slot.retired or slot.streams > 1:
            return False
        origin = slot.origin
        origin.retired += 1
        if slot.capacity == 1:
            origin.reused -= 1
        slot.connection = None
        self._close(slot)
        return True

    def negotiated(self, slot: Slot, *, multiplexed: bool) -> None:
        """Serve the requests that wait until a connection has its protocol."""
        origin = slot.origin
        origin.leader = None
        origin.multiplexed = multiplexed
        slot.capacity = MAX_STREAMS if multiplexed else 1
        if multiplexed and not slot.retired:
            self._serve_sharers(slot)
        else:
            origin.shared.pop(slot, None)
        self._serve_followers(origin)

    def drain(self) -> None:
        """Close all connections, including those in use."""
        while self._idle:
            self._idle.evict_oldest()
        for slot in list(self.slots):
            slot.retire()
            self._close(slot)

    def _lease_new(self, origin: Origin) -> Slot | None:
        """Lease a new slot, in place of the least recently used one if need be."""
        if len(self.slots) >= self._max_slots:
            if not self._idle:
                return None
            self._idle.evict_oldest()
        return self._new(origin).lease()

    def _new(self, origin: Origin) -> Slot:
        slot = Slot(origin)
        self.slots.add(slot)
        if origin.multiplexed is None and origin.leader is None:
            origin.leader = slot
        return slot

    def _serve(self, ticket: Ticket, slot: Slot) -> None:
        self._queue.leave(ticket)
        ticket.slot = slot
        ticket.waiter.wake()

    def _serve_sharers(self, slot: Slot) -> None:
        """Serve tickets of the slot's origin while the connection has room."""
        waiting = slot.origin.waiting
        while (
            waiting and slot.streams < slot.capacity and self._queue.may_overtake(slot)
        ):
            self._serve(next(iter(waiting)), slot.lease())
        if slot.streams < slot.capacity:
            slot.origin.shared[slot] = None

    def _serve_followers(self, origin: Origin) -> None:
        """Serve the tickets that waited for the leader, each with a new slot."""
        while origin.waiting and not origin.is_negotiating:
            slot = self._lease_new(origin)
            if slot is None:
                # No slot is left: from now on they wait in the queue of all origins.
                for ticket in origin.waiting:
                    self._queue.setdefault(ticket)
                return
            self._serve(next(iter(origin.waiting)), slot)

    def _serve_blocked(self) -> None:
        """Serve requests that could not overtake a ticket which has left the queue."""
        if self._queue:
            shared = self._queue.oldest().origin.shared
            if shared:
                self._serve_sharers(next(reversed(shared)))

    def _replace(self, slot: Slot) -> None:
        """Close a connection, and serve the oldest ticket with a new slot."""
        slot.origin.shared.pop(slot, None)
        self._discard(slot)
        if self._queue:
            ticket = self._queue.oldest()
            successor = self._new(ticket.origin).lease()
            self._serve(ticket, successor)
            self._serve_sharers(successor)
            self._serve_blocked()

    def _discard(self, slot: Slot) -> None:
        self.slots.discard(slot)
        self._close(slot)

    def _close(self, slot: Slot) -> None:
        if slot.transport is not None:
            self.closing.append(slot.transport)
            slot.transport = None
