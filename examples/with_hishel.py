"""
hishel caches outside our transport: a cached response needs no attempt.

An inside cache would serve each attempt. By the rules of HTTP (`rfc=True`), a server
may let it store a 503, which would then answer all retries.

    pip install httpx_resilient 'hishel[httpx]'    (or hishel.httpx2, for httpx2)
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from hishel import AsyncSqliteStorage
from hishel.httpx import AsyncCacheTransport
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


async def main() -> None:
    """Send two requests."""
    with TemporaryDirectory() as folder, unreliable("finally") as url:
        storage = AsyncSqliteStorage(database_path=Path(folder) / "cache.db")
        transport = AsyncCacheTransport(RetryingTransport(), storage=storage)
        async with httpx.AsyncClient(transport=transport) as client:
            for call in ("first", "second"):
                response = await client.get(url)
                attempts = [str(attempt) for attempt in attempts_of(response)]
                print(call, "call:", response.text, "after attempts", attempts)


asyncio.run(main())
