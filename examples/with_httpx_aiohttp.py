"""
httpx-aiohttp inside of our transport: aiohttp sends each attempt. asyncio only.

It calls whatever happens to a connection `ConnectTimeout`. We look at what aiohttp
said: a connection that was refused is tried again for a POST too, and one that was lost
after the POST had been sent is not. A GET on a connection that the server has closed in
the meantime may be sent once more by aiohttp itself, which `attempts_of` cannot see.

    pip install httpx_resilient httpx-aiohttp    (httpx-aiohttp[httpx2], for httpx2)
"""

from __future__ import annotations

import asyncio

import httpx
from httpx_aiohttp import AiohttpTransport
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


async def main() -> None:
    """Ask once."""
    with unreliable("finally") as url:
        transport = RetryingTransport(AiohttpTransport())
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.get(url)
        print("attempts:", *map(str, attempts_of(response)), "-", response.text)


asyncio.run(main())
