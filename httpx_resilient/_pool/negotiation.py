"""
Negotiation: whether the connections to an origin multiplex, as those of HTTP/2 do.

Only the TLS handshake of a first connection can show it (ALPN, RFC 7301). Requests that
arrive meanwhile wait, because on a connection that multiplexes they need no other one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._pool.slots import Slot


class NegotiationObserver(Protocol):
    """The owner of a slot whose connection negotiates."""

    def negotiated(self, slot: Slot, *, multiplexed: bool) -> None: ...


class NegotiationProbe:
    """
    A trace function that observes which protocol the first connection has negotiated.

    It is called when the first request is sent, so that the others need not wait for
    the response.

    Args:
        observer: The observer of the negotiation.
        slot: The slot of the connection.
        trace: The trace function of the caller, if any: it is called, too.
        direct: Whether the connection is not to a proxy. A proxy may speak HTTP/1.1
            while the connection through it speaks HTTP/2.
    """

    def __init__(
        self, observer: NegotiationObserver, slot: Slot, trace: Any, *, direct: bool
    ) -> None:
        self._observer = observer
        self._slot = slot
        self._trace = trace
        self._direct = direct

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        if event.startswith("http2."):
            self._observer.negotiated(self._slot, multiplexed=True)
        elif event.startswith("http11.") and self._direct:
            self._observer.negotiated(self._slot, multiplexed=False)
        if self._trace is not None:
            await self._trace(event, info)


def probed(
    request: Any, observer: NegotiationObserver, slot: Slot, *, direct: bool
) -> Any:
    """Return a copy of a request that carries a probe."""
    trace = request.extensions.get("trace")
    probe = NegotiationProbe(observer, slot, trace, direct=direct)
    return copy_request(request, trace=probe)


def known_multiplexing(
    *, http1: bool, http2: bool
) -> Callable[[OriginKey], bool | None]:
    """
    Return what is known about an origin before its first connection.

    Returns:
        A function that returns whether the connections to an origin multiplex; `None`
        if they have to negotiate that.
    """

    def multiplexed(key: OriginKey) -> bool | None:
        if not http2:
            return False
        if not http1:
            return True  # prior knowledge (RFC 9113 §3.3)
        return None if key[0] == "https" else False

    return multiplexed
