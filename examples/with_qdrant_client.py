"""
qdrant-client: REST, retried by the transport. gRPC (`prefer_grpc`) knows no transport.

    pip install 'httpx_resilient[qdrant-client]'

Its searches are POSTs. Nearly all of those may be repeated: a snapshot might be made
twice. `limits=`, `pool_size=` and `http2=` are lost: the transport takes the first and
last. `upload_points` is retried too: give it `max_retries=0`, and do not make it
`parallel`. The version check goes around the transport.
"""

from __future__ import annotations

import asyncio

from qdrant_client import AsyncQdrantClient
from unreliable import unreliable

from httpx_resilient import RetryingTransport, retry_if_transient

POINTS = [{"id": 1, "payload": {"text": "finally"}}]


def connect(url: str) -> AsyncQdrantClient:
    transport = RetryingTransport(retry=retry_if_transient("POST"))
    return AsyncQdrantClient(url, transport=transport, check_compatibility=False)


async def main(url: str) -> None:
    client = connect(url)
    for point in await client.retrieve("answers", ids=[1]):
        print(point.payload)
    await client.close()


if __name__ == "__main__":
    with unreliable({"result": POINTS, "status": "ok", "time": 0.1}) as url:
        asyncio.run(main(url))
