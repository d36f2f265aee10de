"""The tracing layer: a span for each request that passes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Unpack

from opentelemetry.context import Context, attach, detach
from opentelemetry.propagate import inject
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    TracerProvider,
    get_tracer,
    set_span_in_context,
)

from httpx_resilient import __version__
from httpx_resilient._core.attempts import attempts_of
from httpx_resilient._core.context import resent
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestT, ResponseLike, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.request_copy import copy_request, sync_body_back
from httpx_resilient._metrics.semconv import (
    SCHEMA,
    SENSITIVE,
    error_of,
    known_methods,
    redactor,
    server_of,
)
from httpx_resilient._stack.wrap import nest
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import HTTPOptions, LimitsT, ProxyT
from httpx_resilient.otel._suppression import is_in_official_span, suppression


class Tracing(
    ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]
):
    """
    A transport that makes a span of every request that passes, for OpenTelemetry.

    Inside of a `RetryingTransport` that is a client span for each attempt, by the
    semantic conventions for HTTP, and every attempt tells the server its own span:

        RetryingTransport(TracingTransport())

    Around another one it adds the parent of them all, an internal span for the request:

        TracingTransport(RetryingTransport(TracingTransport()))

    Args:
        inner: The transport to send with. Without one, it is what a `PoolingTransport`
            is.
        tracer_provider: Where spans go: the global one by default.
        redact: Query parameters whose values are told to nobody, besides those that the
            conventions name. Credentials in a URL never are.
        on_event: Who is told what happens in the default inner transport.
        http: What the library's own HTTP transport takes, as for `RetryingTransport`.

    Raises:
        TypeError: `inner` is no transport, or of the other library; an option is
            unknown, or given together with an `inner`; `redact` is one string.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without its extra.

    A client span is called by the method, and has `http.request.method`,
    `server.address`, `server.port`, `url.full`, `http.response.status_code`,
    `network.protocol.version`, `error.type` (the status from 400 on, or the bare name
    of the exception's class) and `http.request.resend_count` if it is not the first
    attempt. The parent is called `GET request`, say, and has the first four, what
    became of the request in the end, and in `httpx_resilient.attempts` how many it
    took.

    A span is current while the request is sent, and ends when the headers are there, or
    when it fails: the body is not a part of it. If it is cancelled, as the loser of two
    hedged requests is, its status stays unset, for that is no error, and
    `httpx_resilient.cancelled` is true.

    The official instrumentor makes no second span of the same: what it adds to the
    library's own transport, by `instrument()`, keeps silent inside of this one; and
    within a span of `instrument_client(client)` there is no other parent.

    Example:
        >>> import httpx
        >>> from httpx_resilient import RetryingTransport
        >>> transport = RetryingTransport(TracingTransport(redact={"api_key"}))
        >>> with httpx.Client(transport=transport) as client:
        ...     pass
    """

    def __init__(
        self,
        inner: InnerT | None = None,
        *,
        tracer_provider: TracerProvider | None = None,
        redact: Collection[str] = (),
        on_event: Listener | None = None,
        **http: Unpack[HTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        super().__init__(inner, on_event, dict(http))
        if isinstance(redact, str):
            msg = f'redact is several names, such as {{"api_key"}}; got {redact!r}'
            raise TypeError(msg)
        self._tracer = get_tracer(
            "httpx_resilient", __version__, tracer_provider, SCHEMA
        )
        self._redacted = redactor({*SENSITIVE, *redact})
        self._methods = known_methods()
        # What breaks the protocol, sent or received: both have one base.
        self._quoting = self._family.protocol_error.__bases__
        self._is_enabled, self._flags = suppression()
        self._is_parent = any(
            isinstance(each, Tracing) and each is not self
            for each in nest(self).values()
        )

    async def _handle(
        self, request: RequestT, io: IO[RequestT, ResponseT]
    ) -> ResponseT:
        is_parent = self._is_parent
        if not self._is_enabled() or (is_parent and is_in_official_span()):
            return await io.send(request)
        span = self._started(request)
        context = set_span_in_context(span)
        sent = request
        if not is_parent:
            context = Context({**context, **self._flags})
        # By hand, because `use_span` and a second context would cost thrice as much.
        token = attach(context)
        under_way = True
        try:
            if not is_parent:
                sent = _carrying(request, context)
            response = await io.send(sent)
            under_way = False
            _answered(span, response)
            if is_parent:
                _counted(span, response)
        except Exception as error:
            under_way = False
            _failed(span, error, quotes=isinstance(error, self._quoting))
            if is_parent:
                _counted(span, error)
            raise
        else:
            return response
        finally:
            if sent is not request:
                sync_body_back(request, sent)
            if under_way:
                span.set_attribute("httpx_resilient.cancelled", value=True)
            detach(token)
            span.end()

    def _started(self, request: RequestT) -> Span:
        method, url = request.method, request.url
        address, port = server_of(url)
        known = method in self._methods
        about: dict[str, str | int] = {
            "http.request.method": method if known else "_OTHER",
            "server.address": address,
            "url.full": self._redacted(str(url)),
        }
        if port is not None:
            about["server.port"] = port
        if not known:
            about["http.request.method_original"] = method
        name, kind = method if known else "HTTP", SpanKind.CLIENT
        if self._is_parent:
            name, kind = f"{name} request", SpanKind.INTERNAL
        elif times := resent():
            about["http.request.resend_count"] = times
        return self._tracer.start_span(name, kind=kind, attributes=about)


def _carrying(request: RequestT, context: Context) -> RequestT:
    """Give it the context of its trace, in headers that are not the caller's."""
    carried: dict[str, str] = {}
    inject(carried, context)
    if not carried:
        return request
    twin: Any = copy_request(request)
    twin.headers = twin.headers.copy()
    twin.headers.update(carried)
    sent: RequestT = twin
    return sent


def _answered(span: Span, response: ResponseLike) -> None:
    if not span.is_recording():
        return
    status = response.status_code
    span.set_attribute("http.response.status_code", status)
    version = response.extensions.get("http_version")
    if isinstance(version, bytes):
        spoken = version.decode("ascii", "backslashreplace").removeprefix("HTTP/")
        span.set_attribute("network.protocol.version", spoken)
    error = error_of(status)
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)


def _failed(span: Span, error: Exception, *, quotes: bool) -> None:
    kind = type(error).__qualname__
    span.set_attribute("error.type", kind)
    if quotes:
        # Its message may have a header in it, with a value that is a secret.
        span.add_event("exception", {"exception.type": kind})
        span.set_status(StatusCode.ERROR, kind)
    else:
        span.record_exception(error)
        span.set_status(StatusCode.ERROR, f"{kind}: {error}")


def _counted(span: Span, outcome: object) -> None:
    attempts = attempts_of(outcome)
    if attempts:
        span.set_attribute("httpx_resilient.attempts", len(attempts))
