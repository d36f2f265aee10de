"""
Bytes that a server has sent although nobody asked for them.

A `Content-Length` that is too small, or a second answer, leaves bytes behind an answer.
The next request on the connection, maybe of another user, would be given them. The core
stores what it has read in buffers of its own, and its public interface does not show
them (httpcore 1.0.9, httpcore2 2.16); a core without these attributes is not observed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_CIPHERTEXT = "_read_bio", "_incoming"
"""Where TLS of anyio has what it has not decrypted; TLS of trio, and that in TLS."""


_LAYERS = 4
"""Those of a network stream at most: its own, TLS, TLS of a proxy, TCP."""


class Ciphertext:
    """
    What TLS has received and not decrypted yet. It is true if there is any.

    An answer may end in one record of TLS, and the next record be there already.

    Args:
        received: An `ssl.MemoryBIO`.
    """

    __slots__ = ("_received",)

    def __init__(self, received: Any) -> None:
        self._received = received

    def __bool__(self) -> bool:
        return bool(self._received.pending)


def parser_of(transport: Any) -> Any:
    """Return the parser of a connection of HTTP/1.1, or `None`."""
    connections = getattr(getattr(transport, "_pool", None), "connections", None)
    found = connections[0] if connections else None
    while found is not None and not hasattr(found, "_h11_state"):
        found = getattr(found, "_connection", None)  # of a proxy, for example
    return getattr(found, "_h11_state", None)


def has_sent_nothing(parser: Any) -> bool:
    """Whether no request was sent on a connection since its last response."""
    return getattr(getattr(parser, "our_state", None), "__name__", "") == "IDLE"


def buffers_of(parser: Any, connection: Any) -> tuple[Any, ...]:
    """Return the buffers of a connection. They are empty if it has no unasked bytes."""
    unparsed = getattr(getattr(parser, "_receive_buffer", None), "_data", None)
    return tuple(b for b in (unparsed, *_received(connection)) if b is not None)


def _received(connection: Any) -> Iterator[Any]:
    """Yield the buffers of a network stream, from those of HTTP to those of TCP."""
    layer, inner = connection, getattr(connection, "_stream", None)
    for _ in range(_LAYERS):
        for name in _CIPHERTEXT:
            found = getattr(layer, name, None)
            if found is not None:
                yield Ciphertext(found)
        # What asyncio has read.
        yield getattr(getattr(layer, "_protocol", None), "read_queue", None)
        layer, inner = inner, getattr(inner, "transport_stream", None)
