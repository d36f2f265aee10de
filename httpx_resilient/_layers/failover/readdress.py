"""The same request for another origin: its address changes, and who it knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT
from httpx_resilient._core.request_copy import copy_request

CREDENTIALS = frozenset({b"authorization", b"cookie", b"proxy-authorization"})
"""RFC 9110 §11.6.2 and §11.7.2; RFC 6265 §4.2."""

_SNI = "sni_hostname"
"""Where a request names the host that TLS is to ask for, if not that of its URL."""


class Target(NamedTuple):
    """
    An origin, in the parts that a request takes.

    Args:
        scheme: http or https.
        host: Encoded, as it goes out.
        port: `None` for the scheme's own.
        netloc: Host and port, as they stand in a `Host` header.
    """

    scheme: str
    host: str
    port: int | None
    netloc: bytes


def target_of(origin: str, family: Family) -> Target:
    """Take an origin apart the way the family does."""
    url = family.request("GET", origin).url
    host = url.raw_host.decode("ascii")
    return Target(url.scheme, host, url.port, url.netloc)


def readdressed(
    request: RequestT, target: Target, left_out: frozenset[bytes], *, userinfo: bool
) -> RequestT:
    """
    Make a twin of a request for another origin.

    A `Host` header or `sni_hostname` that is not of the request's own URL was set on
    purpose: it names a service, whatever the address. It stays.

    Args:
        request: The caller's. It is not changed.
        target: Where to send it.
        left_out: Headers it does without, in lower case.
        userinfo: Whether user and password stay in the URL.
    """
    url: Any = request.url
    twin = copy_request(request)
    extensions, headers = twin.extensions, request.headers
    if extensions.get(_SNI) in (url.host, url.raw_host.decode("ascii")):
        del extensions[_SNI]
    others = _for(target, headers.raw, url.netloc, left_out)
    secret = {} if userinfo else {"userinfo": b""}
    vars(twin)["headers"] = cast("type[Any]", type(headers))(others)
    vars(twin)["url"] = url.copy_with(
        scheme=target.scheme, host=target.host, port=target.port, **secret
    )
    return twin


def _for(
    target: Target,
    headers: Iterable[tuple[bytes, bytes]],
    addressed: bytes,
    left_out: frozenset[bytes],
) -> list[tuple[bytes, bytes]]:
    kept: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        lower = name.lower()
        if lower == b"host" and value.lower() == addressed:
            kept.append((name, target.netloc))
        elif lower not in left_out:
            kept.append((name, value))
    return kept
