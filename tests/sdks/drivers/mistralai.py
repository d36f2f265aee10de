from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from payloads import QUESTION, chunk, completion
from sdk import SDK, TEXT, as_events, as_json
from support.server import Received, Step


class Driver(SDK):
    error = SDKError

    @asynccontextmanager
    async def connect(
        self, url: str, *, patience: float, own_retries: bool
    ) -> AsyncIterator[Mistral]:
        """Connect without a `retry_config`, so that the SDK does not retry."""
        # It does not close a client that is passed to it.
        async with (
            self.httpx.AsyncClient(
                transport=self.transport(), follow_redirects=True
            ) as http,
            Mistral(
                server_url=url, api_key="key", async_client=http,
                timeout_ms=int(patience * 1000),
            ) as client,
        ):  # fmt: skip
            yield client

    async def call(self, client: Mistral) -> str:
        answer = await client.chat.complete_async(**QUESTION)
        return answer.choices[0].message.content

    async def stream(self, client: Mistral) -> str:
        async with await client.chat.stream_async(**QUESTION) as pieces:
            return "".join([
                each.data.choices[0].delta.content async for each in pieces
            ])  # fmt: skip

    async def upload(self, client: Mistral, data: bytes) -> None:
        await client.files.upload_async(
            file={"file_name": "data.jsonl", "content": io.BytesIO(data)},
            purpose="batch",
        )

    def answer(self, request: Received) -> Step:
        if request.target == "/v1/files":
            return as_json({
                "id": "00000000-0000-0000-0000-000000000000", "object": "file",
                "bytes": 1, "created_at": 1, "filename": "data.jsonl",
                "purpose": "batch", "sample_type": "batch_request", "source": "upload",
            })  # fmt: skip
        if b'"stream":true' in request.body.replace(b" ", b""):
            return as_events(map(chunk, TEXT), last="[DONE]")
        return as_json(completion(TEXT))
