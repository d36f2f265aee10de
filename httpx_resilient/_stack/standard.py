"""The standard stack: all layers in the order in which they work best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from httpx_resilient._budget.budget import RetryBudget, budget_of
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.validation import number
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.concurrency.limit import (
    AdaptiveConcurrencyLimit,
    ConcurrencyLimit,
)
from httpx_resilient._layers.failover.group import Failover
from httpx_resilient._layers.hedging.policy import HedgePolicy
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._layers.throttle.throttle import AdaptiveThrottle
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT

Kind = Callable[..., Any]


class Kinds(NamedTuple):
    """The layers as one library binds them, outside in."""

    deadline: Kind
    retry: Kind
    failover: Kind
    hedging: Kind
    throttle: Kind
    breaker: Kind
    rate_limit: Kind
    concurrency: Kind


class Layers(HTTPOptions[LimitsT, ProxyT], total=False):
    """What `standard_transport` takes: a keyword for each layer, as described there."""

    deadline: float | None
    retry: Mapping[str, Any] | bool | None
    budget: RetryBudget | bool
    failover: Failover | Sequence[str] | None
    hedging: HedgePolicy | bool | None
    throttle: AdaptiveThrottle | bool | None
    breaker: CircuitBreaker | bool | None
    rate_limit: RateLimit | bool | None
    concurrency: ConcurrencyLimit | AdaptiveConcurrencyLimit | bool | None
    attempt: float | None
    on_event: Listener | None


def standard(
    kinds: Kinds,
    inner: Any,
    *,
    deadline: float | None = 30.0,
    retry: Mapping[str, Any] | bool | None = True,
    budget: RetryBudget | bool = True,
    failover: Failover | Sequence[str] | None = None,
    hedging: HedgePolicy | bool | None = False,
    throttle: AdaptiveThrottle | bool | None = False,
    breaker: CircuitBreaker | bool | None = True,
    rate_limit: RateLimit | bool | None = True,
    concurrency: ConcurrencyLimit | AdaptiveConcurrencyLimit | bool | None = False,
    attempt: float | None = 10.0,
    on_event: Listener | None = None,
    **http: Any,
) -> Any:
    """
    Build the recommended stack of layers around a transport, in one call.

    Outside in, and why in this order:

    * `deadline`: a limit over all that follows, waiting and the body included. What is
      outside of it would not be limited.
    * `retry`, with its `budget`: each attempt passes all layers below, so that none is
      made that they would refuse, and each is counted.
    * `failover`: what one origin fails to do, the next one does, in the same attempt.
    * `hedging`: what is slow is asked for a second time, of the same origin.
    * `throttle`, then `breaker`: nothing is sent where it would fail. Outside of the
      limits, because what is refused must neither wait nor take a place.
    * `rate_limit`, then `concurrency`: a request takes a place when it may be sent, and
      not while it waits for its turn. After that the pool.
    * `attempt`: a limit for the headers of one attempt. Inside of the others, because
      to wait for those is no fault of the server. A body may take until the deadline.

    Args:
        kinds: The layers of a library. `standard_transport` is this function, bound to
            one.
        inner: The transport to send with. Without one, it is a `PoolingTransport`.
        deadline: Seconds for a request, as for `DeadlineTransport`.
        retry: What `RetryingTransport` takes, as in `{"stop": stop_after_attempt(5)}`.
        budget: What retries pay with, and hedges too.
        failover: The origins, in order of preference, or a `Failover` to share.
        hedging: A `HedgePolicy`, or `True` for the default one. For asynchronous
            clients only.
        throttle: An `AdaptiveThrottle`, or `True`. It does for a share of requests what
            a breaker does for all of them.
        breaker: A `CircuitBreaker` to share.
        rate_limit: A `RateLimit`. The default one has no limit of its own, and keeps to
            what the server tells.
        concurrency: A `ConcurrencyLimit`, an `AdaptiveConcurrencyLimit`, or `True` for
            100 at a time for each origin. The pool has its own limit of connections.
        attempt: Seconds until the headers of an attempt, after which it has failed.
        on_event: Called with each `Event` in any of the layers, as for
            `RetryingTransport`.
        http: Without an `inner`, what the library's own HTTP transport takes, as for
            `RetryingTransport`.

    `False` and `None` leave a layer out. Its own settings are those of its state, which
    can be shared by many transports.

    30 and 10 seconds are the defaults of .NET's standard resilience handler. They are
    for an API that answers in seconds: for a model that thinks for minutes, give
    `deadline=600, attempt=None`.

    Raises:
        TypeError: A layer was given what it does not take; `inner` is no transport, or
            of the other library; an option is unknown, or given with an `inner`.
        ValueError: A number is out of its range; all layers are left out; a proxy
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
    if unknown := sorted(http.keys() - Layers.__annotations__.keys()):
        known = Layers.__annotations__.keys() - HTTPOptions.__annotations__.keys()
        msg = (
            f"unknown option {', '.join(unknown)}: the layers are "
            f"{', '.join(sorted(known))}; all else is as for RetryingTransport"
        )
        raise TypeError(msg)
    for name, seconds in (("deadline", deadline), ("attempt", attempt)):
        if seconds is not None:
            number(name, seconds, above=0, unit="seconds")
    if retry is not None and not isinstance(retry, Mapping | bool):
        msg = (
            "retry is what RetryingTransport takes, such as "
            f'{{"stop": stop_after_attempt(5)}}, or False for none; got {retry!r}'
        )
        raise TypeError(msg)
    shared = budget_of(budget)
    retries = {
        "budget": shared or False,
        **(retry if isinstance(retry, Mapping) else {}),
    }
    outside_in: tuple[tuple[Kind, str, object, dict[str, Any]], ...] = (
        (kinds.deadline, "total", deadline, {}),
        (kinds.retry, "", retry is not None and retry is not False, retries),
        (kinds.failover, "origins", failover, {}),
        (kinds.hedging, "hedge", hedging, {"budget": shared}),
        (kinds.throttle, "throttle", throttle, {}),
        (kinds.breaker, "breaker", breaker, {}),
        (kinds.rate_limit, "limit", rate_limit, {}),
        (kinds.concurrency, "limit", concurrency, {}),
        (kinds.deadline, "total", attempt, {"body": False}),
    )
    layers = [
        partial(kind, **own) if given is True else partial(kind, **{name: given}, **own)
        for kind, name, given, own in outside_in
        if given is not None and given is not False
    ]
    if not layers:
        msg = "every layer is left out: use the inner transport itself"
        raise ValueError(msg)
    innermost, *around = reversed(layers)
    transport = innermost(inner, on_event=on_event, **http)
    for layer in around:
        transport = layer(transport, on_event=on_event)
    return transport
