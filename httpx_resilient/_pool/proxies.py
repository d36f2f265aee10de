"""
The proxies of the environment, for the transports that the pool makes.

A stock client ignores `HTTP_PROXY`, `NO_PROXY` and the like once it is given a
transport. The pool must use them, and route every URL as a stock client of the family
does. The two families read `NO_PROXY` differently, and change it with their releases.
So the pool calls the family's own code.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import URLLike

_MAX_PORT = 65535

_NOT_A_PROXY = (
    "{} is not the URL of a proxy (it may have a password, and is not shown): give "
    "http://, https://, socks5:// or socks5h://, then user:password@host:port; in user "
    "and password, write %40 for @, %23 for #, %2F for / and %3A for :"
)

Routes = list[tuple[Any, Any]]
"""Pairs of a URL pattern and its proxy or `None`, the most specific pattern first."""


def routes_of_environment(family: Family) -> Routes:
    """
    Read the proxies of the environment as a stock client of the family does.

    Raises:
        ValueError: The environment names a proxy that cannot be used.
    """
    # These names are private in both families, and neither has public ones for this.
    # The tests compare the results with those of stock clients.
    utils = import_module(f"{family.package}._utils")
    routes: Routes = []
    for pattern, url in utils.get_environment_proxies().items():
        if url is None:
            routes.append((_pattern(utils.URLPattern, pattern), None))
        else:
            place = f"{pattern.partition(':')[0].upper()}_PROXY"
            routes.append((utils.URLPattern(pattern), proxy_of(place, url, family)))
    return sorted(routes, key=lambda route: route[0].priority)


def proxy_of(place: str, given: Any, family: Family) -> Any:
    """
    Make the proxy that a URL describes.

    Args:
        place: Where the URL was given, for the message, which does not quote it.
        given: The URL.
        family: The library of the proxy.

    Raises:
        TypeError: It is not a URL.
        ValueError: It is not that of a proxy.
    """
    if not isinstance(given, str) and not hasattr(given, "userinfo"):
        msg = f"{place} must be a URL or a Proxy; got {type(given).__name__}"
        raise TypeError(msg)
    with suppress(Exception):
        proxy = family.proxy(given)
        url = proxy.url
        # With a "/" or "#" in the password, the user is taken for the host.
        is_whole = "@" not in str(url) and " " not in str(given)
        is_host = url.host and ("%" not in url.host or ":" in url.host)
        if is_whole and is_host and (url.port or 0) <= _MAX_PORT:
            return proxy
    # Not in an `except`: the exceptions of the family quote the password.
    raise ValueError(_NOT_A_PROXY.format(place))


def _pattern(make: Callable[[str], Any], text: str) -> Any:
    try:
        return make(text)
    except Exception as error:
        msg = f"NO_PROXY: {text.partition('://')[2]!r} is not a host"
        raise ValueError(msg) from error


def proxy_for(url: URLLike, routes: Routes) -> Any:
    """Return the proxy of a URL, or `None`."""
    for pattern, proxy in routes:
        if pattern.matches(url):
            return proxy
    return None
