"""The standard stack: the layers in the order in which they work best."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, Literal, TypeVar, Unpack, overload

from httpx_resilient._budget.budget import RetryBudget, budget_of
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.idempotency import HeaderNames
from httpx_resilient._core.keys import KeyFunction, check_key
from httpx_resilient._core.validation import StringSequence, check_switch
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.concurrency.limit import (
    AdaptiveConcurrencyLimit,
    ConcurrencyLimit,
)
from httpx_resilient._layers.credentials.credentials import Credentials
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.hedging.policy import HedgePolicy
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.retry.options import RetryOptions
from httpx_resilient._layers.throttle.throttle import AdaptiveThrottle
from httpx_resilient._stack.given import (
    Layer,
    check_given,
    check_seconds,
    group,
    idempotency_options,
    keyed,
    nested,
    resuming,
    retries,
)
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT

TransportT = TypeVar("TransportT")
AsyncTransportT = TypeVar("AsyncTransportT")
"""What a hedging stack is to type checkers: it serves no synchronous client."""


class StandardStack(
    Generic[RequestT, ResponseT, InnerT, LimitsT, ProxyT, TransportT, AsyncTransportT]
):
    """The function `standard_transport`, generic in the types of a library."""

    _binding: ClassVar[Any]
    """The module with the transports of the library."""

    @overload
    @classmethod
    def standard_transport(
        cls,
        inner: InnerT | None = None,
        *,
        deadline: float | None = 30.0,
        resume: bool = False,
        retry: RetryOptions[RequestT, ResponseT] | bool | None = True,
        budget: RetryBudget | bool = True,
        failover: Failover | StringSequence | None = None,
        hedging: Literal[False] | None = False,
        credentials: Credentials | None = None,
        throttle: AdaptiveThrottle | bool | None = False,
        breaker: CircuitBreaker | bool | None = True,
        rate_limit: RateLimit | bool | None = True,
        concurrency: ConcurrencyLimit | AdaptiveConcurrencyLimit | bool | None = False,
        attempt: float | None = 10.0,
        key: KeyFunction | None = None,
        idempotency_header: HeaderNames | None = None,
        idempotency_key: bool = False,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> TransportT: ...

    @overload
    @classmethod
    def standard_transport(
        cls,
        inner: InnerT | None = None,
        *,
        deadline: float | None = 30.0,
        resume: bool = False,
        retry: RetryOptions[RequestT, ResponseT] | bool | None = True,
        budget: RetryBudget | bool = True,
        failover: Failover | StringSequence | None = None,
        hedging: HedgePolicy | bool | None,
        credentials: Credentials | None = None,
        throttle: AdaptiveThrottle | bool | None = False,
        breaker: CircuitBreaker | bool | None = True,
        rate_limit: RateLimit | bool | None = True,
        concurrency: ConcurrencyLimit | AdaptiveConcurrencyLimit | bool | None = False,
        attempt: float | None = 10.0,
        key: KeyFunction | None = None,
        idempotency_header: HeaderNames | None = None,
        idempotency_key: bool = False,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> AsyncTransportT: ...

    @classmethod
    def standard_transport(
        cls,
        inner: InnerT | None = None,
        *,
        deadline: float | None = 30.0,
        resume: bool = False,
        retry: RetryOptions[RequestT, ResponseT] | bool | None = True,
        budget: RetryBudget | bool = True,
        failover: Failover | StringSequence | None = None,
        hedging: HedgePolicy | bool | None = False,
        credentials: Credentials | None = None,
        throttle: AdaptiveThrottle | bool | None = False,
        breaker: CircuitBreaker | bool | None = True,
        rate_limit: RateLimit | bool | None = True,
        concurrency: ConcurrencyLimit | AdaptiveConcurrencyLimit | bool | None = False,
        attempt: float | None = 10.0,
        key: KeyFunction | None = None,
        idempotency_header: HeaderNames | None = None,
        idempotency_key: bool = False,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> TransportT | AsyncTransportT:
        """
        Build the recommended stack of layers around a transport, in one call.

        From the outside in, with the reason for each place:

        * `deadline` limits everything below it, waits and the body included. It could
          not limit a layer outside of it.
        * `retry`, with its `budget`: each attempt passes all layers below. They count
          it, and a retry makes no attempt that they would refuse.
        * `resume` goes on with a body, as a part of the attempt that has brought it.
        * `failover` sends a request that one origin fails to serve to the next origin,
          within the same attempt.
        * `hedging` sends a slow request a second time, to the same origin.
        * `credentials` gives each of these requests the credential of its own origin.
        * `throttle`, then `breaker`, send nothing where it would fail. They are outside
          of the limits: a refused request must neither wait nor take a permit.
        * `rate_limit`, then `concurrency`: a request takes a permit when it may be
          sent, not while it waits for its turn. The pool comes after that.
        * `attempt` limits the time until the headers of one attempt. It pauses while
          the request waits for a connection: waiting here is not a fault of the server.
          A body may take until the deadline.

        Args:
            inner: The transport that sends. By default it is a `PoolingTransport`.
            deadline: Seconds for a request, as for `DeadlineTransport`.
            resume: Whether a streamed GET that breaks goes on, with the same budget.
            retry: Options of `RetryingTransport`: `{"stop": stop_after_attempt(5)}`.
            budget: The `RetryBudget` of retries and hedges, or `False` for none.
            failover: The origins in order of preference, or a `Failover` to share.
            hedging: A `HedgePolicy`, or `True` for the default one. For asynchronous
                clients only; a type checker refuses it in a synchronous one.
            credentials: The `Credentials` of some origins, renewed after 401.
            throttle: An `AdaptiveThrottle`, or `True`. It refuses a share of the
                requests where a breaker refuses all of them.
            breaker: A `CircuitBreaker` to share.
            rate_limit: A `RateLimit`. The default one has no limit of its own and
                follows what the server announces.
            concurrency: A `ConcurrencyLimit`, an `AdaptiveConcurrencyLimit`, or `True`
                for 100 requests at a time to each origin. The pool has its own limit
                of connections.
            attempt: Seconds until the headers of an attempt, without those in queues of
                this side; then it has failed.
            key: A function of the request that returns the key of its states in all
                layers, such as `key_by_path()`, if that is not the origin. A state that
                you make and give keeps its own.
            idempotency_header: The header, or several, that makes requests repeatable.
            idempotency_key: Whether a POST or PATCH without a key gets one, as there.
            on_event: Called with each `Event` of any layer, as for `RetryingTransport`.
            http: Without an `inner`, the options of the library's own HTTP transport,
                as for `RetryingTransport`; and `redact` of all layers.

        `False` and `None` leave a layer out. The settings of a layer are those of its
        state, and many transports can share one.

        30 and 10 seconds are the defaults of .NET's standard resilience handler. They
        are for an API that answers in seconds. For a model that thinks for minutes,
        give `deadline=600, attempt=None`.

        Raises:
            TypeError: A value has a type that its layer does not take; `inner` is not a
                transport, or one of the other library; an option is unknown, or given
                together with an `inner`.
            ValueError: A number is out of range; all layers are left out; a proxy
                cannot be used.
            ImportError: `http2=True` without its extra.

        Example:
            >>> import httpx
            >>> transport = standard_transport(
            ...     deadline=60, rate_limit=RateLimit(50), http2=False
            ... )
            >>> with httpx.Client(transport=transport) as client:
            ...     pass
        """
        check_given(inner, http, cls._binding)
        check_seconds(deadline=deadline, attempt=attempt)
        check_key(key)
        check_switch("resume", resume)
        keys = idempotency_options(idempotency_header, key=idempotency_key)
        shared = budget_of(keyed(budget, RetryBudget, key))
        outside_in: list[Layer] = [
            ("DeadlineTransport", deadline, {}),
            ("RetryingTransport", *retries(retry, shared, key, keys)),
            ("ResumingTransport", resume, resuming(retry, shared)),
            ("FailoverTransport", group(failover, key), keys),
            ("HedgingTransport", hedging, {"budget": shared}),
            ("CredentialsTransport", credentials, {}),
            ("ThrottlingTransport", throttle, {}),
            ("CircuitBreakingTransport", breaker, {}),
            ("RateLimitingTransport", rate_limit, {}),
            ("ConcurrencyLimitingTransport", concurrency, {}),
            ("DeadlineTransport", attempt, {"body": False}),
        ]
        transport: TransportT = nested(
            cls._binding, outside_in, inner, key, on_event, dict(http)
        )
        return transport
