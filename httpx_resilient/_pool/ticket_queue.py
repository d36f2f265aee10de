"""The order in which queued requests get a connection: fair between destinations."""

from __future__ import annotations

from collections import OrderedDict

from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.ticket import Ticket


class TicketQueue(OrderedDict[Ticket, None]):
    """
    The tickets of all destinations, the oldest first.

    A connection goes to the oldest ticket of its own destination, even if a ticket of
    another one is older: that one needs a new connection, which costs more. So that no
    destination starves beside a busy one, a ticket is overtaken only a bounded number
    of times.

    Args:
        max_overtakes: How often a ticket is overtaken at most, for each request that a
            connection can serve at a time.
    """

    def __init__(self, max_overtakes: float) -> None:
        super().__init__()
        self._max_overtakes = max_overtakes

    def join(self, ticket: Ticket) -> None:
        """Append a ticket, unless its destination is still negotiating."""
        destination = ticket.destination
        destination.waiting[ticket] = None
        if not destination.is_negotiating:
            self[ticket] = None

    def leave(self, ticket: Ticket) -> None:
        """Remove a ticket, if it is still there."""
        self.pop(ticket, None)
        ticket.destination.waiting.pop(ticket, None)

    def oldest(self) -> Ticket:
        """Return the oldest ticket. There is one."""
        return next(iter(self))

    def next_for(self, slot: Slot) -> Ticket | None:
        """Return the ticket that gets a connection which has just become free."""
        waiting = slot.destination.waiting
        if waiting and self.may_overtake(slot):
            return next(iter(waiting))
        return next(iter(self), None)

    def may_overtake(self, slot: Slot) -> bool:
        """
        Whether a connection may serve its own destination before the oldest ticket.

        Each time it may counts for that ticket.
        """
        if not self:
            return True
        oldest = next(iter(self))
        if oldest.destination is slot.destination:
            return True
        if oldest.overtaken >= self._max_overtakes * slot.capacity:
            return False
        oldest.overtaken += 1
        return True
