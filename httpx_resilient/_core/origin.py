"""The origin of a request: as a key, and as text."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from httpx_resilient._core.http_types import RequestLike, URLLike
from httpx_resilient._core.redaction import MARK, Redactor, redact_tokens

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
"""The port of each scheme that a URL need not name."""


def safe_url(request: RequestLike, redact: Redactor = redact_tokens) -> str:
    """
    Return the part of a URL that a log or `repr` may show.

    Args:
        request: The request.
        redact: Is given origin and path. If it fails, there is no path.
    """
    url = request.url
    path = url.raw_path.partition(b"?")[0].decode("ascii", "backslashreplace")
    origin = format_origin(url.scheme, url.host, url.port)
    try:
        return str(redact(f"{origin}{path}"))
    except Exception:  # noqa: BLE001 - a log must not fail a request, nor show a secret
        return f"{origin}/{MARK}"


def format_origin(scheme: str, host: str, port: int | None) -> str:
    """Join scheme, host and port as they stand in a URL."""
    literal = f"[{host}]" if ":" in host else host
    return f"{scheme}://{literal}" if port is None else f"{scheme}://{literal}:{port}"


OriginKey = tuple[str, str, int | None]
"""Scheme, host as it is sent (in IDNA encoding), and port; a default port is `None`."""


def origin_key(url: Any) -> OriginKey:
    """
    Return the origin of a URL (RFC 6454 §4).

    Both libraries keep the parts of a URL in a tuple. Reading it takes 1,000
    instructions, and the three properties of a URL 3,400: each request needs its key.
    """
    try:
        # It consists of scheme, user, host, port, path, query and fragment.
        parts = url._uri_reference  # noqa: SLF001 - explained above
        return parts[0], parts[2], parts[3]
    except AttributeError:  # a URL of another make
        return url.scheme, url.raw_host.decode("ascii"), url.port


def origin_name(key: OriginKey) -> str:
    """Format an origin for people, as `https://api.example.com`."""
    scheme, host, port = key
    try:
        shown = host.encode("ascii").decode("idna")
    except UnicodeError:  # not valid IDNA: show it as it is sent
        shown = host
    return format_origin(scheme, shown, port)


def parse_origin(url: str | URLLike) -> OriginKey:
    """
    Return the origin of a URL that a user has written.

    Raises:
        ValueError: The URL has no scheme or no host.
    """
    if not isinstance(url, str):
        return origin_key(url)
    with suppress(ValueError):  # its message quotes a part of the URL
        parts = urlsplit(url)
        if parts.scheme and parts.hostname:
            host = parts.hostname.encode("idna").decode("ascii")
            default = DEFAULT_PORTS.get(parts.scheme)
            return parts.scheme, host, None if parts.port == default else parts.port
    # The message does not quote the URL, which may hold a secret.
    msg = "give a URL with scheme and host, such as https://api.example.com"
    raise ValueError(msg)
