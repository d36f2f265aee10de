"""The rate limiting layer: no faster than agreed, nor than the server asks."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, Unpack

from httpx_resilient._core.attempts import after_queue
from httpx_resilient._core.deadline import deadline_of
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.events.queueing import Admitted
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO, releasing
from httpx_resilient._core.origin import origin_key, origin_name
from httpx_resilient._core.validation import state
from httpx_resilient._layers.rate_limit.events import PausedByServer, RateLimited
from httpx_resilient._layers.rate_limit.gcra import NOW
from httpx_resilient._layers.rate_limit.headers import told_in
from httpx_resilient._layers.rate_limit.limit import RateLimit, Turn
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
        number = limit.take(key, sent)
        waited, queued = 0.0, number is None
        if number is None:
            number = await self._turn(request, key, io)
            waited = -sent + (sent := io.now())
        told = None
        try:
            if queued:
                self._emit(Admitted, request, "rate", waited)
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

    async def _turn(
        self, request: RequestT, key: Hashable, io: IO[RequestT, ResponseT]
    ) -> int:
        """Wait in the queue, and return the request's number."""
        limit, now = self._limit, io.now()
        until, reason = now + limit.max_wait, f"max_wait is {limit.max_wait:g} s"
        deadline = deadline_of(request)
        if deadline is not None and deadline.at < until:
            until, reason = deadline.at, "its deadline comes before"
        turn = limit.ask(key, now)
        self._check(request, turn, until - now, reason)
        self._emit(RateLimited, request, turn.wait, refused=False)
        place = limit.join(key)
        try:
            while True:
                waiter = io.waiter()
                try:
                    now = io.now()
                    turn = limit.turn(key, place, waiter, now)
                    # Nothing is awaited from here until it is sent: one that is
                    # cancelled has no token that it could take with it.
                    if turn.number is not None:
                        return turn.number
                    self._check(request, turn, until - now, reason)
                    await self._emit.settle()
                    await io.turn(waiter, turn.timer, until - now)
                finally:
                    waiter.close()
        finally:
            limit.leave(key, place)

    def _check(
        self, request: RequestT, turn: Turn, patience: float, reason: str
    ) -> None:
        if turn.at_best > patience + NOW or patience <= 0:
            wait, origin = turn.wait, origin_name(origin_key(request.url))
            msg = (
                f"a request to {origin} has to wait for {round(wait, 3):g} s, "
                f"and {reason}"
            )
            self._emit(RateLimited, request, wait, refused=True)
            raise self._exceeded(msg, retry_after=wait)
