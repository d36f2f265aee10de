"""
The transport sends through a SOCKS5 proxy.

A client's own `proxy=` bypasses any `transport=`, and nothing would be retried.

    pip install 'httpx_resilient[socks]' pproxy
"""

from __future__ import annotations

import asyncio

import httpx
import pproxy  # type: ignore[import-untyped]  # pproxy has no types
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


async def main() -> None:
    """Start a proxy that requires a password, and send a request through it."""
    here = pproxy.Server("socks5://127.0.0.1:0#me:secret")
    proxy = await here.start_server({"rserver": []})
    port = proxy.sockets[0].getsockname()[1]
    transport = RetryingTransport(proxy=f"socks5://me:secret@127.0.0.1:{port}")
    with unreliable("finally") as url:
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.get(url)
    print("attempts:", *map(str, attempts_of(response)), "-", response.text)
    proxy.close()


asyncio.run(main())
