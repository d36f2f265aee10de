"""
The proxies of the environment, for the transports that the pool makes.

A stock client ignores `HTTP_PROXY`, `NO_PROXY` and the like once it is given a
transport. The pool must use them, and route every URL as a stock client of the family
does. The two families read `NO_PROXY` differently, and change it with their releases.
So the pool calls the family's own code.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import URLLike

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
    proxies = {
        utils.URLPattern(pattern): None if url is None else family.proxy(url)
        for pattern, url in utils.get_environment_proxies().items()
    }
    return sorted(proxies.items(), key=lambda route: route[0].priority)


def proxy_for(url: URLLike, routes: Routes) -> Any:
    """Return the proxy of a URL, or `None`."""
    for pattern, proxy in routes:
        if pattern.matches(url):
            return proxy
    return None
