"""What follows a failed attempt: another one, or the end."""

from __future__ import annotations

from typing import Any

import tenacity

from httpx_resilient._budget.budget import SPENT as BUDGET_SPENT
from httpx_resilient._budget.events import BudgetRefused
from httpx_resilient._core.body.replay import SPENT
from httpx_resilient._core.deadline import KEY, deadline_of
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.retry.events import GaveUp, RetryScheduled, story
from httpx_resilient._layers.retry.spending import pay, refund, settle_budget
from httpx_resilient._layers.retry.state import RetryState


async def following(
    state: RetryState[RequestT, ResponseT],
    io: IO[RequestT, ResponseT],
    emit: EventEmitter,
) -> RequestT:
    """
    Return what the next attempt sends, unless this outcome is the last.

    If a strategy or hook raises, or is cancelled, the response is released.
    """
    policy, body, response = state.policy, state.body, state.response
    request: RequestT | None = state.request
    settled = False
    try:
        if await policy.decide(state, io.settle) is None:
            state.is_over = True
        elif (
            KEY in state.request.extensions
            and (deadline := deadline_of(state.request)) is not None
            and io.now() + state.upcoming_sleep >= deadline.at
        ):
            state.is_over = True
            state.reason += ", and the deadline comes before the next attempt"
        elif not pay(state):
            state.is_over = True
            state.reason += f", and {BUDGET_SPENT}"
            emit(BudgetRefused, state.request)
        elif body is not None and (request := await body.again(io)) is None:
            state.is_over = True
            state.reason += f", and {SPENT}"
            refund(state)
        if state.is_over:
            settle_budget(state, response)
            _end(state, emit)
        else:
            state.waits()
            if policy.before_sleep is not None:
                state.next_action = tenacity.RetryAction(state.upcoming_sleep)
                await io.settle(policy.before_sleep(state))
            emit(
                RetryScheduled,
                state.request,
                state.attempt_number,
                state.reason,
                state.upcoming_sleep,
            )
        settled = True
        return request or state.request
    finally:
        if not settled:
            refund(state)
            leave_behind(state, io)
            if response is not None:
                await io.discard(response, drain=False)


def _end(state: RetryState[Any, Any], emit: EventEmitter) -> None:
    """Leave history and note behind, and tell if it gives up."""
    error, gives_up = state.error, state.worth_retrying
    state.ends()
    if not gives_up and state.attempt_number == 1:
        return
    attempts, elapsed = state.attempts, state.elapsed
    if error is not None:
        error.add_note(story(attempts, elapsed))
    if gives_up:
        number, reason = state.attempt_number, state.reason
        emit(GaveUp, state.request, number, reason, elapsed, attempts)


def leave_behind(state: RetryState[Any, Any], io: IO[Any, Any]) -> None:
    """Leave the history on the deadline, if there is one that may have cut this off."""
    deadline = deadline_of(state.request)
    if deadline is not None:
        deadline.left_behind = state.cut_off(io.now())
