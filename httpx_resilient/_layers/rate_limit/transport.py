"""The rate limiting layer: the flow of one request through a rate limit."""

from __future__ import annotations

from typing import ClassVar, Unpack

from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.admission import admit
from httpx_resilient._core.io.protocol import IO, releasing
from httpx_resilient._core.marks import send_after_queue
from httpx_resilient._core.origin import origin_key
from httpx_resilient._core.validation import state
from httpx_resilient._layers.rate_limit.admission import RateAdmission
from httpx_resilient._layers.rate_limit.events import PausedByServer
from httpx_resilient._layers.rate_limit.headers import read_quota
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class RateLimitExceeded(Refusal):
    """
    A request was not sent, because its turn would come too late.

    It is a `TransportError`. `retry_after` is the number of seconds that it would have
    waited. A `RetryingTransport` does not retry it by default, because a retry would
    only wait again.

    Example:
        >>> import httpx
        >>> limit = RateLimit(1, per=60, max_wait=0)
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> with httpx.Client(transport=RateLimitingTransport(mock, limit)) as client:
        ...     response = client.get("http://localhost/")
        ...     try:
        ...         response = client.get("http://localhost/")
        ...     except RateLimitExceeded as error:
        ...         print(round(error.retry_after))
        60
    """


class RateLimitingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that sends no faster than a limit allows, and than the server allows.

    A server works for a request that it refuses too, and it may lock out clients that
    ignore its limits. So requests wait here in order of arrival, and occupy nothing
    else meanwhile. A request whose turn would come after `max_wait` or after its
    deadline is refused at once with `RateLimitExceeded`.

    The transport respects two kinds of limits that a server reports:

    * `Retry-After` with 429, 503 or 403 pauses all requests to that origin, including
      those that wait already. After the pause, requests are spread over a tenth of it,
      5 s at most: the first ones go one by one, the others ever faster.
    * A quota (`RateLimit`, `RateLimit-Remaining`, `X-RateLimit-Remaining` and similar
      fields) bounds the number of requests until it is renewed. `RateLimit` and
      `RateLimit-Policy` need `pip install httpx_resilient[ratelimit]`.

    Inside a `RetryingTransport`, every attempt waits for its turn.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        limit: The `RateLimit`, which other transports may share. By default, only the
            limits of the server apply.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `limit` is not a `RateLimit`; `inner` is not a transport, or belongs
            to the other library; an option is unknown, or given together with an
            `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    Example:
        >>> import httpx
        >>> transport = RateLimitingTransport(limit=RateLimit(100, per=60, burst=10))
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _refusal: ClassVar[type[RateLimitExceeded]] = RateLimitExceeded

    def __init__(
        self,
        inner: InnerT | None = None,
        limit: RateLimit | None = None,
        *,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        state("limit", limit, RateLimit, example="RateLimit(10, per=1)")
        self._limit = RateLimit() if limit is None else limit

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        limit, sent = self._limit, io.now()
        key = origin_key(request.url) if limit.key is None else limit.key(request)
        number, waited = limit.take(key, sent), 0.0
        if number is None:
            admission = RateAdmission(
                request, limit, key, io, self._emit, self._refusal
            )
            waited = await admit(admission, request, io, self._emit)
            number, sent = admission.number, io.now()
        quota = None
        try:
            sending = io.send(request)
            response = await (
                send_after_queue(sending, waited, io.now) if waited else sending
            )
            if limit.learns:
                quota = read_quota(response, io.wall_time)
        finally:
            if number or quota is not None:
                now = io.now()
                limit.record(key, number, quota, now, now - sent)
        if quota is not None and quota.pause is not None:
            async with releasing(response, io):
                self._emit(PausedByServer, request, quota.pause)
        return response
