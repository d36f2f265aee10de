"""
ollama: the transport retries chats and all other calls.

    pip install 'httpx_resilient[ollama]'

Without `timeout=` the client waits forever, and a request that never times out is not
retried. Choose a long timeout: a server that loads a model responds late. `create_blob`
sends a generator, and needs `buffer_request_body=` for a retry.
"""

from __future__ import annotations

import asyncio

from ollama import AsyncClient
from unreliable import unreliable

from httpx_resilient import RetryingTransport, retry_if_transient

ANSWER = {"model": "any", "message": {"role": "assistant", "content": "finally"}}


def connect(url: str) -> AsyncClient:
    retrying = RetryingTransport(retry=retry_if_transient("POST"))
    return AsyncClient(url, transport=retrying, timeout=300)


async def main(url: str) -> None:
    async with connect(url) as client:
        answer = await client.chat(
            model="any", messages=[{"role": "user", "content": "When will it work?"}]
        )
        print(answer.message.content)


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        asyncio.run(main(url))
