"""
anthropic: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[anthropic]'

Its POSTs may be repeated: at worst you are billed for an answer that you did not get.
`wrap` preserves the settings of the SDK's client: timeouts, pool and socket options.
"""

from __future__ import annotations

import asyncio
from functools import partial

from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
from unreliable import unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient, wrap

ANSWER = {
    "id": "1",
    "type": "message",
    "role": "assistant",
    "model": "any",
    "content": [{"type": "text", "text": "finally"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def connect(url: str) -> AsyncAnthropic:
    retrying = partial(RetryingTransport, retry=retry_if_transient("POST"))
    http = wrap(DefaultAsyncHttpxClient(), retrying)
    return AsyncAnthropic(base_url=url, api_key="key", http_client=http, max_retries=0)


async def main(url: str) -> None:
    async with connect(url) as client:
        answer = await client.messages.create(
            model="any",
            max_tokens=100,
            messages=[{"role": "user", "content": "When will it work?"}],
        )
        print(*(block.text for block in answer.content if block.type == "text"))


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        asyncio.run(main(url))
