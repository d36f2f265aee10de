"""
Stream downloads, and uploads that a generator creates.

Retries happen before the first byte of the response. If the stream breaks later, that
is an error, unless a `ResumingTransport` goes on with it: `standard_transport` has one
with `resume=True`. A generator can be read only once, so a `body_factory` creates a new
one for a retry.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


async def lines() -> AsyncIterator[bytes]:
    """Generate the body of an upload."""
    for number in range(1000):
        yield f"line {number}\n".encode()


async def main() -> None:
    """Download, then upload without and with a `body_factory`."""
    async with httpx.AsyncClient(transport=RetryingTransport()) as client:
        with unreliable("finally " * 10_000) as url:
            async with client.stream("GET", url) as response:
                size = sum([len(chunk) async for chunk in response.aiter_bytes()])
            print("attempts:", *map(str, attempts_of(response)), "-", size, "bytes")

        with unreliable(lambda _, __, body: (200, "text/plain", body[-9:])) as url:
            once = await client.put(url, content=lines())
            print("attempts:", *map(str, attempts_of(once)), "- not sent again")

            factory = {"retry": {"body_factory": lines}}
            response = await client.put(url, content=lines(), extensions=factory)
            print("attempts:", *map(str, attempts_of(response)), "-", response.text)


asyncio.run(main())
