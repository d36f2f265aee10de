from __future__ import annotations

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from huggingface_hub import (
    AsyncInferenceClient,
    constants,
    get_async_session,
    set_async_client_factory,
)
from huggingface_hub.errors import HfHubHTTPError
from payloads import QUESTION, chunk, completion
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step

# The same as HF_HUB_DISABLE_TELEMETRY=1, which is read only once. Otherwise it requests a
# list of agents from its own host.
constants.HF_HUB_DISABLE_TELEMETRY = True


class Driver(SDK):
    error = HfHubHTTPError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[AsyncInferenceClient]:
        async with get_async_session() as default:
            hooks = default.event_hooks

        def factory() -> Any:
            return self.httpx.AsyncClient(
                transport=self.transport(), event_hooks=hooks, follow_redirects=True
            )

        set_async_client_factory(factory)
        async with AsyncInferenceClient(
            base_url=url, api_key="key", timeout=patience
        ) as client:
            yield client

    async def call(self, client: AsyncInferenceClient) -> str:
        answer = await client.chat_completion(**QUESTION)
        return answer.choices[0].message.content

    async def stream(self, client: AsyncInferenceClient) -> str:
        pieces = await client.chat_completion(**QUESTION, stream=True)
        return "".join([each.choices[0].delta.content async for each in pieces])

    async def upload(self, client: AsyncInferenceClient, data: bytes) -> None:
        with warnings.catch_warnings():
            # It passes bytes as data=, where its HTTP library expects content=.
            warnings.simplefilter("ignore", DeprecationWarning)
            answer = await client.automatic_speech_recognition(data)
        assert answer.text == TEXT

    def answer(self, request: Received) -> Step:
        if not request.target.endswith("/chat/completions"):
            return as_json({"text": TEXT})
        if b'"stream":true' in request.body.replace(b" ", b""):
            return as_events(map(chunk, TEXT), last="[DONE]")
        return as_json(completion(TEXT))
