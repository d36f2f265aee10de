"""The attributes and the status of a span, by the semantic conventions for HTTP."""

from __future__ import annotations

from collections.abc import Callable, Collection

from opentelemetry.trace import Span, StatusCode

from httpx_resilient._core.attempts import attempts_of
from httpx_resilient._core.causes import causes_of
from httpx_resilient._core.error_text import describe_error, error_text
from httpx_resilient._core.http_types import RequestLike, ResponseLike
from httpx_resilient._metrics.semconv import error_type, server_of_url

Attributes = dict[str, str | int]


def request_attributes(
    request: RequestLike,
    methods: Collection[str],
    shown_url: Callable[[RequestLike], str],
) -> Attributes:
    """
    Return the attributes of a request that is about to be sent.

    Args:
        request: The request.
        methods: The methods to report by name. Others are reported as `_OTHER`.
        shown_url: Returns the URL of a request without secrets.
    """
    method, url = request.method, request.url
    address, port = server_of_url(url)
    is_known = method in methods
    attributes: Attributes = {
        "http.request.method": method if is_known else "_OTHER",
        "server.address": address,
        "url.full": shown_url(request),
    }
    if port is not None:
        attributes["server.port"] = port
    if not is_known:
        attributes["http.request.method_original"] = method
    return attributes


def record_response(span: Span, response: ResponseLike) -> None:
    """Add the status and the protocol of a response. From 400 on it is an error."""
    if not span.is_recording():
        return
    status = response.status_code
    span.set_attribute("http.response.status_code", status)
    version = response.extensions.get("http_version")
    if isinstance(version, bytes):
        protocol = version.decode("ascii", "backslashreplace").removeprefix("HTTP/")
        span.set_attribute("network.protocol.version", protocol)
    error = error_type(status)
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)


def record_error(span: Span, error: Exception) -> None:
    """Add an exception without what may be secret, and set the status to error."""
    kind = type(error).__qualname__
    span.set_attribute("error.type", kind)
    if all(error_text(each) == str(each) for each in (error, *causes_of(error))):
        span.record_exception(error)
    else:  # its traceback would quote all of it
        attributes = {"exception.type": kind, "exception.message": error_text(error)}
        span.add_event("exception", attributes)
    span.set_status(StatusCode.ERROR, describe_error(error))


def record_attempts(span: Span, outcome: object) -> None:
    """Add the number of attempts that led to a response or an exception, if known."""
    attempts = attempts_of(outcome)
    if attempts:
        span.set_attribute("httpx_resilient.attempts", len(attempts))
