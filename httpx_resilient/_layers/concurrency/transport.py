"""The concurrency limiting layer: no more requests at a time than there are permits."""

from __future__ import annotations

from typing import Any, Unpack

from httpx_resilient._core.attempts import after_queue
from httpx_resilient._core.body.tracked import TrackedStream
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
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


class ConcurrencyLimiting(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that sends no more requests at a time than a limit allows.

    Most servers get slower, and some break down, when they get more at a time than they
    can do. Here those beyond the limit wait, first come, first served. Each waits for
    at most `timeout["pool"]` seconds, then it raises the library's own `PoolTimeout`;
    so does at once one for which there is no room in the queue. What is inside still
    waits for a connection for as long.

    A request has its permit until its response is closed, or it failed, or was
    cancelled. Inside of a `RetryingTransport` none is held between attempts.

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is, with no more than 100 connections unless `limits` says otherwise.
        limit: A `ConcurrencyLimit` or an `AdaptiveConcurrencyLimit`. Without one, it is
            `ConcurrencyLimit(100)`.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: `limit` is none of these; `inner` is no transport, or of the other
            library; an option is unknown, or given together with an `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without its extra.

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
        self._held = self._family.stream_class(TrackedStream)

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        limit = self._limit
        gate = limit.gate(request.url)
        waited = 0.0
        if not gate.take():
            admission = PermitAdmission(request, gate, io, self._emit, self._family)
            waited = await admission.wait()
        started = io.now() if limit.learns else 0.0
        is_held = False
        try:
            sending = io.send(request)
            response = await (
                after_queue(sending, waited, io.now) if waited else sending
            )
        except self._family.timed_out as error:
            # That no connection was free here tells nothing of the server.
            if limit.learns and not isinstance(error, self._family.pool_timeout):
                gate.note(TIMED_OUT, started, io.now())
            raise
        else:
            if limit.learns:
                gate.note(response.status_code, started, io.now())
            # One of a mock, read when it was made, is never closed again.
            if not response.is_closed:
                limited: Any = response
                limited.stream = self._held(response.stream, gate, gate)
                is_held = True
            return response
        finally:
            if not is_held:
                gate.give()
