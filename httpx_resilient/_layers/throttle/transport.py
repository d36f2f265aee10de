"""The throttling layer: the flow of one request past an adaptive throttle."""

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
What a server or the gateway in front of it says instead of doing the work.

502 and 504 are a gateway's connect errors and timeouts. 529 is no standard, but what
several APIs answer when they are overloaded.
"""


class RequestThrottled(Refusal):
    """
    A request was not sent, because its origin rejects too many; a `TransportError`.

    A `RetryingTransport` does not try again, unless its strategies say so.

    Example:
        >>> import httpx
        >>> overloaded = httpx.MockTransport(lambda request: httpx.Response(503))
        >>> with httpx.Client(transport=ThrottlingTransport(overloaded)) as client:
        ...     try:
        ...         while True:
        ...             response = client.get("http://localhost/")
        ...     except RequestThrottled as error:
        ...         print("spared", error.request.url)
        spared http://localhost/
    """


class Throttling(ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport that holds back requests that an origin would reject anyway.

    A server that has too much to do spends what is left of its strength on saying so.
    Here a share of the requests is refused at once, with `RequestThrottled`, and it
    follows what the server accepts; see `AdaptiveThrottle`. A circuit breaker sends all
    or nothing; this finds the share that can be served. Put it inside of a
    `RetryingTransport`, so that every attempt counts.

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is.
        throttle: What it knows of each origin. Without one, it has its own.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: `throttle` is no `AdaptiveThrottle`; `inner` is no transport, or of
            the other library; an option is unknown, or given together with an `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without its extra.

    Example:
        >>> import httpx
        >>> throttle = AdaptiveThrottle()
        >>> transport = RetryingTransport(ThrottlingTransport(None, throttle))
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _refusal: ClassVar[type[RequestThrottled]]

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
                f"{origin_name(key)} rejects most requests, so {share:.0%} of them are "
                "not sent for now: send fewer, or wait some seconds"
            )
            raise self._refusal(msg)
        accepted: bool | None = None  # a request that is cancelled tells nothing
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
