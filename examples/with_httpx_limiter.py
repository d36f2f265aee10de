"""
httpx-limiter inside of our transport, so that each attempt waits for its turn.

Around ours it would count calls, and retries would exceed the limit just when the
server is struggling. It is for asynchronous httpx only (not httpx2), and does not
close the transport it is given: enter that one yourself.

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
    """Ask three times, which are five attempts, at two a second after the first two."""
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
