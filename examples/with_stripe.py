"""
stripe: `wrap` finds the clients of the SDK's `HTTPXClient`, which takes none.

    pip install httpx_resilient stripe anyio

Every POST is safe to repeat, because the SDK gives it an `Idempotency-Key`. Without an
`HTTPXClient`, synchronous calls use requests, which cannot be wrapped.
"""

from __future__ import annotations

import asyncio

from stripe import HTTPXClient, StripeClient
from unreliable import unreliable

from httpx_resilient import RetryingTransport, wrap

ANSWER = {"id": "any", "object": "customer", "description": "finally"}


def connect(url: str) -> StripeClient:
    http = wrap(HTTPXClient(allow_sync_methods=True), RetryingTransport)
    return StripeClient("key", http_client=http, base_addresses={"api": url})


async def main(url: str) -> None:
    customer = await connect(url).v1.customers.create_async({"name": "any"})
    print(customer.description)


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        asyncio.run(main(url))
