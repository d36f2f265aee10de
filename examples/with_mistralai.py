"""
mistralai: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[mistralai]'

Its POSTs may be repeated: at worst you are billed for an answer that you did not get.
The SDK itself retries only if you give it a `retry_config`, so do not. You close the
client. Each attempt may take the SDK's five minutes, or `timeout_ms=`.
"""

from __future__ import annotations

import asyncio

import httpx2
from mistralai.client import Mistral
from mistralai.client.models import UserMessage
from unreliable import CHAT_COMPLETION, unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient


def connect(url: str) -> tuple[httpx2.AsyncClient, Mistral]:
    retrying = RetryingTransport(retry=retry_if_transient("POST"))
    http = httpx2.AsyncClient(transport=retrying, follow_redirects=True)
    return http, Mistral(server_url=url, api_key="key", async_client=http)


async def main(url: str) -> None:
    http, client = connect(url)
    async with http, client:
        answer = await client.chat.complete_async(
            model="any", messages=[UserMessage(content="When will it work?")]
        )
        print(*(choice.message.content for choice in answer.choices if choice.message))


if __name__ == "__main__":
    with unreliable(CHAT_COMPLETION) as url:
        asyncio.run(main(url))
