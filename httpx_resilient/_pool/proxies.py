"""
The environment's proxies, for transports that we make.

A stock client turns `HTTP_PROXY`, `NO_PROXY` and their like off as soon as it is given
a transport. Ours must not lose them, and must send every URL where a stock client of
the family would. The two families differ in how they read `NO_PROXY` and change it
with their releases, so the family's own reading is asked, not written again.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import URLLike

Routes = list[tuple[Any, Any]]
"""URL patterns, most specific first, each with a proxy or with `None` for none."""


def routes_of_environment(family: Family) -> Routes:
    """
    Read the proxies that the environment names, as a stock client of the family does.

    Raises:
        ValueError: The environment names a proxy that cannot be used.
    """
    # Not public in either family, and there is no public way to ask. The tests hold
    # the answers equal to those of stock clients.
    utils = import_module(f"{family.package}._utils")
    proxies = {
        utils.URLPattern(pattern): None if url is None else family.proxy(url)
        for pattern, url in utils.get_environment_proxies().items()
    }
    return sorted(proxies.items(), key=lambda route: route[0].priority)


def proxy_for(url: URLLike, routes: Routes) -> Any:
    """Return the proxy for a URL, `None` for none."""
    for pattern, proxy in routes:
        if pattern.matches(url):
            return proxy
    return None
