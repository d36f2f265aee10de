"""Readdress a request to another origin, without what is secret to the first one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import RequestT
from httpx_resilient._core.request_copy import copy_request
from httpx_resilient._layers.failover.credentials import Credentials

_SNI = "sni_hostname"
"""The extension that names the host for TLS, if it is not the host of the URL."""


class Target(NamedTuple):
    """
    An origin, in the parts that a request consists of.

    Args:
        scheme: `http` or `https`.
        host: The host as it is sent, in IDNA encoding.
        port: The port, or `None` for the default of the scheme.
        netloc: Host and port as in a `Host` header.
    """

    scheme: str
    host: str
    port: int | None
    netloc: bytes


def target_of(origin: str, family: Family) -> Target:
    """Split an origin as the family's own URLs are split."""
    url = family.request("GET", origin).url
    host = url.raw_host.decode("ascii")
    return Target(url.scheme, host, url.port, url.netloc)


def readdress(
    request: RequestT,
    target: Target,
    origin: int,
    credentials: Credentials,
    secrets: frozenset[bytes],
) -> RequestT:
    """
    Copy a request for another origin.

    A `Host` header or `sni_hostname` that differs from the URL was set on purpose: it
    names a service at any address, so it stays.

    Args:
        request: The caller's request. It is not changed.
        target: The origin to send the copy to.
        origin: The index of that origin.
        credentials: Which credentials the copy has.
        secrets: More headers that it does not have, in lower case.
    """
    url: Any = request.url
    copy = copy_request(request)
    extensions, headers = copy.extensions, request.headers
    if extensions.get(_SNI) in (url.host, url.raw_host.decode("ascii")):
        del extensions[_SNI]
    own = credentials.of(origin)
    stripped = credentials.stripped.union(secrets, (name.lower() for name, _ in own))
    readdressed = _headers_for(target, headers.raw, url.netloc, stripped)
    readdressed += own
    secret = {} if credentials.share else {"userinfo": b""}
    vars(copy)["headers"] = cast("type[Any]", type(headers))(readdressed)
    vars(copy)["url"] = url.copy_with(
        scheme=target.scheme, host=target.host, port=target.port, **secret
    )
    return copy


def _headers_for(
    target: Target,
    headers: Iterable[tuple[bytes, bytes]],
    netloc: bytes,
    stripped: frozenset[bytes],
) -> list[tuple[bytes, bytes]]:
    readdressed: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        lower = name.lower()
        if lower == b"host" and value.lower() == netloc:
            readdressed.append((name, target.netloc))
        elif lower not in stripped:
            readdressed.append((name, value))
    return readdressed
