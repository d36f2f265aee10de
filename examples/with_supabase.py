"""
supabase: the transport retries tables, storage, functions and logins; the SDK does not.

    pip install 'httpx_resilient[supabase]'

Your client replaces the SDK's, which has HTTP/2, redirects and timeouts, so the example
sets these. The transport retries reads and deletions. It does not retry inserts,
updates, uploads and functions: a server may process a repeated POST or PATCH twice.
"""

from __future__ import annotations

import asyncio
import json

import httpx
from supabase import AsyncClient, AsyncClientOptions, acreate_client
from unreliable import unreliable

from httpx_resilient import RetryingTransport

ROWS = json.dumps([{"text": "finally"}]).encode()


async def connect(url: str) -> AsyncClient:
    http2 = RetryingTransport(http2=True)
    http = httpx.AsyncClient(transport=http2, follow_redirects=True, timeout=120)
    options = AsyncClientOptions(httpx_client=http, postgrest_client_retry=False)
    return await acreate_client(url, "key", options)


async def main(url: str) -> None:
    client = await connect(url)
    rows = await client.table("answers").select("text").execute()
    print(rows.data)
    # Closes the client that all parts share.
    await client.postgrest.aclose()


if __name__ == "__main__":
    with unreliable(lambda *_: (200, "application/json", ROWS)) as url:
        asyncio.run(main(url))
