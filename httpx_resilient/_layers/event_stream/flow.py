"""The flow of a reconnection: wait, send, and read what the answer means."""

from __future__ import annotations

import math
import random
from typing import Any

from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.deadline import Deadline
from httpx_resilient._layers.event_stream.answers import Verdict, answer_of
from httpx_resilient._layers.event_stream.blocks import TooLarge
from httpx_resilient._layers.event_stream.call import EventStreamCall
from httpx_resilient._layers.event_stream.ends import (
    CLEAN,
    CLOSED,
    End,
    end_of,
    ends_well,
    refusal,
    too_large,
)
from httpx_resilient._layers.event_stream.reconnection import reconnection_of
from httpx_resilient._layers.event_stream.rules import wait_before


async def go_on(call: EventStreamCall[Any, Any], lost: Exception | None) -> Any:
    """
    Reconnect after the end of a connection.

    Args:
        call: The event stream.
        lost: The exception that its reader has met, or `None` after a clean end.

    Returns:
        The stream of the next connection, or `None` if the event stream has ended.

    Raises:
        Exception: It cannot go on.
    """
    rules = call.settings.rules
    await call.lost()
    if isinstance(lost, TooLarge):
        raise call.failed(End(too_large(rules.max_event_bytes)))
    end = end_of(lost, call.blocks.pending)
    if ends_well(end, call.position, rules):
        call.over(CLEAN)
        return None
    try:
        while True:
            await _wait(call, end)
            outcome = await _send(call)
            if not isinstance(outcome, End):
                return outcome
            end = outcome
    finally:
        del end, lost  # the frames of an exception lead back to it


async def _wait(call: EventStreamCall[Any, Any], end: End) -> None:
    """Wait before the next attempt, or raise if there is none."""
    io, deadline, position = call.io, call.deadline, call.position
    rules, family = call.settings.rules, call.settings.family
    jitter = random.random()  # noqa: S311 - jitter need not be secret
    wait = wait_before(call.fruitless, rules, position.retry, end.retry_after, jitter)
    why = refusal(end, position, rules, call.fruitless, family)
    if not why and io.now() + wait >= _moment(deadline):
        why = "the deadline comes before the next attempt"
    if why or call.is_closed:
        raise call.failed(end, why)
    call.waits(end, wait)
    await call.settle()
    call.waiter = waiter = io.waiter()
    try:
        await io.turn(waiter, wait, wait)
    finally:
        call.waiter = None
        waiter.close()
    if call.is_closed:
        raise call.failed(end)


def _moment(deadline: Deadline | None) -> float:
    """Return when a deadline is over. One that was lifted leaves the one around it."""
    while deadline is not None and deadline.at == math.inf:
        deadline = deadline.outer
    return math.inf if deadline is None else deadline.at


async def _send(call: EventStreamCall[Any, Any]) -> Any:
    """Return the next stream, `None` for the end, or the `End` of the attempt."""
    io = call.io
    again = await call.body.again(io)
    if again is None:
        raise call.failed(End("the body of its request cannot be sent again"))
    request = reconnection_of(again, call.position.id)
    context = call.context.fork(request)
    context.deadline = call.deadline
    began = io.now()
    try:
        response = await io.send(request, context)
    except Exception as error:  # noqa: BLE001 - what follows is decided by the caller
        name, kind = type(error).__name__, type(error)
        call.history.sent(kind, name, began, io.now(), context.take())
        return End(name, error, retry_after=getattr(error, "retry_after", None))
    try:
        outcome = _read(call, response, began, context)
    except BaseException:  # observed only, and raised again
        await io.discard(response, context, drain=False)
        raise
    if outcome is None or isinstance(outcome, End):
        await io.discard(response, context)
    return outcome


def _read(
    call: EventStreamCall[Any, Any],
    response: Any,
    began: float,
    context: RequestContext,
) -> Any:
    """Return what an answer means: the next stream, `None`, or an `End`."""
    answer = answer_of(response, call.io.wall_time)
    status, now = response.status_code, call.io.now()
    call.history.sent(status, answer.reason, began, now, context.take())
    if call.is_closed:
        raise call.failed(End(CLOSED))
    match answer.verdict:
        case Verdict.GO_ON:
            call.opened(response)
            return call.stream
        case Verdict.END:
            call.over(answer.reason)
            return None
        case Verdict.AGAIN:
            after = answer.retry_after
            return End(answer.reason, is_answer=True, retry_after=after)
        case _:
            raise call.failed(End(answer.reason, is_answer=True))
