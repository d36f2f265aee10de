"""A request's origin: as a key, and as text."""

from __future__ import annotations

from urllib.parse import urlsplit

from httpx_resilient._core.http_types import RequestLike, URLLike

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
"""Those that need not be named."""


def address(request: RequestLike) -> str:
    """Origin and path: all that a log or `repr` may tell of a request's URL."""
    url = request.url
    path = url.raw_path.partition(b"?")[0].decode("ascii", "backslashreplace")
    return f"{origin_of(url.scheme, url.host, url.port)}{path}"


def origin_of(scheme: str, host: str, port: int | None) -> str:
    """Scheme, host and port, as they stand in a URL."""
    literal = f"[{host}]" if ":" in host else host
    return f"{scheme}://{literal}" if port is None else f"{scheme}://{literal}:{port}"


Key = tuple[str, bytes, int | None]
"""Scheme, host and port: the host as it is sent, which costs least to ask for."""


def key_of(url: URLLike) -> Key:
    """Tell the origin of a URL (RFC 6454 §4). A default port is `None`."""
    return url.scheme, url.raw_host, url.port


def name_of(key: Key) -> str:
    """Tell an origin to people: `https://api.example.com`."""
    scheme, host, port = key
    try:
        shown = host.decode("idna")
    except UnicodeError:  # it is not as IDNA wants it, and is shown as it is sent
        shown = host.decode("ascii")
    return origin_of(scheme, shown, port)


def key_from(url: str | URLLike) -> Key:
    """
    Tell the origin of a URL that a user gives by hand.

    Raises:
        ValueError: It has no scheme or no host.
    """
    if not isinstance(url, str):
        return key_of(url)
    parts = urlsplit(url)
    if not (parts.scheme and parts.hostname):
        # What was given may hold a secret.
        msg = "give a URL with scheme and host, such as https://api.example.com"
        raise ValueError(msg)
    host = parts.hostname.encode("idna")
    default = PORTS.get(parts.scheme)
    return parts.scheme, host, None if parts.port == default else parts.port
