"""Send a request attempt by attempt, until an outcome is final."""

from __future__ import annotations

from httpx_resilient._core.classify import SWITCHING_PROTOCOLS
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.history import forget_history
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.retry.decision import next_request
from httpx_resilient._layers.retry.retried_request import RetriedRequest

YIELD_EVERY = 8
"""Attempts without a wait between them, after which the event loop gets a turn."""


async def attempt(
    retried: RetriedRequest[RequestT, ResponseT], io: IO[RequestT, ResponseT]
) -> ResponseT | None:
    """
    Send a request once.

    Returns:
        The response that ends the request, or `None` if another attempt follows.

    Raises:
        Exception: The error that ends the request.
    """
    state = retried.state
    try:
        response = await io.send(retried.request, state.context)
    except Exception as error:
        retried.failed(error, io.now())
        if await next_request(retried, io) is None:
            if retried.answer is None:
                raise
            return retried.answer.response
        return None
    status = response.status_code
    if status < retried.policy.lowest_retryable_status or status == SWITCHING_PROTOCOLS:
        state.succeeds(response, io.now())
        retried.spending.settle(state)
        return response
    state.returned(response, io.now())
    if await next_request(retried, io) is not None:
        return None
    if retried.answer is None or not retried.falls_back:
        return response
    await io.discard(response, state.context)
    return retried.answer.response


async def send_again(
    retried: RetriedRequest[RequestT, ResponseT], io: IO[RequestT, ResponseT]
) -> ResponseT:
    """Send a request whose first attempt has failed, until an outcome is final."""
    state = retried.state
    response: ResponseT | None = None
    try:
        while response is None:
            try:
                if state.response is not None:
                    await retried.save_answer(state.response, io)
                # Without a wait there is no detour through the event loop, which costs
                # more than a decision. But endless attempts must let it cancel them.
                if state.upcoming_sleep or state.attempt_number % YIELD_EVERY == 0:
                    await retried.emit.settle(state.context)
                    await io.sleep(state.upcoming_sleep)
            except BaseException:  # observed only, and raised again
                retried.spending.refund()
                raise
            state.sends(io.now())
            response = await attempt(retried, io)
    except Exception:
        raise
    except BaseException:  # observed only, and raised again
        retried.cancelled(io.now())
        raise
    return response


async def send_once(
    request: RequestT, io: IO[RequestT, ResponseT], context: RequestContext | None
) -> ResponseT:
    """Send a request once. What a mock has kept of an earlier one is not of it."""
    try:
        response = await io.send(request, context)
    except Exception as error:
        if context is None or not context.attempts:
            forget_history(error)
        raise
    if context is None or not context.attempts:
        forget_history(response)
    return response
