"""The throttling layer: the flow of one request through an adaptive throttle."""

from __future__ import annotations

from typing import ClassVar, Unpack

from httpx_resilient._core.classify import is_of_server
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.origin import origin_key, origin_name
from httpx_resilient._core.validation import state
from httpx_resilient._layers.throttle.events import Throttled
from httpx_resilient._layers.throttle.throttle import AdaptiveThrottle
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT

_OVERLOADED = frozenset({429, 502, 503, 504, 529})
"""
The statuses by which a server, or the gateway in front of it, rejects a request.

502 and 504 are a gateway's connect errors and timeouts. 529 is not in a standard, but
several APIs answer it when they are overloaded.
"""


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
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
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
        self._throttle = throttle or AdaptiveThrottle()

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        throttle, key = self._throttle, origin_key(request.url)
        share, counted = throttle.enter(key, io.now())
        if share is not None:
            self._emit(Throttled, request, share)
            msg = (
                f"adaptive throttle: {share:.0%} of requests to {origin_name(key)} are "
                "rejected locally because it rejects most of them; reduce load or "
                "retry later"
            )
            raise self._refusal(msg)
        accepted: bool | None = None  # a cancellation says nothing about the server
        try:
            response = await io.send(request)
            accepted = response.status_code not in _OVERLOADED
        except Exception as error:
            accepted = False if is_of_server(error, self._family) else None
            raise
        else:
            return response
        finally:
            throttle.leave(key, io.now(), accepted=accepted, counted_before=counted)
