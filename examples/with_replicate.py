"""
replicate: retried by our transport, and only there.

    pip install 'httpx_resilient[replicate]'

A `transport=` would be put inside its own retries, which makes 30 requests of one GET
that fails: a mount is outside. Predictions with `wait=False`, and uploads, have no
timeout: a server that says nothing is never left. Only the transport can be closed.
"""

from __future__ import annotations

import asyncio

from replicate.client import Client
from unreliable import unreliable

from httpx_resilient import RetryingTransport, retry_if_transient

ANSWER = {
    "id": "1",
    "model": "any/any",
    "version": "any",
    "status": "succeeded",
    "input": {},
    "output": "finally",
}


def connect(url: str) -> tuple[RetryingTransport, Client]:
    retrying = RetryingTransport(retry=retry_if_transient("POST"))
    return retrying, Client("key", base_url=url, mounts={"all://": retrying})


async def main(url: str) -> None:
    retrying, client = connect(url)
    async with retrying:
        print(await client.async_run("any/any", {"question": "When will it work?"}))


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        asyncio.run(main(url))
