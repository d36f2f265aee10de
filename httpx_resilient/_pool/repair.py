"""
The repair of a pool's state after a transition that was interrupted.

A signal handler may raise anywhere, also in the midst of a transition: for Ctrl-C, or
for a time limit of Celery or a web server. What the transition had in hand is dropped,
and all that can be derived from the slots and tickets is made anew.
"""

from __future__ import annotations

from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.supply import Supply


def repair(pool: Supply, now: float) -> None:
    """
    Make the state of a pool whole again.

    Args:
        pool: The state.
        now: Monotonic seconds.
    """
    for slot in (pool.in_hand, pool.leaving):
        if slot is not None:
            slot.finish()
            slot.streams = 0
            if any(each.transport is slot.transport for each in pool.closing):
                slot.transport = None
            pool.discard(slot)
    pool.in_hand = None
    _restore_slots(pool, now)
    _restore_tickets(pool)
    pool.serve_oldest()


def _restore_slots(pool: Supply, now: float) -> None:
    """Derive which slots are idle, and which have room for another request."""
    pool.idle.clear()
    for destination in pool.destinations():
        destination.idle.clear()
        destination.shared.clear()
        destination.active = 0
        if destination.leader not in pool.slots:
            destination.leader = None
    for slot in sorted(pool.slots, key=lambda each: each.idle_since):
        slot.destination.active += slot.streams
        if slot.streams:
            if slot.streams < slot.capacity and not slot.retired:
                slot.destination.shared[slot] = None
        elif slot.retired or slot.transport is None:
            pool.discard(slot)
        else:
            _add_idle(pool, slot)
    pool.idle.evict_expired(now)


def _add_idle(pool: Supply, slot: Slot) -> None:
    slot.destination.idle.append(slot)
    pool.idle[slot] = None


def _restore_tickets(pool: Supply) -> None:
    """Remove the tickets of requests that have a slot, and wake these."""
    for destination in pool.destinations():
        for ticket in list(destination.waiting):
            if ticket.lease.resource is not None:
                pool.queue.leave(ticket)
                ticket.waiter.wake()
            elif not destination.is_negotiating:
                pool.queue.setdefault(ticket)


def lost_slots(pool: Supply) -> list[Slot]:
    """
    Return the slots whose lease has ended untold.

    A signal handler may have raised in its finalizer, where Python ignores it.
    """
    return [
        each
        for each in pool.slots
        if each.capacity == 1 and each.streams and each.lessee() is None
    ]
