"""
weaviate: `wrap` finds the client of the SDK once it has connected.

    pip install httpx_resilient weaviate-client

The SDK makes its client in `connect`, or in `with`. What it sends there is not retried,
nor what it sends over gRPC, as searches and batches are.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

from unreliable import Answer, unreliable
from weaviate import WeaviateAsyncClient, use_async_with_local

from httpx_resilient import RetryingTransport, wrap

VERSION = {"version": "1.37.0"}
ALIAS = {"alias": "when", "class": "Finally"}


async def connect(url: str) -> WeaviateAsyncClient:
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 80
    client = use_async_with_local(host=host, port=port, skip_init_checks=True)
    await client.connect()
    return wrap(client, RetryingTransport)


async def main(url: str) -> None:
    client = await connect(url)
    alias = await client.alias.get(alias_name="when")
    print(alias and alias.collection)
    await client.close()


def api(failures: int = 2) -> Answer:
    """Answer the first question, which is for the version, and fail later."""
    statuses = iter([200, *[503] * failures])

    def answer(_: str, path: str, __: bytes) -> tuple[int, str, bytes]:
        content = VERSION if path == "/v1/meta" else ALIAS
        return next(statuses, 200), "application/json", json.dumps(content).encode()

    return answer


if __name__ == "__main__":
    with unreliable(api(), failures=0) as url:
        asyncio.run(main(url))
