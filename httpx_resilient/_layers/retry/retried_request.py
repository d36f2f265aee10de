"""A request that may need more than one attempt, and what decides about them."""

from __future__ import annotations

from typing import Any, Generic

from httpx_resilient._core.body.peeked import PeekedStream
from httpx_resilient._core.body.replay import Body
from httpx_resilient._core.body.saved import SavedResponse, save
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.one_time import is_used_up
from httpx_resilient._core.refused import is_refused_here
from httpx_resilient._layers.retry.peeking import read_hints, watch
from httpx_resilient._layers.retry.policy import RetryPolicy
from httpx_resilient._layers.retry.spending import Spending
from httpx_resilient._layers.retry.state import RetryState


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
        if context.is_held_here:
            context.answer = self.answer
