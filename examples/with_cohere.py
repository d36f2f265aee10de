"""
cohere: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[cohere]'

Its POSTs may be repeated: at worst you are billed for an answer that you did not get.
`wrap` preserves the settings of the SDK's client: its timeout and its redirects.
"""

from __future__ import annotations

import asyncio
from functools import partial

from cohere import AsyncClientV2, DefaultAsyncHttpxClient, UserChatMessageV2
from unreliable import unreliable

from httpx_resilient import RetryingTransport, retry_if_transient, wrap

ANSWER = {
    "id": "1",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "content": [{"type": "text", "text": "finally"}],
    },
}


def connect(url: str) -> AsyncClientV2:
    retrying = partial(RetryingTransport, retry=retry_if_transient("POST"))
    http = wrap(DefaultAsyncHttpxClient(), retrying)
    return AsyncClientV2(base_url=url, api_key="key", httpx_client=http, max_retries=0)


async def main(url: str) -> None:
    async with connect(url) as client:
        answer = await client.chat(
            model="any", messages=[UserChatMessageV2(content="When will it work?")]
        )
        print(
            *(part.text for part in answer.message.content or () if part.type == "text")
        )


if __name__ == "__main__":
    with unreliable(ANSWER) as url:
        asyncio.run(main(url))
