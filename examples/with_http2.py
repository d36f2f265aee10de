"""
The transport enables HTTP/2: a client with a transport ignores its own `http2=True`.

A refused stream is sent again with any method: HTTP/2 guarantees that the server did
not process it.

    pip install 'httpx_resilient[http2]' hypercorn trustme
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import httpx
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from httpx_resilient import RetryingTransport, attempts_of

statuses = [503, 503, 200]


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Fail twice."""
    if scope["type"] == "http":
        start = {"status": statuses.pop(0), "headers": []}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": b"finally"})


async def main() -> None:
    """Serve with a certificate that only this client trusts, and send one request."""
    authority, trust, done = trustme.CA(), ssl.create_default_context(), asyncio.Event()
    authority.configure_trust(trust)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
    certificate = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    with certificate.tempfile() as pem:
        bind = f"fd://{listener.detach()}"
        config = Config.from_mapping(
            bind=bind, certfile=pem, keyfile=pem, errorlog=None
        )
        serving = serve(app, config, shutdown_trigger=done.wait, mode="asgi")
        server = asyncio.create_task(serving)
        transport = RetryingTransport(http2=True, verify=trust)
        async with httpx.AsyncClient(transport=transport) as client:
            response = await client.get(url)
        done.set()
        await server
    answer = f"{response.text}, by {response.http_version}"
    print("attempts:", *map(str, attempts_of(response)), "-", answer)


asyncio.run(main())
