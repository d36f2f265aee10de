"""The throttling layer."""

from __future__ import annotations

from typing import ClassVar, Unpack

from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.validation import state
from httpx_resilient._layers.throttle.stage import KeyedThrottleStage, ThrottleStage
from httpx_resilient._layers.throttle.throttle import AdaptiveThrottle
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.staged import StagedTransport


class RequestThrottled(Refusal):
    """
    A request was rejected locally, because its origin rejects too many.

    It is a `TransportError`. A `RetryingTransport` retries it only if its strategies
    say so.

    Example:
        >>> import httpx
        >>> overloaded = httpx.MockTransport(lambda request: httpx.Response(503))
        >>> with httpx.Client(transport=ThrottlingTransport(overloaded)) as client:
        ...     try:
        ...         while True:
        ...             response = client.get("http://localhost/")
        ...     except RequestThrottled as error:
        ...         print("rejected locally:", error.request.url)
        rejected locally: http://localhost/
    """


class ThrottlingTransport(
    StagedTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that rejects requests locally if an overloaded origin would do so too.

    An overloaded server spends its remaining capacity on rejections. This transport
    rejects a share of the requests at once with `RequestThrottled`. The share follows
    the requests that the server accepts; see `AdaptiveThrottle`. A circuit breaker
    sends all requests or none; a throttle finds the share that the server can serve.
    Put it inside a `RetryingTransport`, so that every attempt counts.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        throttle: The loads, which other transports may share. By default, new ones.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `throttle` is not an `AdaptiveThrottle`; `inner` is not a transport,
            or belongs to the other library; an option is unknown, or given together
            with an `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    Example:
        >>> import httpx
        >>> throttle = AdaptiveThrottle()
        >>> transport = RetryingTransport(ThrottlingTransport(None, throttle))
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _refusal: ClassVar[type[RequestThrottled]] = RequestThrottled

    def __init__(
        self,
        inner: InnerT | None = None,
        throttle: AdaptiveThrottle | None = None,
        *,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        example = "AdaptiveThrottle(k=1.5)"
        state("throttle", throttle, AdaptiveThrottle, example=example)
        throttle = AdaptiveThrottle() if throttle is None else throttle
        kind = ThrottleStage if throttle.key is None else KeyedThrottleStage
        self._run(kind(throttle, self._refusal, self._family, self._emit))
