"""
The clients of the scale part, with their defaults, behind one small interface.

Each factory imports its package, so that a process loads only the package it measures.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

Get = Callable[[str], Awaitable[int]]
"""Requests a URL, reads the response and returns its status."""


@dataclass(frozen=True)
class Settings:
    """The settings that a case changes. The others are the client's defaults."""

    connections: int | None = None
    patient: bool = False
    """Whether a request waits for a connection without a limit, if the client can."""

    def client(self, family: Any, **options: Any) -> Any:
        """Make a client of httpx or httpx2."""
        if self.patient:
            options["timeout"] = family.Timeout(5.0, pool=None)
        return family.AsyncClient(**options)

    def limits(self, family: Any) -> dict[str, Any]:
        """Return the argument `limits` of a client or a transport, if it is needed."""
        limit = self.connections
        if limit is None:
            return {}
        limits = family.Limits(max_connections=limit, max_keepalive_connections=limit)
        return {"limits": limits}


@dataclass(frozen=True)
class Client:
    """A client. It has a `transport` if it belongs to httpx or httpx2."""

    get: Get
    close: Callable[[], Awaitable[None]]
    transport: Any = None
    family: Any = None


Make = Callable[[Settings], Client]


def _client(client: Any, family: Any = httpx, transport: Any = None) -> Client:
    async def get(url: str) -> int:
        response = await client.get(url)
        return int(response.status_code)

    return Client(get, client.aclose, transport, family)


def _around(transport: Any, settings: Settings, family: Any = httpx) -> Client:
    client = settings.client(family, transport=transport)
    return _client(client, family, transport)


def _stock(settings: Settings) -> Client:
    transport = httpx.AsyncHTTPTransport(**settings.limits(httpx))
    return _around(transport, settings)


def _stock2(settings: Settings) -> Client:
    import httpx2  # noqa: PLC0415 - load only the measured package

    transport = httpx2.AsyncHTTPTransport(**settings.limits(httpx2))
    return _around(transport, settings, httpx2)


def _pooling(settings: Settings) -> Client:
    from httpx_resilient import PoolingTransport  # noqa: PLC0415 - load only the measured package

    return _around(PoolingTransport(**settings.limits(httpx)), settings)


def _ours(settings: Settings) -> Client:
    from httpx_resilient import RetryingTransport  # noqa: PLC0415 - load only the measured package

    return _around(RetryingTransport(**settings.limits(httpx)), settings)


def _ours2(settings: Settings) -> Client:
    import httpx2  # noqa: PLC0415 - load only the measured package

    from httpx_resilient.httpx2 import RetryingTransport  # noqa: PLC0415 - load only the measured package

    return _around(RetryingTransport(**settings.limits(httpx2)), settings, httpx2)


def _httpx_retries(settings: Settings) -> Client:
    from httpx_retries import RetryTransport  # noqa: PLC0415 - load only the measured package

    if settings.connections is None:
        return _around(RetryTransport(), settings)
    inner = httpx.AsyncHTTPTransport(**settings.limits(httpx))
    return _around(RetryTransport(inner), settings)


def _pydantic_ai(settings: Settings) -> Client:
    """Configure it as its documentation does: with waits and five attempts."""
    from pydantic_ai import PydanticAIDeprecationWarning  # noqa: PLC0415 - load only the measured package
    from pydantic_ai.retries import (  # noqa: PLC0415 - load only the measured package
        AsyncTenacityTransport,
        RetryConfig,
        wait_retry_after,
    )
    from tenacity import retry_if_exception_type, stop_after_attempt  # noqa: PLC0415 - load only the measured package

    config = RetryConfig(
        retry=retry_if_exception_type((httpx.HTTPStatusError, httpx.TransportError)),
        wait=wait_retry_after(),
        stop=stop_after_attempt(5),
        reraise=True,
    )
    inner = httpx.AsyncHTTPTransport(**settings.limits(httpx))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PydanticAIDeprecationWarning)
        transport = AsyncTenacityTransport(
            config, inner, httpx.Response.raise_for_status
        )
    return _around(transport, settings)


def _stamina(settings: Settings) -> Client:
    """Decorate `client.get`, on the stock transport."""
    import stamina  # noqa: PLC0415 - load only the measured package

    stamina.instrumentation.set_on_retry_hooks([])  # else it logs each retry to stderr
    client = settings.client(httpx, **settings.limits(httpx))

    @stamina.retry(on=httpx.HTTPError)
    async def get(url: str) -> int:
        response = await client.get(url)
        response.raise_for_status()
        return int(response.status_code)

    return Client(get, client.aclose)


def _httpx_aiohttp(settings: Settings) -> Client:
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415 - load only the measured package

    return _around(AiohttpTransport(**settings.limits(httpx)), settings)


def _pyreqwest(settings: Settings) -> Client:
    from pyreqwest.client import ClientBuilder  # noqa: PLC0415 - load only the measured package
    from pyreqwest.compatibility.httpx import HttpxTransport  # noqa: PLC0415 - load only the measured package

    if settings.connections is None:
        return _around(HttpxTransport(), settings)
    limited = ClientBuilder().max_connections(settings.connections).build()
    return _around(HttpxTransport(limited), settings)


def _aiohttp(settings: Settings) -> Client:
    import aiohttp  # noqa: PLC0415 - load only the measured package

    connector = None
    if settings.connections is not None:
        connector = aiohttp.TCPConnector(limit=settings.connections)
    session = aiohttp.ClientSession(connector=connector)

    async def get(url: str) -> int:
        async with session.get(url) as response:
            await response.read()
            return response.status

    return Client(get, session.close)


STOCK = "httpx"
STOCK2 = "httpx2"
OURS = "ours"
OURS_POOL = "ours, pool alone"
OURS2 = "ours on httpx2"

CLIENTS: dict[str, Make] = {
    STOCK: _stock,
    OURS_POOL: _pooling,
    OURS: _ours,
    STOCK2: _stock2,
    OURS2: _ours2,
    "httpx-retries": _httpx_retries,
    "pydantic-ai": _pydantic_ai,
    "stamina": _stamina,
    "httpx-aiohttp": _httpx_aiohttp,
    "pyreqwest": _pyreqwest,
    "aiohttp": _aiohttp,
}

ALL_OURS = (OURS_POOL, OURS, OURS2)
GOALS_OF = (STOCK, OURS_POOL, OURS, STOCK2, OURS2)
"""The clients in the goals, which are measured more often."""
