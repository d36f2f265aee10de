"""A request's origin: as a key, and as text."""

from __future__ import annotations

from urllib.parse import urlsplit

from httpx_resilient._core.http_types import RequestLike, URLLike

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
"""Those that need not be named."""


def safe_url(request: RequestLike) -> str:
    """Origin and path: all that a log or `repr` may tell of a request's URL."""
    url = request.url
    path = url.raw_path.partition(b"?")[0].decode("ascii", "backslashreplace")
    return f"{format_origin(url.scheme, url.host, url.port)}{path}"


def format_origin(scheme: str, host: str, port: int | None) -> str:
    """Scheme, host and port, as they stand in a URL."""
    literal = f"[{host}]" if ":" in host else host
    return f"{scheme}://{literal}" if port is None else f"{scheme}://{literal}:{port}"


OriginKey = tuple[str, bytes, int | None]
"""Scheme, host and port: the host as it is sent, which costs least to ask for."""


def origin_key(url: URLLike) -> OriginKey:
    """Tell the origin of a URL (RFC 6454 §4). A default port is `None`."""
    return url.scheme, url.raw_host, url.port


def origin_name(key: OriginKey) -> str:
    """Tell an origin to people: `https://api.example.com`."""
    scheme, host, port = key
    try:
        shown = host.decode("idna")
    except UnicodeError:  # it is not as IDNA wants it, and is shown as it is sent
        shown = host.decode("ascii")
    return format_origin(scheme, shown, port)


def parse_origin(url: str | URLLike) -> OriginKey:
    """
    Tell the origin of a URL that a user gives by hand.

    Raises:
        ValueError: It has no scheme or no host.
    """
    if not isinstance(url, str):
        return origin_key(url)
    parts = urlsplit(url)
    if not (parts.scheme and parts.hostname):
        # What was given may hold a secret.
        msg = "give a URL with scheme and host, such as https://api.example.com"
        raise ValueError(msg)
    host = parts.hostname.encode("idna")
    default = PORTS.get(parts.scheme)
    return parts.scheme, host, None if parts.port == default else parts.port
