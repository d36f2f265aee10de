from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
from payloads import QUESTION, chunk, completion
from pydantic_ai import Agent, ModelHTTPError, ModelSettings
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step

ASKED = QUESTION["messages"][0]["content"]


class Driver(SDK):
    error = ModelHTTPError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[Agent]:
        off = {} if own_retries else {"max_retries": 0}
        # Its httpx line lacks this setting; the SDK inside it has one.
        inside = off if self.row.family == "httpx" else {}
        async with openai.AsyncOpenAI(
            base_url=url,
            api_key="key",
            http_client=self.httpx.AsyncClient(transport=self.transport()),
            timeout=patience,
            **inside,
        ) as client:
            provider = OpenAIProvider(openai_client=client)
            model = OpenAIChatModel("any", provider=provider)
            yield Agent(model, model_settings=ModelSettings(**off))

    async def call(self, client: Agent) -> str:
        return (await client.run(ASKED)).output

    async def stream(self, client: Agent) -> str:
        async with client.run_stream(ASKED) as running:
            pieces = running.stream_text(delta=True, debounce_by=None)
            return "".join([each async for each in pieces])

    def answer(self, request: Received) -> Step:
        if b'"stream":true' in request.body.replace(b" ", b""):
            return as_events(map(chunk, TEXT), last="[DONE]")
        return as_json(completion(TEXT))
