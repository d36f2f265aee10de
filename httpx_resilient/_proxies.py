"""
The default inner transport, with the environment's proxies.

A stock client turns `HTTP_PROXY`, `NO_PROXY` and their like off as soon as it is given
a transport. Ours must not lose them, and must send every URL where a stock client of
the family would. The two families differ in how they read `NO_PROXY` and change it
with their releases, so the family's own reading is asked, not written again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from importlib import import_module
from typing import Any, Self

from httpx_resilient._family import Family, URLLike

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


def default_transport(
    make: Callable[..., Any], options: Mapping[str, Any], routes: Routes
) -> Any:
    """Make an HTTP transport, and one more for each proxy of the environment."""
    direct = make(**options)
    if not routes:
        return direct
    return _Routed(
        direct,
        [
            (pattern, direct if proxy is None else make(**options, proxy=proxy))
            for pattern, proxy in routes
        ],
    )


class _Routed:
    """Transports by URL pattern, as a client mounts them."""

    def __init__(self, direct: Any, mounts: list[tuple[Any, Any]]) -> None:
        self._direct = direct
        self._mounts = mounts
        self._all = list({id(t): t for t in (direct, *(t for _, t in mounts))}.values())

    def pick(self, url: URLLike) -> Any:
        """Return the transport for a URL."""
        for pattern, transport in self._mounts:
            if pattern.matches(url):
                return transport
        return self._direct

    def handle_request(self, request: Any) -> Any:
        return self.pick(request.url).handle_request(request)

    async def handle_async_request(self, request: Any) -> Any:
        return await self.pick(request.url).handle_async_request(request)

    def close(self) -> None:
        with ExitStack() as stack:
            for transport in self._all:
                stack.callback(transport.close)

    async def aclose(self) -> None:
        async with AsyncExitStack() as stack:
            for transport in self._all:
                stack.push_async_callback(transport.aclose)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
