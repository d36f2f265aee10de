"""Requests that are sent on connections of our own."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import ShrinkingTimeouts

if TYPE_CHECKING:
    from httpx_resilient._wire.transport import WireTransport

_NO_TIMEOUTS: dict[str, float | None] = {}


def send_wired(
    transport: WireTransport,
    request: Any,
    context: RequestContext,
    *,
    asynchronous: bool,
) -> Awaitable[Any]:
    """
    Send a request on a connection of our own.

    It needs no copy of the request: it takes the timeouts as an argument.
    """
    timeouts = request.extensions.get("timeout") or _NO_TIMEOUTS
    if context.deadline is not None:
        timeouts = ShrinkingTimeouts.of(timeouts, context.deadline)
    if not asynchronous:
        timeouts = timeouts.copy()  # whoever reads the body may shorten them
        outer: RequestContext | None = context
        while outer is not None:
            outer.timeouts = timeouts
            outer = outer.parent
    return transport.send(request, timeouts)
