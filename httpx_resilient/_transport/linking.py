"""
Links between nested layers.

A layer calls the flow of a layer inside directly, with the context of the request. A
transport of another make gets a copy of the request that carries the context, if that
is of use to anybody.
"""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.io.loading import async_io, linked_async_io
from httpx_resilient._core.io.protocol import IO, Send
from httpx_resilient._core.io.sync_io import LinkedSyncIO, SyncIO
from httpx_resilient._transport.inner import Side
from httpx_resilient._transport.inside import transports_in

_HOME = "httpx_resilient._transport.base"
"""The module whose handlers do nothing but run a flow. The pool has none."""


def is_linked(transport: object, *, asynchronous: bool) -> bool:
    """
    Whether a transport is ours, and nobody has put a handler in place of its own.

    A subclass of a user, or a mock, may do so. Then it is one of another make.
    """
    name = "handle_async_request" if asynchronous else "handle_request"
    handler = getattr(transport, name, None)
    return (
        hasattr(transport, "_link")
        and getattr(handler, "__module__", _HOME) == _HOME
        and not getattr(transport, "_is_wire", False)
    )


def async_io_of(side: Side) -> tuple[IO[Any, Any], bool]:
    """
    Create the `io` of a flow in an asynchronous client.

    Returns:
        The `io`, and whether no layer is inside of the transport that it sends with.
    """
    inner = side.transport()
    if is_linked(inner, asynchronous=True):
        return linked_async_io(_link(inner, asynchronous=True)), False
    carries = _has_layer(inner)
    return async_io(inner, carries=carries), not carries


def sync_io_of(side: Side) -> IO[Any, Any]:
    """Create the `io` of a flow in a synchronous client."""
    inner = side.transport()
    if is_linked(inner, asynchronous=False):
        return LinkedSyncIO(_link(inner, asynchronous=False))
    return SyncIO(inner)


def _link(layer: Any, *, asynchronous: bool) -> Send:
    link: Send = layer._link(asynchronous=asynchronous)  # noqa: SLF001 - a layer, too
    return link


def _has_layer(transport: object) -> bool:
    return any(hasattr(each, "_link") for each in transports_in(transport))
