"""The circuit-breaking layer."""

from __future__ import annotations

from typing import ClassVar, Unpack

from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.validation import state
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.circuit_breaker.variants import stage_for
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.staged import StagedTransport


class CircuitOpen(Refusal):
    """
    A request was not sent, because the circuit to its origin is not closed.

    It is a `TransportError`. `retry_after` is the number of seconds until another
    attempt makes sense. A `RetryingTransport` retries it only if its strategies say so,
    and then waits for at least that time. A `FailoverTransport` sends the request to
    the next origin.

    Example:
        >>> import httpx
        >>> breaker = CircuitBreaker()
        >>> breaker.force_open("http://api")
        >>> transport = CircuitBreakingTransport(None, breaker)
        >>> with httpx.Client(transport=transport) as client:
        ...     try:
        ...         response = client.get("http://api/")
        ...     except CircuitOpen as error:
        ...         print(error)
        the circuit to http://api is forced open: call breaker.reset(url) to close it
    """


class CircuitBreakingTransport(
    StagedTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that stops sending to an origin while its requests fail.

    It refuses requests at once with `CircuitOpen`. So callers do not wait for a certain
    failure, and clients do not keep a server down. From time to time it sends a probe,
    and other requests wait for the probe's headers; see `CircuitBreaker`. Put it inside
    a `RetryingTransport`: then every attempt counts, and the breaker stops useless
    attempts.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        breaker: The circuits, which other transports may share. By default, new ones.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `breaker` is not a `CircuitBreaker`; `inner` is not a transport, or
            belongs to the other library; an option is unknown, or given together with
            an `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    A request counts when its body has been read or closed. The good headers of a probe
    admit others before that, and if its body breaks, it counts as a failure.

    Example:
        >>> import httpx
        >>> breaker = CircuitBreaker()
        >>> transport = RetryingTransport(CircuitBreakingTransport(None, breaker))
        >>> with httpx.Client(transport=transport) as client:
        ...     breaker.states()
        {}
    """

    _refusal: ClassVar[type[CircuitOpen]] = CircuitOpen

    def __init__(
        self,
        inner: InnerT | None = None,
        breaker: CircuitBreaker | None = None,
        *,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        example = "CircuitBreaker(open_for=10)"
        state("breaker", breaker, CircuitBreaker, example=example)
        breaker = CircuitBreaker() if breaker is None else breaker
        kind = stage_for(breaker)
        self._run(kind(breaker, self._refusal, self._family, self._emit))
