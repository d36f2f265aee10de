"""
qdrant-client: the transport retries REST. gRPC (`prefer_grpc`) does not use it.

    pip install 'httpx_resilient[qdrant-client]'

Searches are POSTs. Nearly all POSTs of this API may be repeated; only a snapshot might
be made twice. The SDK ignores `limits=`, `pool_size=` and `http2=`: give the first and
the last to the transport. `upload_points` has retries of its own: give it
`max_retries=0`, and do not use `parallel`. The version check bypasses the transport.
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
