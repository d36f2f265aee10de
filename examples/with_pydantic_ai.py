"""
pydantic-ai: the transport retries the models' requests, and the SDKs do not.

    pip install 'httpx_resilient[pydantic-ai]'

`max_retries=0` applies to the provider's SDK. The agent's `retries=` has another
purpose: it asks the model again after an unusable answer. It stays active.
"""

from __future__ import annotations

import asyncio
from functools import partial

import httpx2
from pydantic_ai import Agent, ModelSettings
from pydantic_ai.models import create_async_httpx2_client
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from unreliable import CHAT_COMPLETION, unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient, wrap


def connect(url: str) -> tuple[httpx2.AsyncClient, OpenAIChatModel]:
    retrying = partial(RetryingTransport, retry=retry_if_transient("POST"))
    http = wrap(create_async_httpx2_client(), retrying)
    provider = OpenAIProvider(base_url=url, api_key="key", http_client=http)
    once = ModelSettings(max_retries=0)
    return http, OpenAIChatModel("any", provider=provider, settings=once)


async def main(url: str) -> None:
    http, model = connect(url)
    async with http:
        result = await Agent(model).run("When will it work?")
        print(result.output)


if __name__ == "__main__":
    with unreliable(CHAT_COMPLETION) as url:
        asyncio.run(main(url))
