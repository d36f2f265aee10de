"""The deadline layer: one limit over all that a request does."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from httpx_resilient._core.attempts import KEY as HISTORY
from httpx_resilient._core.attempts import attempts_of, mark
from httpx_resilient._core.classify import Retryability
from httpx_resilient._core.clock import Clock
from httpx_resilient._core.deadline import KEY, LEAST, Deadline
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.request_copy import copy_request, sync_back
from httpx_resilient._core.validation import number
from httpx_resilient._layers.deadline.events import DeadlineCut
from httpx_resilient._layers.deadline.stream import Limited
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class DeadlineExceeded(Refusal):
    """
    A request took longer than its deadline allows; a `TimeoutException`.

    The server may have acted: a retry outside of this layer repeats what may be
    repeated.

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
        its headers did not come within the 0.01 s of the deadline
    """

    retryability: ClassVar[Retryability] = Retryability.IF_IDEMPOTENT


class DeadlineLayer(ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport with one absolute limit over all that a request does inside of it.

    Waiting for a connection, sleeping between attempts, every attempt, and reading the
    response's body: all of it together. A timeout of httpx is for one step of these,
    and starts anew with each. Around a `RetryingTransport` it limits the whole request,
    and no wait is begun that cannot end in time: then you get the last outcome at once.
    Inside of one it limits each attempt, and what took too long is tried again. Both
    may be used together.

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is.
        total: Seconds for a request. Without it only those requests are limited that
            ask for it.
        body: Whether it is also for the response's body. Without it a body may take as
            long as it likes, once its headers are there: for streams, inside of a
            retry, which repeats no request whose body has begun.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: `total` is no number; `inner` is no transport, or of the other
            library; an option is unknown, or given together with an `inner`.
        ValueError: `total` is not above 0; a proxy cannot be used.
        ImportError: `http2=True` without its extra.

    One request may differ: `extensions={"deadline": 2.5}`, or `None` for no limit. One
    that is too late raises `DeadlineExceeded`, from what it was doing.

    In a synchronous client nothing interrupts a step that has begun. Each gets what
    remains as its timeout; a server that sends byte after byte can take one longer.

    Example:
        >>> import httpx
        >>> transport = DeadlineTransport(RetryingTransport(), 30)
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    _exceeded: ClassVar[type[DeadlineExceeded]]

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
        self._limited = self._family.stream_class(Limited)
        self.timeouts: tuple[type[Exception], ...] = (
            TimeoutError,
            self._family.timed_out,
        )

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        now = io.now()
        deadline = self._deadline(request, now)
        if deadline is None:
            return await io.send(request)
        twin = copy_request(request, timeout=deadline, deadline=deadline)
        try:
            response = await io.within(deadline.at - now, io.send(twin))
        except self.timeouts as error:
            if not attempts_of(error):
                deadline.note(io.now())
            self.check(request, deadline, "its headers", error)
            raise  # one of the timeouts that it has anyway
        finally:
            sync_back(request, twin)
        if not self._body:
            deadline.lift()
            return response
        limited: Any = response
        limited.stream = self._limited(limited.stream, request, deadline, self)
        return response

    def _deadline(self, request: RequestT, now: float) -> Deadline | None:
        extensions, seconds = request.extensions, self._total
        timeouts = extensions.get("timeout", {})
        if KEY in extensions:
            own, seconds = seconds, extensions[KEY]
            if isinstance(seconds, Deadline):
                if own is None or now + own >= seconds.at:
                    # Another one of its own, because it may be lifted.
                    return Deadline.of(timeouts, seconds.at, seconds.total)
                seconds = own
            elif seconds is not None:
                number('extensions["deadline"]', seconds, above=0, unit="seconds")
        if seconds is None:
            return None
        return Deadline.of(timeouts, now + seconds, seconds)

    def check(
        self,
        request: RequestT,
        deadline: Deadline,
        awaited: str,
        cause: Exception | None = None,
    ) -> None:
        """Raise if it is too late. A timer may be early by less than a millisecond."""
        if Clock.now() >= deadline.at - LEAST:
            self._emit(DeadlineCut, request, awaited, deadline.total)
            seconds = f"{deadline.total:g} s of the deadline"
            msg = f"{awaited} did not come within the {seconds}"
            exceeded = self._exceeded(msg)
            if deadline.left_behind:
                mark(exceeded, HISTORY, deadline.left_behind, Clock.now())
            raise exceeded from cause
