"""
replicate: our transport retries, and the SDK does not.

    pip install 'httpx_resilient[replicate]'

A `transport=` would be inside the SDK's own retries, and one failing GET would become
30 requests; a mount is outside. Predictions with `wait=False` and uploads have no
timeout: the SDK waits forever for a silent server. Only the transport can be closed.
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
