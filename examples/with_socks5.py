"""
Through a SOCKS5 proxy, which is named to the transport.

A client's own `proxy=` goes around any `transport=`, and nothing would be retried.

    pip install 'httpx_resilient[socks]' pproxy
"""

from __future__ import annotations

import asyncio

import httpx
import pproxy  # type: ignore[import-untyped]  # it has no types
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


async def main() -> None:
    """Start a proxy that wants a password, and ask through it."""
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
