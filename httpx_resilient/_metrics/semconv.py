"""
OpenTelemetry's semantic conventions for HTTP, as far as the package needs them.

Names are literals here. The package that exports them as constants would pin users to
its version, and these names have been stable since version 1.23 of the conventions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from functools import lru_cache

from httpx_resilient._core.http_types import URLLike
from httpx_resilient._core.origin import (
    DEFAULT_PORTS,
    origin_key,
    parse_url,
    shown_host,
)
from httpx_resilient._core.tokens import (
    is_secret_parameter,
    looks_like_token,
    without_tokens,
)

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Upper bounds of the buckets of `http.client.request.duration`, in seconds."""

CALL_BUCKETS = (*BUCKETS, 30, 60, 120)
"""The same, and longer ones: a call may wait between attempts, until its deadline."""

KNOWN_METHODS = frozenset({
    "CONNECT",
    "DELETE",
    "GET",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "POST",
    "PUT",
    "QUERY",
    "TRACE",
})  # fmt: skip
"""The methods reported by name. Others become `_OTHER`, to bound the label's values."""

SENSITIVE_PARAMETERS = frozenset({
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
})  # fmt: skip
"""Query parameters with secret values: those of all versions of the conventions."""

_REDACTED = "REDACTED"
"""What the conventions put in place of a secret."""

_STATUS_OR_CLASS = re.compile(r"(\d{3}|[A-Z]\w*)(?:,|:|$)")
_PARAMETER = re.compile(r"(?<=[?&])[^&]+")
_USERINFO = re.compile(r"^([^:/?#]+://)[^/?#]*@")


def known_methods() -> frozenset[str]:
    """Return the methods to report by name. The environment may replace them."""
    named = os.environ.get("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "")
    return frozenset(filter(None, map(str.strip, named.split(",")))) or KNOWN_METHODS


def server_of_url(url: URLLike) -> tuple[str, int | None]:
    """Return `server.address` and `server.port` of a URL."""
    scheme, host, port = origin_key(url)
    return shown_host(host), port or DEFAULT_PORTS.get(scheme)


@lru_cache(maxsize=1000)
def server_of_origin(origin: str) -> tuple[str, int | None]:
    """Return both for an origin, such as `https://api.example.com`."""
    return server_of_url(parse_url(origin))


def redactor(parameters: Collection[str]) -> Callable[[str], str]:
    """
    Return a function that redacts secrets in a URL.

    It replaces credentials, what looks like a token in path and query, and the values
    of query parameters that are named here or called a key or a secret. There is no
    fragment.
    """

    def shown(found: re.Match[str]) -> str:
        text = found[0]
        name, equals, value = text.partition("=")
        if name in parameters or is_secret_parameter(text) or looks_like_token(value):
            return f"{name}={_REDACTED}"
        return text if equals or not looks_like_token(name) else _REDACTED

    def redact(url: str) -> str:
        if "@" in url:
            url = _USERINFO.sub(rf"\1{_REDACTED}:{_REDACTED}@", url)
        sent = url.partition("#")[0]  # a fragment is not sent, and may have a token
        address, mark, query = sent.partition("?")
        path = without_tokens(address, _REDACTED)
        return path + _PARAMETER.sub(shown, mark + query)

    return redact


def error_type(outcome: object) -> str | None:
    """
    Return `error.type` of a status code or an exception class; `None` for a success.

    A class is reported by its bare name, as in the history and the log, so that both
    HTTP libraries give the same value.
    """
    if isinstance(outcome, int):
        return str(outcome) if outcome >= 400 else None
    return outcome.__qualname__ if isinstance(outcome, type) else None


def status_or_class(reason: str) -> str:
    """
    Return the status or exception class that a reason starts with, else `_OTHER`.

    A reason is free text, and the number of values of a label must be bounded.
    """
    found = _STATUS_OR_CLASS.match(reason)
    return "_OTHER" if found is None else found[1]
