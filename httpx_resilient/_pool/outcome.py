"""What the pool learns from the outcome of a request about its connections."""

from __future__ import annotations

import math
from typing import Any

from httpx_resilient._core.classify import of_one_stream
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.family import Family
from httpx_resilient._core.family_errors import as_family_error
from httpx_resilient._core.idle_failure import AT_ONCE, mark_idle
from httpx_resilient._pool.admission import CLOSED
from httpx_resilient._pool.idle_timeout import announced_timeout
from httpx_resilient._pool.leases import Leases
from httpx_resilient._pool.relocking import relock
from httpx_resilient._pool.slots import Slot
from httpx_resilient._pool.unasked import buffers_of, has_sent_nothing, parser_of


class Outcomes:
    """
    Observes how requests end in front of their bodies.

    Args:
        family: The HTTP library.
        leases: The leases of the connections.
        asynchronous: The side.
        http2: Whether connections may multiplex.
    """

    def __init__(
        self, family: Family, leases: Leases, *, asynchronous: bool, http2: bool
    ) -> None:
        self._family = family
        self._leases = leases
        self._asynchronous = asynchronous
        self._http2 = http2

    def answered(self, slot: Slot, response: Any, now: float) -> bool:
        """
        Observe the connection of a response. The response of a mock has no connection.

        Args:
            slot: The slot.
            response: The response.
            now: When the request was sent, in monotonic seconds.

        Returns:
            Whether the connection is new.
        """
        extensions = response.extensions
        connection = extensions.get("network_stream")
        multiplexed = self._http2 and extensions.get("http_version") == b"HTTP/2"
        is_new = connection is not slot.connection
        if is_new or connection is None or slot.capacity > 1:
            leases = self._leases
            leases.change(leases.pool.connected, slot, connection, now)
            if is_new:
                if not self._asynchronous:
                    relock(slot.transport)
                slot.parser = parser_of(slot.transport)
                slot.unasked = _unasked(slot, connection, multiplexed=multiplexed)
                timeout = slot.destination.origin.idle_timeout
                timeout.announced = announced_timeout(response.headers.raw)
        if self._http2:
            self._settle(slot, is_http2=multiplexed)
        return is_new

    def _settle(self, slot: Slot, *, is_http2: bool) -> None:
        """Share a connection whose trace function was not called, as with a mock."""
        destination, origin = slot.destination, slot.destination.origin
        if destination.leader is slot or origin.multiplexed is not is_http2:
            self._leases.negotiated(slot, origin.max_streams if is_http2 else None)

    def failed(
        self, slot: Slot, error: Exception, context: RequestContext, now: float
    ) -> Exception:
        """
        Observe a request that got no response.

        Args:
            slot: The slot.
            error: The exception of its transport.
            context: The context of the request. Its `now` is when it was sent.
            now: Monotonic seconds.

        Returns:
            The exception to raise.
        """
        family, leases = self._family, self._leases
        if slot.is_cut:
            return family.transport_error(CLOSED)
        if has_sent_nothing(slot.parser):
            # Its server had closed it, and the core had opened another one.
            leases.replaced(slot)
        fresh = slot.connection is None
        raised = as_family_error(error, family, fresh=fresh)
        if slot.destination.leader is slot and type(raised) in family.never_sent:
            # It was to open the connection for others, too.
            is_late = isinstance(raised, family.timed_out)
            waited = now - slot.began if is_late else math.inf
            leases.change(leases.pool.refuse_followers, slot, raised, waited)
        if fresh or slot.is_shared or not isinstance(raised, family.interrupted):
            return raised
        if not of_one_stream(raised):
            # The connection was open before: its server may have closed it, or be gone.
            leases.failed(slot)
            if (
                now - context.now < AT_ONCE
                and isinstance(raised, family.disconnected)
                and not _has_answer_begun(slot)
            ):
                timeout = slot.destination.origin.idle_timeout
                timeout.observe_closed(context.now - slot.idle_since)
                mark_idle(raised)
        return raised


def _unasked(slot: Slot, connection: Any, *, multiplexed: bool) -> tuple[Any, ...]:
    if slot.destination.is_wired:
        ends: tuple[Any, ...] = slot.transport.ends  # it closes for such bytes itself
        return ends
    # A frame of HTTP/2 that nobody asked for belongs to no request.
    return () if multiplexed else buffers_of(slot.parser, connection)


def _has_answer_begun(slot: Slot) -> bool:
    if slot.destination.is_wired:
        return bool(slot.transport.has_received)
    return any(slot.unasked)
