"""
supabase: tables, storage, functions and logins, retried by the transport alone.

    pip install 'httpx_resilient[supabase]'

It gives up its own client for yours, and with that HTTP/2, redirects and its timeouts:
so they are named here. Reads and deletions are retried. Inserts, updates, uploads and
functions are not: a POST or PATCH that is repeated may be done twice.
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
