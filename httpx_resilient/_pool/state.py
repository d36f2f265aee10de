"""
Which connection serves which request: the state of a pool, and no IO.

Every transition takes as long with ten requests as with ten thousand: stock pools look
through all their connections for each request and each response.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.state.origin_map import OriginMap
from httpx_resilient._core.waiter import Waiter
from httpx_resilient._pool.slots import STREAMS, Origin, Slot, Ticket

LINGER = 1.0
"""Seconds that an idle connection beyond `keep` stays open, because in a burst the next
request is already on its way."""


class Pool:
    """
    The slots, and who waits for one.

    It holds no lock: its owner does, around each transition, and closes the transports
    in `closing` afterwards.

    Args:
        most: Slots there may be.
        keep: Idle ones that stay open after a burst.
        expiry: Seconds until an idle one is closed.
        multiplexed: Whether a new origin's connections take several requests; `None`
            if only a connection can tell.
    """

    def __init__(
        self,
        most: float,
        keep: float,
        expiry: float,
        multiplexed: Callable[[OriginKey], bool | None],
    ) -> None:
        self._most = most
        self._keep = keep
        self._expiry = expiry
        self._linger = LINGER if keep else 0.0
        self._patience = 2 * most
        self.slots: set[Slot] = set()
        self._idle: OrderedDict[Slot, None] = OrderedDict()
        self._waiting: OrderedDict[Ticket, None] = OrderedDict()
        self.origins = OriginMap(lambda key: Origin(key, multiplexed=multiplexed(key)))
        self.closing: list[Any] = []

    def origin(self, key: OriginKey) -> Origin:
        """Return what is known of an origin. Forgets another if there are too many."""
        origin = self.origins[key]
        self.origins.move_to_end(key)
        return origin

    def take(self, origin: Origin, now: float) -> Slot | None:
        """Take a place at once, if there is one. `now` is in monotonic seconds."""
        self._expire(now)
        if origin.shared:
            slot = next(reversed(origin.shared))
            return self._use(slot) if self._overtakes(slot) else None
        if origin.idle:
            slot = origin.idle[-1]
            self._leave_idle(slot, newest=True)
            return self._use(slot)
        return None if origin.awaits_word else self._make_room(origin)

    def enqueue(self, origin: Origin, waiter: Waiter) -> Ticket:
        """Wait for a place. The waiter is woken when the ticket has its slot."""
        ticket = Ticket(origin, waiter)
        origin.waiting[ticket] = None
        if not origin.awaits_word:
            self._waiting[ticket] = None
        return ticket

    def abandon(self, ticket: Ticket, now: float) -> None:
        """Wait no longer, or give back what was handed over in the meantime."""
        if ticket.slot is None:
            self._forget(ticket)
            self._resume()
        else:
            self.give(ticket.slot, now)

    def give(self, slot: Slot, now: float) -> None:
        """Give a place back after its request has ended."""
        origin = slot.origin
        slot.streams -= 1
        origin.active -= 1
        if origin.leader is slot:
            # It has failed before it could tell. Another one will.
            origin.leader = None
            self._serve_followers(origin)
        if slot.retired or slot.transport is None:
            if not slot.streams:
                self._free(slot)
            return
        if slot.streams:
            self._share(slot)
            return
        ticket = self._next(slot)
        if ticket is None:
            slot.since = now
            origin.shared.pop(slot, None)
            origin.idle.append(slot)
            self._idle[slot] = None
            self._expire(now)
        elif ticket.origin is origin:
            self._hand(self._use(slot), ticket)
            self._share(slot)
        else:
            self._free(slot)

    def retire(self, slot: Slot) -> bool:
        """
        Put no further request on a connection, and close it after the last.

        Says whether that is news.
        """
        if slot.retired:
            return False
        slot.retired = True
        origin = slot.origin
        origin.retired += 1
        origin.shared.pop(slot, None)
        return True

    def renew(self, slot: Slot) -> bool:
        """Give up a connection but not its place, if no other request is on it."""
        if slot.retired or slot.streams > 1:
            return False
        origin = slot.origin
        origin.retired += 1
        if slot.room == 1:
            origin.reused -= 1
        slot.connection = None
        self._close(slot)
        return True

    def connected(self, slot: Slot, connection: object) -> None:
        """Hear which connection a request was answered on, unless it was to be so."""
        origin = slot.origin
        if connection is not None and connection is slot.connection:
            origin.reused += 1
            return
        if slot.room == 1 and slot.connection is not None:
            origin.reused -= 1  # it was closed, and its transport has opened another
        slot.connection = connection
        origin.opened += connection is not None

    def learn(self, slot: Slot, *, multiplexed: bool) -> None:
        """Hear from a connection whether it takes several requests."""
        origin = slot.origin
        origin.leader = None
        origin.multiplexed = multiplexed
        slot.room = STREAMS if multiplexed else 1
        if multiplexed and not slot.retired:
            self._share(slot)
        else:
            origin.shared.pop(slot, None)
        self._serve_followers(origin)

    def drain(self) -> None:
        """Close all connections, those in use as well."""
        while self._idle:
            self._close_idle(next(iter(self._idle)))
        for slot in list(self.slots):
            self.retire(slot)
            self._close(slot)

    def _use(self, slot: Slot) -> Slot:
        origin = slot.origin
        origin.active += 1
        slot.streams += 1
        if slot.room == 1:
            origin.reused += slot.connection is not None
        elif slot.streams < slot.room:
            origin.shared[slot] = None
        else:
            origin.shared.pop(slot, None)
        return slot

    def _hand(self, slot: Slot, ticket: Ticket) -> None:
        self._forget(ticket)
        ticket.slot = slot
        ticket.waiter.wake()

    def _forget(self, ticket: Ticket) -> None:
        self._waiting.pop(ticket, None)
        del ticket.origin.waiting[ticket]

    def _share(self, slot: Slot) -> None:
        """Let requests of its origin in, as many as there is room for."""
        waiting = slot.origin.waiting
        while waiting and slot.streams < slot.room and self._overtakes(slot):
            self._hand(self._use(slot), next(iter(waiting)))
        if slot.streams < slot.room:
            slot.origin.shared[slot] = None

    def _serve_followers(self, origin: Origin) -> None:
        """Let those go on who waited for word, each to a place of its own."""
        while origin.waiting and not origin.awaits_word:
            slot = self._make_room(origin)
            if slot is None:
                # Now they wait for a place, like all others.
                for ticket in origin.waiting:
                    self._waiting.setdefault(ticket)
                return
            self._hand(slot, next(iter(origin.waiting)))

    def _make_room(self, origin: Origin) -> Slot | None:
        if len(self.slots) >= self._most:
            if not self._idle:
                return None
            self._close_idle(next(iter(self._idle)))
        return self._new(origin)

    def _new(self, origin: Origin) -> Slot:
        slot = Slot(origin)
        self.slots.add(slot)
        if origin.multiplexed is None and origin.leader is None:
            origin.leader = slot
        return self._use(slot)

    def _next(self, slot: Slot) -> Ticket | None:
        """Say who gets a connection that is free now."""
        if not self._waiting:
            return None
        waiting = slot.origin.waiting
        if waiting and self._overtakes(slot):
            return next(iter(waiting))
        return next(iter(self._waiting))

    def _overtakes(self, slot: Slot) -> bool:
        """
        Pass over the one who waits longest, and let this origin keep its connection.

        Not if that one was passed over often enough.
        """
        if not self._waiting:
            return True
        longest = next(iter(self._waiting))
        if longest.origin is slot.origin:
            return True
        if longest.passed >= self._patience * slot.room:
            return False
        longest.passed += 1
        return True

    def _resume(self) -> None:
        """Let those in who were held back for one that waits no more."""
        if self._waiting:
            shared = next(iter(self._waiting)).origin.shared
            if shared:
                self._share(next(reversed(shared)))

    def _free(self, slot: Slot) -> None:
        """Close a connection, and give its place to the one who has waited longest."""
        slot.origin.shared.pop(slot, None)
        self.slots.discard(slot)
        self._close(slot)
        if self._waiting:
            ticket = next(iter(self._waiting))
            successor = self._new(ticket.origin)
            self._hand(successor, ticket)
            self._share(successor)
            self._resume()

    def _expire(self, now: float) -> None:
        while self._idle:
            slot = next(iter(self._idle))
            age = now - slot.since
            surplus = len(self._idle) > self._keep and age >= self._linger
            if not (surplus or age > self._expiry):
                return
            self._close_idle(slot)

    def _close_idle(self, slot: Slot) -> None:
        self._leave_idle(slot, newest=False)
        self.slots.discard(slot)
        self._close(slot)

    def _leave_idle(self, slot: Slot, *, newest: bool) -> None:
        # The oldest of all is the oldest of its origin, too.
        del self._idle[slot]
        if newest:
            slot.origin.idle.pop()
        else:
            slot.origin.idle.popleft()

    def _close(self, slot: Slot) -> None:
        if slot.transport is not None:
            self.closing.append(slot.transport)
            slot.transport = None
