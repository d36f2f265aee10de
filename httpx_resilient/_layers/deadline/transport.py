"""The deadline layer: one limit for everything that a request does inside of it."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from httpx_resilient._core.attempts import KEY as HISTORY
from httpx_resilient._core.attempts import attempts_of
from httpx_resilient._core.classify import Retryability
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.deadline import KEY, LEAST, Deadline
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.marks import mark, value_on
from httpx_resilient._core.request_copy import copy_request, sync_back
from httpx_resilient._core.validation import number
from httpx_resilient._layers.deadline.events import (
    Awaited,
    DeadlineCut,
    describe_cut,
)
from httpx_resilient._layers.deadline.stream import DeadlineStream
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT

CUT = "deadline cut"
"""The mark of the moment that an exception has reported as passed."""


class DeadlineExceeded(Refusal):
    """
    A request exceeded its deadline; a `TimeoutException`.

    The server may have processed the request, so a retry around this layer repeats it
    only if it is idempotent.

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

    retryability: ClassVar[Retryability] = Retryability.IF_IDEMPOTENT
    library_base: ClassVar[str] = "timed_out"


class DeadlineTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
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
            a retry, which never repeats a request whose body has begun.
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
            number("total", total, above=0, unit="seconds")
        self._total = total
        self._body = body
        self._stream_class = self._family.stream_class(DeadlineStream)
        self.timeouts: tuple[type[Exception], ...] = (
            TimeoutError,
            self._family.timed_out,
        )

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        now = io.now()
        deadline = self._deadline_for(request, now)
        if deadline is None:
            return await io.send(request)
        copy = copy_request(request, timeout=deadline, deadline=deadline)
        try:
            response = await io.within(deadline.at - now, io.send(copy))
        except self.timeouts as error:
            if not attempts_of(error):
                deadline.note(io.now())
            self.raise_if_exceeded(request, deadline, "headers", error)
            raise  # a timeout of a single step, which is shorter than the deadline
        finally:
            sync_back(request, copy)
        if not self._body:
            deadline.lift()
            return response
        limited: Any = response
        limited.stream = self._stream_class(limited.stream, request, deadline, self)
        return response

    def _deadline_for(self, request: RequestT, now: float) -> Deadline | None:
        extensions, seconds = request.extensions, self._total
        timeouts = extensions.get("timeout", {})
        if KEY in extensions:
            given = extensions[KEY]
            if not isinstance(given, Deadline):
                if given is not None:
                    number('extensions["deadline"]', given, above=0, unit="seconds")
                seconds = given
            elif seconds is None or now + seconds >= given.at:
                # A copy of the outer deadline, because this layer may lift its own.
                at, total = given.at, given.total
                return Deadline.inside(given, timeouts, at, total, now)
            else:
                at = now + seconds
                return Deadline.inside(given, timeouts, at, seconds, now)
        if seconds is None:
            return None
        return Deadline.of(timeouts, now + seconds, seconds)

    def raise_if_exceeded(
        self,
        request: RequestT,
        deadline: Deadline,
        awaited: Awaited,
        cause: Exception | None = None,
    ) -> None:
        """
        Raise if the deadline has passed.

        The event loop may fire a timer early by less than a millisecond.
        """
        if Clock.now() >= deadline.at - LEAST:
            # A layer inside may have reported the same moment.
            if value_on(cause, CUT) != deadline.at:
                self._emit(DeadlineCut, request, awaited, deadline.total)
            exceeded = self._refusal(describe_cut(awaited, deadline.total))
            mark(exceeded, CUT, deadline.at, Clock.now())
            history = deadline.left_behind or value_on(cause, HISTORY)
            if history:
                mark(exceeded, HISTORY, history, Clock.now())
            raise exceeded from cause
