"""
The requests that follow another one: they wait for the connection that it opens.

On a connection that multiplexes they need no other one, and only an open connection
shows whether it does.
"""

from __future__ import annotations

from httpx_resilient._pool.origins import MAX_STREAMS, Destination
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.supply import Supply
from httpx_resilient._pool.ticket import Ticket

TIMER_TOLERANCE = 0.001
"""Seconds by which a timer may be early, or late."""


class Following(Supply):
    """The part of a pool's state that lets requests follow another one."""

    def follows(self, ticket: Ticket) -> bool:
        """Whether a ticket waits for the connection that a leader opens."""
        return ticket in ticket.destination.waiting and ticket not in self.queue

    def serve_followers(self, destination: Destination) -> None:
        """Serve the tickets that waited for the leader, each with a new slot."""
        while destination.waiting and not destination.is_negotiating:
            slot = self.new_slot(destination)
            if slot is None:
                # No slot is left: from now on they wait in the queue of all.
                for ticket in filter(self.follows, destination.waiting):
                    self.queue[ticket] = None
                    ticket.waiter.wake()  # its wait has another limit now
                return
            if not self.serve(next(iter(destination.waiting)), slot):
                self.discard(slot)

    def negotiated(self, slot: Slot, streams: int | None) -> None:
        """
        Serve the requests that wait until a connection is open.

        Args:
            slot: The slot of the connection.
            streams: Requests that its server allows at a time; `None` if it does not
                multiplex.
        """
        destination, origin = slot.destination, slot.destination.origin
        if destination.leader is slot or streams is None:
            destination.leader = None
        origin.multiplexed = streams is not None
        if streams is None:
            slot.capacity = 1
        else:
            slot.capacity = origin.max_streams = max(min(streams, MAX_STREAMS), 1)
        if slot.capacity > 1 and not slot.retired:
            self.serve_sharers(slot)
        else:
            destination.shared.pop(slot, None)
        self.serve_followers(destination)

    def refuse_followers(self, slot: Slot, error: Exception, waited: float) -> None:
        """
        Tell the tickets that wait for a connection that it could not be opened.

        Args:
            slot: The slot of the connection.
            error: The reason.
            waited: Seconds that opening it has taken; infinite if it would never work.
                A ticket with more patience waits for another one.
        """
        destination = slot.destination
        if destination.leader is not slot:
            return
        for ticket in list(filter(self.follows, destination.waiting)):
            if ticket.patience <= waited + TIMER_TOLERANCE:
                self.queue.leave(ticket)
                ticket.error = error
                ticket.waiter.wake()

    def give_up(self, ticket: Ticket) -> bool:
        """
        Let a ticket follow no longer, and the next one open a connection of its own.

        Returns:
            Whether it still followed.
        """
        if not self.follows(ticket):
            return False
        destination = ticket.destination
        self.queue.leave(ticket)
        if ticket.leader is destination.leader:
            destination.leader = None
            self.serve_followers(destination)
        return True
