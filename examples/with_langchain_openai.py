"""
langchain-openai: the transport retries, and the SDK does not.

    pip install 'httpx_resilient[langchain-openai]'

`ainvoke` and `astream` send through this client. For `invoke` and `stream`, also pass
`http_client=wrap(DefaultHttpxClient(), retrying)`.
"""

from __future__ import annotations

import asyncio
from functools import partial

import httpx2
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient
from pydantic import SecretStr
from unreliable import CHAT_COMPLETION, unreliable

from httpx_resilient.httpx2 import RetryingTransport, retry_if_transient, wrap


def connect(url: str) -> tuple[httpx2.AsyncClient, ChatOpenAI]:
    retrying = partial(RetryingTransport, retry=retry_if_transient("POST"))
    http = wrap(DefaultAsyncHttpxClient(), retrying)
    key = SecretStr("key")
    chat = ChatOpenAI(base_url=url, api_key=key, http_async_client=http, max_retries=0)
    return http, chat


async def main(url: str) -> None:
    http, chat = connect(url)
    async with http:
        answer = await chat.ainvoke("When will it work?")
        print(answer.text)


if __name__ == "__main__":
    with unreliable(CHAT_COMPLETION) as url:
        asyncio.run(main(url))
