"""The concurrency limiting layer."""

from __future__ import annotations

from typing import Unpack

from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.validation import state
from httpx_resilient._layers.concurrency.limit import (
    AdaptiveConcurrencyLimit,
    ConcurrencyLimit,
)
from httpx_resilient._layers.concurrency.stage import stage_of
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.staged import StagedTransport


class ConcurrencyLimitingTransport(
    StagedTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
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
        limit = limit or ConcurrencyLimit()
        self._run(stage_of(limit)(limit, self._family, self._emit))
