"""The tracing layer: one span for each request it sends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Unpack

from opentelemetry.context import Context, attach, detach
from opentelemetry.propagate import inject
from opentelemetry.trace import (
    Span,
    SpanKind,
    TracerProvider,
    get_tracer,
    set_span_in_context,
)

from httpx_resilient import __version__
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.http_types import RequestLike, RequestT, ResponseT
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.origin import safe_url
from httpx_resilient._core.redaction import Redactor
from httpx_resilient._core.request_copy import copy_request, sync_body_back
from httpx_resilient._core.validation import Strings
from httpx_resilient._metrics.semconv import (
    SCHEMA_URL,
    SENSITIVE_PARAMETERS,
    known_methods,
    redactor,
)
from httpx_resilient._transport.base import InnerT, ResilientTransport
from httpx_resilient._transport.inner import LimitsT, PooledHTTPOptions, ProxyT
from httpx_resilient._transport.inside import transports_in
from httpx_resilient.otel._spans import (
    record_attempts,
    record_error,
    record_response,
    request_attributes,
)
from httpx_resilient.otel._suppression import find_suppression, is_in_official_span


class TracingLayer(ResilientTransport[RequestT, ResponseT, InnerT, LimitsT, ProxyT]):
    """
    A transport that makes an OpenTelemetry span for each request it sends.

    Inside a `RetryingTransport` it makes a client span for each attempt, by the
    semantic conventions for HTTP. Trace headers propagate that span to the server:

        RetryingTransport(TracingTransport())

    A second one outside adds their parent, an internal span for the request:

        TracingTransport(RetryingTransport(TracingTransport()))

    Args:
        inner: The transport to send with; by default a `PoolingTransport`.
        tracer_provider: The provider of its tracer: the global one by default.
        redact: Names of query parameters to redact, besides those that the conventions
            name and those that are called a key or a secret; or a function of a URL
            without user and query that returns what to show, as for other layers.
            Otherwise, credentials and what looks like a token are redacted.
        on_event: Called with each `Event` of the default inner transport, and with
            `CallEnded` if it asks for that, and this is the outermost layer.
        http: Options of the default inner transport, as for `RetryingTransport`.

    Raises:
        TypeError: `inner` is not a transport, or belongs to the other library; an
            option is unknown, or given together with an `inner`; `redact` is a string.
        ValueError: A proxy cannot be used.
        ImportError: `http2=True` without its extra.

    The name of a client span is the method. Its attributes are `http.request.method`,
    `server.address`, `server.port`, `url.full`, `http.response.status_code`,
    `network.protocol.version`, `error.type` (the status from 400 on, or the bare name
    of the exception's class) and, from the second attempt on,
    `http.request.resend_count`. The name of the parent is, for example, `GET request`.
    It has the first four attributes, those of the final outcome, and the number of
    attempts in `httpx_resilient.attempts`.

    A span is current while its request is sent, and ends with the response headers or
    the exception: it does not include the body. The span of a cancelled request, such
    as the loser of two hedged ones, has no error status, because cancellation is not an
    error; its attribute `httpx_resilient.cancelled` is true.

    The official instrumentor does not duplicate these spans: inside this layer, the
    one from `instrument()` is suppressed; inside the span of
    `instrument_client(client)`, this layer makes no parent.

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
        redact: Strings | Redactor = (),
        on_event: Listener | None = None,
        **http: Unpack[PooledHTTPOptions[LimitsT, ProxyT]],
    ) -> None:
        own = redact if callable(redact) else None
        super().__init__(inner, on_event, {**http, "redact": own})
        if isinstance(redact, str):
            msg = (
                'redact must be a collection of names, such as {"api_key"}, or a '
                f"function of a URL; got {redact!r}"
            )
            raise TypeError(msg)
        self._tracer = get_tracer(
            "httpx_resilient", __version__, tracer_provider, SCHEMA_URL
        )
        self._shown_url: Callable[[RequestLike], str]
        if callable(redact):
            self._shown_url = partial(safe_url, redact=redact)
        else:
            full = redactor({*SENSITIVE_PARAMETERS, *redact})
            self._shown_url = lambda request: full(str(request.url))
        self._methods = known_methods()
        self._is_enabled, self._suppressing_flags = find_suppression()
        self._is_parent = any(
            isinstance(each, TracingLayer) and each is not self
            for each in transports_in(self)
        )

    async def _handle(
        self,
        request: RequestT,
        io: IO[RequestT, ResponseT],
        context: RequestContext | None = None,
    ) -> ResponseT:
        is_parent = self._is_parent
        if not self._is_enabled() or (is_parent and is_in_official_span()):
            return await io.send(request, context)
        span = self._start_span(request, 1 if context is None else context.attempt)
        variables = set_span_in_context(span)
        sent = request
        if not is_parent:
            variables = Context({**variables, **self._suppressing_flags})
        # By hand: `use_span` and a second context would cost three times as much.
        token = attach(variables)
        is_finished = False
        try:
            if not is_parent:
                sent = _with_trace_headers(request, variables)
            response = await io.send(sent, context)
            is_finished = True
            record_response(span, response)
            if is_parent:
                record_attempts(span, response)
        except Exception as error:
            is_finished = True
            record_error(span, error)
            if is_parent:
                record_attempts(span, error)
            raise
        else:
            return response
        finally:
            if sent is not request:
                sync_body_back(request, sent)
            if not is_finished:
                span.set_attribute("httpx_resilient.cancelled", value=True)
            detach(token)
            span.end()

    def _start_span(self, request: RequestT, attempt: int) -> Span:
        attributes = request_attributes(request, self._methods, self._shown_url)
        method, kind = request.method, SpanKind.CLIENT
        name = method if method in self._methods else "HTTP"
        if self._is_parent:
            name, kind = f"{name} request", SpanKind.INTERNAL
        elif attempt > 1:
            attributes["http.request.resend_count"] = attempt - 1
        return self._tracer.start_span(name, kind=kind, attributes=attributes)


def _with_trace_headers(request: RequestT, context: Context) -> RequestT:
    """Return a copy of the request with the headers that propagate its context."""
    headers: dict[str, str] = {}
    inject(headers, context)
    if not headers:
        return request
    # `Any`, because the protocol of a request declares its headers read-only.
    copy: Any = copy_request(request)
    copy.headers = copy.headers.copy()
    copy.headers.update(headers)
    sent: RequestT = copy
    return sent
