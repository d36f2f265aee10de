"""The origin of a request: as a key, and as text."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import import_module
from typing import Any

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
    origin = origin_name(origin_key(url))
    try:
        return str(redact(f"{origin}{path_of(url)}"))
    except Exception:  # noqa: BLE001 - a log must not fail a request, nor show a secret
        return f"{origin}/{MARK}"


def path_of(url: URLLike) -> str:
    """Return the path of a URL as it is sent, without the query."""
    return url.raw_path.partition(b"?")[0].decode("ascii", "backslashreplace")


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
    return format_origin(scheme, shown_host(host), port)


def shown_host(host: str) -> str:
    """Return a host for people, such as `bücher.example`."""
    return _decoded(host) if "xn--" in host else host


@lru_cache(maxsize=1000)
def _decoded(host: str) -> str:
    return ".".join(map(_decoded_label, host.split(".")))


def _decoded_label(label: str) -> str:
    url_class: Any = _url_class()
    try:
        shown: str = url_class(f"http://{label}").host
        is_same = url_class(f"http://{shown}").raw_host == label.encode()
    except Exception:  # noqa: BLE001 - no valid IDNA, or no label at all
        return label
    return shown if is_same else label


def parse_origin(url: object) -> OriginKey:
    """
    Return the origin of a URL that a user has given.

    Raises:
        TypeError: It is neither a string nor a URL.
        ValueError: It has no scheme or no host, or is invalid.
    """
    return origin_key(parse_url(url))


def parse_url(given: object) -> URLLike:
    """
    Return a URL that a user has given, as a request to it has it.

    Raises:
        TypeError: It is neither a string nor a URL.
        ValueError: It has no scheme or no host, or is invalid.
    """
    # The message does not quote the URL, which may hold a secret.
    msg = "give a URL with scheme and host, such as https://api.example.com"
    if not (isinstance(given, str) or hasattr(given, "raw_host")):
        msg = f"{msg}; got {type(given).__name__}"
        raise TypeError(msg)
    try:
        url: Any = _url_class()(given) if isinstance(given, str) else given
        if url.scheme and url.host:
            parsed: URLLike = url
            return parsed
    except Exception:  # noqa: BLE001 - `InvalidURL`, or what the library lets through
        msg = f"{msg}; this one is invalid"
    raise ValueError(msg)  # not in the handler: what is handled quotes the URL


def _url_class() -> Any:
    """
    Return the class for URLs of whichever library is loaded.

    States are shared by clients of both libraries. Each has its own copy of one parser,
    so an origin has the same key in both, as the tests check.
    """
    loaded = sys.modules.get("httpx") or sys.modules.get("httpx2")
    return (loaded or import_module("httpx")).URL
