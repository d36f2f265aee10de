"""
openai: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[openai]'

Its POSTs may be repeated: at worst you are billed for an answer that you did not get.
`wrap` preserves the settings of the SDK's client: timeouts, pool and socket options.
"""

from __future__ import annotations

import asyncio
from functools import partial

from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from unreliable import CHAT_COMPLETION, unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient, wrap


def connect(url: str) -> AsyncOpenAI:
    retrying = partial(RetryingTransport, retry=retry_if_transient("POST"))
    http = wrap(DefaultAsyncHttpxClient(), retrying)
    return AsyncOpenAI(base_url=url, api_key="key", http_client=http, max_retries=0)


async def main(url: str) -> None:
    async with connect(url) as client:
        answer = await client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "When will it work?"}]
        )
        print(answer.choices[0].message.content)


if __name__ == "__main__":
    with unreliable(CHAT_COMPLETION) as url:
        asyncio.run(main(url))
