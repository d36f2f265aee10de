"""
Downloads as they come, and uploads that are made while they are sent.

Retries happen before the first byte of the answer: what breaks after it is yours to
decide. A generator can be read only once, so tell how to make it anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


async def lines() -> AsyncIterator[bytes]:
    """Make the body of an upload."""
    for number in range(1000):
        yield f"line {number}\n".encode()


async def main() -> None:
    """Download, then upload without and with a way to make the body anew."""
    async with httpx.AsyncClient(transport=RetryingTransport()) as client:
        with unreliable("finally " * 10_000) as url:
            async with client.stream("GET", url) as response:
                size = sum([len(chunk) async for chunk in response.aiter_bytes()])
            print("attempts:", *map(str, attempts_of(response)), "-", size, "bytes")

        with unreliable(lambda _, __, body: (200, "text/plain", body[-9:])) as url:
            once = await client.put(url, content=lines())
            print("attempts:", *map(str, attempts_of(once)), "- not sent again")

            anew = {"retry": {"body_factory": lines}}
            response = await client.put(url, content=lines(), extensions=anew)
            print("attempts:", *map(str, attempts_of(response)), "-", response.text)


asyncio.run(main())
