from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anthropic
from payloads import QUESTION
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step

ASK = {**QUESTION, "max_tokens": 100}


class Driver(SDK):
    error = anthropic.InternalServerError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[anthropic.AsyncAnthropic]:
        retry = self.ours.retry_if_transient("POST")
        retrying = partial(self.ours.RetryingTransport, retry=retry)
        http = self.ours.wrap(anthropic.DefaultAsyncHttpxClient(), retrying)
        retries = anthropic.DEFAULT_MAX_RETRIES if own_retries else 0
        async with anthropic.AsyncAnthropic(
            base_url=url, api_key="key", http_client=http, timeout=patience,
            max_retries=retries,
        ) as client:  # fmt: skip
            yield client

    async def call(self, client: anthropic.AsyncAnthropic) -> str:
        answer = await client.messages.create(**ASK)
        return answer.content[0].text

    async def stream(self, client: anthropic.AsyncAnthropic) -> str:
        async with client.messages.stream(**ASK) as pieces:
            return "".join([each async for each in pieces.text_stream])

    async def upload(self, client: anthropic.AsyncAnthropic, data: bytes) -> None:
        await client.beta.files.upload(file=("data.bin", io.BytesIO(data)))

    def answer(self, request: Received) -> Step:
        if request.target.startswith("/v1/files"):
            return as_json({
                "id": "file", "type": "file", "filename": "data.bin",
                "mime_type": "any", "size_bytes": 1, "created_at": "2026-01-01",
            })  # fmt: skip
        if b'"stream":true' in request.body.replace(b" ", b""):
            return as_events((each["type"], each) for each in events(TEXT))
        return as_json(message([{"type": "text", "text": TEXT}]))


def message(content: list[Any]) -> dict[str, Any]:
    return {
        "id": "1", "type": "message", "role": "assistant", "model": "any",
        "content": content, "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip


def events(text: str) -> list[dict[str, Any]]:
    nothing = {"type": "text", "text": ""}
    pieces = [{"type": "text_delta", "text": letter} for letter in text]
    return [
        {"type": "message_start", "message": message([])},
        {"type": "content_block_start", "index": 0, "content_block": nothing},
        *({"type": "content_block_delta", "index": 0, "delta": d} for d in pieces),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
    ]
