"""The origin of a request: as a key, and as text."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from urllib.parse import urlsplit

from httpx_resilient._core.http_types import RequestLike, URLLike

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
"""The port of each scheme that a URL need not name."""


def safe_url(request: RequestLike) -> str:
    """Return origin and path: the part of a URL that a log or `repr` may show."""
    url = request.url
    path = url.raw_path.partition(b"?")[0].decode("ascii", "backslashreplace")
    return f"{format_origin(url.scheme, url.host, url.port)}{path}"


def format_origin(scheme: str, host: str, port: int | None) -> str:
    """Join scheme, host and port as they stand in a URL."""
    literal = f"[{host}]" if ":" in host else host
    return f"{scheme}://{literal}" if port is None else f"{scheme}://{literal}:{port}"


OriginKey = tuple[str, bytes, int | None]
"""Scheme, host and port. The host is in bytes: that form is the cheapest to read."""


origin_key: Callable[[URLLike], OriginKey] = attrgetter("scheme", "raw_host", "port")
"""
Return the origin of a URL (RFC 6454 §4). A default port is `None`.

Each layer needs it for each request, and an `attrgetter` has no frame of its own.
"""


def origin_name(key: OriginKey) -> str:
    """Format an origin for people, as `https://api.example.com`."""
    scheme, host, port = key
    try:
        shown = host.decode("idna")
    except UnicodeError:  # not valid IDNA: show it as it is sent
        shown = host.decode("ascii")
    return format_origin(scheme, shown, port)


def parse_origin(url: str | URLLike) -> OriginKey:
    """
    Return the origin of a URL that a user has written.

    Raises:
        ValueError: The URL has no scheme or no host.
    """
    if not isinstance(url, str):
        return origin_key(url)
    parts = urlsplit(url)
    if not (parts.scheme and parts.hostname):
        # The message does not quote the URL, which may hold a secret.
        msg = "give a URL with scheme and host, such as https://api.example.com"
        raise ValueError(msg)
    host = parts.hostname.encode("idna")
    default = DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, host, None if parts.port == default else parts.port
