from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import cohere
from cohere.core.api_error import ApiError
from payloads import QUESTION
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step


class Driver(SDK):
    # It raises `ServiceUnavailableError` for a 503 with JSON only; ours has no body.
    error = ApiError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[cohere.AsyncClientV2]:
        retry = self.ours.retry_if_transient("POST")
        retrying = partial(self.ours.RetryingTransport, retry=retry)
        http = self.ours.wrap(cohere.DefaultAsyncHttpxClient(), retrying)
        retries = None if own_retries else 0
        async with cohere.AsyncClientV2(
            base_url=url, api_key="key", httpx_client=http, timeout=patience,
            max_retries=retries,
        ) as client:  # fmt: skip
            yield client

    async def call(self, client: cohere.AsyncClientV2) -> str:
        answer = await client.chat(**QUESTION)
        return answer.message.content[0].text

    async def stream(self, client: cohere.AsyncClientV2) -> str:
        return "".join([
            event.delta.message.content.text
            async for event in client.chat_stream(**QUESTION)
            if event.type == "content-delta"
        ])  # fmt: skip

    async def upload(self, client: cohere.AsyncClientV2, data: bytes) -> None:
        await client.datasets.create(
            name="any", type="embed-input", data=("data.jsonl", io.BytesIO(data))
        )

    def answer(self, request: Received) -> Step:
        if request.target.startswith("/v1/datasets"):
            return as_json({"id": "dataset"})
        if b'"stream":true' in request.body.replace(b" ", b""):
            return as_events(events(TEXT), last="[DONE]")
        content = [{"type": "text", "text": TEXT}]
        message = {"role": "assistant", "content": content}
        return as_json({"id": "1", "finish_reason": "COMPLETE", "message": message})


def events(text: str) -> Iterator[dict[str, Any]]:
    start = {"message": {"role": "assistant", "content": []}}
    yield {"type": "message-start", "id": "1", "delta": start}
    for letter in text:
        delta = {"message": {"content": {"text": letter}}}
        yield {"type": "content-delta", "index": 0, "delta": delta}
    yield {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
