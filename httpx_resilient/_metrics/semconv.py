"""
What OpenTelemetry's semantic conventions for HTTP say, as far as it is not code.

Names are kept as they stand there: the package that has them as constants brings the
opinions of its version, and these have been stable since 1.23.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from functools import lru_cache
from urllib.parse import urlsplit

from httpx_resilient._core.http_types import URLLike
from httpx_resilient._core.origin import PORTS

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The buckets of `http.client.request.duration`."""

METHODS = frozenset({
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
"""Those that may be told: a name that anybody could make up may not."""

SENSITIVE = frozenset({
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
})  # fmt: skip
"""Query parameters whose values are secrets: all that any version has named."""

_USERINFO = re.compile(r"^([^:/?#]+://)[^/?#]*@")


def known_methods() -> frozenset[str]:
    """Tell which methods are told: the environment may name others."""
    named = os.environ.get("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "")
    return frozenset(filter(None, map(str.strip, named.split(",")))) or METHODS


def server_of(url: URLLike) -> tuple[str, int | None]:
    """Tell `server.address` and `server.port`."""
    return url.host, url.port or PORTS.get(url.scheme)


@lru_cache(maxsize=1000)
def server_from(origin: str) -> tuple[str, int | None]:
    """Tell them of an origin such as `https://api.example.com`."""
    parts = urlsplit(origin)
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme)


def redactor(parameters: Collection[str]) -> Callable[[str], str]:
    """Make what takes secrets out of a URL: credentials, and values of parameters."""
    names = "|".join(map(re.escape, sorted(parameters)))
    values = re.compile(rf"([?&](?:{names})=)[^&#]+")

    def redacted(url: str) -> str:
        if "@" in url:
            url = _USERINFO.sub(r"\1REDACTED:REDACTED@", url)
        return values.sub(r"\1REDACTED", url) if "?" in url else url

    return redacted


def error_of(outcome: object) -> str | None:
    """
    Tell `error.type` of a status code or the class of an exception, if it is an error.

    A class by its bare name, as in history and log, and for both libraries alike.
    """
    if isinstance(outcome, int):
        return str(outcome) if outcome >= 400 else None
    return outcome.__qualname__ if isinstance(outcome, type) else None
