"""
httpx-aiohttp inside our transport: aiohttp sends each attempt, on asyncio only.

It raises `ConnectTimeout` for any failure of a connection. The transport reads the
cause of that error: it retries a refused connection even for a POST, but not a
connection that broke after the POST was sent. If the server has closed an idle
connection, aiohttp itself may send a GET once more, which `attempts_of` cannot see.

    pip install httpx_resilient httpx-aiohttp    (httpx-aiohttp[httpx2], for httpx2)
"""

from __future__ import annotations

import asyncio

import httpx
from httpx_aiohttp import AiohttpTransport
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


async def main() -> None:
    """Send one request."""
    with unreliable("finally") as url:
        transport = RetryingTransport(AiohttpTransport())
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.get(url)
        print("attempts:", *map(str, attempts_of(response)), "-", response.text)


asyncio.run(main())
