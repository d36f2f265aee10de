"""The flow of the retry layer: its happy path, a first attempt that succeeds."""

from __future__ import annotations

import sys
from typing import Any

from httpx_resilient._budget.accounts import Accounts
from httpx_resilient._core.body.replay import Body, body_of
from httpx_resilient._core.classify import SWITCHING_PROTOCOLS
from httpx_resilient._core.context import RequestContext, begin
from httpx_resilient._core.history import KEY
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.idempotency import Idempotency
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.origin import origin_key
from httpx_resilient._layers.retry.body_stream import RetriedBody
from httpx_resilient._layers.retry.decision import next_request
from httpx_resilient._layers.retry.policy import RetryPolicy
from httpx_resilient._layers.retry.reporting_io import ReportingIO
from httpx_resilient._layers.retry.resending import attempt, send_again, send_once
from httpx_resilient._layers.retry.retried_request import RetriedRequest
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.watching import watch
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import LimitsT, ProxyT
from httpx_resilient._transport.recognition import check_request

OPTION = "retry"
"""The extension that changes the policy for one request."""


class RetryFlow(ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """The base of the retry layer, with its flow."""

    policy: RetryPolicy
    _idempotency: Idempotency | None

    def _look_up(self, accounts: Accounts | None) -> None:
        """Look up what the happy path needs, once."""
        self._lowest_retryable_status = self.policy.lowest_retryable_status
        self._plain_body: type | None = self._family.plain_body
        budget = self.policy.budget
        if budget is not None and budget.key is not None:
            # No request takes the happy path: its key must be known before it is sent.
            self._plain_body = None
        if self._idempotency is not None:
            self._plain_body = None  # the layers inside must know the names
        self._accounts = accounts
        self._body = self._family.stream_class(RetriedBody)
        self._watches = self.policy.retry_response_body or self.policy.complete

    def _refuse_asynchronous(self) -> None:
        super()._refuse_asynchronous()
        self.policy.refuse_asynchronous()

    def _reporting(self, io: IO[RequestT, ResponseT]) -> IO[RequestT, ResponseT]:
        if self._emit.listener is None:
            return io
        reporting: Any = ReportingIO(io, self._emit)
        return reporting  # type: ignore[no-any-return]  # it is an IO by its `__getattr__`

    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        # The happy path: a body that replays, no options, a success.
        if type(request.stream) is not self._plain_body or (
            context is not None
            and (context.has_options or context.attempt != 1 or context.queued)
        ):
            return await self._handle_with_options(request, io, context)
        started = io.now()
        try:
            response = await (
                io.inner.handle_async_request(request)  # 400 less than `io.send`
                if context is None
                else io.send(request, context)
            )
        except Exception:
            context = context or begin(request, io)
            context.now = started
            retried = self._retried(request, context)
            # A name for the exception would add 8 bytes to the frame, too.
            retried.state.raised(sys.exception(), io.now())
            if await next_request(retried, io) is None:
                raise
        else:
            if (
                response.status_code < self._lowest_retryable_status
                or response.status_code == SWITCHING_PROTOCOLS
            ):
                if context is not None and (
                    context.attempts or context.queued or context.parent is not None
                ):
                    context.now = started
                    return self._succeeded(request, io, context, response)
                # The history and the deposit of a success. Two tricks: a helper would
                # add 350 instructions to the happy path; and `started` is reused for
                # the end, because one more local variable would add 8 bytes to the
                # frame that each request in flight holds.
                response.extensions[KEY] = -started + (started := io.now())
                if self._accounts is not None:
                    self._accounts[
                        origin_key(request.url) if context is None else context.origin
                    ].deposits.append(started)
                if self._watches and not response.is_closed:
                    watch(self._body(), self, request, io, context, response, started)
                return response
            context = context or begin(request, io)
            context.now = started
            retried = self._retried(request, context)
            retried.state.returned(response, io.now())
            if await next_request(retried, io) is None:
                return self._watched(retried, io, response)
        return self._watched(retried, io, await send_again(retried, io))

    def _watched(
        self,
        retried: RetriedRequest[RequestT, ResponseT],
        io: IO[RequestT, ResponseT],
        response: ResponseT,
    ) -> ResponseT:
        """Watch the body of a response that ends a request, unless it is in memory."""
        policy, context = retried.policy, retried.state.context
        watches = policy.retry_response_body or policy.complete
        if watches and not (response.is_closed or retried.falls_back):
            retried.state.response = None  # it holds the body, which holds the state
            request, body = retried.request, self._body()
            watch(body, self, request, io, context, response, 0.0, retried)
        return response

    def _succeeded(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext,
        response: ResponseT,
    ) -> ResponseT:
        """Record a success that was queued, or that layers inside have sent."""
        retried = self._retried(request, context)
        retried.state.succeeds(response, context.clock.now())
        retried.spending.settle(retried.state)
        return self._watched(retried, io, response)

    async def _handle_with_options(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None,
    ) -> ResponseT:
        """Handle a request with options, or with a body that may not replay."""
        family, policy = self._family, self.policy
        check_request(request, family, type(self).__name__)
        if self._idempotency is not None:
            context = context or begin(request, io)
            request = self._idempotency.enter(request, context)
        options = None
        if context is not None and context.has_options:
            options = request.extensions.get(OPTION)
        if options is False:
            return await send_once(request, io, context)
        if options is not None:
            policy = policy.merged(options)
            if not io.asynchronous:
                policy.refuse_asynchronous()
        body = body_of(
            request,
            family,
            limit=policy.buffer_request_body,
            factory=policy.body_factory,
        )
        context = context or begin(request, io)
        if policy.budget is not None:
            policy.budget.key_in(context)  # before anything is sent: it may raise
        context.now = io.now()
        retried = self._retried(request, context, policy, body)
        retried.state.begins()
        response = await attempt(retried, io)
        if response is None:
            response = await send_again(retried, io)
        return self._watched(retried, io, response)

    def _retried(
        self,
        request: RequestT,
        context: RequestContext,
        policy: RetryPolicy | None = None,
        body: Body[RequestT] | None = None,
    ) -> RetriedRequest[RequestT, ResponseT]:
        """
        Make the state that only a failure or an option needs.

        `context.now` is when the first attempt was sent. No argument has it, because
        the frame of `_handle`, which each request in flight holds, has 8 bytes of stack
        for each argument of its longest call.
        """
        policy = policy or self.policy
        context.started = context.now
        state: RetryState[RequestT, ResponseT] = RetryState(
            request, context, policy.controller, self._family
        )
        state.budget = policy.budget
        if self._emit.redact is not None:
            state.redact = self._emit.redact
        return RetriedRequest(state, policy, body, self._emit)
