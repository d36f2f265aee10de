"""
An ASGI application inside our transport shows retries without sockets.

An exception of the application is not retried. With `raise_app_exceptions=False` it
becomes the 500 that a server would answer, which is retried.

    pip install httpx_resilient starlette    (or any other framework with ASGI)
"""

from __future__ import annotations

import asyncio
from itertools import count

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from httpx_resilient import RetryingTransport, attempts_of

calls = count(1)


async def endpoint(request: Request) -> PlainTextResponse:
    """Fail twice."""
    status = 200 if next(calls) > 2 else 503
    print(request.method, await request.body(), "->", status)
    return PlainTextResponse("finally", status)


async def main() -> None:
    """Send one request."""
    app = Starlette(routes=[Route("/", endpoint, methods=["PUT"])])
    transport = RetryingTransport(httpx.ASGITransport(app=app))
    async with httpx.AsyncClient(transport=transport) as client:
        response = await client.put("http://app/", json={"sent": "again"})
    print("attempts:", *map(str, attempts_of(response)), "-", response.text)


asyncio.run(main())
