"""
The state of a pool: which connection serves which request. It does no IO.

Every transition takes constant time. Stock pools go through all their connections for
each request and each response.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import uniform
from typing import Any

from httpx_resilient._core.body.tracked import TrackedStream
from httpx_resilient._core.methods import is_repeatable
from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._pool.following import Following
from httpx_resilient._pool.limits import PoolLimits
from httpx_resilient._pool.origins import Destination
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.ticket import Ticket

CHECKED_AFTER = 0.02
"""
Seconds of idleness after which a connection is looked at before it is used. The look
takes 2 µs; under load, when that would count, connections are not idle for as long.
"""

AGE_JITTER = 0.1
"""The share of `max_age` by which connections may close earlier: not all together."""


class Pool(Following):
    """
    The slots of a pool, their leases, and the tickets of requests that wait for one.

    The state has no lock: its owner locks each transition, and afterwards closes the
    transports in `closing`.

    Args:
        limits: The limits.
        multiplexed: Returns whether the connections to an origin multiplex; `None` if
            only its first connection can show that.
        is_open: Returns whether an idle connection is still open: its server has sent
            nothing, and has not closed it.
    """

    def __init__(
        self,
        limits: PoolLimits,
        multiplexed: Callable[[OriginKey], bool | None],
        is_open: Callable[[Any], bool],
    ) -> None:
        super().__init__(limits, multiplexed)
        self._is_open = is_open

    def acquire(
        self, destination: Destination, lease: TrackedStream, now: float, request: Any
    ) -> bool:
        """
        Lease a slot at once, if there is one.

        Args:
            destination: The destination of the request.
            lease: The lease, which gets the slot as its resource.
            now: Monotonic seconds.
            request: The request.

        Returns:
            Whether the lease has a slot.
        """
        if now >= self.idle.due:
            self.idle.evict_expired(now)
        slot = self._shared(destination, now) if destination.shared else None
        if slot is not None:
            if not self.queue.may_overtake(slot):
                return False
        elif destination.idle:
            slot = self._reusable(destination, now, request)
        if slot is None and not destination.is_negotiating:
            slot = self.new_slot(destination)
        if slot is None:
            return False
        self.lend(slot, lease)
        return True

    def enqueue(
        self,
        destination: Destination,
        lease: TrackedStream,
        waiter: Waiter,
        patience: float = math.inf,
    ) -> Ticket:
        """Queue a request, see `Ticket`. It is woken when its lease has a slot."""
        ticket = Ticket(destination, lease, waiter, patience)
        self.queue.join(ticket)
        return ticket

    def withdraw(self, ticket: Ticket) -> None:
        """Remove the ticket of a request that waits no longer."""
        self.queue.leave(ticket)
        self.serve_blocked()

    def release(self, slot: Slot, now: float) -> None:
        """End the lease of a request that has ended."""
        if not slot.streams:
            return  # the state was repaired meanwhile
        destination = slot.destination
        destination.active -= 1  # `unlease`, written out
        slot.streams -= 1
        slot.awaits_response = False
        if destination.leader is slot:
            # It has failed before its connection was open: another slot leads.
            destination.leader = None
            self.serve_followers(destination)
        if now >= slot.closes_at or (slot.unasked and any(slot.unasked)):
            slot.finish()
        if slot.retired or slot.transport is None:
            if not slot.streams:
                self.replace(slot)
            return
        if slot.streams:
            self.serve_sharers(slot)
            return
        slot.idle_since = now
        queue = self.queue
        while (queue or destination.waiting) and (ticket := queue.next_for(slot)):
            if ticket.destination is not destination:
                self.replace(slot)
                return
            if self.serve(ticket, slot):
                self.serve_sharers(slot)
                return
        destination.shared.pop(slot, None)
        self.idle.add(slot, now)

    def lost(self, slot: Slot, now: float) -> None:
        """Remove an idle connection that is closed already."""
        if slot in self.idle:
            slot.destination.origin.idle_timeout.observe_closed(now - slot.idle_since)
            slot.transport = None
            self.idle.evict(slot)
            self.serve_oldest()

    def cut(self, slot: Slot) -> None:
        """Close the connection of a slot in use. Its place is free at once."""
        self.forget(slot)
        self.serve_followers(slot.destination)
        self.serve_oldest()

    def connected(self, slot: Slot, connection: object, now: float) -> None:
        """Count the connection of a response. A new one has its greatest age."""
        age = self.limits.max_age
        at = now + (age if age == math.inf else age * uniform(1 - AGE_JITTER, 1))  # noqa: S311 - jitter need not be secret
        slot.connected(connection, at)

    def _shared(self, destination: Destination, now: float) -> Slot | None:
        """Return a connection in use that has room for another request."""
        while destination.shared:
            slot = next(reversed(destination.shared))
            if now < slot.closes_at:
                return slot
            slot.finish()
        return None

    def _reusable(
        self, destination: Destination, now: float, request: Any
    ) -> Slot | None:
        """Take the newest idle connection that is open, if it is trusted."""
        timeout = destination.origin.idle_timeout
        while destination.idle:
            slot = destination.idle[-1]
            idle = now - slot.idle_since
            if any(slot.unasked):
                self.idle.evict(slot)
                continue
            if idle >= CHECKED_AFTER:
                if not self._is_open(slot.connection):
                    timeout.observe_closed(idle)
                    self.idle.evict(slot)
                    continue
                if not self._is_trusted(slot, now) and not is_repeatable(request):
                    return None  # it stays idle, and shows how long it stays open
            if now < slot.closes_at:
                return self.idle.take(slot)
            self.idle.evict(slot)
        return None

    def _is_trusted(self, slot: Slot, now: float) -> bool:
        """Whether the server of an idle connection will certainly not close it now."""
        timeout, idle = slot.destination.origin.idle_timeout, now - slot.idle_since
        trusted = timeout.trusted
        timeout.observe_open(idle)
        oldest = slot.destination.idle[0]
        if idle <= trusted or oldest is slot:
            return idle <= trusted
        # A client with regular pauses would never see that one of them is survived.
        longest = now - oldest.idle_since
        if self._is_open(oldest.connection):
            timeout.observe_open(longest)
        else:
            timeout.observe_closed(longest)
            self.idle.evict(oldest)
        return idle <= timeout.trusted
