"""What is left to do when the flow of the outermost layer has ended."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.http_types import ResponseT
from httpx_resilient._core.io.protocol import Effects, releasing


async def settled(
    handled: Coroutine[Any, Any, ResponseT],
    context: RequestContext,
    effects: Effects,
    emit: EventEmitter,
) -> ResponseT:
    """Await asynchronous listeners before the outcome is returned or raised."""
    try:
        try:
            response = await handled
        except Exception:
            await emit.settle(context)
            raise
        async with releasing(response, effects):
            await emit.settle(context)
        return response
    finally:
        if context.pending is not None:
            emit.defer(context.pending)


async def joined(
    handled: Coroutine[Any, Any, ResponseT], context: RequestContext
) -> ResponseT:
    """Add what a request has sent to the context that came with it."""
    try:
        return await handled
    finally:
        if context.parent is not None:
            context.parent.join(context)
