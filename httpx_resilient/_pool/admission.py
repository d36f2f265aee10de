"""The admission of a request by the pool."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import ClassVar

from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.events.queueing import Queued
from httpx_resilient._core.http_types import RequestLike
from httpx_resilient._core.io.admission import Wait, pool_timeout_of
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.slots import Slot, Ticket


class PoolAdmission:
    """
    Queues a request for a slot, for at most `timeout["pool"]` seconds.

    Args:
        request: The request.
        ticket: The ticket of the request, which is queued already.
        leases: The leases of the pool.
        effects: The effects of the request's flow.
        emit: The emitter of the pool's events.
        pool_timeout: The `PoolTimeout` of the library.
    """

    __slots__ = (
        "_effects",
        "_emit",
        "_leases",
        "_pool_timeout",
        "_request",
        "_ticket",
        "slot",
    )

    name: ClassVar[str] = "pool"

    slot: Slot
    """The slot that the request leases once it is admitted."""

    def __init__(
        self,
        request: RequestLike,
        ticket: Ticket,
        leases: Leases,
        effects: Effects,
        emit: EventEmitter,
        pool_timeout: type[Exception],
    ) -> None:
        self._request = request
        self._ticket = ticket
        self._leases = leases
        self._effects = effects
        self._emit = emit
        self._pool_timeout = pool_timeout

    def waits(self) -> Iterator[Wait]:
        ticket, seconds = self._ticket, pool_timeout_of(self._request)
        self._leases.emit_retired()
        self._emit(Queued, self._request, self.name, len(ticket.origin.waiting))
        yield ticket.waiter, None, seconds
        if ticket.slot is None:
            msg = (
                f"all {len(self._leases.pool.slots)} connections were in use for "
                f"{seconds:g} s: is every response closed? Else raise "
                "max_connections in limits=, or pool= in the client's timeout"
            )
            raise self._pool_timeout(msg)
        self.slot = ticket.slot

    def withdraw(self) -> Awaitable[None] | None:
        leases, effects = self._leases, self._effects
        leases.withdraw(self._ticket, effects.now())
        return leases.close_retired(effects) if leases.pool.closing else None
