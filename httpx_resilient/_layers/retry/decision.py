"""The decision after a failed attempt: the next request, or the end."""

from __future__ import annotations

from typing import Any

import tenacity

from httpx_resilient._budget.events import BudgetRefused, budget_spent
from httpx_resilient._core.body.replay import SPENT, Body
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.history import annotate
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.retry.call_state import note_missing_response
from httpx_resilient._layers.retry.events import (
    GaveUp,
    NotRetried,
    RetryScheduled,
    refusal_of,
    summary,
)
from httpx_resilient._layers.retry.retried_request import RetriedRequest
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.timeouts import NOTE, timeout_note


async def next_request(
    retried: RetriedRequest[RequestT, ResponseT], io: IO[RequestT, ResponseT]
) -> RequestT | None:
    """
    After a failed attempt: return the next request, or end.

    If a strategy or hook raises, or is cancelled, the response is released and the
    budget gets its refund.

    Returns:
        The request of the next attempt, which `retried` stores too; or `None` if the
        outcome of this attempt is that of the request.
    """
    state, response = retried.state, retried.state.response
    try:
        if response is not None:
            await retried.look_into(response, io)
        if not (
            await retried.policy.decide(state, io.settle) is not None
            and _admit(retried, io)
            and (retried.body is None or await _renew(retried.body, retried, io))
        ):
            retried.spending.settle(state)
            if response is not None:
                retried.give(response)
            retried.fall_back()
            _end(state, retried.emit)
            return None
        state.waits()
        hook = retried.policy.before_sleep
        if hook is not None:
            state.next_action = tenacity.RetryAction(state.upcoming_sleep)
            await io.settle(hook(state))
            retried.renew_headers()
        number, reason, wait = state.attempt_number, state.reason, state.upcoming_sleep
        retried.emit(state.context, RetryScheduled, state.request, number, reason, wait)
    except BaseException as error:  # observed only, and raised again
        note_missing_response(error, response)
        retried.spending.refund()
        state.cancelled(io.now())
        if response is not None:
            await io.discard(response, state.context, drain=False)
        raise
    return retried.request


def _admit(
    retried: RetriedRequest[RequestT, ResponseT], io: IO[RequestT, ResponseT]
) -> bool:
    """Charge another attempt. Return whether deadline and budget allow it."""
    state, deadline = retried.state, retried.state.context.deadline
    if deadline is not None and io.now() + state.upcoming_sleep >= deadline.at:
        state.reason += ", and the deadline comes before the next attempt"
        return False
    if not retried.spending.withdraw(state):
        budget = retried.policy.budget
        key = None if budget is None else budget.key_in(state.context)
        state.reason += f", and {budget_spent(key)}"
        retried.emit(state.context, BudgetRefused, state.request, key)
        return False
    return True


async def _renew(
    body: Body[RequestT],
    retried: RetriedRequest[RequestT, ResponseT],
    io: IO[RequestT, ResponseT],
) -> bool:
    """Make the next request. Return whether its body can be sent again."""
    request = await body.again(io)
    if request is None:
        retried.state.reason += f", and {SPENT}"
        retried.spending.refund()
        return False
    retried.request = request
    return True


def _end(state: RetryState[Any, Any], emit: EventEmitter) -> None:
    """Leave the history and a note on the outcome, and emit why no attempt follows."""
    error, gives_up, number = state.error, state.worth_retrying, state.attempt_number
    context, request, reason = state.context, state.request, state.reason
    is_refused, failure = bool(state.refusal), state.failure
    note = timeout_note(state) if error is not None else ""
    state.ends()
    tells = gives_up and emit.wants(GaveUp)
    if tells or (error is not None and (number > 1 or gives_up)):
        attempts, elapsed = state.history(), state.elapsed
        if error is not None:
            annotate(error, "retry note", summary(attempts, elapsed))
        if tells:
            emit(context, GaveUp, request, number, reason, elapsed, attempts)
    if error is not None and note:
        annotate(error, NOTE, note)
    if is_refused:
        if error is not None:
            annotate(error, "refusal note", refusal_of(request.method))
        emit(context, NotRetried, request, number, failure)
