"""
The opening of a connection, as the trace extension of its first request shows it.

The extension is the only place between connecting and sending. It costs a dozen calls,
so only the request that opens a connection has it.
"""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.family import Family
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._pool.admission import CLOSED
from httpx_resilient._pool.negotiation import Negotiation
from httpx_resilient._pool.slots import Slot

_CONNECTING = "connection.connect_tcp.started", "connection.connect_unix_socket.started"
_HEADERS = "send_request_headers.started"
_SENDING = _HEADERS, "send_connection_init.started"


class Opening:
    """
    Observes the opening of a connection.

    Args:
        family: The HTTP library.
        slot: The slot of the connection.
        context: The context of the request.
        negotiation: Observes the protocol, where connections may multiplex.
    """

    def __init__(
        self,
        family: Family,
        slot: Slot,
        context: RequestContext,
        negotiation: Negotiation | None,
    ) -> None:
        self._family = family
        self._slot = slot
        self._context = context
        self._negotiation = negotiation

    def observe(self, event: str, info: dict[str, Any]) -> None:
        """
        Observe an event of the trace extension.

        Raises:
            Exception: The pool was closed meanwhile, so nothing may be sent.
        """
        if event.endswith(_SENDING):
            self._refuse_after_close()
        if event in _CONNECTING:
            self.connecting()
        elif event.endswith(_HEADERS) and not _is_for_proxy(info):
            self._context.unsent = None
        if self._negotiation is not None:
            self._negotiation.observe(event, info)

    def connecting(self) -> None:
        """Observe that a connection is being opened."""
        self._context.unsent = "connection"

    def sending(self) -> None:
        """
        Observe that it is open, and the request is sent next.

        Raises:
            Exception: The pool was closed meanwhile, so nothing may be sent.
        """
        self._refuse_after_close()
        self._context.unsent = None

    def _refuse_after_close(self) -> None:
        if self._slot.is_shut:
            raise self._family.transport_error(CLOSED)

    def observed(self, request: Any, asynchronous: bool) -> Any:  # noqa: FBT001 - the side
        """Return a copy of a request that is observed, unless a mock would get it."""
        name = "handle_async_request" if asynchronous else "handle_request"
        handler = getattr(self._slot.transport.__class__, name)
        if not getattr(handler, "__module__", "").startswith(self._family.package):
            return request
        trace = request.extensions.get("trace")
        probe = self._async_probe(trace) if asynchronous else self._probe(trace)
        return copy_request(request, trace=probe)

    def _probe(self, trace: Any) -> Any:
        def probe(event: str, info: dict[str, Any]) -> None:
            self.observe(event, info)
            if trace is not None:
                trace(event, info)

        return probe

    def _async_probe(self, trace: Any) -> Any:
        async def probe(event: str, info: dict[str, Any]) -> None:
            self.observe(event, info)
            if trace is not None:
                await trace(event, info)

        return probe


def _is_for_proxy(info: dict[str, Any]) -> bool:
    """Whether a proxy is asked for the connection. The request itself comes later."""
    return getattr(info.get("request"), "method", None) == b"CONNECT"
