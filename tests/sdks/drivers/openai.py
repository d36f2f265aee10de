from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
from payloads import QUESTION, chunk, completion
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step


class Driver(SDK):
    error = openai.InternalServerError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[openai.AsyncOpenAI]:
        http = self.httpx.AsyncClient(transport=self.transport())
        retries = openai.DEFAULT_MAX_RETRIES if own_retries else 0
        async with openai.AsyncOpenAI(
            base_url=url, api_key="key", http_client=http, timeout=patience,
            max_retries=retries,
        ) as client:  # fmt: skip
            yield client

    async def call(self, client: openai.AsyncOpenAI) -> str:
        answer = await client.chat.completions.create(**QUESTION)
        return answer.choices[0].message.content

    async def stream(self, client: openai.AsyncOpenAI) -> str:
        pieces = await client.chat.completions.create(**QUESTION, stream=True)
        return "".join([each.choices[0].delta.content async for each in pieces])

    async def upload(self, client: openai.AsyncOpenAI, data: bytes) -> None:
        await client.files.create(
            file=("data.jsonl", io.BytesIO(data)), purpose="batch"
        )

    def answer(self, request: Received) -> Step:
        if request.target == "/files":
            return as_json({"id": "file", "object": "file", "filename": "data.jsonl"})
        if b'"stream":true' in request.body.replace(b" ", b""):
            return as_events(map(chunk, TEXT), last="[DONE]")
        return as_json(completion(TEXT))
