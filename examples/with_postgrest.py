"""
postgrest: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[postgrest]'

Your client replaces the SDK's, which has HTTP/2, redirects and a timeout of two
minutes, so the example sets these. The transport retries reads and deletions. It does
not retry inserts, updates and procedures: a server may process a repeated POST or PATCH
twice.
"""

from __future__ import annotations

import asyncio
import json

import httpx
from postgrest import AsyncPostgrestClient
from unreliable import unreliable

from httpx_resilient import RetryingTransport

ROWS = json.dumps([{"text": "finally"}]).encode()


def connect(url: str) -> AsyncPostgrestClient:
    http2 = RetryingTransport(http2=True)
    http = httpx.AsyncClient(transport=http2, follow_redirects=True, timeout=120)
    return AsyncPostgrestClient(url, http_client=http, retry_enabled=False)


async def main(url: str) -> None:
    async with connect(url) as client:
        rows = await client.from_("answers").select("text").execute()
        print(rows.data)


if __name__ == "__main__":
    with unreliable(lambda *_: (200, "application/json", ROWS)) as url:
        asyncio.run(main(url))
