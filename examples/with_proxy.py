"""
The transport sends through an HTTP proxy.

A client's own `proxy=` bypasses any `transport=`, and nothing would be retried. The
transport finds the environment's proxies (`HTTPS_PROXY` and so on) by itself.

    pip install httpx_resilient proxy.py
"""

from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory

import httpx
from proxy import Proxy
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of

OPTIONS = "--hostname 127.0.0.1 --port 0 --num-acceptors 1 --num-workers 1"
OPTIONS += " --log-level CRITICAL --basic-auth me:secret --data-dir {0} --cache-dir {0}"


async def main() -> None:
    """Start a proxy that requires a password, and send a request through it."""
    with TemporaryDirectory() as folder, Proxy(OPTIONS.format(folder).split()) as proxy:
        address = f"http://me:secret@127.0.0.1:{proxy.flags.port}"
        transport = RetryingTransport(proxy=address)
        with unreliable("finally") as url:
            async with httpx.AsyncClient(transport=transport) as client:
                response = await client.get(url)
    print("attempts:", *map(str, attempts_of(response)), "-", response.text)


if __name__ == "__main__":  # the proxy starts processes that may import this file
    asyncio.run(main())
