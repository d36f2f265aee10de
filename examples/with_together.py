"""
together: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[together]'

Its POSTs may be repeated: at worst you are billed for an answer that you did not get.
The SDK uploads files from a generator, which can be read only once. Up to
`buffer_request_body` bytes are buffered for a retry; a larger file gets one attempt.
"""

from __future__ import annotations

import asyncio
from functools import partial

from together import AsyncTogether, DefaultAsyncHttpxClient
from unreliable import CHAT_COMPLETION, unreliable

from httpx_resilient import RetryingTransport, retry_if_transient, wrap


def connect(url: str) -> AsyncTogether:
    retrying = partial(
        RetryingTransport,
        retry=retry_if_transient("POST"),
        buffer_request_body=50_000_000,
    )
    http = wrap(DefaultAsyncHttpxClient(), retrying)
    return AsyncTogether(base_url=url, api_key="key", http_client=http, max_retries=0)


async def main(url: str) -> None:
    async with connect(url) as client:
        answer = await client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "When will it work?"}]
        )
        print(*(choice.message.content for choice in answer.choices if choice.message))


if __name__ == "__main__":
    with unreliable(CHAT_COMPLETION) as url:
        asyncio.run(main(url))
