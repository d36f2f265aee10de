from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
from langchain_openai import ChatOpenAI
from payloads import QUESTION, chunk, completion
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step

ASKED = QUESTION["messages"][0]["content"]


class Driver(SDK):
    error = openai.InternalServerError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[ChatOpenAI]:
        off: dict[str, Any] = {} if own_retries else {"max_retries": 0}
        async with self.httpx.AsyncClient(transport=self.transport()) as http:
            yield ChatOpenAI(
                model="any", base_url=url, api_key="key", timeout=patience,
                http_async_client=http, **off,
            )  # fmt: skip

    async def call(self, client: ChatOpenAI) -> str:
        return (await client.ainvoke(ASKED)).text

    async def stream(self, client: ChatOpenAI) -> str:
        return "".join([each.text async for each in client.astream(ASKED)])

    def answer(self, request: Received) -> Step:
        if b'"stream":true' in request.body.replace(b" ", b""):
            return as_events(map(chunk, TEXT), last="[DONE]")
        return as_json(completion(TEXT))
