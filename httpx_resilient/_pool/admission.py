"""The admission of a request by the pool."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import ClassVar

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.io.admission import Admission, Wait, pool_timeout_of
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.slots import Ticket


class PoolAdmission(Admission):
    """
    Queues a request for a slot, for at most `timeout["pool"]` seconds.

    Args:
        context: The context of the request.
        ticket: The ticket of the request, which is queued already.
        leases: The leases of the pool.
        emit: The emitter of the pool's events.
        pool_timeout: The `PoolTimeout` of the library.
    """

    __slots__ = ("_leases", "_pool_timeout", "_ticket")

    name: ClassVar[str] = "pool"

    def __init__(
        self,
        context: RequestContext,
        ticket: Ticket,
        leases: Leases,
        emit: EventEmitter,
        pool_timeout: type[Exception],
    ) -> None:
        super().__init__(context, emit)
        self._ticket = ticket
        self._leases = leases
        self._pool_timeout = pool_timeout

    def waits(self, effects: Effects) -> Iterator[Wait]:  # noqa: ARG002 - the ticket has a waiter
        ticket, context = self._ticket, self.context
        seconds = pool_timeout_of(context)
        self._leases.emit_retired()
        waiting = len(ticket.origin.waiting)
        self.emit(context, Queued, context.request, self.name, waiting)
        yield ticket.waiter, None, seconds
        if ticket.slot is None:
            msg = (
                f"all {len(self._leases.pool.slots)} connections were in use for "
                f"{seconds:g} s: is every response closed? Else raise "
                "max_connections in limits=, or pool= in the client's timeout"
            )
            raise self._pool_timeout(msg)
        self.granted = ticket.slot

    def withdraw(self, effects: Effects) -> Awaitable[None] | None:
        leases = self._leases
        leases.withdraw(self._ticket, effects.now())
        return leases.close_retired(effects) if leases.pool.closing else None
