"""The retry layer: the flow of one request through its attempts."""

from __future__ import annotations

from typing import Any, Unpack

import tenacity

from httpx_resilient._budget.budget import RetryBudget, budget_of
from httpx_resilient._core.attempts import KEY
from httpx_resilient._core.body.replay import body_of
from httpx_resilient._core.classify import SWITCHING_PROTOCOLS
from httpx_resilient._core.context import has_resent, resends
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._layers.retry.decision import following, leave_behind
from httpx_resilient._layers.retry.policy import (
    Hook,
    RetryPolicy,
    RetryStrategy,
    StopStrategy,
    WaitStrategy,
)
from httpx_resilient._layers.retry.reporting_io import Attempting
from httpx_resilient._layers.retry.spending import refund, settle_budget
from httpx_resilient._layers.retry.state import RetryState
from httpx_resilient._layers.retry.strategies import retry_if_transient, wait_transient
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.recognition import home_of

_BREATH = 8
"""Attempts without a wait between them until the event loop gets its turn."""


class RetryingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that tries again what failed for a moment, and is safe to send again.

    Give it to any client: `httpx.AsyncClient(transport=RetryingTransport())`.

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is: the library's own, built on first use, with the environment's proxies.
        retry: Which outcomes are worth another attempt. A tenacity retry strategy.
        wait: Seconds before the next attempt. A tenacity wait strategy.
        stop: When to give up. A tenacity stop strategy; three attempts by default.
        before_sleep: Called with the `RetryState` before each wait, the failed response
            still open and unread.
        buffer_request_body: Bytes of a one-shot body (a generator, a pipe) to keep, so
            that it can be sent again. By default none is kept: such a request gets one
            attempt.
        budget: What retries are paid from, so that they make no outage worse: a
            `RetryBudget` to share, or `False` for none: to poll, say, where what is
            retried is no failure. By default it has its own.
        on_event: Called with each `Event`: an attempt has started or ended, a retry was
            scheduled, and so on. May be asynchronous in an asynchronous client; what
            it raises is logged, and breaks no request.
        http: What the library's own HTTP transport takes: `verify`, `cert`,
            `trust_env`, `http1`, `http2`, `limits`, `proxy`, `uds`, `local_address`,
            `socket_options`. A client ignores its own once it is given a transport.

    Raises:
        TypeError: `inner` is no transport, or of the other library; a strategy or
            `on_event` is not callable; an option is unknown, or given together with an
            `inner`.
        ValueError: A number is negative or not a number; a proxy cannot be used.
        ImportError: `http2=True` without its extra.

    Strategies and hooks may be asynchronous in an asynchronous client.

    In the end the last response is returned, unread, or the last exception raised: the
    same object, with a note. `attempts_of` tells all that led to it.

    One request may differ: `extensions={"retry": False}` sends it once;
    `extensions={"retry": {...}}` changes any of `retry`, `wait`, `stop`, `budget`,
    `before_sleep` and `buffer_request_body` for it, or gives a `body_factory` that
    makes its body anew for every further attempt.

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
        paid_from = budget_of(budget)
        self.policy: RetryPolicy = RetryPolicy(
            retry=retry,
            wait=wait,
            stop=stop,
            before_sleep=before_sleep,
            buffer_request_body=buffer_request_body,
            budget=paid_from,
        )
        self._plain_body = self._family.plain_body
        self._accounts = None if paid_from is None else paid_from.accounts
        self._origin = self._family.origin

    def handle_request(self, request: RequestT) -> ResponseT:
        """Handle a request of a synchronous client."""
        self.policy.refuse_asynchronous()
        return super().handle_request(request)

    def _telling(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> IO[RequestT, ResponseT]:
        telling: Any = Attempting(io, request, self._emit)
        return telling  # type: ignore[no-any-return]  # it is one by `__getattr__`

    async def _handle(  # noqa: C901 - a frame more would cost each request
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        # The happy path comes first: a body that replays, no options, an answer. What
        # only failures need is kept in the state, not in locals: all requests in flight
        # hold this frame.
        state = None
        if type(request.stream) is not self._plain_body or KEY in request.extensions:
            self._check_family(request)
            if request.extensions.get(KEY) is False:
                return await io.send(request)
            state, request = self._prepare(request, io)
        started = io.now()
        try:
            response = await io.send(request)
        except Exception as error:
            state = state or self._state(request, io, started)
            state.raised(error, io.now())
            request = await following(state, io, self._emit)
            if state.is_over:
                raise
        else:
            if (
                response.status_code < (state or self).policy.lowest_retryable_status
                or response.status_code == SWITCHING_PROTOCOLS
            ):
                if state is not None:
                    state.succeeds(response, io.now())
                    settle_budget(state, response)
                    return response
                # This is what those do, without a call, and without a name: it would
                # have its place in the frame of each request in flight.
                response.extensions[KEY] = -started + (started := io.now())
                if self._accounts is not None:
                    self._accounts[
                        self._origin[0](request.url),
                        self._origin[1](request.url),
                        self._origin[2](request.url),
                    ].good.append(started)
                return response
            state = state or self._state(request, io, started)
            state.returned(response, io.now())
            request = await following(state, io, self._emit)
            if state.is_over:
                return response
        resends(state)
        try:
            return await self._again(state, request, io)
        except Exception:
            raise
        except BaseException:  # seen only, and passed on
            leave_behind(state, io)
            raise
        finally:
            has_resent(state)

    async def _again(
        self,
        state: RetryState[RequestT, ResponseT],
        request: RequestT,
        io: IO[RequestT, ResponseT],
    ) -> ResponseT:
        """Send a request whose first attempt has failed, until that is over."""
        while True:
            try:
                if state.response is not None:
                    await io.discard(state.response, drain=state.hints.short)
                # No wait means no detour over the event loop, which costs more than a
                # decision; but attempts without end must leave it a chance to cancel.
                if state.upcoming_sleep or state.attempt_number % _BREATH == 0:
                    await self._emit.settle()
                    await io.sleep(state.upcoming_sleep)
            except BaseException:  # seen only, and passed on
                refund(state)
                raise
            state.sends(io.now())
            try:
                response = await io.send(request)
            except Exception as error:
                state.raised(error, io.now())
                request = await following(state, io, self._emit)
                if state.is_over:
                    raise
            else:
                if (
                    response.status_code < state.policy.lowest_retryable_status
                    or response.status_code == SWITCHING_PROTOCOLS
                ):
                    state.succeeds(response, io.now())
                    settle_budget(state, response)
                    return response
                state.returned(response, io.now())
                request = await following(state, io, self._emit)
                if state.is_over:
                    return response

    def _check_family(self, request: RequestT) -> None:
        if not isinstance(request, self._family.request):
            home = home_of(type(request)) or "the module bound to its library"
            msg = (
                f"this RetryingTransport is for {self._family.name} and was given a "
                f"request of {type(request).__module__}: import it from {home}"
            )
            raise TypeError(msg)

    def _prepare(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> tuple[RetryState[RequestT, ResponseT], RequestT]:
        """Look at a request with options, or with a body that might not replay."""
        policy = self.policy
        options = request.extensions.get(KEY)
        if options is not None:
            policy = policy.merged(options)
            if not io.asynchronous:
                policy.refuse_asynchronous()
        body = body_of(
            request,
            self._family,
            limit=policy.buffer_request_body,
            factory=policy.body_factory,
        )
        state: RetryState[RequestT, ResponseT] = RetryState(
            request, body, policy, self._family, io.now(), io.wall_time
        )
        return state, body.request

    def _state(
        self, request: RequestT, io: IO[RequestT, ResponseT], started: float
    ) -> RetryState[RequestT, ResponseT]:
        policy, family = self.policy, self._family
        return RetryState(request, None, policy, family, started, io.wall_time)
