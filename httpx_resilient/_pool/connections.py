"""Making the connections of a pool: transports of the family, for one each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._pool.proxies import Routes, proxy_for


class Connections:
    """Makes a transport for one connection, to an origin or to the proxy for it."""

    def __init__(
        self,
        family: Family,
        options: Mapping[str, Any],
        routes: Routes,
        *,
        asynchronous: bool,
    ) -> None:
        self._make: Callable[..., Any] = (
            family.async_http if asynchronous else family.http
        )
        self._options = _for_one(options, family)
        self._routes = routes

    def to(self, url: Any) -> Any:
        """Make one for the origin of a URL. It connects when it is used."""
        return self._make(**{**self._options, "proxy": self.proxy_for(url)})

    def proxy_for(self, url: Any) -> Any:
        """Return the proxy on the way there, `None` if there is none."""
        return proxy_for(url, self._routes) or self._options.get("proxy")


def _for_one(options: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """Take the options of a transport with many connections; TLS is set up once."""
    one = dict(options)
    limits = one.pop("limits", family.limits)
    # Streams that go on after a GOAWAY must not hold up those on its successor.
    most = None if one.get("http2") else 1
    one["limits"] = type(limits)(
        max_connections=most,
        max_keepalive_connections=most,
        keepalive_expiry=limits.keepalive_expiry,
    )
    one["verify"] = family.ssl_context(
        verify=one.get("verify", True),
        cert=one.pop("cert", None),
        trust_env=one.get("trust_env", True),
    )
    if one.get("socket_options") is not None:
        one["socket_options"] = list(one["socket_options"])
    return one
