"""The circuit-breaking layer: the flow of one request past a breaker."""

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
from httpx_resilient._layers.circuit_breaker.circuit import Open, Refused
from httpx_resilient._layers.circuit_breaker.events import (
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    CircuitRefused,
)
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT


class CircuitOpen(Refusal):
    """
    A request was not sent, because requests to its origin fail; a `TransportError`.

    `retry_after` says in how many seconds one may be sent again. A `RetryingTransport`
    does not try again, unless its strategies say so; then it waits for at least as
    long. A `FailoverTransport` goes on to the next origin.

    Example:
        >>> import httpx
        >>> breaker = CircuitBreaker()
        >>> breaker.force_open("http://localhost")
        >>> transport = CircuitBreakingTransport(None, breaker)
        >>> with httpx.Client(transport=transport) as client:
        ...     try:
        ...         response = client.get("http://localhost/")
        ...     except CircuitOpen as error:
        ...         print(error)
        the circuit to http://localhost is held open by hand: breaker.reset() ends that
    """


Call = tuple[OriginKey, float, bool, IO[Any, Any]]
"""A request whose body is awaited: when it was sent, and whether it was slow."""


class CircuitBreaking(ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport that sends nothing to an origin where requests keep failing.

    They are refused at once with `CircuitOpen`: so callers need not wait for a failure
    that is certain, and a server that is down is not kept there by its clients. From
    time to time a request is sent to find out; see `CircuitBreaker`. Put it inside of a
    `RetryingTransport`: then every attempt counts, and none is made in vain.

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is.
        breaker: What it knows of each origin. Without one, it has its own.
        on_event: Called with each `Event`, as for `RetryingTransport`.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: `breaker` is no `CircuitBreaker`; `inner` is no transport, or of the
            other library; an option is unknown, or given together with an `inner`.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without its extra.

    How a request has ended is known when its body has been read or closed.

    Example:
        >>> import httpx
        >>> breaker = CircuitBreaker()
        >>> transport = RetryingTransport(CircuitBreakingTransport(None, breaker))
        >>> with httpx.Client(transport=transport) as client:
        ...     breaker.states()
        {}
    """

    _refusal: ClassVar[type[CircuitOpen]]

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
        self._held = self._family.stream_class(ObservedStream)
        self._plain_body = self._family.plain_body

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        breaker, key, sent = self._breaker, origin_key(request.url), io.now()
        admitted = breaker.enter(key, sent)
        if isinstance(admitted, Refused):
            raise self._refused(admitted, request, key)
        failed: bool | None = None  # a request that is cancelled tells nothing
        ended, response = True, None
        try:
            if admitted is not None:
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
            going_on: Any = response
            going_on.stream = self._held(response.stream, call, self)
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
                    self._learn(key, sent, now, failed=failed, slow=slow)

    def _refused(
        self, refused: Refused, request: RequestT, key: OriginKey
    ) -> CircuitOpen:
        why, retry_after = refused
        self._emit(CircuitRefused, request, why, retry_after)
        msg = f"the circuit to {origin_name(key)} {why}"
        return self._refusal(msg, retry_after=retry_after)

    def _learn(
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
            self._emit(CircuitOpened, origin_name(key), changed.why, seconds)
        elif changed is not None:
            self._emit(CircuitClosed, origin_name(key))

    def on_closed(self, held: Call, error: BaseException | None) -> None:
        """Hear that a body has ended."""
        failed: bool | None = False
        if isinstance(error, Exception):
            failed = is_of_server(error, self._family) or None
        elif error is not None and not isinstance(error, GeneratorExit):
            failed = None  # cancelled, other than by somebody who has read enough
        key, sent, slow, io = held
        self._learn(key, sent, io.now(), failed=failed, slow=slow)

    def on_leaked(self, held: Call) -> None:
        """Hear of a body that was never closed. It tells nothing."""
