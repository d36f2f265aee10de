"""
A client already has proxies and mounts: `wrap` adds a layer to all of them.

As `transport=`, the layer would serve only requests that match neither a mount nor
`proxy=`; the other requests would not be retried.

    pip install httpx_resilient
"""

from __future__ import annotations

import asyncio
import os

import httpx
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of, wrap


async def main() -> None:
    """Send a request through the environment's proxy, then one through a mount."""
    with unreliable("by the proxy") as proxy, unreliable("by the mount") as url:
        os.environ |= {"http_proxy": proxy, "no_proxy": ""}
        mounts = {"all://127.0.0.1": httpx.AsyncHTTPTransport()}
        client = wrap(httpx.AsyncClient(mounts=mounts), RetryingTransport)
        async with client:
            for each in ("http://example.test", url):
                response = await client.get(each)
                attempts = map(str, attempts_of(response))
                print("attempts:", *attempts, "-", response.text)


asyncio.run(main())
