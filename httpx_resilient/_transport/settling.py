"""What is left to do when the flow of the outermost layer has ended."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from httpx_resilient._core.context import PendingAwaitables, RequestContext
from httpx_resilient._core.events.calls import CallEnded, result_of
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseT
from httpx_resilient._core.io.protocol import Effects, releasing


def observed(
    handled: Coroutine[Any, Any, ResponseT],
    context: RequestContext,
    effects: Effects,
    emit: EventEmitter,
    family: Family,
    *,
    awaits: bool,
) -> Coroutine[Any, Any, ResponseT]:
    """
    Observe the flow of the outermost layer, or of one inside of another make.

    Args:
        handled: The flow, which has not begun.
        context: The context of the request.
        effects: The effects of the flow.
        emit: The emitter of the layer.
        family: The library of the request.
        awaits: Whether a listener of this layer, or of one inside, is asynchronous.
    """
    if context.parent is not None:
        handled = joined(handled, context)
    elif emit.wants_calls:
        handled = reported(handled, context, effects, emit, family)
    if awaits and context.pending is None:
        context.pending = PendingAwaitables()
        handled = settled(handled, context, effects, emit)
    return handled


async def reported(
    handled: Coroutine[Any, Any, ResponseT],
    context: RequestContext,
    effects: Effects,
    emit: EventEmitter,
    family: Family,
) -> ResponseT:
    """Emit `CallEnded` when the outermost layer has an outcome, or is cancelled."""
    began = context.now
    try:
        response = await handled
    except Exception as error:
        _report(context, effects, emit, family, began, None, error)
        raise
    except BaseException:  # observed only, and raised again
        _report(context, effects, emit, family, began, None, None)
        raise
    # Not `releasing`, which costs 5,000 instructions for each call.
    try:
        _report(context, effects, emit, family, began, response, None)
    except BaseException:  # observed only, and raised again
        await effects.discard(response, context, drain=False)
        raise
    return response


def _report(
    context: RequestContext,
    effects: Effects,
    emit: EventEmitter,
    family: Family,
    began: float,
    response: Any,
    error: Exception | None,
) -> None:
    result, attempts = result_of(context, family, response, error)
    took = effects.now() - began
    emit.dispatch(
        context, CallEnded(context.request, took, result, attempts, response, error)
    )


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
