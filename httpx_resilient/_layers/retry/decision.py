"""The decision after a failed attempt: the next request, or the end."""

from __future__ import annotations

from typing import Any, Generic

import tenacity

from httpx_resilient._budget.events import BudgetRefused, budget_spent
from httpx_resilient._core.body.peeked import PeekedStream
from httpx_resilient._core.body.replay import SPENT, Body
from httpx_resilient._core.body.saved import SavedResponse, save
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.history import annotate
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.one_time import is_used_up
from httpx_resilient._core.refused import is_refused_here
from httpx_resilient._layers.retry.events import (
    GaveUp,
    NotRetried,
    RetryScheduled,
    refusal_of,
    summary,
)
from httpx_resilient._layers.retry.peeking import read_hints, watch
from httpx_resilient._layers.retry.policy import RetryPolicy
from httpx_resilient._layers.retry.spending import Spending
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.timeouts import NOTE, timeout_note


class RetriedRequest(Generic[RequestT, ResponseT]):
    """
    A request that may need more than one attempt, and the parts that decide about them.

    Args:
        state: The state that strategies and hooks receive.
        policy: The strategies.
        body: How the body is sent again; `None` if the request replays as it is.
        emit: Emits the events of the layer.
    """

    __slots__ = (
        "answer", "body", "emit", "falls_back", "peeked", "policy", "request",
        "spending", "state",
    )  # fmt: skip

    def __init__(
        self,
        state: RetryState[RequestT, ResponseT],
        policy: RetryPolicy,
        body: Body[RequestT] | None,
        emit: EventEmitter,
    ) -> None:
        self.state = state
        self.policy = policy
        self.body = body
        self.emit = emit
        self.request = state.request if body is None else body.request
        """The request that the next attempt sends."""
        self.spending = Spending(policy.budget, policy.overdraft)
        self.answer: SavedResponse[ResponseT] | None = None
        """The last answer of the server, until an attempt fails at the server."""
        self.peeked: PeekedStream | None = None
        """Keeps what is read of a response before the caller gets it."""
        self.falls_back = False
        """Whether that is the answer to the caller."""

    async def save_answer(
        self, response: ResponseT, io: IO[RequestT, ResponseT]
    ) -> None:
        """Release the response of a failed attempt, and save it if it is short."""
        self.give(response)
        context, short = self.state.context, self.state.hints.short
        self.answer = await save(response, self.state.family, io, context, drain=short)

    async def look_into(self, response: ResponseT, io: IO[RequestT, ResponseT]) -> None:
        """Let readers of hints, strategies and hooks read a response."""
        self.peeked = watch(response, self.state.family)
        if (option := self.policy.body_hints) is not None:
            await read_hints(option, self.peeked, self.state, io, self.emit)

    def give(self, response: ResponseT) -> None:
        """Make a response unread, whatever was read of it."""
        if self.peeked is not None:
            self.peeked.give(response)
            self.state.context.in_memory = self.peeked.is_whole
            self.peeked = None

    def failed(self, error: Exception, now: float) -> None:
        """Record that an attempt raised. A refusal on this side leaves the answer."""
        state = self.state
        state.raised(error, now)
        if not is_refused_here(error, state.family, state.context):
            self.answer = None

    def renew_headers(self) -> None:
        """
        Send the headers that the hook has left, whatever the body.

        A request with a body of its own is another object than the one that the hook
        receives.
        """
        request: Any = self.request
        request.headers = self.state.request.headers

    def fall_back(self) -> None:
        """
        Replace a refusal on this side by the answer of the server before it.

        So is a 401 to an authorization that the server has accepted before, and accepts
        only once: it is no answer to the caller's request.
        """
        state, answer = self.state, self.answer
        is_renewed = self.policy.before_sleep is not None
        if answer is None or (
            state.error is None
            and (is_renewed or not is_used_up(self.request, state.response))
        ):
            return
        state.response, state.error = answer.restore(), None
        self.falls_back = True
        state.reason += f", so the {state.response.status_code} before it is returned"
        state.worth_retrying = state.context.in_memory = True

    def cancelled(self, now: float) -> None:
        """
        Record that the request was cancelled.

        If it was in a queue, a deadline that has cancelled it returns the answer.
        """
        context = self.state.context
        self.state.cancelled(now)
        if context.refused or context.unsent == "queue":
            context.answer = self.answer


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
    except BaseException:  # observed only, and raised again
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
