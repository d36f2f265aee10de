"""
huggingface_hub: the transport retries asynchronous inference.

    pip install 'httpx_resilient[huggingface_hub]'

Only `AsyncInferenceClient` uses this factory. Everything else is synchronous: downloads
and uploads are in `with_huggingface_hub_sync.py`. Without `timeout=` the client waits
forever, and a request that never times out is not retried.
"""

from __future__ import annotations

import asyncio
from functools import partial

import httpx2
from huggingface_hub import (
    AsyncInferenceClient,
    constants,
    get_async_session,
    set_async_client_factory,
)
from unreliable import CHAT_COMPLETION, unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient

# As with HF_HUB_DISABLE_TELEMETRY=1: this example connects to this machine only.
constants.HF_HUB_DISABLE_TELEMETRY = True


def connect(url: str) -> AsyncInferenceClient:
    retrying = partial(RetryingTransport, retry=retry_if_transient("POST"))
    hooks = get_async_session().event_hooks  # they read the bodies of errors
    client = partial(httpx2.AsyncClient, event_hooks=hooks, follow_redirects=True)
    set_async_client_factory(lambda: client(transport=retrying()))
    return AsyncInferenceClient(base_url=url, api_key="key", timeout=60)


async def main(url: str) -> None:
    async with connect(url) as client:
        answer = await client.chat_completion(
            [{"role": "user", "content": "When will it work?"}]
        )
        print(answer.choices[0].message.content)


if __name__ == "__main__":
    with unreliable(CHAT_COMPLETION) as url:
        asyncio.run(main(url))
