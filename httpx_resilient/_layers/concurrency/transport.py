"""The concurrency limiting layer: the flow of one request through a semaphore."""

from __future__ import annotations

from typing import Any, Unpack

from httpx_resilient._core.body.tracked import TrackedStream
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.admission import admit
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.marks import send_after_queue
from httpx_resilient._core.validation import state
from httpx_resilient._layers.concurrency.admission import PermitAdmission
from httpx_resilient._layers.concurrency.limit import (
    AdaptiveConcurrencyLimit,
    ConcurrencyLimit,
    Limit,
)
from httpx_resilient._layers.concurrency.vegas import TIMED_OUT
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class ConcurrencyLimitingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that limits the number of requests in flight.

    Most servers get slower, and some break down, when they get more requests at a time
    than they can handle. Requests beyond the limit wait in order of arrival, each for
    at most `timeout["pool"]` seconds. Then the transport raises the `PoolTimeout` of
    the library; if the queue is full, it does so at once. The connection pool inside
    has the same timeout for its own queue.

    A request holds its permit until its response is closed, it fails, or it is
    cancelled. Inside a `RetryingTransport`, it holds none between its attempts.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`, which has
            at most 100 connections unless `limits` sets another number.
        limit: A `ConcurrencyLimit` or an `AdaptiveConcurrencyLimit`, which other
            transports may share. By default, a new `ConcurrencyLimit(100)`.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `limit` is neither of these; `inner` is not a transport, or belongs
            to the other library; an option is unknown, or given together with an
            `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    Example:
        >>> import httpx
        >>> limit = ConcurrencyLimit(10)
        >>> retrying = RetryingTransport(ConcurrencyLimitingTransport(limit=limit))
        >>> with httpx.Client(transport=retrying) as client:
        ...     pass
    """

    def __init__(
        self,
        inner: InnerT | None = None,
        limit: ConcurrencyLimit | AdaptiveConcurrencyLimit | None = None,
        *,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        kinds = ConcurrencyLimit, AdaptiveConcurrencyLimit
        state("limit", limit, *kinds, example="ConcurrencyLimit(100)")
        self._limit: Limit[Any] = ConcurrencyLimit() if limit is None else limit
        self._stream_class = self._family.stream_class(TrackedStream)

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        limit = self._limit
        semaphore = limit.semaphore(request.url)
        waited = 0.0
        if not semaphore.try_acquire():
            timeout = self._family.pool_timeout
            admission = PermitAdmission(
                request, semaphore, io.waiter(), self._emit, timeout
            )
            waited = await admit(admission, request, io, self._emit)
        started = io.now() if limit.is_adaptive else 0.0
        is_streaming = False
        try:
            sending = io.send(request)
            response = await (
                send_after_queue(sending, waited, io.now) if waited else sending
            )
        except self._family.timed_out as error:
            # A pool timeout says nothing about the server.
            if limit.is_adaptive and not isinstance(error, self._family.pool_timeout):
                semaphore.record(TIMED_OUT, started, io.now())
            raise
        else:
            if limit.is_adaptive:
                semaphore.record(response.status_code, started, io.now())
            # A mock's response that was read when it was made is never closed again.
            if not response.is_closed:
                tracked: Any = response
                tracked.stream = self._stream_class(
                    response.stream, semaphore, semaphore
                )
                is_streaming = True
            return response
        finally:
            if not is_streaming:
                semaphore.release()
