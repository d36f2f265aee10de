"""The deadline layer: one limit for everything that a request does inside of it."""

from __future__ import annotations

from typing import ClassVar, Unpack

from httpx_resilient._core.classify import Retryability
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.validation import number
from httpx_resilient._layers.deadline.stage import OPTION, DeadlineStage
from httpx_resilient._transport.base import InnerT
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient._transport.staged import StagedTransport


class DeadlineExceeded(Refusal):
    """
    A request exceeded its deadline; a `TimeoutException`.

    The server may have processed the request, so a retry around this layer repeats it
    only if it is idempotent. If the request was not sent yet, because it was queued on
    this side or connecting, the message says so, and a retry repeats it in any case.

    Example:
        >>> import httpx, time
        >>> def slow(request):
        ...     time.sleep(request.extensions["timeout"]["read"])
        ...     raise httpx.ReadTimeout("timed out")
        >>> transport = DeadlineTransport(httpx.MockTransport(slow), 0.01)
        >>> with httpx.Client(transport=transport) as client:
        ...     try:
        ...         response = client.get("http://localhost/")
        ...     except DeadlineExceeded as error:
        ...         print(error)
        deadline of 0.01 s exceeded while waiting for response headers
    """

    retryability: Retryability = Retryability.IF_IDEMPOTENT
    is_own: bool = False
    library_base: ClassVar[str] = "timed_out"


class DeadlineTransport(StagedTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport with one absolute limit for everything that a request does inside of it.

    The limit includes waiting for a connection, sleeping between attempts, every
    attempt, and reading the response body. A timeout of httpx limits one of these steps
    and starts anew with each.

    Around a `RetryingTransport` it limits the whole request. A wait that cannot end in
    time is not begun: you get the last outcome at once. Inside of a `RetryingTransport`
    it limits each attempt, and an attempt that takes too long is retried. You may use
    both together.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        total: The limit for each request in seconds. By default, only requests with the
            extension `deadline` have one.
        body: Whether the limit includes the response body. With `False`, a body may
            take any time once the headers have arrived. Use that for streams inside of
            a retry, which never repeats a stream that has begun. The limit is
            one for the server then: it pauses while the request is queued on this side,
            for a connection, a permit or a turn.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `total` is not a number; `inner` is not a transport, or belongs to
            the other library; an option is unknown, or given together with an `inner`.
        ValueError: `total` is not above 0; a proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    An extension overrides the limit for one request: `{"deadline": 2.5}`, or
    `{"deadline": None}` for no limit. A request that exceeds its limit raises
    `DeadlineExceeded` from the step that was interrupted.

    In a synchronous client nothing interrupts a step that has begun. Each step gets the
    remaining time as its timeout, so a server that sends single bytes can exceed it.

    Example:
        >>> import httpx
        >>> transport = DeadlineTransport(RetryingTransport(), 30)
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _option: ClassVar[str | None] = OPTION
    _refusal: ClassVar[type[DeadlineExceeded]] = DeadlineExceeded

    def __init__(
        self,
        inner: InnerT | None = None,
        total: float | None = None,
        *,
        body: bool = True,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        if total is not None:
            total = number("total", total, above=0, unit="seconds")
        self._run(
            DeadlineStage(total, self._refusal, self._family, self._emit, body=body)
        )
