"""The rate limiting layer: no faster than agreed, nor than the server asks."""

from __future__ import annotations

from typing import ClassVar, Unpack

from httpx_resilient._core.attempts import after_queue
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO, releasing
from httpx_resilient._core.origin import origin_key
from httpx_resilient._core.validation import state
from httpx_resilient._layers.rate_limit.admission import RateAdmission
from httpx_resilient._layers.rate_limit.events import PausedByServer
from httpx_resilient._layers.rate_limit.headers import told_in
from httpx_resilient._layers.rate_limit.limit import RateLimit
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class RateLimitExceeded(Refusal):
    """
    A request would wait for its turn longer than it may, and was not sent.

    `retry_after` is how many seconds it would have waited, at least. A retry around
    this layer does not try it again: that would be another wait.

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


class RateLimitingLayer(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that sends no faster than a limit allows, and than the server wants.

    A server that has to refuse does not get less work by it, and one that is ignored
    locks its clients out. So requests wait here for their turn, in the order they came,
    and hold nothing while they do. One that would wait too long, or until after its
    deadline, is refused at once by a `RateLimitExceeded`.

    The server is listened to. A `Retry-After` with 429, 503 or 403 is for all requests
    to that origin, those that wait already too: they go on when it is over, the first
    ones one by one, up to a tenth later, 5 s at most. Where it tells of a quota
    (`RateLimit`, `RateLimit-Remaining`, `X-RateLimit-Remaining` and their kin) no more
    than that are sent until it is renewed. `RateLimit` and `RateLimit-Policy` need
    `pip install httpx_resilient[ratelimit]`.

    Inside of a `RetryingTransport` every attempt waits for its turn.

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is.
        limit: The `RateLimit`. Without one, only the server is listened to.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: `limit` is no `RateLimit`; `inner` is no transport, or of the other
            library; an option is unknown, or given together with an `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without its extra.

    Example:
        >>> import httpx
        >>> transport = RateLimitingTransport(limit=RateLimit(100, per=60, burst=10))
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _exceeded: ClassVar[type[RateLimitExceeded]]

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
                request, limit, key, io, self._emit, self._exceeded
            )
            waited = await admission.wait()
            number, sent = admission.number, io.now()
        told = None
        try:
            sending = io.send(request)
            response = await (
                after_queue(sending, waited, io.now) if waited else sending
            )
            if limit.learns:
                told = told_in(response, io.wall_time)
        finally:
            if number or told is not None:
                now = io.now()
                limit.hear(key, number, told, now, now - sent)
        if told is not None and told.pause is not None:
            async with releasing(response, io):
                self._emit(PausedByServer, request, told.pause)
        return response
