"""The connections of a pool: our own, and transports of the family with one each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from httpx_resilient._core.family import Family
from httpx_resilient._pool.dialing_backend import dial_all_addresses
from httpx_resilient._pool.proxies import Routes, proxy_for
from httpx_resilient._pool.relocking import relock
from httpx_resilient._wire.options import options_of

if TYPE_CHECKING:
    from httpx_resilient._wire.transport import WireTransport


class Connections:
    """
    Makes the transport of one connection, to an origin or to its proxy.

    Args:
        family: The HTTP library.
        options: The options of a transport with many connections.
        routes: The proxies of the environment.
        asynchronous: Whether the transports are asynchronous.
    """

    def __init__(
        self,
        family: Family,
        options: Mapping[str, Any],
        routes: Routes,
        *,
        asynchronous: bool,
    ) -> None:
        self._family = family
        self._asynchronous = asynchronous
        self._make: Callable[..., Any] = (
            family.async_http if asynchronous else family.http
        )
        self._options = _for_one_connection(options, family)
        self._routes = routes

    def wire(self) -> WireTransport:
        """Make a transport with a connection of our own."""
        from httpx_resilient._wire.transport import WireTransport  # noqa: PLC0415 - httptools may not be installed

        return WireTransport(
            self._family, options_of(self._options), asynchronous=self._asynchronous
        )

    def to(self, url: Any) -> Any:
        """Make a transport for the origin of a URL. It connects when it is used."""
        made = self._make(**{**self._options, "proxy": self.proxy_for(url)})
        if not self._asynchronous:  # both event loops dial all addresses by themselves
            dial_all_addresses(made, self._family)
            relock(made)
        return made

    def proxy_for(self, url: Any) -> Any:
        """Return the proxy of a URL, or `None`."""
        return proxy_for(url, self._routes) or self._options.get("proxy")


def _for_one_connection(options: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """Derive the options of a single connection. All share one TLS context."""
    single = dict(options)
    for own in ("max_connection_age", "wire"):
        single.pop(own, None)
    limits = single.pop("limits", family.limits)
    # After a GOAWAY, streams that go on must not block those on the next connection.
    max_connections = None if single.get("http2") else 1
    single["limits"] = type(limits)(
        max_connections=max_connections,
        max_keepalive_connections=max_connections,
        keepalive_expiry=limits.keepalive_expiry,
    )
    single["verify"] = family.ssl_context(
        verify=single.get("verify", True),
        cert=single.pop("cert", None),
        trust_env=single.get("trust_env", True),
    )
    if single.get("socket_options") is not None:
        single["socket_options"] = list(single["socket_options"])
    return single
