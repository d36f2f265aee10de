"""The retry layer."""

from __future__ import annotations

from typing import ClassVar, Unpack

import tenacity

from httpx_resilient._budget.budget import RetryBudget, budget_of
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.idempotency import HeaderNames, idempotency_of
from httpx_resilient._layers.retry.body_hints import hints_in_body
from httpx_resilient._layers.retry.flow import OPTION, RetryFlow
from httpx_resilient._layers.retry.nesting import check_nesting
from httpx_resilient._layers.retry.policy import RetryPolicy
from httpx_resilient._layers.retry.retries import retry_if_transient
from httpx_resilient._layers.retry.strategy_types import (
    Hook,
    RetryStrategy,
    StopStrategy,
    WaitStrategy,
)
from httpx_resilient._layers.retry.waits import wait_transient
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class RetryingTransport(RetryFlow[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport that retries transient failures of requests that are safe to repeat.

    Any client takes it: `httpx.AsyncClient(transport=RetryingTransport())`.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        retry: Which outcomes are worth another attempt. A tenacity retry strategy.
        wait: Seconds before the next attempt. A tenacity wait strategy.
        stop: When to give up. A tenacity stop strategy; three attempts by default.
        before_sleep: Called with the `RetryState` before each wait, while the failed
            response is still open and unread. The next attempt has the headers that it
            leaves on `state.request`: a token, a date, a signature.
        buffer_request_body: Bytes of a one-shot body (a generator, a pipe) to buffer,
            so that it can be sent again. By default such a request gets one attempt.
        budget: The budget that retries are charged to, so that they do not make an
            outage worse: a `RetryBudget` to share, or `False` for none, where a retry
            follows no failure, as in polling. By default, the transport has its own.
        body_hints: Readers of hints that servers give in bodies, see `hints_in_body`.
        retry_response_body: Whether a body that breaks is a failed attempt, too, if it
            is read whole: by `client.get()`, or by `read()` of a response that nobody
            has begun to read. A stream that breaks is an error.
        complete: Whether a body of gzip, deflate, br or zstd that ends before its
            encoding does is a broken one: a `RemoteProtocolError`. The libraries read
            it as a shorter body.
        idempotency_header: The header by which your server recognizes a repeated
            request, or several, for this layer and those inside. By default
            `Idempotency-Key`, `X-Idempotency-Key`, `PayPal-Request-Id` and
            `Repeatability-Request-ID`.
        idempotency_key: Whether a POST or PATCH without a key gets a new one (UUID 4)
            in the first of these headers, the same for all of its attempts. Only for
            servers that honour it: such a request is repeated as if it were idempotent.
        on_event: Called with each `Event`, such as the start or end of an attempt, or a
            scheduled retry. May be asynchronous in an asynchronous client. An exception
            that it raises is logged and fails no request.
        http: The options of the default inner transport, as in `PoolingTransport`. A
            client ignores its own options if it is given a transport. And `redact`: a
            function of a URL that returns what logs and events show of it, by default
            `redact_tokens`.

    Raises:
        TypeError: A strategy or `on_event` is not callable, or is one for another
            argument; `inner` is not a transport, or belongs to the other library; an
            option is unknown, or given together with an `inner`.
        ValueError: A number is negative or not a number (NaN); `idempotency_header` is
            not the name of a header; a proxy cannot be used; a transport inside retries
            failures, too, so that attempts would multiply.
        FileNotFoundError: A file of `verify` or `cert` does not exist.
        ImportError: `http2=True` without the extra `http2`.

    Strategies and hooks may be asynchronous in an asynchronous client. They may read
    the response: the caller still gets it unread.

    A success is a response below 400. It is repeated only if a strategy says so that
    has read the response: `retry_if_status`, `retry_if_result`, a function that reads
    `state.response`, or hints in the body. All others repeat failures only, such as
    `retry_always`, `retry_if_idempotent()`, and a function that counts attempts.

    A request returns its last response, unread, or raises its last exception: the same
    object, with a note. `attempts_of` returns all attempts that led to it.

    If a layer inside refuses an attempt, or lets it wait for too long, the request
    returns the response of the attempt before, if that had one: what the server has
    said is never hidden by a refusal on this side. So a failed response of up to 64 KiB
    is read into memory before the next attempt; its connection and its permits are free
    by then. A response whose body is longer, or takes more than a quarter of a second,
    is closed: then the refusal is raised, and its note names the response.

    An extension overrides the policy for one request: `{"retry": False}` sends it once.
    `{"retry": {...}}` replaces any of `retry`, `wait`, `stop`, `budget`, `body_hints`,
    `before_sleep`, `buffer_request_body`, `retry_response_body` and `complete`, or
    gives a `body_factory` that makes the body again for every further attempt.

    Example:
        >>> import httpx
        >>> from tenacity import stop_after_attempt
        >>> transport = RetryingTransport(stop=stop_after_attempt(5), http2=False)
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _option: ClassVar[str | None] = OPTION

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
        body_hints: hints_in_body | None = None,
        retry_response_body: bool = True,
        complete: bool = True,
        idempotency_header: HeaderNames | None = None,
        idempotency_key: bool = False,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        self._idempotency = idempotency_of(idempotency_header, idempotency_key)
        shared = budget_of(budget)
        self.policy: RetryPolicy = RetryPolicy(
            retry=retry,
            wait=wait,
            stop=stop,
            before_sleep=before_sleep,
            buffer_request_body=buffer_request_body,
            budget=shared,
            body_hints=body_hints,
            retry_response_body=retry_response_body,
            complete=complete,
        )
        check_nesting(inner, self.policy, self._family)
        self._look_up(None if shared is None else shared.accounts)
