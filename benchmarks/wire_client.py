"""
The clients of the wire part. It imports little, since callgrind counts that, too.

    python -m benchmarks.wire_client GET httpx wire --n 100 --url http://localhost:8000/

sends 100 requests and does nothing else.
"""

from __future__ import annotations

import argparse
import gc
import ssl
from collections.abc import Callable, Coroutine, Mapping
from importlib import import_module
from typing import Any

import anyio

STOCK = "stock"
"""The kind of a client with the transport of its library."""

LIBRARIES = {"httpx": "httpx_resilient", "httpx2": "httpx_resilient.httpx2"}
BODY = bytes(100_000)

Send = Callable[[Any, str], Coroutine[Any, Any, object]]


async def _get(client: Any, url: str) -> None:
    await client.get(url)


async def _stream(client: Any, url: str) -> None:
    async with client.stream("GET", f"{url}stream") as response:
        async for _ in response.aiter_raw():
            pass


async def _post(client: Any, url: str) -> None:
    await client.post(url, content=BODY)


EXCHANGES: Mapping[str, tuple[str, Send]] = {
    "GET": ("asyncio", _get),
    "GET, sync": ("sync", _get),
    "GET, trio": ("trio", _get),
    "GET, TLS": ("asyncio", _get),
    "stream 1 MiB": ("asyncio", _stream),
    "stream 1 MiB, TLS": ("asyncio", _stream),
    "POST 100 KB": ("asyncio", _post),
}
"""The event loop of each exchange, and how it is sent."""


def main() -> None:
    """Send requests."""
    parser = argparse.ArgumentParser(description="Send requests, and do nothing else.")
    parser.add_argument("case", nargs=3, metavar=("EXCHANGE", "LIBRARY", "KIND"))
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--url", required=True)
    parser.add_argument("--authority", help="the certificate of who is trusted")
    arguments = parser.parse_args()
    exchange, library, kind = arguments.case
    backend, send = EXCHANGES[exchange]
    family, ours = import_module(library), import_module(LIBRARIES[library])
    verify = ssl.create_default_context(cafile=arguments.authority)
    transport = None if kind == STOCK else ours.RetryingTransport(verify=verify)
    url = arguments.url
    gc.disable()

    async def sends() -> None:
        async with family.AsyncClient(transport=transport, verify=verify) as client:
            for _ in range(arguments.n):
                await send(client, url)

    if backend == "sync":
        with family.Client(transport=transport, verify=verify) as client:
            for _ in range(arguments.n):
                client.get(url)
    else:
        anyio.run(sends, backend=backend)


if __name__ == "__main__":
    main()
