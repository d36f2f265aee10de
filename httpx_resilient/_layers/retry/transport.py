"""The retry layer, and its happy path: a first attempt that succeeds."""

from __future__ import annotations

from typing import Any, Unpack

import tenacity

from httpx_resilient._budget.budget import RetryBudget, budget_of
from httpx_resilient._core.attempts import KEY
from httpx_resilient._core.body.replay import Body, body_of
from httpx_resilient._core.classify import SWITCHING_PROTOCOLS
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.retry.decision import RetriedRequest, next_request
from httpx_resilient._layers.retry.policy import (
    Hook,
    RetryPolicy,
    RetryStrategy,
    StopStrategy,
    WaitStrategy,
)
from httpx_resilient._layers.retry.reporting_io import ReportingIO
from httpx_resilient._layers.retry.resending import attempt, send_again
from httpx_resilient._layers.retry.retries import retry_if_transient
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.waits import wait_transient
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.recognition import home_of


class RetryingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that retries transient failures of requests that are safe to repeat.

    Any client takes it: `httpx.AsyncClient(transport=RetryingTransport())`.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        retry: Which outcomes are worth another attempt. A tenacity retry strategy.
        wait: Seconds before the next attempt. A tenacity wait strategy.
        stop: When to give up. A tenacity stop strategy; three attempts by default.
        before_sleep: Called with the `RetryState` before each wait, while the failed
            response is still open and unread.
        buffer_request_body: Bytes of a one-shot body (a generator, a pipe) to buffer,
            so that it can be sent again. By default such a request gets one attempt.
        budget: The budget that retries are charged to, so that they do not make an
            outage worse: a `RetryBudget` to share, or `False` for none, where a retry
            follows no failure, as in polling. By default, the transport has its own.
        on_event: Called with each `Event`, such as the start or end of an attempt, or a
            scheduled retry. May be asynchronous in an asynchronous client. An exception
            that it raises is logged and fails no request.
        http: The options of the default inner transport, as in `PoolingTransport`. A
            client ignores its own options if it is given a transport.

    Raises:
        TypeError: A strategy or `on_event` is not callable; `inner` is not a transport,
            or belongs to the other library; an option is unknown, or given together
            with an `inner`.
        ValueError: A number is negative or not a number (NaN); a proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    Strategies and hooks may be asynchronous in an asynchronous client.

    A request returns its last response, unread, or raises its last exception: the same
    object, with a note. `attempts_of` returns all attempts that led to it.

    An extension overrides the policy for one request: `{"retry": False}` sends it once.
    `{"retry": {...}}` replaces any of `retry`, `wait`, `stop`, `budget`, `before_sleep`
    and `buffer_request_body`, or gives a `body_factory` that makes the body again for
    every further attempt.

    Example:
        >>> import httpx
        >>> from tenacity import stop_after_attempt
        >>> transport = RetryingTransport(stop=stop_after_attempt(5), http2=False)
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    def __init__(
        self,
        inner: InnerT | None = None,
        *,
        retry: RetryStrategy[RequestT, ResponseT] = retry_if_transient(),
        wait: WaitStrategy[RequestT, ResponseT] = wait_transient(),
        stop: StopStrategy[RequestT, ResponseT] = tenacity.stop_after_attempt(3),
        before_sleep: Hook[RequestT, ResponseT] | None = None,
        buffer_request_body: int = 0,
        budget: RetryBudget | bool = True,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        shared = budget_of(budget)
        self.policy: RetryPolicy = RetryPolicy(
            retry=retry,
            wait=wait,
            stop=stop,
            before_sleep=before_sleep,
            buffer_request_body=buffer_request_body,
            budget=shared,
        )
        # For the happy path, which looks up nothing twice.
        self._lowest_retryable_status = self.policy.lowest_retryable_status
        self._plain_body = self._family.plain_body
        self._accounts = None if shared is None else shared.accounts
        self._origin = self._family.origin

    def handle_request(self, request: RequestT) -> ResponseT:
        """Handle a request of a synchronous client."""
        self.policy.refuse_asynchronous()
        return super().handle_request(request)

    def _reporting(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> IO[RequestT, ResponseT]:
        reporting: Any = ReportingIO(io, request, self._emit)
        return reporting  # type: ignore[no-any-return]  # it is an IO by its `__getattr__`

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        # The happy path: a body that replays, no options, a success.
        if type(request.stream) is not self._plain_body or KEY in request.extensions:
            return await self._handle_with_options(request, io)
        started = io.now()
        try:
            response = await io.send(request)
        except Exception as error:
            retried = self._retried(request, io, started)
            retried.state.raised(error, io.now())
            if await next_request(retried, io) is None:
                raise
        else:
            if (
                response.status_code < self._lowest_retryable_status
                or response.status_code == SWITCHING_PROTOCOLS
            ):
                # The history and the deposit of a success. Two tricks: a helper would
                # add 350 to the 8,300 instructions of the happy path; and `started` is
                # reused for the end, because one more local variable would add 8 bytes
                # to the frame that each request in flight holds.
                response.extensions[KEY] = -started + (started := io.now())
                if self._accounts is not None:
                    self._accounts[
                        self._origin[0](request.url),
                        self._origin[1](request.url),
                        self._origin[2](request.url),
                    ].deposits.append(started)
                return response
            retried = self._retried(request, io, started)
            retried.state.returned(response, io.now())
            if await next_request(retried, io) is None:
                return response
        return await send_again(retried, io)

    async def _handle_with_options(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        """Handle a request with options, or with a body that may not replay."""
        family, policy = self._family, self.policy
        self._check_family(request)
        options = request.extensions.get(KEY)
        if options is False:
            return await io.send(request)
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
        retried = self._retried(request, io, io.now(), policy, body)
        response = await attempt(retried, io)
        return await send_again(retried, io) if response is None else response

    def _retried(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        started: float,
        policy: RetryPolicy | None = None,
        body: Body[RequestT] | None = None,
    ) -> RetriedRequest[RequestT, ResponseT]:
        """
        Make the state that only a failure or an option needs.

        `_handle` gives three arguments only: its frame, which each request in flight
        holds, has 8 bytes of stack for each argument of its longest call.
        """
        policy = policy or self.policy
        state: RetryState[RequestT, ResponseT] = RetryState(
            request, policy.controller, self._family, started, io.wall_time
        )
        return RetriedRequest(state, policy, body, self._emit)

    def _check_family(self, request: RequestT) -> None:
        if not isinstance(request, self._family.request):
            home = home_of(type(request)) or "the module bound to its library"
            msg = (
                f"this RetryingTransport is for {self._family.name} and was given a "
                f"request of {type(request).__module__}: import it from {home}"
            )
            raise TypeError(msg)
