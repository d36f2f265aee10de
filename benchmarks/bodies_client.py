"""
The clients of the bodies part. It imports little, since callgrind counts that, too.

    python -m benchmarks.bodies_client sync resuming GET --n 100 --url http://localhost/

sends 100 requests and does nothing else.
"""

from __future__ import annotations

import argparse
import gc
from typing import Any

import anyio
import httpx

import httpx_resilient as ours

PLAIN, RESUMING = "plain", "resuming"
KINDS = (PLAIN, RESUMING)
"""`RetryingTransport()`, alone and within a `ResumingTransport`."""


def transport_of(kind: str) -> Any:
    """Make the transport of a kind."""
    inner = ours.RetryingTransport()
    return inner if kind == PLAIN else ours.ResumingTransport(inner)


def main() -> None:
    """Send requests."""
    parser = argparse.ArgumentParser(description="Send requests, and do nothing else.")
    parser.add_argument("backend", choices=("asyncio", "trio", "sync"))
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("how", choices=("get", "stream"))
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--url", required=True)
    arguments = parser.parse_args()
    transport, url, n = transport_of(arguments.kind), arguments.url, arguments.n
    gc.disable()

    async def sends() -> None:
        async with httpx.AsyncClient(transport=transport) as client:
            for _ in range(n):
                if arguments.how == "get":
                    await client.get(url)
                else:
                    async with client.stream("GET", url) as response:
                        async for _ in response.aiter_raw():
                            pass

    if arguments.backend == "sync":
        with httpx.Client(transport=transport) as client:
            for _ in range(n):
                if arguments.how == "get":
                    client.get(url)
                else:
                    with client.stream("GET", url) as response:
                        for _ in response.iter_raw():
                            pass
    else:
        anyio.run(sends, backend=arguments.backend)


if __name__ == "__main__":
    main()
