"""The preparation of a slot: its transport, and who observes the opening of it."""

from __future__ import annotations

from functools import partial
from typing import Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.family import Family
from httpx_resilient._pool.connections import Connections
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.negotiation import Negotiation
from httpx_resilient._pool.opening import Opening
from httpx_resilient._pool.slots import Slot


class Preparation:
    """
    Prepares the slot of a request: with a connection of our own, or of the family.

    Args:
        family: The HTTP library.
        leases: The leases of the slots.
        connections: Makes the transports.
        asynchronous: The side.
        http2: Whether connections may multiplex.
    """

    def __init__(
        self,
        family: Family,
        leases: Leases,
        connections: Connections,
        *,
        asynchronous: bool,
        http2: bool,
    ) -> None:
        self._family = family
        self._leases = leases
        self._connections = connections
        self._asynchronous = asynchronous
        self._http2 = http2

    def prepare(
        self, slot: Slot, request: Any, context: RequestContext
    ) -> tuple[Any, Any]:
        """Return the slot's transport, made if need be, and the request to send."""
        is_wired, transport = slot.destination.is_wired, slot.transport
        if slot.connection is not None:
            if not is_wired or transport.looks_open():
                return transport, request
            self._leases.replaced(slot)
        slot.began = context.now
        if is_wired:
            return self._wired(slot, context), request
        return self._stock(slot, request, context)

    def _wired(self, slot: Slot, context: RequestContext) -> Any:
        """Return a transport with a connection of our own, which is to be opened."""
        transport = slot.transport
        if transport is None:
            transport = slot.transport = self._connections.wire()
            if self._asynchronous:
                transport.on_lost = partial(self._leases.lost, slot)
        transport.opening = Opening(self._family, slot, context, None)
        return transport

    def _stock(
        self, slot: Slot, request: Any, context: RequestContext
    ) -> tuple[Any, Any]:
        """Return a transport of the family, and a request that shows its opening."""
        if slot.transport is None:
            with self._leases.lock:
                slot.transport = slot.transport or self._connections.to(request.url)
        negotiation = None
        if self._http2 and slot.destination.origin.multiplexed is not False:
            direct = self._connections.proxy_for(request.url) is None
            negotiation = Negotiation(self._leases, slot, direct=direct)
        opening = Opening(self._family, slot, context, negotiation)
        return slot.transport, opening.observed(request, self._asynchronous)
