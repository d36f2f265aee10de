"""The circuit-breaking layer: the flow of one request through a breaker."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from httpx_resilient._core.body.tracked import ObservedStream
from httpx_resilient._core.classify import (
    SWITCHING_PROTOCOLS,
    Retryability,
    classify_status,
    is_of_server,
)
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO, releasing
from httpx_resilient._core.origin import OriginKey, origin_key, origin_name
from httpx_resilient._core.validation import state
from httpx_resilient._layers.circuit_breaker.breaker import CircuitBreaker
from httpx_resilient._layers.circuit_breaker.events import (
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    CircuitRefused,
)
from httpx_resilient._layers.circuit_breaker.state import Open, Refused
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class CircuitOpen(Refusal):
    """
    A request was not sent, because the circuit to its origin is not closed.

    It is a `TransportError`. `retry_after` is the number of seconds until another
    attempt makes sense. A `RetryingTransport` retries it only if its strategies say so,
    and then waits for at least that time. A `FailoverTransport` sends the request to
    the next origin.

    Example:
        >>> import httpx
        >>> breaker = CircuitBreaker()
        >>> breaker.force_open("http://api")
        >>> transport = CircuitBreakingTransport(None, breaker)
        >>> with httpx.Client(transport=transport) as client:
        ...     try:
        ...         response = client.get("http://api/")
        ...     except CircuitOpen as error:
        ...         print(error)
        the circuit to http://api is forced open: call breaker.reset(url) to close it
    """


Call = tuple[OriginKey, float, bool, IO[Any, Any]]
"""A request whose body has not ended: its key, when it was sent, if it was slow, IO."""


class CircuitBreakingTransport(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that stops sending to an origin while its requests fail.

    It refuses requests at once with `CircuitOpen`. So callers do not wait for a certain
    failure, and clients do not keep a server down. From time to time it sends a probe;
    see `CircuitBreaker`. Put it inside a `RetryingTransport`: then every attempt
    counts, and the breaker stops useless attempts.

    Args:
        inner: The transport to send with. By default, a `PoolingTransport`.
        breaker: The circuits, which other transports may share. By default, new ones.
        on_event: Called with each `Event`, as in `RetryingTransport`.
        http: The options of the default inner transport, as in `PoolingTransport`.

    Raises:
        TypeError: `breaker` is not a `CircuitBreaker`; `inner` is not a transport, or
            belongs to the other library; an option is unknown, or given together with
            an `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without the extra `http2`.

    A request counts when its body has been read or closed.

    Example:
        >>> import httpx
        >>> breaker = CircuitBreaker()
        >>> transport = RetryingTransport(CircuitBreakingTransport(None, breaker))
        >>> with httpx.Client(transport=transport) as client:
        ...     breaker.states()
        {}
    """

    _refusal: ClassVar[type[CircuitOpen]] = CircuitOpen

    def __init__(
        self,
        inner: InnerT | None = None,
        breaker: CircuitBreaker | None = None,
        *,
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        example = "CircuitBreaker(open_for=10)"
        state("breaker", breaker, CircuitBreaker, example=example)
        self._breaker = breaker or CircuitBreaker()
        self._stream_class = self._family.stream_class(ObservedStream)
        self._plain_body = self._family.plain_body

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        breaker, key, sent = self._breaker, origin_key(request.url), io.now()
        decision = breaker.enter(key, sent)
        if isinstance(decision, Refused):
            raise self._refused(decision, request, key)
        failed: bool | None = None  # a cancellation says nothing about the server
        ended, response = True, None
        try:
            if decision is not None:
                self._emit(CircuitHalfOpened, origin_name(key))
            response = await io.send(request)
            status = response.status_code
            failed = status >= 500 and classify_status(status) is not Retryability.NEVER
            if (
                failed
                or type(response.stream) is self._plain_body
                or status == SWITCHING_PROTOCOLS
            ):
                return response
            slow = io.now() - sent >= breaker.slow_after
            call: Call = key, sent, slow, io
            observed: Any = response
            observed.stream = self._stream_class(response.stream, call, self)
            ended = False
        except Exception as error:
            failed = is_of_server(error, self._family) or None
            raise
        else:
            return response
        finally:
            if ended:
                now = io.now()
                slow = now - sent >= breaker.slow_after
                async with releasing(response, io):
                    self._settle(key, sent, now, failed=failed, slow=slow)

    def _refused(
        self, refused: Refused, request: RequestT, key: OriginKey
    ) -> CircuitOpen:
        reason, retry_after = refused
        self._emit(CircuitRefused, request, reason, retry_after)
        msg = f"the circuit to {origin_name(key)} {reason}"
        return self._refusal(msg, retry_after=retry_after)

    def _settle(
        self,
        key: OriginKey,
        sent: float,
        now: float,
        *,
        failed: bool | None,
        slow: bool,
    ) -> None:
        changed = self._breaker.leave(key, sent, now, failed=failed, slow=slow)
        if isinstance(changed, Open):
            seconds = changed.until - now
            self._emit(CircuitOpened, origin_name(key), changed.reason, seconds)
        elif changed is not None:
            self._emit(CircuitClosed, origin_name(key))

    def on_closed(self, resource: Call, error: BaseException | None) -> None:
        """Record a request when its body has ended."""
        failed: bool | None = False
        if isinstance(error, Exception):
            failed = is_of_server(error, self._family) or None
        elif error is not None and not isinstance(error, GeneratorExit):
            failed = None  # cancelled; GeneratorExit means that the reader has enough
        key, sent, slow, io = resource
        self._settle(key, sent, io.now(), failed=failed, slow=slow)

    def on_leaked(self, resource: Call) -> None:
        """Ignore a request whose body was never closed: it says nothing."""
