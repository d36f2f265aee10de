"""
Negotiation: whether the connections to an origin multiplex, as those of HTTP/2 do.

Only the TLS handshake of a first connection can show it (ALPN, RFC 7301), and only the
SETTINGS of each connection, how many requests it may serve at a time. Requests that
arrive meanwhile wait, because on a connection that multiplexes they need no other one.
httpcore would let them wait too, but without a limit, and one behind the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from httpx_resilient._core.origin import OriginKey
from httpx_resilient._pool.slots import Slot

_MAX_CONCURRENT_STREAMS = 3
"""The number of this setting (RFC 9113 §6.5.2)."""


class NegotiationObserver(Protocol):
    """The owner of a slot whose connection negotiates."""

    def negotiated(self, slot: Slot, streams: int | None) -> None: ...


class Negotiation:
    """
    Observes what a connection has negotiated, when its first request is sent.

    So the others need not wait for the response.

    Args:
        observer: The observer of the negotiation.
        slot: The slot of the connection.
        direct: Whether the connection is not to a proxy. A proxy may speak HTTP/1.1
            while the connection through it speaks HTTP/2.
    """

    def __init__(
        self, observer: NegotiationObserver, slot: Slot, *, direct: bool
    ) -> None:
        self._observer = observer
        self._slot = slot
        self._direct = direct

    def observe(self, event: str, info: dict[str, Any]) -> None:
        """Observe an event of the trace extension."""
        if event == "http2.receive_remote_settings.complete":
            streams = _streams_in(info.get("return_value"))
            self._observer.negotiated(self._slot, streams)
        elif event.startswith("http11.") and self._direct:
            self._observer.negotiated(self._slot, None)


def _streams_in(settings: Any) -> int:
    """
    Return how many requests httpcore sends at a time after these settings.

    It sends one only, if the server does not say how many it allows.
    """
    changed = getattr(settings, "changed_settings", {}).get(_MAX_CONCURRENT_STREAMS)
    return 1 if changed is None else int(changed.new_value)


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
