"""
httpx-limiter inside our transport, so that each attempt waits for its turn.

Outside, it would count calls, and retries would exceed the limit just when the server
is overloaded. It supports only asynchronous httpx (not httpx2), and does not close the
transport that it wraps: enter that transport yourself.

    pip install httpx_resilient 'httpx-limiter[aiolimiter]'    (aiolimiter: asyncio)
"""

from __future__ import annotations

import asyncio

import httpx
from httpx_limiter import AsyncRateLimitedTransport, Rate
from httpx_limiter.aiolimiter import AiolimiterAsyncLimiter
from unreliable import unreliable

from httpx_resilient import RetryingTransport, attempts_of


async def main() -> None:
    """Send three requests in five attempts, at two a second after the first two."""
    limiter = AiolimiterAsyncLimiter.create(Rate.create(magnitude=2, duration=1))
    with unreliable("finally") as url:
        async with httpx.AsyncHTTPTransport() as http:
            limited = AsyncRateLimitedTransport(limiter=limiter, transport=http)
            transport = RetryingTransport(limited)
            async with httpx.AsyncClient(transport=transport) as client:
                for _ in range(3):
                    response = await client.get(url)
                    spent = f"{response.elapsed.total_seconds():.1f} s"
                    print(spent, *map(str, attempts_of(response)))


asyncio.run(main())
