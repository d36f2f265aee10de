"""The admission of a request by the pool."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Iterator
from typing import ClassVar

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.family import Family
from httpx_resilient._core.io.admission import Admission, Wait, pool_timeout_of
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.ticket import Ticket
from httpx_resilient._pool.upkeep import COLLECT_EVERY

STALLED = 0.1
"""
Seconds in which no connection became free, after which a request that waits looks for
responses that nobody can close any more: they are garbage, but refer to themselves.
"""

GRACE = 0.05
"""
Seconds that a request waits longer than its connect timeout, which that of the request
that opens the connection mostly equals: so that one ends first, and tells the others.
"""

CLOSED = "the transport was closed: make a new one, or close it after its requests"


class PoolAdmission(Admission):
    """
    Queues a request for a slot, for at most `timeout["pool"]` seconds.

    Args:
        context: The context of the request.
        ticket: The ticket of the request, which is queued already.
        leases: The leases of the pool.
        emit: The emitter of the pool's events.
        family: The HTTP library.
    """

    __slots__ = ("_family", "_leases", "_seconds", "_ticket")

    name: ClassVar[str] = "pool"

    def __init__(
        self,
        context: RequestContext,
        ticket: Ticket,
        leases: Leases,
        emit: EventEmitter,
        family: Family,
    ) -> None:
        super().__init__(context, emit)
        self._ticket = ticket
        self._seconds = math.inf
        self._leases = leases
        self._family = family

    def waits(self, effects: Effects) -> Iterator[Wait]:
        ticket, context, leases = self._ticket, self.context, self._leases
        self._seconds = pool_timeout_of(context)
        leases.emit_retired()
        waiting = len(ticket.destination.waiting)
        self.emit(context, Queued, context.request, self.name, waiting)
        yield from self._follow(effects)
        until = effects.now() + self._seconds
        left, patience, ended = self._seconds, STALLED, leases.ended
        while not ticket.is_settled:
            yield ticket.waiter, None, min(left, patience)
            left = until - effects.now()
            if not ticket.is_settled and leases.ended == ended:
                leases.collect()
            patience, ended = COLLECT_EVERY, leases.ended
            if leases.wait_again(ticket, effects.waiter()) and left <= 0:
                raise self._family.pool_timeout(self._message())
        self._check()
        self.granted = ticket.lease.resource

    def _follow(self, effects: Effects) -> Iterator[Wait]:
        """Wait for a connection that another request opens, if there is one."""
        ticket, leases = self._ticket, self._leases
        until = effects.now() + ticket.patience + GRACE
        while leases.pool.follows(ticket):
            left = until - effects.now()
            if left <= 0 and leases.change(leases.pool.give_up, ticket):
                msg = (
                    "another request has not opened the connection for this one, too, "
                    f"within {ticket.patience:g} s"
                )
                raise self._family.connect_timeout(msg)
            yield ticket.waiter, None, left
            leases.wait_again(ticket, effects.waiter())

    def _check(self) -> None:
        """
        Raise what the request would meet alone, if it got no connection to share.

        A connection that is opened for several requests fails for all of them.
        """
        error = self._ticket.error
        if error is not None:
            raise type(error)(str(error)) from error
        if self._ticket.is_refused:
            raise self._family.transport_error(CLOSED)

    def withdraw(self, effects: Effects) -> Awaitable[None] | None:
        leases = self._leases
        leases.withdraw(self._ticket)
        return leases.close_retired(effects) if leases.pool.closing else None

    def _message(self) -> str:
        return (
            f"all {len(self._leases.pool.slots)} connections were in use for "
            f"{self._seconds:g} s: is every response closed? Else raise "
            "max_connections in limits=, or pool= in the client's timeout"
        )
