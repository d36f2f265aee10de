"""
google-genai: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[google-genai]'

Its POSTs may be repeated: at worst you are billed for an answer that you did not get.
The SDK itself retries only if you give it `retry_options`, so do not. Without a
`timeout=` in milliseconds, it waits for an attempt without a limit.
"""

from __future__ import annotations

import asyncio

from google.genai import Client
from google.genai.types import HttpOptions
from unreliable import unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient

ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "finally"}]}}]
}


def connect(url: str) -> Client:
    retrying = {"transport": RetryingTransport(retry=retry_if_transient("POST"))}
    options = HttpOptions(base_url=url, timeout=60_000, async_client_args=retrying)
    return Client(api_key="key", http_options=options)


async def main(url: str) -> None:
    async with connect(url).aio as client:
        answer = await client.models.generate_content(
            model="any", contents="When will it work?"
        )
        print(answer.text)


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        asyncio.run(main(url))
