"""The slots of a pool, and who gets one: lending, serving the queue, closing."""

from __future__ import annotations

import math
from collections.abc import Callable
from weakref import ref

from httpx_resilient._core.body.tracked import TrackedStream
from httpx_resilient._core.io.loops import has_ended
from httpx_resilient._core.origin import OriginKey
from httpx_resilient._pool.closing import Closing
from httpx_resilient._pool.idle import IdleSlots
from httpx_resilient._pool.limits import PoolLimits
from httpx_resilient._pool.origins import Destination, Origins
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.ticket import Ticket
from httpx_resilient._pool.ticket_queue import TicketQueue

OVERTAKES_PER_SLOT = 2
"""How often the requests of one connection may overtake a ticket of another one."""


class Supply(Origins):
    """
    The slots of a pool, and the tickets of requests that wait for one.

    Args:
        limits: The limits.
        multiplexed: Returns whether the connections to an origin multiplex; `None` if
            only its first connection can show that.
    """

    def __init__(
        self, limits: PoolLimits, multiplexed: Callable[[OriginKey], bool | None]
    ) -> None:
        super().__init__(multiplexed)
        self.limits = limits
        self.slots: set[Slot] = set()
        self.idle = IdleSlots(limits.max_idle, limits.expiry, self.discard)
        self.queue = TicketQueue(OVERTAKES_PER_SLOT * limits.max_slots)
        self.in_hand: Slot | None = None
        """The slot whose transition is under way, see `repair`."""
        self.leaving: Slot | None = None
        """The slot that is being discarded."""
        self.closing: list[Closing] = []
        """Connections that are to be closed."""
        self.closed_at = -math.inf
        """When the pool was last closed, in monotonic seconds."""

    def forget_ended_loops(self) -> bool:
        """
        Free what the requests of event loops have that do not run any more.

        Returns:
            Whether there are such loops.
        """
        ended = {loop for loop in self._loops if has_ended(loop)}
        if not ended:
            return False
        for each in self.destinations():
            if each.loop in ended:
                for ticket in list(each.waiting):
                    self.queue.leave(ticket)
        for slot in [each for each in self.slots if each.destination.loop in ended]:
            if slot.streams:
                self.forget(slot)
            else:
                self.idle.evict(slot)
        self._loops -= ended  # not before: all this may be interrupted
        self.serve_oldest()
        return True

    def forget(self, slot: Slot) -> None:
        """Take a slot from its requests: they will never end."""
        slot.finish()
        while slot.streams:
            slot.unlease()
        self.discard(slot)

    def new_slot(self, destination: Destination) -> Slot | None:
        """Make a slot, in place of the least recently used one if need be."""
        if len(self.slots) >= self.limits.max_slots:
            if not self.idle:
                return None
            self.idle.evict_oldest()
        slot = Slot(destination)
        self.slots.add(slot)
        if destination.origin.multiplexed is not False and destination.leader is None:
            destination.leader = slot
        return slot

    def lend(self, slot: Slot, lease: TrackedStream) -> None:
        """Lease a slot."""
        self.in_hand = slot
        slot.lessee = ref(lease)
        destination = slot.destination
        destination.active += 1
        slot.streams += 1
        slot.awaits_response = True
        if slot.capacity == 1:
            destination.origin.reused += slot.connection is not None
        elif slot.streams < slot.capacity:
            destination.shared[slot] = None
        else:
            destination.shared.pop(slot, None)
        lease.resource = slot
        self.in_hand = None

    def serve(self, ticket: Ticket, slot: Slot) -> bool:
        """
        Lease a slot to a request that waits.

        Returns:
            Whether it still waits: its event loop may have been closed.
        """
        self.lend(slot, ticket.lease)
        self.queue.leave(ticket)
        if ticket.waiter.wake():
            return True
        ticket.lease.resource = None
        slot.unlease()
        return False

    def serve_oldest(self) -> None:
        """Serve the oldest tickets with new slots, while there is room."""
        while self.queue:
            ticket = self.queue.oldest()
            slot = self.new_slot(ticket.destination)
            if slot is None:
                return
            if self.serve(ticket, slot):
                self.serve_sharers(slot)
            else:
                self.discard(slot)
        self.serve_blocked()

    def discard(self, slot: Slot) -> None:
        """Remove a slot, and close its connection."""
        self.leaving = slot
        self.slots.discard(slot)
        slot.destination.shared.pop(slot, None)
        if slot.destination.leader is slot:
            slot.destination.leader = None
        self.close(slot)
        self.leaving = None

    def close(self, slot: Slot) -> None:
        """Close the connection of a slot."""
        if slot.transport is not None:
            loop = slot.destination.loop
            self.closing.append(Closing(loop, slot.transport, slot.connection))
            slot.transport = None

    def shut(self, now: float) -> list[Slot]:
        """
        Close the idle connections, and refuse the requests that wait.

        Args:
            now: Monotonic seconds.

        Returns:
            The slots in use. They serve no further request.
        """
        self.closed_at = now
        while self.idle:
            self.idle.evict_oldest()
        for slot in self.slots:
            slot.finish()
            slot.is_shut = True
        for destination in self.destinations():
            for ticket in list(destination.waiting):
                self.queue.leave(ticket)
                ticket.is_refused = True
                ticket.waiter.wake()
        return list(self.slots)

    def serve_sharers(self, slot: Slot) -> None:
        """Serve tickets of the slot's destination while the connection has room."""
        waiting = slot.destination.waiting
        while (
            waiting and slot.streams < slot.capacity and self.queue.may_overtake(slot)
        ):
            self.serve(next(iter(waiting)), slot)
        if 0 < slot.streams < slot.capacity:
            slot.destination.shared[slot] = None
        else:
            slot.destination.shared.pop(slot, None)

    def serve_blocked(self) -> None:
        """Serve requests that could not overtake a ticket which has left the queue."""
        if self.queue:
            shared = self.queue.oldest().destination.shared
            if shared:
                self.serve_sharers(next(reversed(shared)))

    def replace(self, slot: Slot) -> None:
        """Close a connection, and serve the oldest ticket with a new slot."""
        self.discard(slot)
        self.serve_oldest()
